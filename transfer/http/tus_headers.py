"""The headers of tus 1.0.0, read strictly and written as the specification has them."""

import re
from datetime import UTC, datetime
from email.utils import format_datetime

from multidict import CIMultiDict, CIMultiDictProxy

from transfer.core.errors import InvalidRequestError
from transfer.core.parts import MAX_FILE_BYTES
from transfer.core.uploads import LIVE_STATES, Concat, Upload, UploadState
from transfer.engine.checksums import ALGORITHMS, ChunkChecksum
from transfer.http.digests import content_checksum

VERSION = "1.0.0"
EXTENSIONS = (
    "creation",
    "creation-with-upload",
    "creation-defer-length",
    "checksum",
    "expiration",
    "termination",
    "concatenation",
    "concatenation-unfinished",
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
    """Return the checksum that is declared for the body, if any, be it tus's own or HTTP's.

    Raises:
        UnsupportedAlgorithmError: not offered, or malformed.
    """
    header = single(headers, "Upload-Checksum")
    content = content_checksum(headers)
    return content if header is None else ChunkChecksum.parse(header, content)


def check_no_length(headers: Headers) -> None:
    """Raise if a length is told of an upload that is made of others.

    Raises:
        InvalidRequestError: it is.
    """
    if "Upload-Length" in headers or "Upload-Defer-Length" in headers:
        raise InvalidRequestError("A final upload has the length of its partial ones: send none.")


def discovery(max_file_bytes: int) -> dict[str, str]:
    """Return what OPTIONS tells; a limit only where an operator has set one."""
    headers = {
        "Tus-Version": VERSION,
        "Tus-Extension": ",".join(EXTENSIONS),
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
    }
    if max_file_bytes < MAX_FILE_BYTES:
        headers["Tus-Max-Size"] = str(max_file_bytes)
    return headers


def expiry(upload: Upload) -> dict[str, str]:
    """Return until when an upload can be continued, or used, if that ever ends."""
    if upload.state in LIVE_STATES or upload.concat is Concat.PARTIAL:
        return {"Upload-Expires": http_date(upload.expires_at)}
    return {}


def progress(upload: Upload) -> CIMultiDict[str]:
    """Return how far an upload is, and until when it can be continued.

    One that is made of others has an offset only once it is finished.
    """
    headers = CIMultiDict(expiry(upload))
    if upload.concat is not Concat.FINAL or upload.state is UploadState.RECEIVED:
        headers["Upload-Offset"] = str(upload.offset)
    return headers


def description(upload: Upload) -> CIMultiDict[str]:
    """Return all that HEAD tells of an upload."""
    headers = progress(upload)
    if upload.length is not None:
        headers["Upload-Length"] = str(upload.length)
    elif upload.concat is not Concat.FINAL:
        headers["Upload-Defer-Length"] = "1"
    if upload.metadata is not None:
        headers["Upload-Metadata"] = upload.metadata
    if upload.concat_header is not None:
        headers["Upload-Concat"] = upload.concat_header
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
