"""Cases that failed and wait, longer each time."""

from datetime import timedelta

import pytest

from tests.clock import MovableClock
from transfer.core.cases import CaseNumber
from transfer.retention.postponed import Postponed

CASE = CaseNumber("0000000001")


@pytest.fixture
def postponed(clock: MovableClock) -> Postponed:
    return Postponed(clock)


def test_nobody_waits_at_first(postponed: Postponed) -> None:
    assert postponed.now() == frozenset()


def test_a_case_that_failed_waits_twice_as_long_each_time_up_to_an_hour(
    clock: MovableClock, postponed: Postponed
) -> None:
    for minutes in (1, 2, 4, 8, 16, 32, 60, 60):
        postponed.postpone(CASE)
        clock.advance(timedelta(minutes=minutes) - timedelta(milliseconds=1))
        assert postponed.now() == {CASE}
        clock.advance(timedelta(milliseconds=1))
        assert postponed.now() == frozenset()


def test_a_case_that_was_forgotten_starts_anew(clock: MovableClock, postponed: Postponed) -> None:
    postponed.postpone(CASE)
    postponed.postpone(CASE)
    postponed.forget(CASE)
    assert postponed.now() == frozenset()
    postponed.postpone(CASE)
    clock.advance(timedelta(minutes=1))
    assert postponed.now() == frozenset()


def test_a_case_that_has_not_failed_for_long_starts_anew(
    clock: MovableClock, postponed: Postponed
) -> None:
    for _ in range(3):
        postponed.postpone(CASE)
    clock.advance(timedelta(hours=3))
    assert postponed.now() == frozenset()
    postponed.postpone(CASE)
    clock.advance(timedelta(minutes=1))
    assert postponed.now() == frozenset()
