"""The headers of tus 1.0.0, read strictly and written as the specification has them."""

import re
from datetime import UTC, datetime
from email.utils import format_datetime

from multidict import CIMultiDict, CIMultiDictProxy

from transfer.core.errors import InvalidRequestError, UnsupportedError
from transfer.core.uploads import LIVE_STATES, Upload
from transfer.engine.checksums import ALGORITHMS, ChunkChecksum

VERSION = "1.0.0"
EXTENSIONS = (
    "creation",
    "creation-with-upload",
    "creation-defer-length",
    "checksum",
    "expiration",
    "termination",
)
OFFSET_TYPE = "application/offset+octet-stream"

_COUNT = re.compile(r"[0-9]{1,19}")

Headers = CIMultiDictProxy[str]


def single(headers: Headers, name: str) -> str | None:
    """Return a header that may be there at most once.

    Raises:
        InvalidRequestError: it is there several times.
    """
    values = headers.getall(name, [])
    if len(values) > 1:
        raise InvalidRequestError(f"Send {name} once.")
    return values[0].strip() if values else None


def upload_offset(headers: Headers) -> int:
    """Return where the body's bytes begin.

    Raises:
        InvalidRequestError: it isn't told, or not as a number.
    """
    offset = _count(headers, "Upload-Offset")
    if offset is None:
        raise InvalidRequestError("Send Upload-Offset: where in the file the body begins.")
    return offset


def created_length(headers: Headers) -> int | None:
    """Return the length that a creation announces, None for one that announces it later.

    Raises:
        InvalidRequestError: neither one nor the other is told, or both are.
    """
    length = _count(headers, "Upload-Length")
    deferred = single(headers, "Upload-Defer-Length")
    if deferred not in (None, "1"):
        raise InvalidRequestError("Upload-Defer-Length is 1, or left out.")
    if (length is None) == (deferred is None):
        raise InvalidRequestError("Send either Upload-Length or Upload-Defer-Length: 1.")
    return length


def late_length(headers: Headers) -> int | None:
    """Return the length that a PATCH announces, if any.

    Raises:
        InvalidRequestError: it isn't a number.
    """
    return _count(headers, "Upload-Length")


def chunk_checksum(headers: Headers) -> ChunkChecksum | None:
    """Return the checksum that is declared for the body, if any.

    Raises:
        UnsupportedAlgorithmError: not offered, or malformed.
    """
    header = single(headers, "Upload-Checksum")
    return None if header is None else ChunkChecksum.parse(header)


def check_no_concatenation(headers: Headers) -> None:
    """Raise if the upload is meant as a piece of another, or made of others.

    Raises:
        UnsupportedError: it is; taken as a whole file it would be the wrong one.
    """
    if "Upload-Concat" in headers:
        raise UnsupportedError("Concatenation is not offered: send the file as one upload.")


def discovery(max_file_bytes: int) -> dict[str, str]:
    """Return what OPTIONS tells."""
    return {
        "Tus-Version": VERSION,
        "Tus-Extension": ",".join(EXTENSIONS),
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        "Tus-Max-Size": str(max_file_bytes),
    }


def progress(upload: Upload) -> CIMultiDict[str]:
    """Return how far an upload is, and until when it can be continued."""
    headers = CIMultiDict({"Upload-Offset": str(upload.offset)})
    if upload.state in LIVE_STATES:
        headers["Upload-Expires"] = http_date(upload.expires_at)
    return headers


def description(upload: Upload) -> CIMultiDict[str]:
    """Return all that HEAD tells of an upload."""
    headers = progress(upload)
    if upload.length is None:
        headers["Upload-Defer-Length"] = "1"
    else:
        headers["Upload-Length"] = str(upload.length)
    if upload.metadata is not None:
        headers["Upload-Metadata"] = upload.metadata
    return headers


def http_date(moment: datetime) -> str:
    """Return a time as HTTP writes it: whole seconds, GMT."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def _count(headers: Headers, name: str) -> int | None:
    text = single(headers, name)
    if text is None:
        return None
    if not _COUNT.fullmatch(text):
        raise InvalidRequestError(f"{name} is a number of bytes, in decimal digits.")
    return int(text)
