"""Those who ask at the same moment are served together; none is lost, whoever leaves or fails."""

import asyncio
from collections.abc import Sequence

import pytest

from transfer.records.gathering import Gathering


class Workshop:
    """Doubles numbers, once the door is open; notes which it was given together."""

    def __init__(self) -> None:
        self.door = asyncio.Event()
        self.begun = asyncio.Semaphore(0)
        self.given: list[tuple[str, list[int]]] = []
        self.gathering: Gathering[str, int, int] = Gathering(self.double)

    async def double(self, key: str, numbers: Sequence[int]) -> Sequence[int]:
        self.given.append((key, list(numbers)))
        self.begun.release()
        await self.door.wait()
        if 13 in numbers:
            raise ValueError("not 13")
        return [2 * number for number in numbers]

    def ask(self, number: int, key: str = "a") -> "asyncio.Task[int]":
        return asyncio.create_task(self.gathering.join(key, number))


async def turn() -> None:
    """Let everybody who can do something now do it."""
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    loop.call_soon(over.set_result, None)
    await over


async def test_what_comes_meanwhile_goes_together_with_the_next() -> None:
    shop = Workshop()
    first = [shop.ask(1), shop.ask(2)]
    await shop.begun.acquire()
    second = [shop.ask(3), shop.ask(4), shop.ask(5)]
    await turn()
    shop.door.set()
    assert await asyncio.gather(*first, *second) == [2, 4, 6, 8, 10]
    assert shop.given == [("a", [1, 2]), ("a", [3, 4, 5])]


async def test_no_key_waits_for_another() -> None:
    shop = Workshop()
    tasks = [shop.ask(1), shop.ask(2, "b")]
    await shop.begun.acquire()
    await shop.begun.acquire()
    shop.door.set()
    assert await asyncio.gather(*tasks) == [2, 4]


async def test_a_failure_is_told_to_those_it_is_of_and_the_next_ones_go_on() -> None:
    shop = Workshop()
    first = [shop.ask(13), shop.ask(1)]
    await shop.begun.acquire()
    second = shop.ask(2)
    shop.door.set()
    assert [type(one) for one in await asyncio.gather(*first, return_exceptions=True)] == [
        ValueError,
        ValueError,
    ]
    assert await second == 4


async def test_whoever_leaves_before_it_began_is_left_out() -> None:
    shop = Workshop()
    first = shop.ask(1)
    await shop.begun.acquire()
    leaving, staying = shop.ask(2), shop.ask(3)
    await turn()
    leaving.cancel()
    await asyncio.wait([leaving])
    shop.door.set()
    assert await asyncio.gather(*[first, staying]) == [2, 6]
    assert shop.given == [("a", [1]), ("a", [3])]


async def test_whoever_leaves_later_stays_until_it_is_done() -> None:
    shop = Workshop()
    first = shop.ask(1)
    await shop.begun.acquire()
    first.cancel()
    await turn()
    assert not first.done()
    shop.door.set()
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_the_end_of_the_process_leaves_nobody_waiting() -> None:
    shop = Workshop()
    tasks = [shop.ask(1)]
    await shop.begun.acquire()
    tasks.append(shop.ask(2))
    await turn()
    (work,) = asyncio.all_tasks() - {*tasks, asyncio.current_task()}
    work.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [asyncio.CancelledError] * 2
