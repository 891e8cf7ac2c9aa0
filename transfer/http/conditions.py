"""Conditional requests: whether a file is asked for at all, and whether in part (RFC 9110, 13)."""

from datetime import UTC, datetime
from http import HTTPStatus

from aiohttp import hdrs, web


def strong_etag(sha256: str) -> str:
    """Return the entity tag of content with that digest."""
    return f'"{sha256}"'


def decide(request: web.Request, *, etag: str, modified_at: datetime | None) -> HTTPStatus | None:
    """Return the status that the conditions of `request` settle, None to answer with the file.

    `modified_at` has whole seconds, as HTTP's dates have; without one, no date is a condition.
    """
    bare = etag.strip('"')
    if request.if_match is not None:
        if not any(tag.value in ("*", bare) and not tag.is_weak for tag in request.if_match):
            return HTTPStatus.PRECONDITION_FAILED
    elif _after(modified_at, request.if_unmodified_since):
        return HTTPStatus.PRECONDITION_FAILED
    if request.if_none_match is not None:
        if any(tag.value in ("*", bare) for tag in request.if_none_match):
            return HTTPStatus.NOT_MODIFIED
    elif _after(modified_at, request.if_modified_since) is False:
        return HTTPStatus.NOT_MODIFIED
    return None


def range_applies(request: web.Request, *, etag: str, modified_at: datetime | None) -> bool:
    """Whether the Range of `request` is to be served: only of the content that it knows.

    Where there is a date, it is as good as a tag: the content of a file's URL never changes.
    """
    condition = request.headers.get(hdrs.IF_RANGE)
    if condition is None:
        return True
    if condition.strip().startswith(('"', "W/")):
        return condition.strip() == etag
    return modified_at is not None and request.if_range == modified_at


def names_content(request: web.Request, *, etag: str) -> bool:
    """Whether `request` says by its tag of which content it wants a piece."""
    if request.headers.get(hdrs.IF_RANGE, "").strip() == etag:
        return True
    return any(tag.value == etag.strip('"') and not tag.is_weak for tag in request.if_match or ())


def _after(moment: datetime | None, other: datetime | None) -> bool | None:
    """Whether `moment` is later than `other`, None if either isn't known."""
    return None if moment is None or other is None else moment > other


def whole_seconds(moment: datetime, now: datetime) -> datetime:
    """Return a modification time as HTTP can tell it: in whole seconds, and not to come."""
    return min(moment, now).astimezone(UTC).replace(microsecond=0)
