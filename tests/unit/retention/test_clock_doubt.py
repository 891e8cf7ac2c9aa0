"""A clock that jumps makes nothing due."""

from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from tests.clock import MovableClock
from tests.unit.retention.world import CUSTOMER, World
from transfer.core.errors import RecordsUnavailableError
from transfer.core.retention import PERIOD
from transfer.retention.clock_doubt import ClockDoubt, LastingDoubt

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


def test_a_small_step_back_ends_no_doubt_about_a_jump_of_a_year() -> None:
    clock = JumpingClock()
    doubt = ClockDoubt(clock)
    clock.jump(365 * DAY)
    assert doubt.holds()
    clock.jump(-2 * HOUR)
    assert doubt.holds()
    clock.jump(-365 * DAY)
    assert not doubt.holds()


def test_what_was_believed_for_a_day_is_not_set_against_the_next_jump() -> None:
    clock = JumpingClock()
    doubt = ClockDoubt(clock)
    clock.jump(365 * DAY)
    assert doubt.holds()
    clock.advance(DAY)
    assert not doubt.holds()
    clock.jump(-365 * DAY)
    assert not doubt.holds()
    clock.jump(2 * HOUR)
    assert doubt.holds()


async def holds_anew(world: World) -> bool:
    """Ask as a process does that has just begun."""
    return await LastingDoubt(world.clock, world.records.deletions).holds()


async def test_a_restart_ends_no_doubt(world: World, clock: JumpingClock) -> None:
    doubt = LastingDoubt(clock, world.records.deletions)
    assert not await doubt.holds()
    clock.jump(365 * DAY)
    assert await doubt.holds()
    clock.advance(23 * HOUR)
    assert await holds_anew(world)
    clock.jump(-2 * HOUR)
    assert await holds_anew(world)
    clock.advance(3 * HOUR)
    assert not await holds_anew(world)


@pytest.mark.parametrize(("away", "doubted"), [(3 * DAY, False), (3 * DAY + HOUR, True)])
async def test_a_start_after_days_of_nothing_is_doubted_for_a_day(
    world: World, clock: JumpingClock, away: timedelta, doubted: bool
) -> None:
    assert not await holds_anew(world)
    clock.advance(away)
    doubt = LastingDoubt(clock, world.records.deletions)
    assert await doubt.holds() is doubted
    clock.advance(DAY)
    assert not await doubt.holds()
    clock.advance(2 * DAY)
    assert not await holds_anew(world)


async def test_what_a_clock_far_ahead_has_left_is_doubted_for_a_day(
    world: World, clock: JumpingClock
) -> None:
    clock.jump(3650 * DAY)
    assert not await holds_anew(world)
    clock.jump(-3650 * DAY)
    assert await holds_anew(world)
    clock.advance(DAY)
    assert not await holds_anew(world)


@pytest.mark.parametrize(("behind", "doubted"), [(1, False), (60, False), (61, True)])
async def test_a_node_whose_clock_is_a_little_behind_that_of_another_is_believed(
    world: World, clock: JumpingClock, behind: int, doubted: bool
) -> None:
    assert not await holds_anew(world)
    clock.jump(-timedelta(seconds=behind))
    assert await holds_anew(world) is doubted


async def test_while_it_is_in_doubt_uploads_and_their_bytes_stay_and_accounts_end(
    world: World, clock: JumpingClock
) -> None:
    case = await world.a_case()
    files, _ = await world.records.tree.files(case.number)
    await world.records.tree.remove_file(files[0].id, CUSTOMER, clock.now())
    tended = 0

    async def overdue() -> int:
        nonlocal tended
        tended += 1
        return 1

    worker = world.worker(overdue=overdue)
    clock.jump(8 * DAY)
    report = await worker.run_once()
    assert (tended, report.discards_done, report.accounts_ended) == (0, 0, 1)
    clock.jump(-8 * DAY)
    report = await worker.run_once()
    assert (tended, report.discards_done) == (1, 1)


async def test_nothing_is_taken_away_while_the_records_tell_nothing_of_the_clock(
    world: World,
) -> None:
    class Away:
        async def believed_at(self) -> None:
            raise RecordsUnavailableError("away")

        async def believe(self, at: datetime) -> None:
            raise AssertionError(at)

    case = await world.a_due_case()
    report = await world.worker(doubt=LastingDoubt(world.clock, Away())).run_once()
    assert report.failures == ["clock: records-unavailable"]
    assert len(await world.left_of(case)) == 6


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
        assert report.failures == ["clock-jumped"]
    assert len(await world.left_of(case)) == 6
    clock.jump(-PERIOD)
    report = await worker.run_once()
    assert (report.cases, report.failures) == ({}, [])
    clock.advance(PERIOD)
    assert (await worker.run_once()).cases == {"finished": 2}
    assert await world.left_of(later) == []
