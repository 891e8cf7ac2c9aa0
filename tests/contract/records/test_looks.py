"""Looking: a read of a few rows, which on SQLite costs no thread."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pysqlite3 import dbapi2
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, OperationalError

from tests.contract.records.token_rows import add_token, token_ids
from transfer.core.errors import RecordsUnavailableError
from transfer.records.database import Database


def _files_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.fixture
async def on_sqlite(sqlite_url: str) -> AsyncIterator[Database]:
    opened = await Database.open(sqlite_url)
    yield opened
    await opened.close()


async def test_a_look_sees_what_was_committed_before_it(database: Database) -> None:
    for token_id in ("one", "two"):
        await database.write(add_token, token_id)
        assert token_id in await database.look(token_ids)


async def test_a_look_can_not_write(database: Database) -> None:
    with pytest.raises((RecordsUnavailableError, DBAPIError)):
        await database.look(add_token, "one")
    assert await database.look(token_ids) == set()


async def test_a_look_that_fails_leaves_the_next_one_as_it_was(database: Database) -> None:
    def fail(connection: Connection) -> None:
        token_ids(connection)
        raise LookupError("no")

    with pytest.raises(LookupError):
        await database.look(fail)
    await database.write(add_token, "one")
    assert await database.look(token_ids) == {"one"}


async def test_nobody_looks_at_closed_records(on_sqlite: Database) -> None:
    await on_sqlite.close()
    with pytest.raises(RecordsUnavailableError):
        await on_sqlite.look(token_ids)


async def test_sqlite_is_looked_at_in_the_thread_of_the_loop(on_sqlite: Database) -> None:
    thread = await on_sqlite.look(lambda _: threading.current_thread())
    assert thread is threading.current_thread()


async def test_what_is_locked_for_a_look_is_waited_for_by_a_reader(on_sqlite: Database) -> None:
    threads: list[threading.Thread] = []

    def find_locked_at_first(connection: Connection) -> set[str]:
        threads.append(threading.current_thread())
        if len(threads) == 1:
            raise OperationalError("SELECT 1", None, dbapi2.OperationalError("locked"))
        return token_ids(connection)

    await on_sqlite.write(add_token, "one")
    assert await on_sqlite.look(find_locked_at_first) == {"one"}
    assert threads[0] is threading.current_thread()
    assert threads[1] is not threading.current_thread()


async def test_who_looks_on_and_on_leaves_others_their_turn(on_sqlite: Database) -> None:
    for _ in range(3):
        turns: list[bool] = []
        asyncio.get_running_loop().call_soon(turns.append, True)
        for _ in range(8):
            await on_sqlite.look(token_ids)
        assert turns


async def test_a_look_keeps_no_wal_from_being_tidied_away(
    on_sqlite: Database, tmp_path: Path
) -> None:
    await on_sqlite.write(add_token, "one")
    await on_sqlite.look(token_ids)
    await on_sqlite.close()
    assert _files_in(tmp_path) == ["records.db"]
