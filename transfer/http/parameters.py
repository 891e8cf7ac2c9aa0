"""Parameters that several operations have, as the description of the API tells them."""

from collections.abc import Sequence

from transfer.http.operations import Gives, Parameter, gives
from transfer.http.paging import LARGEST_PAGE, LONGEST_CURSOR, PAGE

PAGE_OF_LIST = (
    Parameter(
        name="limit",
        text="At most how many.",
        schema={"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE},
    ),
    Parameter(
        name="after",
        text="The `next` of the page before, unchanged; the first page without it.",
        schema={"type": "string", "minLength": 1, "maxLength": LONGEST_CURSOR},
    ),
)

_DATE = {"type": "string"}

CONDITIONS: Sequence[Parameter] = tuple(
    Parameter(name=name, text=text, where="header", schema=_DATE)
    for name, text in {
        "Range": "Which bytes; several ranges come as multipart/byteranges.",
        "If-Range": "The ETag, or date, that the range is of; of anything else all comes.",
        "If-Match": "Only what has one of these ETags; else 412.",
        "If-None-Match": "Only what has none of these ETags; else 304.",
    }.items()
)

DATES: Sequence[Parameter] = tuple(
    Parameter(name=name, text=text, where="header", schema=_DATE)
    for name, text in {
        "If-Modified-Since": "Only what was changed since; else 304.",
        "If-Unmodified-Since": "Only what was not changed since; else 412.",
    }.items()
)

_OF_CONTENT = {
    "ETag": "Tells this content from any other.",
    "Accept-Ranges": "`bytes`.",
    "Content-Disposition": "The name to keep it under.",
}


def delivered(media: str, **headers: str) -> tuple[Gives, ...]:
    """Return the answers that have content in bytes, whole or in part, or none as it is known."""
    more = {**_OF_CONTENT, **headers}
    part = Gives(
        status=206,
        text="The ranges that were asked for.",
        content={media: None, "multipart/byteranges": None},
        headers={**more, "Content-Range": "Which bytes of how many, of a single range."},
    )
    whole = gives(200, text="All of it.", media=media, headers=more)
    same = gives(304, text="It is what the client has already.", headers={"ETag": more["ETag"]})
    return whole, part, same


LOCATION = {"Location": "Where it is."}
