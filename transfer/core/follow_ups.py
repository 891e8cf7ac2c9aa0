"""Follow-ups: what happens when a customer doesn't answer Customer Care, and when.

The time is counted from when Customer Care asked for something or proposed a solution, while the
case stays as it was then. Whatever the customer sends stops it, and so does a case whose service is
down: that one is never let go for want of an answer.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from transfer.core.cases import SUBSTATUSES, Case, CustomerWait, Priority, Status, is_asked
from transfer.core.closure import close_unanswered

_DAY = timedelta(days=1)
_CLOCK_CHANGE = timedelta(hours=3)
"""More than any day is shorter than 24 hours, where clocks are put forward."""

_SATURDAY = 5

_ASKED = {
    Status.AWAITING_INFORMATION: frozenset({"Information Required From Customer"}),
    Status.SOLUTION_PROPOSED: frozenset(SUBSTATUSES[Status.SOLUTION_PROPOSED]),
}
"""Where a case waits for its customer. What a third party owes, nobody reminds the customer of."""


class DayCount(StrEnum):
    """Which days count."""

    CALENDAR = "calendar"
    BUSINESS = "business"


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpPlan:
    """On which days after the question a customer is reminded; on the last one, the case closes.

    Business days are those from Monday to Friday in `zone` that are no `holidays`.
    """

    days: tuple[int, ...] = (2, 5, 10)
    count: DayCount = DayCount.CALENDAR
    zone: tzinfo = UTC
    holidays: frozenset[date] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """The `number`th follow-up of a wait: due `days` after the question, at `due_at`."""

    number: int
    days: int
    due_at: datetime
    closes: bool


def awaits_customer(case: Case) -> bool:
    """Whether the time that `case` waits for its customer is counted."""
    asked = case.substatus in _ASKED.get(case.status, frozenset())
    return asked and case.priority is not Priority.PRODUCTION_DOWN


def timed(case: Case, now: datetime) -> Case:
    """Return `case` with its wait begun at `now`, or over, as its status and priority want it."""
    return replace(
        case,
        wait=CustomerWait(since=now) if awaits_customer(case) else None,
        asked_at=now if is_asked(case) else None,
    )


def retimed(case: Case, now: datetime) -> Case:
    """Return `case` as `timed` does, but for a wait that has begun, which goes on."""
    if case.wait is not None and awaits_customer(case):
        return case
    return replace(timed(case, now), asked_at=case.asked_at)


def next_follow_up(case: Case, plan: FollowUpPlan) -> FollowUp | None:
    """Return the follow-up that comes next; None while none does.

    One that was late, as the service was away, puts off those behind it: between two of them a
    customer has the days that are meant to be there, less at most one.
    """
    if case.wait is None or not awaits_customer(case) or case.wait.notices >= len(plan.days):
        return None
    sent = case.wait.notices
    days = plan.days[sent]
    due_at = days_after(case.wait.since, days, plan)
    if sent and case.wait.noticed_at is not None:
        between = max(days - plan.days[sent - 1] - 1, 1)
        due_at = max(due_at, days_after(case.wait.noticed_at, between, plan))
    closes = sent == len(plan.days) - 1
    return FollowUp(number=sent + 1, days=days, due_at=due_at, closes=closes)


def due_follow_up(case: Case, plan: FollowUpPlan, now: datetime) -> FollowUp | None:
    """Return the follow-up that is due at `now`, if one is."""
    coming = next_follow_up(case, plan)
    return None if coming is None or now < coming.due_at else coming


def closing_at(case: Case, plan: FollowUpPlan) -> datetime | None:
    """Return when `case` closes if its customer doesn't answer; None if it doesn't by itself."""
    coming = next_follow_up(case, plan)
    while coming is not None and not coming.closes:
        case = followed_up(case, coming, coming.due_at)
        coming = next_follow_up(case, plan)
    return None if coming is None else coming.due_at


def followed_up(case: Case, follow_up: FollowUp, now: datetime) -> Case:
    """Return `case` once its customer was reminded, and closed if that was the last time.

    Raises:
        CaseStateError: it is closed already.
    """
    if follow_up.closes:
        return close_unanswered(case, now)
    wait = case.wait or CustomerWait(since=now)
    noticed = replace(wait, notices=follow_up.number, noticed_at=now)
    return replace(case, wait=noticed, version=case.version + 1)


def earliest(plan: FollowUpPlan, now: datetime) -> tuple[datetime, ...]:
    """Return since when a case waits at the latest if a follow-up is due at `now`: one for each.

    A case of that age needn't be due: weekends count for nothing here.
    """
    return tuple(now - timedelta(days=days) + _CLOCK_CHANGE for days in plan.days)


def days_after(moment: datetime, days: int, plan: FollowUpPlan) -> datetime:
    """Return the time that is `days` after `moment`, in UTC.

    A business day is counted from the same time of the day before. What begins on a day that
    doesn't count begins with the next one that does.
    """
    if plan.count is DayCount.CALENDAR:
        return (moment + timedelta(days=days)).astimezone(UTC)
    local = moment.astimezone(plan.zone)
    day, clock = local.date(), local.timetz()
    if not _counts(day, plan):
        day, clock = _next_business_day(day, plan), time(tzinfo=plan.zone)
    for _ in range(days):
        day = _next_business_day(day, plan)
    return datetime.combine(day, clock).astimezone(UTC)


def _next_business_day(day: date, plan: FollowUpPlan) -> date:
    day += _DAY
    while not _counts(day, plan):
        day += _DAY
    return day


def _counts(day: date, plan: FollowUpPlan) -> bool:
    return day.weekday() < _SATURDAY and day not in plan.holidays
