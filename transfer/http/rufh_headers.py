"""The fields of resumable uploads for HTTP, read and written as the client's version has them."""

from datetime import datetime, timedelta

from multidict import CIMultiDict, CIMultiDictProxy

from transfer.core.errors import InvalidRequestError, LengthMismatchError
from transfer.core.uploads import LIVE_STATES, Upload, UploadState
from transfer.http.rufh_versions import Dialect
from transfer.http.structured_fields import boolean, integer, serialise

PARTIAL_TYPE = "application/partial-upload"
OFFSET, LENGTH, LIMIT = "Upload-Offset", "Upload-Length", "Upload-Limit"

Headers = CIMultiDictProxy[str]


def ends_with_body(headers: Headers, dialect: Dialect, *, creates: bool) -> bool | None:
    """Return whether the file ends with the request's body, None if its length has to tell.

    Raises:
        InvalidRequestError: it isn't told, or not so that it can be understood.
    """
    opposite = dialect.completeness == "Upload-Incomplete"
    if dialect.completeness not in headers:
        if opposite:
            return True  # only what goes on has to say so
        if dialect.length_ends and not creates:
            return None
    told = boolean(headers, dialect.completeness)
    if told is opposite and dialect.length_ends:
        return None
    if told is None:
        raise InvalidRequestError(
            f"Send {dialect.completeness} once, as ?0 or ?1: whether the file ends with the body."
        )
    return told is not opposite


def upload_offset(headers: Headers) -> int:
    """Return where the body's bytes begin.

    Raises:
        InvalidRequestError: it isn't told, or not as a number.
    """
    offset = integer(headers, OFFSET)
    if offset is None:
        raise InvalidRequestError("Send Upload-Offset once: where in the file the body begins.")
    return offset


def file_length(headers: Headers, *, end: int | None, ends: bool | None) -> int | None:
    """Return how long the file is, as far as it is told.

    `end` is where in the file the body ends, None if nobody knows; `ends`, whether the file does.

    Raises:
        LengthMismatchError: what is told of it can't all be true.
    """
    length = integer(headers, LENGTH)
    if end is None:
        return length
    if length is not None and (end > length or (ends and end < length)):
        raise LengthMismatchError(f"Upload-Length is {length}, and the body ends at {end}.")
    return end if ends else length


def check_bare(headers: Headers, dialect: Dialect) -> None:
    """Raise if a HEAD or DELETE carries fields that earlier versions forbid there.

    Raises:
        InvalidRequestError: it does.
    """
    fields = (OFFSET, LENGTH, dialect.completeness)
    if dialect.bare_requests and any(name in headers for name in fields):
        raise InvalidRequestError(f"Send it without {', '.join(fields)}.")


def completeness(dialect: Dialect, *, complete: bool) -> dict[str, str]:
    """Return the field that tells whether an upload is complete."""
    opposite = dialect.completeness == "Upload-Incomplete"
    return {dialect.completeness: serialise(complete is not opposite)}


def state(upload: Upload, dialect: Dialect) -> CIMultiDict[str]:
    """Return how far an upload is."""
    complete = upload.state is UploadState.RECEIVED
    return CIMultiDict(
        {OFFSET: serialise(upload.offset), **completeness(dialect, complete=complete)}
    )


def limits(dialect: Dialect, max_bytes: int, lifetime: timedelta | None) -> dict[str, str]:
    """Return the field of limits, where there is one. Appends may have any size."""
    if dialect.age is None:
        return {}
    values = {"max-size": max_bytes}
    if lifetime is not None:
        values[dialect.age] = max(0, int(lifetime.total_seconds()))
    return {LIMIT: serialise(values)}


def lifetime(upload: Upload, now: datetime) -> timedelta | None:
    """Return for how long an upload can be continued, None if it is over."""
    return upload.expires_at - now if upload.state in LIVE_STATES else None


def discovery(dialect: Dialect, max_bytes: int, life: timedelta) -> dict[str, str]:
    """Return what OPTIONS tells."""
    return {"Accept-Patch": PARTIAL_TYPE, **limits(dialect, max_bytes, life)}
