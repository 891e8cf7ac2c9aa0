"""The pace of background work."""

import asyncio
from datetime import timedelta

import pytest

from tests.clock import MovableClock
from transfer.rounds import Rounds

EVERY = timedelta(seconds=15)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def rounds(clock: MovableClock) -> Rounds:
    return Rounds(clock=clock, every=EVERY)


async def test_the_next_round_is_due_after_the_interval(
    clock: MovableClock, rounds: Rounds
) -> None:
    pause = asyncio.create_task(rounds.pause())
    await clock.wait_for_sleepers()
    clock.advance(EVERY - timedelta(milliseconds=1))
    assert clock.sleepers == 1
    clock.advance(timedelta(milliseconds=1))
    await asyncio.wait_for(pause, 5)


async def test_being_woken_ends_the_pause_at_once(clock: MovableClock, rounds: Rounds) -> None:
    pause = asyncio.create_task(rounds.pause())
    await clock.wait_for_sleepers()
    rounds.wake()
    await asyncio.wait_for(pause, 5)
    assert clock.sleepers == 0


async def test_being_woken_during_a_round_brings_one_more_and_only_one(
    clock: MovableClock, rounds: Rounds
) -> None:
    rounds.wake()
    rounds.wake()
    await asyncio.wait_for(rounds.pause(), 5)
    pause = asyncio.create_task(rounds.pause())
    await clock.wait_for_sleepers()
    assert not pause.done()
    rounds.stop()
    await pause


async def test_stopping_ends_the_pause_and_every_later_one(
    clock: MovableClock, rounds: Rounds
) -> None:
    pause = asyncio.create_task(rounds.pause())
    await clock.wait_for_sleepers()
    rounds.stop()
    await asyncio.wait_for(pause, 5)
    assert rounds.stopping
    await asyncio.wait_for(rounds.pause(), 5)


async def test_a_cancelled_pause_leaves_no_task_behind(clock: MovableClock, rounds: Rounds) -> None:
    pause = asyncio.create_task(rounds.pause())
    await clock.wait_for_sleepers()
    pause.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pause
    assert clock.sleepers == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_rounds_that_are_asked_for_keep_their_distance(clock: MovableClock) -> None:
    rounds = Rounds(clock=clock, every=EVERY, apart=timedelta(seconds=1))
    rounds.wake()
    await asyncio.wait_for(rounds.pause(), 5)
    rounds.wake()
    pause = asyncio.create_task(rounds.pause())
    await clock.wait_for_sleepers()
    clock.advance(0.9)
    assert clock.sleepers == 1
    clock.advance(0.1)
    await asyncio.wait_for(pause, 5)
    clock.advance(1)
    rounds.wake()
    await asyncio.wait_for(rounds.pause(), 5)


async def test_stopping_does_not_wait_for_the_distance(clock: MovableClock) -> None:
    rounds = Rounds(clock=clock, every=EVERY, apart=timedelta(seconds=1))
    rounds.wake()
    await asyncio.wait_for(rounds.pause(), 5)
    rounds.wake()
    pause = asyncio.create_task(rounds.pause())
    await clock.wait_for_sleepers()
    rounds.stop()
    await asyncio.wait_for(pause, 5)
