"""How changes of cases are gone through."""

from datetime import UTC, datetime, timedelta

import pytest

from transfer.casebridge.change_cursor import ChangeCursor, parse_change_cursor
from transfer.core.errors import InvalidRequestError

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SOON = timedelta(seconds=59)
LATER = timedelta(seconds=60)


def test_it_comes_back_as_it_was_written() -> None:
    cursor = ChangeCursor(3, 7, NOW, 5)
    assert parse_change_cursor(str(cursor)) == cursor
    assert parse_change_cursor(None) == ChangeCursor()
    assert parse_change_cursor(str(ChangeCursor())) == ChangeCursor()


@pytest.mark.parametrize(
    "text", ["", "1-2-3", "1-2-3-x", "1-2-3--4", "1-2-3-4\n", f"{'9' * 19}-2-3-4"]
)
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="no cursor"):
        parse_change_cursor(text)


def test_what_was_read_is_read_again_until_nothing_can_come_in_between() -> None:
    first = ChangeCursor().swept(7, NOW)
    assert first.seen == 0
    soon = first.swept(9, NOW + SOON)
    assert soon.seen == 0
    later = soon.swept(9, NOW + LATER)
    assert later.seen == 7
    assert later.swept(9, NOW + 2 * LATER).seen == 9


def test_a_sweep_of_many_pages_goes_on_where_it_was() -> None:
    cursor = ChangeCursor(3, 3, NOW, 3).further(103)
    assert (cursor.seen, cursor.base) == (103, 3)
    assert parse_change_cursor(str(cursor)) == cursor
