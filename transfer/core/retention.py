"""When a case's data is due for deletion, and what stands in the way."""

from datetime import datetime, timedelta
from enum import StrEnum

from transfer.core.cases import Case

PERIOD = timedelta(days=30)
"""From closure to deletion."""


class Verdict(StrEnum):
    """What retention decides for a case."""

    KEEP_OPEN = "open"
    KEEP_HELD = "held"
    KEEP_NOT_DUE = "not-due"
    DELETE = "delete"
    DONE = "done"


def deletion_due_at(case: Case, period: timedelta = PERIOD) -> datetime | None:
    """Return when the data of `case` is due for deletion; None while it isn't closed."""
    return None if case.closed_at is None else case.closed_at + period


def judge(case: Case, now: datetime, period: timedelta = PERIOD) -> Verdict:
    """Decide what happens at `now` to the data of `case`.

    A deletion that has begun goes on to its end, unless a hold was placed.
    """
    due = deletion_due_at(case, period)
    if case.purged_at is not None:
        return Verdict.DONE
    if not case.is_closed or due is None:
        return Verdict.KEEP_OPEN
    if case.hold is not None:
        return Verdict.KEEP_HELD
    return Verdict.DELETE if now >= due else Verdict.KEEP_NOT_DUE
