"""Files and uploads, as answers show them."""

from typing import Annotated, Literal

from pydantic import Field

from transfer.core.access import Door
from transfer.core.uploads import Direction
from transfer.http.shapes.base import Bytes, Id, Moment, Next, Sha256, Shape


class FileShape(Shape):
    """A file that a case holds, whole and checked."""

    id: Id
    path: Annotated[str, Field(description="Its folders and name, with `/` between them.")]
    size: Bytes
    sha256: Sha256
    state: Literal["received"]
    verified: Annotated[
        bool, Field(description="Whether a digest that its sender gave was the file's.")
    ]
    claimed_sha256: Annotated[
        Sha256 | None,
        Field(description="The digest that its sender gave afterwards, where it was another one."),
    ]
    claimed_digest: Annotated[
        str | None,
        Field(
            description="The same, with its algorithm before it, also of others than SHA-256: side "
            "files such as `trace.log.md5` tell them.",
            examples=["md5:9e107d9d372bb6826bd81d3542a419d6"],
        ),
    ]
    direction: Direction
    door: Annotated[Door, Field(description="The protocol that it came by.")]
    sent_by: str
    created_at: Annotated[Moment, Field(description="When it was received.")]
    modified_at: Annotated[
        Moment, Field(description="When it was last changed, as its sender says.")
    ]
    scan: Annotated[None, Field(description="Reserved: null.")]


class UploadShape(Shape):
    """A file on its way in."""

    id: Id
    path: Annotated[str, Field(description="Where the file will be.")]
    size: Annotated[Bytes | None, Field(description="Its length in bytes; null if not yet told.")]
    offset: Annotated[Bytes, Field(description="How many bytes are durable: it goes on from here.")]
    state: Annotated[
        Literal["receiving", "interrupted"],
        Field(description="`interrupted`: its sender was cut off, and can go on."),
    ]
    expires_at: Annotated[Moment, Field(description="Until when it can be continued.")]
    direction: Direction
    door: Annotated[Door, Field(description="The protocol that it was begun by.")]
    sent_by: Annotated[str, Field(description="Who began it.")]
    created_at: Annotated[Moment, Field(description="When it was begun.")]
    modified_at: Annotated[
        Moment | None,
        Field(description="When its file was last changed, as its sender says; null if untold."),
    ]


class ListingShape(Shape):
    """A page of a case's files, oldest first; its first one also has the unfinished uploads."""

    files: list[FileShape]
    uploads: list[UploadShape]
    next: Next


class ToldDigestShape(Shape):
    """What became of a digest that was told of a file."""

    upload_id: Id
    file_id: Annotated[Id | None, Field(description="The file, once it is received.")]
    sha256: Sha256
    state: Annotated[
        Literal["promised", "received"],
        Field(description="`promised`: it is compared before the file is received."),
    ]
    verified: Annotated[bool, Field(description="Whether it is the file's.")]
