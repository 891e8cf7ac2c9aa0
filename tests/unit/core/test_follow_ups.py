"""When customers are reminded, and when a case closes for want of an answer."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.core.cases import (
    SUBSTATUSES,
    Case,
    CaseId,
    CaseNumber,
    CustomerWait,
    Priority,
    Status,
    after_customer_upload,
    move,
)
from transfer.core.follow_ups import (
    DayCount,
    FollowUpPlan,
    awaits_customer,
    closing_at,
    days_after,
    due_follow_up,
    earliest,
    followed_up,
    next_follow_up,
    retimed,
    timed,
)

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
FRIDAY = MONDAY + timedelta(days=4)
DAY = timedelta(days=1)
PLAN = FollowUpPlan()
BUSINESS = FollowUpPlan(count=DayCount.BUSINESS)
ASKED = "Information Required From Customer"

NEW = Case(
    number=CaseNumber("0003256109"),
    id=CaseId("k3"),
    subject="Trace of a hanging node",
    account="ACME",
    status=Status.OPEN,
    substatus="New",
    opened_at=MONDAY,
)

MOMENTS = st.integers(0, 8 * 365 * 86_400).map(lambda seconds: MONDAY + timedelta(seconds=seconds))
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Pacific/Auckland"])


def asked(at: datetime = MONDAY, *, status: Status = Status.AWAITING_INFORMATION) -> Case:
    substatus = ASKED if status is Status.AWAITING_INFORMATION else None
    return timed(move(NEW, status, substatus), at)


def a_day(text: str, clock: str = "09:00") -> datetime:
    return datetime.fromisoformat(f"{text}T{clock}:00+00:00")


# ── Which cases wait ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "substatus"), [(one, sub) for one, several in SUBSTATUSES.items() for sub in several]
)
def test_a_case_waits_for_its_customer_once_they_were_asked_or_a_solution_proposed(
    status: Status, substatus: str
) -> None:
    case = replace(NEW, status=status, substatus=substatus)
    expected = substatus in {ASKED, "Replied", "Fixed - Software Provided"}
    assert awaits_customer(case) is expected
    wait = CustomerWait(since=MONDAY) if expected else None
    assert timed(case, MONDAY).wait == retimed(case, MONDAY).wait == wait


def test_nobody_waits_for_the_customer_while_their_production_is_down() -> None:
    down = replace(asked(), priority=Priority.PRODUCTION_DOWN)
    assert not awaits_customer(down)
    assert next_follow_up(down, PLAN) is None
    assert retimed(down, FRIDAY).wait is None


def test_a_wait_that_has_begun_goes_on_when_only_the_priority_changes() -> None:
    case = replace(asked(), priority=Priority.HIGH)
    assert retimed(case, FRIDAY) is case
    assert timed(case, FRIDAY).wait == CustomerWait(since=FRIDAY)


def test_it_is_known_since_when_a_case_is_not_ours_whomever_it_waits_for() -> None:
    owed = replace(asked(), substatus="Third Party Pending", wait=None)
    since = timed(owed, MONDAY)
    assert (since.wait, since.asked_at) == (None, MONDAY)
    assert retimed(replace(since, priority=Priority.HIGH), FRIDAY).asked_at == MONDAY
    assert timed(NEW, MONDAY).asked_at is None


def test_an_answer_ends_the_wait() -> None:
    answered = after_customer_upload(asked())
    assert answered.wait is None
    assert next_follow_up(answered, PLAN) is None


# ── When ─────────────────────────────────────────────────────────────────────────────────────


def test_the_customer_is_reminded_after_two_and_five_days_and_the_case_closes_after_ten() -> None:
    case, seen = asked(), []
    for day in range(12):
        now = MONDAY + day * DAY
        assert due_follow_up(case, PLAN, now - timedelta(microseconds=1)) is None
        due = due_follow_up(case, PLAN, now)
        if due is not None:
            seen.append((day, due.number, due.days, due.closes))
            case = followed_up(case, due, now)
    assert seen == [(2, 1, 2, False), (5, 2, 5, False), (10, 3, 10, True)]
    assert (case.status, case.closed_at, case.wait) == (Status.CLOSED, MONDAY + 10 * DAY, None)


@pytest.mark.parametrize(
    ("status", "resolution"),
    [(Status.AWAITING_INFORMATION, "Cancelled"), (Status.SOLUTION_PROPOSED, "Resolved")],
)
def test_a_case_that_nobody_answers_is_resolved_if_a_solution_was_proposed(
    status: Status, resolution: str
) -> None:
    case = asked(status=status)
    for now in (MONDAY + 2 * DAY, MONDAY + 5 * DAY, MONDAY + 10 * DAY):
        due = due_follow_up(case, PLAN, now)
        assert due is not None
        case = followed_up(case, due, now)
    assert case.substatus == resolution
    assert case.close_reason == "No answer from the customer"
    assert case.version == 5


def test_over_a_weekend_business_days_wait_for_monday() -> None:
    case = asked(FRIDAY)
    first = next_follow_up(case, BUSINESS)
    assert first is not None
    assert first.due_at == a_day("2026-03-10")  # Tuesday
    assert closing_at(case, BUSINESS) == a_day("2026-03-20")


@pytest.mark.parametrize(
    ("asked_at", "days", "due_at"),
    [
        (a_day("2026-03-02"), 2, a_day("2026-03-04")),
        (a_day("2026-03-05"), 2, a_day("2026-03-09")),
        (a_day("2026-03-06"), 5, a_day("2026-03-13")),
        (a_day("2026-03-07"), 2, a_day("2026-03-11", "00:00")),  # Saturday: as Monday begins
        (a_day("2026-03-08", "23:59"), 2, a_day("2026-03-11", "00:00")),
    ],
)
def test_business_days_are_those_from_monday_to_friday(
    asked_at: datetime, days: int, due_at: datetime
) -> None:
    assert days_after(asked_at, days, BUSINESS) == due_at


def test_a_holiday_is_no_business_day() -> None:
    plan = replace(BUSINESS, holidays=frozenset({date(2026, 3, 3)}))
    assert days_after(MONDAY, 2, plan) == a_day("2026-03-05")


def test_a_weekend_is_that_of_the_zone() -> None:
    plan = replace(BUSINESS, zone=ZoneInfo("Pacific/Auckland"))  # Saturday there
    friday_night = a_day("2026-03-06", "20:00")
    assert days_after(friday_night, 1, BUSINESS) == a_day("2026-03-09", "20:00")
    assert days_after(friday_night, 1, plan) == a_day("2026-03-09", "11:00")


def test_a_reminder_that_was_late_puts_off_those_behind_it() -> None:
    case, late = asked(), MONDAY + 20 * DAY
    first = due_follow_up(case, PLAN, late)
    assert first is not None
    assert first.number == 1
    case = followed_up(case, first, late)
    second = next_follow_up(case, PLAN)
    assert second is not None
    assert second.due_at == late + 2 * DAY
    case = followed_up(case, second, second.due_at)
    last = next_follow_up(case, PLAN)
    assert last is not None
    assert (last.closes, last.due_at) == (True, late + 6 * DAY)
    assert closing_at(case, PLAN) == last.due_at


def test_a_reminder_that_was_a_little_late_puts_off_nothing() -> None:
    case, now = asked(), MONDAY + 2 * DAY + timedelta(hours=23)
    first = due_follow_up(case, PLAN, now)
    assert first is not None
    second = next_follow_up(followed_up(case, first, now), PLAN)
    assert second is not None
    assert second.due_at == MONDAY + 5 * DAY


def test_without_any_days_nothing_follows() -> None:
    plan = FollowUpPlan(days=())
    assert next_follow_up(asked(), plan) is None
    assert closing_at(asked(), plan) is None
    assert earliest(plan, MONDAY) == ()


# ── Properties ───────────────────────────────────────────────────────────────────────────────


@given(MOMENTS, st.integers(1, 30), ZONES)
def test_as_many_business_days_pass_as_are_counted(moment: datetime, days: int, zone: str) -> None:
    plan = FollowUpPlan(count=DayCount.BUSINESS, zone=ZoneInfo(zone))
    due_at = days_after(moment, days, plan)
    begin, end = moment.astimezone(plan.zone), due_at.astimezone(plan.zone)
    assert end.weekday() < 5
    first = begin.date()
    passed = [first + n * DAY for n in range(1, (end.date() - first).days + 1)]
    working = [day for day in passed if day.weekday() < 5]
    assert len(working) == days + (begin.weekday() > 4)


@given(MOMENTS, st.timedeltas(timedelta(), timedelta(days=20)), st.integers(1, 30))
def test_who_was_asked_later_is_never_due_earlier(
    moment: datetime, later: timedelta, days: int
) -> None:
    assert days_after(moment, days, BUSINESS) <= days_after(moment + later, days, BUSINESS)


@given(
    MOMENTS,
    st.lists(st.timedeltas(timedelta(), timedelta(days=15)), max_size=12),
    st.sampled_from(DayCount),
    ZONES,
)
def test_whenever_rounds_come_nobody_is_closed_out_without_both_reminders_and_their_time(
    begin: datetime, pauses: list[timedelta], count: DayCount, zone: str
) -> None:
    plan = FollowUpPlan(count=count, zone=ZoneInfo(zone))
    case, now = asked(begin), begin
    reminded = []
    for pause in pauses:
        now += pause
        due = due_follow_up(case, plan, now)
        if due is None:
            continue
        assert case.wait is not None
        assert case.wait.since <= earliest(plan, now)[case.wait.notices]
        case = followed_up(case, due, now)
        reminded.append(now)
        if case.is_closed:
            break
    assert case.is_closed == (len(reminded) == 3)
    if case.is_closed:
        hour = timedelta(hours=1)  # by which a clock may have been put forward
        assert reminded[0] >= begin + 2 * DAY - hour
        assert reminded[1] >= max(begin + 5 * DAY, reminded[0] + 2 * DAY) - hour
        assert reminded[2] >= max(begin + 10 * DAY, reminded[1] + 4 * DAY) - hour
