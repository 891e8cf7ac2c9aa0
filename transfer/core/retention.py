"""When a case's data is due for deletion, and what stands in the way."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from transfer.core.cases import Case

PERIOD = timedelta(days=30)
"""From closure to deletion, unless the operator or a customer's terms say otherwise."""

NOTICE = timedelta(days=7)
"""So long before a deletion its case core is told of it."""


AFTERWARDS = timedelta(hours=1)
"""So long after a deletion, names are looked for again: of sessions that ended since, for one."""

_A_DAY, _A_WEEK = timedelta(days=1), timedelta(days=7)


class Verdict(StrEnum):
    """What retention decides for a case."""

    KEEP_OPEN = "open"
    KEEP_HELD = "held"
    KEEP_NOT_DUE = "not-due"
    KEEP_UNSURE = "unsure"
    """The case core is away, or what it says can't be so: nothing follows from it."""
    DELETE = "delete"
    DONE = "done"


def period_of(case: Case, period: timedelta = PERIOD) -> timedelta:
    """Return how long the data of `case` is kept after its closure; nothing is at once."""
    return period if case.kept_for is None else case.kept_for


def deletion_due_at(case: Case, period: timedelta = PERIOD) -> datetime | None:
    """Return when the data of `case` is due for deletion; None while it isn't closed."""
    if case.closed_at is None:
        return None
    try:
        return case.closed_at + period_of(case, period)
    except OverflowError:  # closed at the end of time, says its core
        return datetime.max.replace(tzinfo=UTC)


def contradicts_itself(case: Case, now: datetime) -> bool:
    """Tell whether `case` says of its closure what can't be so."""
    if not case.is_closed:
        return False
    return case.closed_at is None or not case.opened_at <= case.closed_at <= now


def judge(case: Case, now: datetime, period: timedelta = PERIOD) -> Verdict:
    """Decide what happens at `now` to the data of `case`.

    A deletion that has begun goes on to its end, unless a hold was placed or the case is open.
    """
    due = deletion_due_at(case, period)
    if not case.is_closed:
        return Verdict.KEEP_OPEN
    if case.purged_at is not None:
        return Verdict.DONE
    if due is None or case.is_stale or contradicts_itself(case, now):
        return Verdict.KEEP_UNSURE
    if case.keeping is not None:
        return Verdict.KEEP_HELD
    return Verdict.DELETE if now >= due else Verdict.KEEP_NOT_DUE


def notice_due(
    case: Case, now: datetime, period: timedelta = PERIOD, notice: timedelta = NOTICE
) -> datetime | None:
    """Return when the deletion is due that is to be told of at `now`; None if none is.

    Not of one that is due already: that one is told of when it is done.
    """
    due = deletion_due_at(case, period)
    if due is None or judge(case, now, period) is not Verdict.KEEP_NOT_DUE:
        return None
    return due if now >= due - notice else None


def next_scrub(purged_at: datetime, now: datetime, *, found_some: bool) -> datetime:
    """Return when names are looked for again that came after the data of a case was gone.

    Somebody may always knock with an account that is over. So it never ends, and gets rarer.
    """
    return now + (_A_DAY if found_some else min(max(now - purged_at, _A_DAY), _A_WEEK))


def closure_name(case: Case) -> str:
    """Return what names this closure of `case`, and no other of its or another's."""
    closed_at = case.closed_at
    return f"{case.id}-{closed_at.astimezone(UTC):%Y%m%dT%H%M%S%f}" if closed_at else case.id
