"""The clock that other tests rely on."""

import asyncio
from datetime import timedelta

import pytest

from tests.clock import START, MovableClock
from transfer.ports import Clock


async def test_time_stands_still_until_it_is_moved() -> None:
    clock = MovableClock()
    assert (clock.now(), clock.monotonic()) == (START, 0.0)
    clock.advance(timedelta(hours=2))
    assert (clock.now(), clock.monotonic()) == (START + timedelta(hours=2), 7200.0)
    clock.advance(1.5)
    assert clock.monotonic() == 7201.5


async def test_it_plays_the_role_of_the_injected_clock() -> None:
    clock: Clock = MovableClock()
    assert clock.now() == START


async def test_a_jump_wakes_the_sleepers_whose_time_has_come_and_no_other() -> None:
    clock = MovableClock()
    short = asyncio.create_task(clock.sleep(10))
    long = asyncio.create_task(clock.sleep_until(START + timedelta(minutes=1)))
    await clock.wait_for_sleepers(2)
    clock.advance(10)
    await asyncio.wait_for(short, 5)
    assert not long.done()
    assert clock.sleepers == 1
    clock.set(START + timedelta(minutes=1))
    await asyncio.wait_for(long, 5)
    assert clock.sleepers == 0


async def test_a_sleep_that_is_over_already_does_not_wait() -> None:
    clock = MovableClock()
    async with asyncio.timeout(5):
        await clock.sleep(0)
        await clock.sleep_until(START)


async def test_time_never_goes_back_unless_told() -> None:
    clock = MovableClock()
    with pytest.raises(ValueError, match="forward"):
        clock.advance(timedelta(seconds=-1))
    with pytest.raises(ValueError, match="passed"):
        clock.set(START - timedelta(seconds=1))
    clock.advance(60)
    clock.set(START, backwards=True)
    assert (clock.now(), clock.monotonic()) == (START, 60.0)


async def test_a_sleeper_until_a_moment_waits_longer_when_the_wall_clock_is_set_back() -> None:
    clock = MovableClock()
    task = asyncio.create_task(clock.sleep_until(START + timedelta(seconds=10)))
    await clock.wait_for_sleepers()
    clock.set(START - timedelta(seconds=10), backwards=True)
    clock.advance(10)
    assert clock.sleepers == 1
    clock.advance(10)
    await asyncio.wait_for(task, 5)


async def test_a_running_clock_moves_by_itself_and_by_jumps() -> None:
    clock = MovableClock(running=True)
    before = clock.now()
    async with asyncio.timeout(5):
        await clock.sleep(0.01)
        assert clock.now() >= before + timedelta(seconds=0.01)
        task = asyncio.create_task(clock.sleep(3600))
        await clock.wait_for_sleepers()
        clock.advance(3600)
        await task


async def test_a_jump_from_another_thread_wakes_the_loop() -> None:
    clock = MovableClock()
    task = asyncio.create_task(clock.sleep(5))
    await clock.wait_for_sleepers()
    await asyncio.to_thread(clock.advance, 5)
    await asyncio.wait_for(task, 5)


async def test_waiting_for_sleepers_that_never_come_gives_up() -> None:
    with pytest.raises(TimeoutError):
        await MovableClock().wait_for_sleepers(real_seconds=0.01)
