"""Where somebody who asks a tracker for what has changed has come to.

Tickets come in the order of their last change, which the tracker knows to the second, and those of
one second by their ids. Whoever has read a second may find more in it a moment later: a change is
stamped when it is made, and there to be read once it is committed. So a sweep ends a minute before
it began, and the next one tells what changed since then once more.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from transfer.core.errors import InvalidRequestError

_CURSOR = re.compile(r"([0-9]{14})-([0-9]{1,18})(?:-([0-9]{14}))?")
_DIGITS = "%Y%m%d%H%M%S"
_LATE = timedelta(seconds=60)
_SECOND = timedelta(seconds=1)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepCursor:
    """What is told next: what changed at `second` or later, but for its tickets up to `ticket`.

    `began` is when the sweep did, by the tracker's clock; None before its first page.
    """

    second: datetime = _BEGINNING
    ticket: int = 0
    began: datetime | None = None

    def is_behind(self, second: datetime, ticket: int) -> bool:
        """Whether a ticket that was changed at `second` is still to be told."""
        return (second, ticket) > (self.second, self.ticket)

    def further(self, second: datetime, ticket: int, at: datetime) -> "SweepCursor":
        """Return the cursor after a page that ended with `ticket` and was told `at` a time."""
        return SweepCursor(second=second, ticket=ticket, began=self.began or at)

    def swept(self, last: datetime, at: datetime) -> "SweepCursor":
        """Return where the next sweep begins: this one has told of all up to `last`."""
        late = (self.began or at) - _LATE
        return SweepCursor(second=max(min(last + _SECOND, late), _BEGINNING))

    def __str__(self) -> str:
        """Return it as `parse_sweep_cursor` reads it."""
        began = "" if self.began is None else f"-{digits_of(self.began)}"
        return f"{digits_of(self.second)}-{self.ticket}{began}"


def parse_sweep_cursor(text: str | None) -> SweepCursor:
    """Return the cursor that `text` is, for None that of the beginning.

    Raises:
        InvalidRequestError: it is none from here.
    """
    if text is None:
        return SweepCursor()
    found = _CURSOR.fullmatch(text)
    try:
        if found is not None:
            second, ticket, began = found.groups()
            return SweepCursor(
                second=_moment(second),
                ticket=int(ticket),
                began=None if began is None else _moment(began),
            )
    except ValueError:
        pass
    raise InvalidRequestError("That is no cursor from here: begin without one.")


def digits_of(moment: datetime) -> str:
    """Return a time as a tracker has it in its records: it adds no time zone to that."""
    return moment.astimezone(UTC).strftime(_DIGITS)


def _moment(digits: str) -> datetime:
    return datetime.strptime(digits, _DIGITS).replace(tzinfo=UTC)
