"""Loops of a process: one that ends ends the service, and all of them end when told to."""

import asyncio

import pytest

from transfer.service.failures import ServiceError
from transfer.service.loops import Loops


async def forever() -> None:
    await asyncio.Event().wait()


async def at_once() -> None:
    return


async def failing() -> None:
    raise KeyError("bucket")


async def ending(message: str) -> None:
    raise ServiceError(message)


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (at_once, "The watch ended by itself."),
        (failing, "The watch failed with KeyError: 'bucket'"),
        (lambda: ending("The store is gone."), "The store is gone."),
    ],
)
async def test_a_loop_that_ends_is_named_with_its_reason(work: object, said: str) -> None:
    assert callable(work)
    loops = Loops()
    loops.start("Another", forever())
    loops.start("The watch", work())
    with pytest.raises(ServiceError) as caught:
        await loops.first_end()
    assert str(caught.value) == said
    await loops.stop(1)


async def test_a_loop_that_can_end_by_itself_comes_to_its_end() -> None:
    told, ended = asyncio.Event(), []

    async def stoppable() -> None:
        await told.wait()
        ended.append("by itself")

    loops = Loops()
    loops.start("The worker", stoppable(), told.set)
    loops.start("The watch", forever())
    await loops.stop(5)
    assert ended == ["by itself"]


async def test_a_loop_that_does_not_end_in_time_is_cancelled() -> None:
    ends = []

    async def stubborn() -> None:
        try:
            await forever()
        finally:
            ends.append("cancelled")

    loops = Loops()
    loops.start("The worker", stubborn(), lambda: None)
    await asyncio.wait_for(loops.stop(0.01), 5)
    assert ends == ["cancelled"]


async def test_winding_down_tells_those_that_can_stop() -> None:
    told = asyncio.Event()
    loops = Loops()
    loops.start("The worker", forever(), told.set)
    loops.wind_down()
    assert told.is_set()
    await loops.stop(0)
