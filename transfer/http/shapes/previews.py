"""What is seen of a file without downloading it, as answers show it."""

from typing import Annotated, Literal

from pydantic import Field

from transfer.core.text_encodings import Encoding
from transfer.engine.text_forms import Kind
from transfer.http.shapes.base import Bytes, Id, Next, Shape


class TextLineShape(Shape):
    """A line of a text."""

    number: Annotated[
        int | None, Field(ge=1, description="Counted from 1; null where nobody counted.")
    ]
    parts: Annotated[
        list[str],
        Field(
            min_length=1,
            description="The line in pieces: every second one is what was looked for. Control "
            "characters are shown by their pictures, and invalid bytes by U+FFFD.",
        ),
    ]
    cut: Annotated[bool, Field(description="Whether the line is longer than that.")]


class HexRowShape(Shape):
    """Up to sixteen bytes of a file that is no text."""

    offset: Bytes
    hex: str
    text: Annotated[str, Field(description="What of it is printable ASCII; dots for the rest.")]


class LookShape(Shape):
    """A part of a text, or what was found in it; of any other file its first bytes."""

    file_id: Id
    kind: Kind
    media_type: Annotated[
        str | None, Field(description="What a binary file seems to be, by its first bytes.")
    ]
    compression: Annotated[
        Literal["gzip"] | None, Field(description="What had to be undone to see it.")
    ]
    encoding: Encoding | None
    lines: list[TextLineShape]
    hex: Annotated[list[HexRowShape], Field(description="Of a binary file, its first bytes.")]
    size: Annotated[Bytes, Field(description="The file's size, as it is stored.")]
    read: Annotated[Bytes, Field(description="How far into the stored file this went.")]
    damaged: Annotated[
        bool, Field(description="Whether its compressed content breaks off here, or is corrupt.")
    ]
    out_of_reach: Annotated[
        bool,
        Field(description="Whether more is too far behind the beginning of a compressed text."),
    ]
    next: Next
