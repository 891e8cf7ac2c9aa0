"""When data may go, and when never."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from transfer.core.cases import (
    Case,
    CaseId,
    CaseNumber,
    Hold,
    Status,
    close,
    reopen,
)
from transfer.core.retention import (
    NOTICE,
    PERIOD,
    Verdict,
    closure_name,
    deletion_due_at,
    judge,
    next_scrub,
    notice_due,
)

OPENED = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
CLOSED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
FOREVER = datetime.max.replace(tzinfo=UTC)
HOLD = Hold(reason="Litigation", placed_by="ada", placed_at=CLOSED)

OPEN_CASE = Case(
    number=CaseNumber("0003256109"),
    id=CaseId("k3"),
    subject="Trace of a hanging node",
    account="ACME",
    status=Status.OPEN,
    substatus="New",
    opened_at=OPENED,
)
CLOSED_CASE = close(OPEN_CASE, None, CLOSED)

moments = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001 -- hypothesis adds the zone itself
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001 -- the same
    timezones=st.just(UTC),
)
periods = st.timedeltas(min_value=timedelta(), max_value=timedelta(days=3650))
holds = st.none() | st.just(HOLD)


def test_the_period_is_thirty_days() -> None:
    assert timedelta(days=30) == PERIOD
    assert deletion_due_at(CLOSED_CASE) == datetime(2026, 4, 1, 9, 0, tzinfo=UTC)


def test_an_open_case_is_never_due() -> None:
    assert deletion_due_at(OPEN_CASE) is None


def test_a_closed_case_is_due_thirty_days_after_closing_and_not_a_tick_before() -> None:
    assert judge(CLOSED_CASE, CLOSED + PERIOD - TICK) is Verdict.KEEP_NOT_DUE
    assert judge(CLOSED_CASE, CLOSED + PERIOD) is Verdict.DELETE


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.CLOSED])
def test_a_case_that_is_not_closed_is_kept_even_with_a_closing_time_left_over(
    status: Status,
) -> None:
    left_over = replace(CLOSED_CASE, status=status)
    assert judge(left_over, CLOSED + 10 * PERIOD) is Verdict.KEEP_OPEN


def test_a_closed_case_without_a_closing_time_is_kept() -> None:
    assert judge(replace(CLOSED_CASE, closed_at=None), CLOSED + PERIOD) is Verdict.KEEP_UNSURE


@pytest.mark.parametrize("closed_at", [OPENED - TICK, CLOSED + 20 * PERIOD, FOREVER])
def test_nothing_follows_from_a_closure_that_can_not_be(closed_at: datetime) -> None:
    case = replace(CLOSED_CASE, closed_at=closed_at)
    for period in (timedelta(), PERIOD):
        assert judge(case, CLOSED + 10 * PERIOD, period) is Verdict.KEEP_UNSURE
        assert notice_due(case, CLOSED + 10 * PERIOD, period) is None


def test_a_closure_at_the_end_of_time_is_due_then() -> None:
    assert deletion_due_at(replace(CLOSED_CASE, closed_at=FOREVER)) == FOREVER


def test_nothing_follows_from_what_the_core_said_before_it_went_away() -> None:
    stale = replace(CLOSED_CASE, as_of=CLOSED)
    assert judge(stale, CLOSED + PERIOD) is Verdict.KEEP_UNSURE
    assert judge(replace(stale, purged_at=CLOSED), CLOSED + PERIOD) is Verdict.DONE


def test_a_hold_by_account_keeps_what_is_due() -> None:
    held = replace(CLOSED_CASE, account_hold=HOLD)
    assert judge(held, CLOSED + PERIOD) is Verdict.KEEP_HELD
    assert held.keeping == HOLD


@pytest.mark.parametrize("days", [0, 1, 90])
def test_the_terms_of_an_account_come_before_what_is_usual(days: int) -> None:
    case = replace(CLOSED_CASE, kept_for=timedelta(days=days))
    due = CLOSED + timedelta(days=days)
    assert deletion_due_at(case) == due
    assert judge(case, due) is Verdict.DELETE
    assert days == 0 or judge(case, due - TICK) is Verdict.KEEP_NOT_DUE


def test_a_deletion_is_announced_a_week_before_and_not_once_it_is_due() -> None:
    due = CLOSED + PERIOD
    assert notice_due(CLOSED_CASE, due - NOTICE - TICK) is None
    assert notice_due(CLOSED_CASE, due - NOTICE) == due
    assert notice_due(CLOSED_CASE, due - TICK) == due
    assert notice_due(CLOSED_CASE, due) is None
    assert notice_due(replace(CLOSED_CASE, hold=HOLD), due - TICK) is None
    assert notice_due(OPEN_CASE, due - TICK) is None


def test_a_closure_has_a_name_of_its_own() -> None:
    again = replace(CLOSED_CASE, closed_at=CLOSED + TICK)
    names = {closure_name(CLOSED_CASE), closure_name(again), closure_name(OPEN_CASE)}
    assert len(names) == 3
    elsewhere = CLOSED.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert closure_name(replace(CLOSED_CASE, closed_at=elsewhere)) == closure_name(CLOSED_CASE)


def test_a_hold_keeps_what_is_due_also_when_its_deletion_has_begun() -> None:
    held = replace(CLOSED_CASE, hold=HOLD)
    assert judge(held, CLOSED + PERIOD) is Verdict.KEEP_HELD
    begun = replace(held, purge_started_at=CLOSED + PERIOD)
    assert judge(begun, CLOSED + PERIOD) is Verdict.KEEP_HELD


def test_a_deletion_that_has_begun_goes_on() -> None:
    begun = replace(CLOSED_CASE, purge_started_at=CLOSED + PERIOD)
    assert judge(begun, CLOSED + PERIOD + TICK) is Verdict.DELETE


def test_a_case_whose_data_is_gone_is_done_unless_it_is_open_again() -> None:
    purged = replace(CLOSED_CASE, purged_at=CLOSED + PERIOD)
    assert judge(purged, CLOSED) is Verdict.DONE
    assert judge(replace(purged, status=Status.OPEN, closed_at=None), CLOSED) is Verdict.KEEP_OPEN


@pytest.mark.parametrize(
    ("age", "found_some", "days"),
    [(1, False, 1), (24 * 3, False, 3), (24 * 90, False, 7), (24 * 90, True, 1)],
)
def test_late_names_are_looked_for_more_and_more_rarely(
    age: int, found_some: bool, days: int
) -> None:
    now = CLOSED + timedelta(hours=age)
    assert next_scrub(CLOSED, now, found_some=found_some) == now + timedelta(days=days)


def test_a_closing_time_of_any_zone_is_the_same_moment() -> None:
    elsewhere = CLOSED.astimezone(timezone(timedelta(hours=5, minutes=30)))
    case = replace(CLOSED_CASE, closed_at=elsewhere)
    assert judge(case, CLOSED + PERIOD - TICK) is Verdict.KEEP_NOT_DUE
    assert judge(case, CLOSED + PERIOD) is Verdict.DELETE


@given(moments, moments, periods, holds)
def test_nothing_open_or_held_is_ever_deleted_at_any_time(
    closed_at: datetime, now: datetime, period: timedelta, hold: Hold | None
) -> None:
    closed = replace(close(OPEN_CASE, None, closed_at), hold=hold)
    kept = (replace(OPEN_CASE, hold=hold), reopen(closed), replace(closed, hold=HOLD))
    for case in (*kept, replace(closed, account_hold=HOLD), replace(closed, as_of=now)):
        assert judge(case, now, period) is not Verdict.DELETE


@given(
    moments, periods, st.timedeltas(min_value=-timedelta(days=400), max_value=timedelta(days=400))
)
def test_a_closed_case_is_deleted_from_its_due_time_on_and_never_before(
    closed_at: datetime, period: timedelta, distance: timedelta
) -> None:
    case = close(replace(OPEN_CASE, opened_at=closed_at), None, closed_at)
    due = deletion_due_at(case, period)
    assert due == closed_at + period
    expected = Verdict.DELETE if distance >= timedelta() else Verdict.KEEP_NOT_DUE
    if due + distance < closed_at:
        expected = Verdict.KEEP_UNSURE
    assert judge(case, due + distance, period) is expected


@given(moments, moments)
def test_closing_anew_starts_the_period_anew(first: datetime, second: datetime) -> None:
    assume(first < second)
    opened = replace(OPEN_CASE, opened_at=first)
    again = close(reopen(close(opened, None, first)), None, second)
    assert judge(again, second + PERIOD - TICK) is Verdict.KEEP_NOT_DUE
    assert judge(again, second + PERIOD) is Verdict.DELETE


STEPS = st.sampled_from(["close", "reopen", "hold", "lift", "an hour", "29 days", "30 days"])


@given(st.lists(STEPS, max_size=40))
def test_in_any_history_only_thirty_days_closed_in_one_piece_and_unheld_lead_to_deletion(
    steps: list[str],
) -> None:
    case, now = OPEN_CASE, OPENED
    closed_since: datetime | None = None
    for step in steps:
        match step:
            case "close" if not case.is_closed:
                case, closed_since = close(case, None, now), now
            case "reopen" if case.is_closed:
                case, closed_since = reopen(case), None
            case "hold":
                case = replace(case, hold=HOLD)
            case "lift":
                case = replace(case, hold=None)
            case "an hour":
                now += timedelta(hours=1)
            case "29 days" | "30 days":
                now += timedelta(days=int(step[:2]))
        may_go = closed_since is not None and now - closed_since >= PERIOD and not case.hold
        assert (judge(case, now) is Verdict.DELETE) == may_go
