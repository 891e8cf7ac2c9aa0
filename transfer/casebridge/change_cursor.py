"""Where somebody who asks the embedded core for changes has come to.

Entries of histories are counted up, but commit in another order at times: 8 may be read while 7 is
still to come. So a sweep begins again where the last one but a while ended, and what it finds once
more changes nothing for whoever asked.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from transfer.core.errors import InvalidRequestError

_CURSOR = re.compile(r"([0-9]{1,18})-([0-9]{1,18})-([0-9]{1,11})-([0-9]{1,18})")
_SETTLED_AFTER = timedelta(seconds=60)
"""Longer than any transaction that adds an entry takes."""

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ChangeCursor:
    """Where the next sweep begins (`base`), and where this one has come to (`seen`).

    Up to `mark` everything had been read at `marked_at`: a while later, that is settled.
    """

    base: int = 0
    mark: int = 0
    marked_at: datetime = _BEGINNING
    seen: int = 0

    def further(self, seen: int) -> "ChangeCursor":
        """Return the cursor for the next page of this sweep."""
        return ChangeCursor(self.base, self.mark, self.marked_at, seen)

    def swept(self, seen: int, now: datetime) -> "ChangeCursor":
        """Return the cursor for the next sweep; this one ended at `seen`."""
        if now - self.marked_at < _SETTLED_AFTER:
            return ChangeCursor(self.base, self.mark, self.marked_at, self.base)
        return ChangeCursor(self.mark, seen, now, self.mark)

    def __str__(self) -> str:
        """Return it as `parse_change_cursor` reads it."""
        seconds = int((self.marked_at - _BEGINNING).total_seconds())
        return f"{self.base}-{self.mark}-{max(seconds, 0)}-{self.seen}"


def parse_change_cursor(text: str | None) -> ChangeCursor:
    """Return the cursor that `text` is, for None that of the beginning.

    Raises:
        InvalidRequestError: it is none from here.
    """
    if text is None:
        return ChangeCursor()
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise InvalidRequestError("That is no cursor from here: begin without one.")
    base, mark, seconds, seen = map(int, found.groups())
    return ChangeCursor(base, mark, _BEGINNING + timedelta(seconds=seconds), seen)
