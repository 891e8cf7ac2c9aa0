"""Deletions at a set rate."""

import asyncio
from datetime import timedelta

import pytest

from tests.clock import MovableClock
from tests.unit.retention.world import World
from transfer.retention.pace import Pace
from transfer.retention.policy import RetentionPolicy
from transfer.retention.purge_report import PurgeOutcome


async def time_for(clock: MovableClock, pace: Pace, takes: list[int]) -> float:
    """Take that much, letting time pass as it is asked for; return how many seconds that took."""
    began = clock.monotonic()

    async def take() -> None:
        for count in takes:
            await pace.take(count)

    task = asyncio.create_task(take())
    while not task.done():
        await asyncio.wait([task], timeout=0.01)
        if clock.sleepers:
            clock.advance(0.25)
    await task
    return clock.monotonic() - began


@pytest.mark.parametrize(("takes", "seconds"), [([100], 0), ([50, 50], 0), ([100] * 11, 9)])
async def test_no_more_goes_a_second_than_is_allowed(takes: list[int], seconds: float) -> None:
    clock = MovableClock()
    took = await time_for(clock, Pace(100, clock), takes)
    assert seconds <= took <= seconds + 1


async def test_a_pause_saves_no_more_than_a_second() -> None:
    clock = MovableClock()
    pace = Pace(100, clock)
    await pace.take(100)
    clock.advance(timedelta(hours=1))
    assert await time_for(clock, pace, [100] * 6) >= 4


def test_nobody_waits_for_long() -> None:
    assert Pace(0.01, MovableClock()).most == 1
    assert Pace(20, MovableClock()).most == 200


async def test_a_deletion_keeps_the_pace_in_batches_that_go_with_it(world: World) -> None:
    case = await world.a_due_case()
    for _ in range(14):
        await world.put_object(case)
    purge = world.purge(policy=RetentionPolicy(deletes_per_second=1))
    task = asyncio.create_task(purge.run(case.number))
    began = world.clock.monotonic()
    while not task.done():
        await asyncio.wait([task], timeout=0.01)
        if world.clock.sleepers:
            world.clock.advance(1)
    report = await task
    assert report.outcome is PurgeOutcome.FINISHED
    assert report.objects.versions == 18
    assert world.clock.monotonic() - began >= 9
