"""Jotting: a brief write, which on SQLite is run in the loop and only committed elsewhere."""

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from pysqlite3 import dbapi2
from sqlalchemy import Connection, Engine, event, insert
from sqlalchemy.exc import IntegrityError

from tests.contract.records.scenario import NOW
from tests.contract.records.token_rows import add_token, token_ids
from transfer.core.errors import RecordsUnavailableError
from transfer.records.database import Database
from transfer.records.tables import case_updates


@pytest.fixture
async def on_sqlite(sqlite_url: str) -> AsyncIterator[Database]:
    opened = await Database.open(sqlite_url)
    yield opened
    await opened.close()


@pytest.fixture
def commits(on_sqlite: Database) -> Iterator[list[Connection]]:
    """Every commit from here on; of reads too."""
    seen: list[Connection] = []

    def note(connection: Connection) -> None:
        seen.append(connection)

    event.listen(Engine, "commit", note)
    yield seen
    event.remove(Engine, "commit", note)


def failing(connection: Connection, token_id: str) -> None:
    add_token(connection, token_id)
    raise LookupError(token_id)


def jotted(database: Database, *token_ids: str) -> list["asyncio.Future[str]"]:
    return [asyncio.ensure_future(database.jot(add_token, one)) for one in token_ids]


# ── On both databases ────────────────────────────────────────────────────────────────────────


async def test_what_was_jotted_down_is_there(database: Database) -> None:
    for token_id in ("one", "two"):
        assert await database.jot(add_token, token_id) == token_id
        assert token_id in await database.look(token_ids)


async def test_one_that_fails_leaves_nothing(database: Database) -> None:
    with pytest.raises(LookupError):
        await database.jot(failing, "one")
    assert await database.jot(add_token, "two") == "two"
    assert await database.read(token_ids) == {"two"}


async def test_nobody_jots_in_closed_records(database: Database) -> None:
    await database.close()
    with pytest.raises(RecordsUnavailableError):
        await database.jot(add_token, "one")


@pytest.mark.parametrize("seed", range(3))
async def test_who_is_told_of_success_is_there_and_nobody_else(
    database: Database, seed: int
) -> None:
    """Jots, writes, looks, failures and callers that go away, all at once."""
    chance = random.Random(seed)
    told: set[str] = set()
    left: set[str] = set()

    async def come_and_go(name: str) -> None:
        for number in range(40):
            token_id = f"{name}-{number}"
            run = chance.choice([database.jot, database.jot, database.write])
            do = failing if chance.random() < 0.1 else add_token
            writing = asyncio.ensure_future(run(do, token_id))
            if chance.random() < 0.2:
                for _ in range(chance.randrange(8)):
                    await asyncio.sleep(0)  # noqa: TID251 -- gives the loop turns, waits for no time
                if not writing.done():
                    left.add(token_id)
                writing.cancel()
            [outcome] = await asyncio.gather(writing, return_exceptions=True)
            assert isinstance(outcome, str | LookupError | asyncio.CancelledError), outcome
            if outcome == token_id:
                told.add(token_id)
                left.discard(token_id)
                assert token_id in await database.look(token_ids)

    async with asyncio.timeout(60):
        await asyncio.gather(*(come_and_go(f"{n}") for n in range(8)))
    there = await database.read(token_ids)
    assert told <= there <= told | left


# ── On SQLite ────────────────────────────────────────────────────────────────────────────────


async def test_it_is_run_in_the_thread_of_the_loop(on_sqlite: Database) -> None:
    thread = await on_sqlite.jot(lambda _: threading.current_thread())
    assert thread is threading.current_thread()


async def test_what_comes_in_one_turn_is_committed_together(
    on_sqlite: Database, commits: list[Connection]
) -> None:
    names = [f"{number}" for number in range(8)]
    assert await asyncio.gather(*jotted(on_sqlite, *names)) == names
    assert len(commits) == 1
    assert await on_sqlite.read(token_ids) == set(names)


async def test_the_loop_runs_some_in_a_row_and_no_more(
    on_sqlite: Database, commits: list[Connection]
) -> None:
    await asyncio.gather(*jotted(on_sqlite, *(f"{number}" for number in range(17))))
    assert len(commits) == 3


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_one_that_fails_takes_nobody_with_it(on_sqlite: Database, place: int) -> None:
    runs: list[Callable[[Connection, str], object]] = [add_token, add_token]
    runs.insert(place, failing)
    jots = [on_sqlite.jot(run, f"{number}") for number, run in enumerate(runs)]
    outcomes = await asyncio.gather(*jots, return_exceptions=True)
    assert [type(outcome) is LookupError for outcome in outcomes] == [
        number == place for number in range(3)
    ]
    assert await on_sqlite.read(token_ids) == {"0", "1", "2"} - {f"{place}"}


async def test_nobody_is_told_of_success_when_the_commit_fails(on_sqlite: Database) -> None:
    def break_commit(connection: Connection) -> None:
        # Checked by the commit, and not before: there is no such case.
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        connection.execute(
            insert(case_updates).values(case_number="none", at=NOW, author="a", text="t")
        )

    [before] = jotted(on_sqlite, "before")
    breaks = asyncio.ensure_future(on_sqlite.jot(break_commit))
    [after] = jotted(on_sqlite, "after")
    outcomes = await asyncio.gather(before, breaks, after, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [IntegrityError] * 3
    assert await on_sqlite.read(token_ids) == set()
    assert await on_sqlite.jot(add_token, "later") == "later"


async def test_what_has_to_wait_for_a_long_write_is_run_behind_it(on_sqlite: Database) -> None:
    begun, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def hold(connection: Connection) -> None:
        add_token(connection, "held")
        loop.call_soon_threadsafe(begun.set)
        assert go_on.wait(20)

    def see(connection: Connection) -> tuple[bool, set[str]]:
        return threading.current_thread() is threading.main_thread(), token_ids(connection)

    holding = asyncio.ensure_future(on_sqlite.write(hold))
    await asyncio.wait_for(begun.wait(), 20)
    jot = asyncio.ensure_future(on_sqlite.jot(see))
    await asyncio.sleep(0)  # noqa: TID251 -- gives the loop a turn, waits for no time
    go_on.set()
    assert await jot == (False, {"held"})
    await holding


async def test_another_process_that_writes_does_not_stop_the_loop(
    on_sqlite: Database, sqlite_url: str
) -> None:
    """It is this loop that ends the other one's transaction."""
    other = dbapi2.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        asyncio.get_running_loop().call_later(0.3, other.execute, "COMMIT")
        jots = jotted(on_sqlite, "one", "two")
        assert await asyncio.wait_for(asyncio.gather(*jots), 10) == ["one", "two"]
    finally:
        other.close()
    assert await on_sqlite.jot(lambda _: threading.current_thread()) is threading.current_thread()


async def test_one_that_is_being_committed_comes_to_its_end_first(on_sqlite: Database) -> None:
    [jot] = jotted(on_sqlite, "a")
    for _ in range(2):
        await asyncio.sleep(0)  # noqa: TID251 -- it has asked, and been run
    jot.cancel()
    await asyncio.gather(jot, return_exceptions=True)
    assert await on_sqlite.look(token_ids) == {"a"}


async def test_what_was_asked_for_is_done_before_the_records_are_closed(sqlite_url: str) -> None:
    """Jots that wait, those that are being committed, and a write behind them."""
    database = await Database.open(sqlite_url)
    tasks = jotted(database, *(f"{number}" for number in range(20)))
    for _ in range(2):
        await asyncio.sleep(0)  # noqa: TID251 -- they have asked, and the first have been run
    tasks.append(asyncio.ensure_future(database.write(add_token, "written")))
    await asyncio.sleep(0)  # noqa: TID251 -- it has asked
    await database.close()
    told = await asyncio.wait_for(asyncio.gather(*tasks), 10)
    assert len(told) == 21
    again = await Database.open(sqlite_url)
    assert await again.read(token_ids) == set(told)
    await again.close()


async def test_a_full_disk_leaves_nobody_in_the_dark(on_sqlite: Database) -> None:
    def fill(connection: Connection) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        for number in range(10_000):
            add_token(connection, f"{number:0400}")

    def make_room(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count=1000000")

    [before] = jotted(on_sqlite, "before")
    fills: asyncio.Future[None] = asyncio.ensure_future(on_sqlite.jot(fill))
    [after] = jotted(on_sqlite, "after")
    outcomes = await asyncio.gather(before, fills, after, return_exceptions=True)
    assert isinstance(outcomes[1], RecordsUnavailableError)
    kept = {outcome for outcome in outcomes if isinstance(outcome, str)}
    assert await on_sqlite.read(token_ids) == kept
    await on_sqlite.jot(make_room)
    assert await on_sqlite.jot(add_token, "later") == "later"
