"""A clock that jumps makes nothing due."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from tests.clock import MovableClock
from tests.unit.retention.world import World
from transfer.core.retention import PERIOD
from transfer.retention.clock_doubt import ClockDoubt

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class JumpingClock(MovableClock):
    """A clock whose wall time is set, while the time that really passes is not."""

    def jump(self, by: timedelta) -> None:
        self._jumped += by


@pytest.fixture
def clock() -> MovableClock:
    return JumpingClock()


def test_time_that_passes_is_believed() -> None:
    clock = JumpingClock()
    doubt = ClockDoubt(clock)
    for step in (timedelta(seconds=15), 30 * DAY, timedelta()):
        clock.advance(step)
        assert not doubt.holds()


def test_a_small_correction_is_believed() -> None:
    clock = JumpingClock()
    doubt = ClockDoubt(clock)
    for by in (HOUR, -HOUR):
        clock.jump(by)
        assert not doubt.holds()


def test_a_jump_forward_is_doubted_for_as_long_as_it_was_and_told() -> None:
    clock = JumpingClock()
    doubt = ClockDoubt(clock)
    clock.jump(5 * HOUR)
    with capture_logs() as logs:
        assert doubt.holds()
    assert [entry["event"] for entry in logs] == ["retention.clock-jumped"]
    clock.advance(5 * HOUR - timedelta(seconds=1))
    assert doubt.holds()
    clock.advance(1)
    assert not doubt.holds()


def test_a_jump_of_years_is_doubted_for_a_day() -> None:
    clock = JumpingClock()
    doubt = ClockDoubt(clock)
    clock.jump(3650 * DAY)
    assert doubt.holds()
    clock.advance(DAY)
    assert not doubt.holds()


def test_a_clock_that_is_set_right_again_is_believed_at_once() -> None:
    clock = JumpingClock()
    doubt = ClockDoubt(clock)
    clock.jump(40 * DAY)
    assert doubt.holds()
    clock.jump(-40 * DAY)
    assert not doubt.holds()


async def test_nothing_is_deleted_or_announced_after_a_jump(
    world: World, clock: JumpingClock
) -> None:
    case = await world.a_closed_case()
    later = await world.a_closed_case()
    worker = world.worker()
    clock.jump(PERIOD)
    for _ in range(2):
        report = await worker.run_once()
        assert (report.cases, report.notices) == ({}, 0)
        assert report.failures == ["cases: clock-jumped"]
    assert len(await world.left_of(case)) == 6
    clock.jump(-PERIOD)
    report = await worker.run_once()
    assert (report.cases, report.failures) == ({}, [])
    clock.advance(PERIOD)
    assert (await worker.run_once()).cases == {"finished": 2}
    assert await world.left_of(later) == []
