"""Pages of lists: which one a request asks for, and how an answer tells where the next begins.

Every list goes by the same two parameters: `limit`, how many at most, and `after`, the `next` of
the page before. Its answer has `next`, null on the last page.
"""

import re
from dataclasses import dataclass

from aiohttp import web

from transfer.core.errors import InvalidRequestError

PAGE, LARGEST_PAGE = 100, 1000
LONGEST_CURSOR = 500

_DIGITS = re.compile(r"[0-9]{1,6}")


@dataclass(frozen=True, slots=True)
class Page:
    """A page that is asked for: up to `limit` from behind the cursor `after`, None is the first."""

    after: str | None
    limit: int


def asked_page(request: web.Request, *, usual: int = PAGE) -> Page:
    """Return the page that `request` asks for, of `usual` length unless it says another.

    Raises:
        InvalidRequestError: the length is none, or the cursor can't be one.
    """
    return Page(after=asked_cursor(request), limit=_limit(request.query.get("limit"), usual))


def asked_cursor(request: web.Request, name: str = "after") -> str | None:
    """Return the cursor that `request` has as `name`; None if it asks for the first page.

    Raises:
        InvalidRequestError: it can't be one.
    """
    after = request.query.get(name)
    if after is not None and not 0 < len(after) <= LONGEST_CURSOR:
        raise InvalidRequestError(f"`{name}` is the `next` of the page before, unchanged.")
    return after


def _limit(text: str | None, usual: int) -> int:
    if text is None:
        return usual
    limit = int(text) if _DIGITS.fullmatch(text) else 0
    if not 1 <= limit <= LARGEST_PAGE:
        raise InvalidRequestError(f"limit is a number from 1 to {LARGEST_PAGE}.")
    return limit
