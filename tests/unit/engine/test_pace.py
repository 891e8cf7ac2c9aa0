import asyncio
from datetime import timedelta

import pytest

from tests.clock import MovableClock
from transfer.engine.pace import Pace


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


async def test_no_rate_is_no_limit(clock: MovableClock) -> None:
    pace = Pace(clock, None)
    for _ in range(10):
        await pace.take(10**12)


async def test_no_more_passes_than_the_rate_allows(clock: MovableClock) -> None:
    pace = Pace(clock, 100)
    passing = asyncio.create_task(pace.take(250))
    await clock.wait_for_sleepers()
    clock.advance(timedelta(seconds=2.4))
    await clock.wait_for_sleepers()
    assert not passing.done()
    clock.advance(timedelta(seconds=0.2))
    await asyncio.wait_for(passing, 5)


async def test_all_who_ask_share_the_rate(clock: MovableClock) -> None:
    pace = Pace(clock, 100)
    tasks = [asyncio.create_task(pace.take(100)) for _ in range(3)]
    await clock.wait_for_sleepers(3)
    for passed in (1, 2, 3):
        clock.advance(timedelta(seconds=1.001))
        await asyncio.wait([tasks[passed - 1]], timeout=5)
        assert [task.done() for task in tasks] == [True] * passed + [False] * (3 - passed)


async def test_time_that_nobody_used_is_not_made_up_for(clock: MovableClock) -> None:
    pace = Pace(clock, 100)
    clock.advance(timedelta(hours=1))
    passing = asyncio.create_task(pace.take(100))
    await clock.wait_for_sleepers()
    assert not passing.done()
    clock.advance(timedelta(seconds=1.001))
    await asyncio.wait_for(passing, 5)
