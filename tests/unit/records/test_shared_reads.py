"""One read answers all who asked before it began, and nobody who asked later."""

import asyncio

import pytest

from transfer.records.shared_reads import SharedReads


class Book:
    """A page that changes; a reader reads it at once, but is slow to tell."""

    def __init__(self) -> None:
        self.page = 1
        self.reads = 0
        self.told = asyncio.Event()
        self.begun = asyncio.Semaphore(0)
        self.shared: SharedReads[str, int] = SharedReads(self.read)

    async def read(self, key: str) -> int:
        self.reads += 1
        found = self.page
        self.begun.release()
        await self.told.wait()
        if key == "torn":
            raise ValueError("torn")
        return found

    def ask(self, key: str = "a") -> "asyncio.Task[int]":
        return asyncio.create_task(self.shared.get(key))


async def turn() -> None:
    """Let everybody who can do something now do it."""
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    loop.call_soon(over.set_result, None)
    await over


async def test_who_asks_at_the_same_moment_is_answered_by_one_read() -> None:
    book = Book()
    book.told.set()
    assert await asyncio.gather(*(book.ask() for _ in range(5))) == [1] * 5
    assert book.reads == 1


async def test_who_asks_during_a_read_sees_what_changed_before_they_asked() -> None:
    book = Book()
    early = book.ask()
    await book.begun.acquire()
    book.page = 2
    late = [book.ask(), book.ask()]
    await turn()
    book.told.set()
    assert await early == 1
    assert await asyncio.gather(*late) == [2, 2]
    assert book.reads == 2


async def test_nothing_is_remembered() -> None:
    book = Book()
    book.told.set()
    assert await book.ask() == 1
    book.page = 2
    assert await book.ask() == 2


async def test_no_key_waits_for_another() -> None:
    book = Book()
    asked = [book.ask("a"), book.ask("b")]
    await book.begun.acquire()
    await book.begun.acquire()
    book.told.set()
    assert await asyncio.gather(*asked) == [1, 1]


async def test_a_failure_is_told_to_all_and_the_next_read_begins_anew() -> None:
    book = Book()
    book.told.set()
    results = await asyncio.gather(book.ask("torn"), book.ask("torn"), return_exceptions=True)
    assert [type(result) for result in results] == [ValueError, ValueError]
    with pytest.raises(ValueError, match="torn"):
        await book.ask("torn")
    assert book.reads == 2


async def test_whoever_leaves_takes_the_answer_from_nobody() -> None:
    book = Book()
    leaving, staying = book.ask(), book.ask()
    await book.begun.acquire()
    leaving.cancel()
    await asyncio.wait([leaving])
    book.told.set()
    assert await staying == 1


async def test_the_end_of_the_process_leaves_nobody_waiting() -> None:
    book = Book()
    asked = [book.ask()]
    await book.begun.acquire()
    asked.append(book.ask())
    await turn()
    for work in asyncio.all_tasks() - {*asked, asyncio.current_task()}:
        work.cancel()
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(result) for result in results] == [asyncio.CancelledError] * 2
    book.told.set()
    assert await book.ask() == 1
