"""SQLite: writes that wait for each other are committed together, and yet each by itself."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, func, insert, select
from sqlalchemy.exc import IntegrityError

from tests.contract.records.scenario import NOW
from tests.contract.records.token_rows import add_token, token_ids
from transfer.core.errors import RecordsUnavailableError
from transfer.records.database import Database
from transfer.records.lanes import Outcomes
from transfer.records.tables import case_updates, tokens


@pytest.fixture
async def database(sqlite_url: str) -> AsyncIterator[Database]:
    opened = await Database.open(sqlite_url)
    yield opened
    await opened.close()


@pytest.fixture
def commits(database: Database) -> Iterator[list[Connection]]:
    """Every commit from here on; of reads too."""
    seen: list[Connection] = []

    def note(connection: Connection) -> None:
        seen.append(connection)

    event.listen(Engine, "commit", note)
    yield seen
    event.remove(Engine, "commit", note)


class Held:
    """The writer of a database, held up so that a queue forms behind it."""

    def __init__(self) -> None:
        self._begun, self._go_on = asyncio.Event(), threading.Event()
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def up(cls, database: Database, *, fails: bool = False) -> "Held":
        held, loop = cls(), asyncio.get_running_loop()

        def hold(_: Connection) -> None:
            loop.call_soon_threadsafe(held._begun.set)
            assert held._go_on.wait(20)
            if fails:
                raise LookupError("held up, and for nothing")

        held._task = asyncio.create_task(database.write(hold))
        await asyncio.wait_for(held._begun.wait(), 20)
        return held

    async def let_go(self) -> None:
        await _turn()
        self._go_on.set()
        assert self._task is not None
        await asyncio.wait([self._task])
        self._task.exception()  # what became of it, the test doesn't ask


def _in_a_thread(call: Callable[..., None], *args: object) -> None:
    """Have `call` come to its end in another thread, while this one waits, its loop too."""
    thread = threading.Thread(target=call, args=args)
    thread.start()
    thread.join()


async def _turn() -> None:
    await asyncio.sleep(0)  # noqa: TID251 -- gives the loop a turn, waits for no time


async def test_writes_that_wait_are_committed_together(
    database: Database, commits: list[Connection]
) -> None:
    held = await Held.up(database)
    writes = [asyncio.ensure_future(database.write(add_token, f"{n}")) for n in range(20)]
    await held.let_go()
    assert await asyncio.gather(*writes) == [f"{n}" for n in range(20)]
    assert len(commits) == 1  # also of the one that held them up
    assert await database.read(token_ids) == {f"{n}" for n in range(20)}


async def test_a_long_queue_is_committed_in_pieces(
    database: Database, commits: list[Connection]
) -> None:
    held = await Held.up(database)
    writes = [asyncio.ensure_future(database.write(add_token, f"{n}")) for n in range(100)]
    await held.let_go()
    await asyncio.gather(*writes)
    assert len(commits) == 4  # of 32 at most


async def test_one_that_fails_leaves_nothing_and_takes_nobody_with_it(database: Database) -> None:
    def fail(connection: Connection, token_id: str) -> None:
        add_token(connection, token_id)
        raise LookupError(token_id)

    held = await Held.up(database)
    first = asyncio.ensure_future(database.write(add_token, "first"))
    failing = asyncio.ensure_future(database.write(fail, "failing"))
    refused = asyncio.ensure_future(database.write(add_token, "first"))
    last = asyncio.ensure_future(database.write(add_token, "last"))
    await held.let_go()
    outcomes = await asyncio.gather(first, failing, refused, last, return_exceptions=True)
    assert [outcomes[0], outcomes[3]] == ["first", "last"]
    assert isinstance(outcomes[1], LookupError)
    assert isinstance(outcomes[2], IntegrityError)
    assert await database.read(token_ids) == {"first", "last"}


async def test_each_sees_what_those_before_it_have_written(database: Database) -> None:
    def count(connection: Connection, token_id: str) -> int:
        add_token(connection, token_id)
        return connection.scalar(select(func.count()).select_from(tokens)) or 0

    held = await Held.up(database)
    writes = [asyncio.ensure_future(database.write(count, f"{n}")) for n in range(5)]
    await held.let_go()
    assert await asyncio.gather(*writes) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("fails", [False, True])
async def test_one_that_was_given_up_in_the_queue_does_not_happen(
    database: Database, fails: bool
) -> None:
    held = await Held.up(database, fails=fails)
    writes = [asyncio.ensure_future(database.write(add_token, f"{n}")) for n in range(3)]
    await _turn()
    for given_up in writes[:2]:
        given_up.cancel()
    await held.let_go()
    await asyncio.gather(*writes, return_exceptions=True)
    assert [write.cancelled() for write in writes] == [True, True, False]
    assert await database.read(token_ids) == {"2"}


async def test_nobody_is_told_of_success_when_the_commit_fails(database: Database) -> None:
    def break_commit(connection: Connection) -> None:
        # Checked by the commit, and not before: there is no such case.
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        connection.execute(
            insert(case_updates).values(case_number="none", at=NOW, author="a", text="t")
        )

    held = await Held.up(database)
    writes = [
        asyncio.ensure_future(database.write(add_token, "before")),
        asyncio.ensure_future(database.write(break_commit)),
        asyncio.ensure_future(database.write(add_token, "after")),
    ]
    await held.let_go()
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [IntegrityError] * 3
    assert await database.read(token_ids) == set()
    assert await database.write(add_token, "later") == "later"


async def test_a_full_disk_fails_all_that_would_have_been_committed_together(
    database: Database,
) -> None:
    def fill(connection: Connection) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        for number in range(10_000):
            add_token(connection, f"{number:0400}")

    def make_room(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count=1000000")

    held = await Held.up(database)
    writes = [
        asyncio.ensure_future(database.write(add_token, "before")),
        asyncio.ensure_future(database.write(fill)),
        asyncio.ensure_future(database.write(add_token, "after")),
    ]
    await held.let_go()
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    kept = {outcome for outcome in outcomes if isinstance(outcome, str)}
    assert isinstance(outcomes[1], RecordsUnavailableError)
    assert await database.read(token_ids) == kept
    await database.write(make_room)
    assert await database.write(add_token, "later") == "later"


async def test_the_loop_is_woken_once_for_all_that_lies_ready() -> None:
    loop = asyncio.get_running_loop()
    futures = [loop.create_future() for _ in range(10)]
    wakes: list[object] = []

    class Counting:
        def call_soon_threadsafe(self, callback: Callable[[], None]) -> None:
            wakes.append(callback)
            loop.call_soon_threadsafe(callback)

    counting: Any = Counting()
    outcomes = Outcomes(counting)

    def find_out() -> None:
        for number, future in enumerate(futures):
            outcomes.put(future, number, None)

    _in_a_thread(find_out)
    assert await asyncio.gather(*futures) == list(range(10))
    assert len(wakes) == 1
    _in_a_thread(outcomes.put, futures[0], "again", None)
    await _turn()
    assert futures[0].result() == 0
    assert len(wakes) == 2


def test_outcomes_for_a_loop_that_is_closed_are_nobodys() -> None:
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    loop.close()
    _in_a_thread(Outcomes(loop).put, future, 1, None)
    assert not future.done()
