"""Cursors of a tracker's changes: nothing is skipped, and the last minute is looked at again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.casebridge.roundup_sweep import SweepCursor, parse_sweep_cursor
from transfer.core.errors import InvalidRequestError

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)

MOMENTS = st.datetimes(
    datetime(1970, 1, 1),  # noqa: DTZ001 - a bound
    datetime(2200, 1, 1),  # noqa: DTZ001 - a bound
    timezones=st.just(UTC),
).map(lambda moment: moment.replace(microsecond=0))


@given(second=MOMENTS, ticket=st.integers(0, 10**10), began=st.none() | MOMENTS)
def test_a_cursor_is_read_as_it_is_written(
    second: datetime, ticket: int, began: datetime | None
) -> None:
    cursor = SweepCursor(second=second, ticket=ticket, began=began)
    assert parse_sweep_cursor(str(cursor)) == cursor


@pytest.mark.parametrize(
    "text", ["", "now", "20260302090000", "20260230090000-0", "20260302090000-x", "2-0", "²" * 14]
)
def test_a_cursor_from_elsewhere_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError):
        parse_sweep_cursor(text)


def test_a_page_goes_on_behind_its_last_ticket() -> None:
    cursor = SweepCursor().further(NINE, 42, NINE + SECOND)
    assert not cursor.is_behind(NINE, 42)
    assert not cursor.is_behind(NINE - SECOND, 43)
    assert cursor.is_behind(NINE, 43)
    assert cursor.is_behind(NINE + SECOND, 1)
    assert cursor.further(NINE, 43, NINE + 9 * SECOND).began == NINE + SECOND


def test_a_sweep_begins_where_nothing_can_be_late_any_more() -> None:
    hour = timedelta(hours=1)
    first = SweepCursor().swept(NINE, NINE + hour)
    assert (first.second, first.ticket, first.began) == (NINE + SECOND, 0, None)
    again = SweepCursor().swept(NINE, NINE + SECOND)
    assert again.second == NINE + SECOND - timedelta(minutes=1)
    long = SweepCursor().further(NINE - hour, 7, NINE).swept(NINE + hour, NINE + hour)
    assert long.second == NINE - timedelta(minutes=1)  # counted from where the sweep began


def test_a_tracker_of_1970_has_no_earlier_changes() -> None:
    beginning = parse_sweep_cursor(None)
    assert beginning == SweepCursor()
    assert beginning.swept(beginning.second, beginning.second) == beginning
