"""The facade: what a transaction is, on either database."""

import asyncio
import threading
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from pysqlite3 import dbapi2
from sqlalchemy import Connection, func, literal, select, text, update
from sqlalchemy.exc import DBAPIError, StatementError

from tests.contract.records.scenario import NOW, NUMBER, OTHER_NUMBER, open_case
from tests.contract.records.token_rows import add_token, token_ids
from tests.postgres import PostgresForTests
from transfer.core.errors import (
    InvalidRequestError,
    RecordsUnavailableError,
)
from transfer.records.assembly import open_records
from transfer.records.columns import Unsigned64, UtcDateTime
from transfer.records.database import Database
from transfer.records.tables import cases, tokens


async def test_a_transaction_returns_what_its_function_does(database: Database) -> None:
    assert await database.write(add_token, "one") == "one"
    assert await database.read(token_ids) == {"one"}


async def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    def fail(connection: Connection) -> None:
        add_token(connection, "one")
        raise LookupError("no")

    with pytest.raises(LookupError):
        await database.write(fail)
    assert await database.read(token_ids) == set()


async def test_a_read_can_not_write(database: Database) -> None:
    with pytest.raises((RecordsUnavailableError, DBAPIError)):
        await database.read(add_token, "one")
    assert await database.read(token_ids) == set()


async def test_a_read_sees_one_moment(database: Database) -> None:
    seen: list[set[str]] = []

    def look(connection: Connection) -> None:
        seen.append(token_ids(connection))
        loop.call_soon_threadsafe(looked.set)
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_sleep(0.3)"))  # lets the write below go first
        else:
            assert written.wait(10)
        seen.append(token_ids(connection))

    loop = asyncio.get_running_loop()
    looked, written = asyncio.Event(), threading.Event()
    reading = asyncio.create_task(database.read(look))
    await looked.wait()
    await database.write(add_token, "meanwhile")
    written.set()
    await reading
    assert seen == [set(), set()]
    assert await database.read(token_ids) == {"meanwhile"}


async def test_processes_that_read_then_write_do_not_lose_each_others_changes(
    url: str, database: Database
) -> None:
    def append(connection: Connection, letter: str) -> str:
        query = select(tokens.c.name).where(tokens.c.id == "one").with_for_update()
        name: str = connection.execute(query).scalar_one() + letter
        connection.execute(update(tokens).where(tokens.c.id == "one").values(name=name))
        return name

    await database.write(add_token, "one")
    other = await Database.open(url)
    names = await asyncio.gather(
        *(one.write(append, letter) for letter in "abcdef" for one in (database, other))
    )
    await other.close()
    longest = next(name for name in names if len(name) == 13)
    assert sorted(longest) == sorted("naabbccddeeff")


async def test_a_caller_that_is_cancelled_leaves_once_its_transaction_is_over(
    database: Database,
) -> None:
    def slow(connection: Connection) -> None:
        loop.call_soon_threadsafe(begun.set)
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_sleep(0.2)"))
        else:
            assert go_on.wait(10)
        add_token(connection, "one")

    loop = asyncio.get_running_loop()
    begun, go_on = asyncio.Event(), threading.Event()
    task = asyncio.create_task(database.write(slow))
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)  # noqa: TID251 -- gives the loop a turn, waits for no time
    task.cancel()
    assert not task.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await database.read(token_ids) == {"one"}


async def test_a_failure_after_its_caller_was_cancelled_disturbs_nobody(
    database: Database,
) -> None:
    def fail(connection: Connection) -> None:
        add_token(connection, "one")
        raise LookupError("no")

    for _ in range(5):
        task = asyncio.create_task(database.write(fail))
        await asyncio.sleep(0)  # noqa: TID251 -- gives the loop a turn, waits for no time
        task.cancel()
        with pytest.raises((asyncio.CancelledError, LookupError)):
            await task
    assert await database.read(token_ids) == set()


async def test_a_write_that_waits_for_another_one_does_not_happen_once_cancelled(
    sqlite_url: str,
) -> None:
    database = await Database.open(sqlite_url)
    release = threading.Event()
    first = asyncio.create_task(database.write(lambda _: release.wait(10)))
    second = asyncio.create_task(database.write(add_token, "second"))
    await asyncio.sleep(0)  # noqa: TID251 -- gives the loop a turn, waits for no time
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert not first.done()
    release.set()
    await first
    assert await database.read(token_ids) == set()
    await database.close()


async def test_closing_finishes_the_writes_that_were_asked_for(sqlite_url: str) -> None:
    database = await Database.open(sqlite_url)
    writes = [asyncio.create_task(database.write(add_token, f"{n}")) for n in range(20)]
    await asyncio.sleep(0)  # noqa: TID251 -- gives the loop a turn, waits for no time
    await database.close()
    assert await asyncio.gather(*writes) == [f"{n}" for n in range(20)]


async def test_a_closed_database_is_unavailable(url: str) -> None:
    database = await Database.open(url)
    await database.close()
    for use in (database.read(token_ids), database.write(add_token, "one")):
        with pytest.raises(RecordsUnavailableError):
            await use


async def test_two_processes_write_to_one_database_in_turns(url: str, database: Database) -> None:
    other = await Database.open(url)
    await asyncio.gather(
        *(
            one.write(add_token, f"{name}-{n}")
            for n in range(60)
            for name, one in (("a", database), ("b", other))
        )
    )
    await other.close()
    assert len(await database.read(token_ids)) == 120


@pytest.mark.parametrize(
    "url", ["sqlite:////nowhere/at/all.db", "postgresql://nobody@/nothing?host=/nowhere"]
)
async def test_a_database_that_is_away_is_unavailable(url: str) -> None:
    with pytest.raises(RecordsUnavailableError) as caught:
        await Database.open(url)
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize(
    "url", ["", "nonsense", "sqlite://", "sqlite:///:memory:", "mysql://x/y", "sqlite"]
)
async def test_what_is_no_database_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequestError):
        await Database.open(url)


async def test_a_file_that_is_no_database_is_not_opened(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    file.write_bytes(b"This is not a database. " * 100)
    with pytest.raises(DBAPIError):
        await Database.open(f"sqlite:///{file}")
    assert file.read_bytes() == b"This is not a database. " * 100


async def test_sqlite_is_new_enough_durable_and_checks_references(sqlite_url: str) -> None:
    assert dbapi2.sqlite_version_info >= (3, 51, 3)

    def pragmas(connection: Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    database = await Database.open(sqlite_url)
    full = 2
    assert await database.write(pragmas) == ["wal", full, 1]
    await database.close()


# ── PostgreSQL's own trouble ─────────────────────────────────────────────────────────────────


@pytest.fixture
async def on_postgres(postgres_url: str) -> AsyncIterator[Database]:
    database = await Database.open(postgres_url)
    yield database
    await database.close()


async def test_connections_that_were_cut_are_made_anew(
    on_postgres: Database, postgres: PostgresForTests, postgres_url: str
) -> None:
    await asyncio.gather(*(on_postgres.write(add_token, f"{n}") for n in range(8)))
    postgres.end_sessions(postgres_url)
    assert len(await on_postgres.read(token_ids)) == 8
    postgres.end_sessions(postgres_url)
    assert await on_postgres.write(add_token, "after") == "after"


async def test_a_transaction_cut_in_the_middle_is_run_again_whole(
    on_postgres: Database, postgres: PostgresForTests, postgres_url: str
) -> None:
    runs: list[int] = []

    def cut_once(connection: Connection) -> None:
        runs.append(1)
        add_token(connection, "one")
        if len(runs) == 1:
            postgres.end_sessions(postgres_url)
        add_token(connection, "two")

    await on_postgres.write(cut_once)
    assert len(runs) == 2
    assert await on_postgres.read(token_ids) == {"one", "two"}


async def test_a_commit_that_got_no_answer_is_not_repeated_behind_its_callers_back(
    on_postgres: Database, postgres: PostgresForTests, postgres_url: str
) -> None:
    runs: list[int] = []

    def cut_at_the_end(connection: Connection) -> None:
        runs.append(1)
        add_token(connection, "one")
        postgres.end_sessions(postgres_url)

    with pytest.raises(RecordsUnavailableError, match="read the state again"):
        await on_postgres.write(cut_at_the_end)
    assert len(runs) == 1
    assert await on_postgres.read(token_ids) == set()


async def test_two_transactions_in_a_deadlock_both_happen(on_postgres: Database) -> None:
    for case_number in (NUMBER, OTHER_NUMBER):
        await open_case(open_records(on_postgres), case_number)

    def rename(connection: Connection, *numbers: str) -> None:
        for number in numbers:
            connection.execute(
                update(cases)
                .where(cases.c.number == number)
                .values(subject=cases.c.subject + literal("!"))
            )
            connection.execute(text("SELECT pg_sleep(0.1)"))

    await asyncio.gather(
        on_postgres.write(rename, NUMBER, OTHER_NUMBER),
        on_postgres.write(rename, OTHER_NUMBER, NUMBER),
    )
    subjects = await on_postgres.read(
        lambda connection: list(connection.scalars(select(cases.c.subject)))
    )
    assert subjects == ["It crashes!!"] * 2


async def test_a_deadlock_without_end_is_unavailable_at_last(on_postgres: Database) -> None:
    def always(connection: Connection) -> None:
        connection.execute(
            text("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40P01'; END $$")
        )

    with pytest.raises(RecordsUnavailableError):
        await on_postgres.write(always)


# ── Values ───────────────────────────────────────────────────────────────────────────────────


async def test_a_moment_is_stored_in_utc_and_comes_back_aware(database: Database) -> None:
    tokyo = timezone(timedelta(hours=9))
    moment = datetime(2026, 3, 1, 4, 5, 6, 789, tzinfo=tokyo)

    def there_and_back(connection: Connection) -> datetime | None:
        add_token(connection, "one")
        connection.execute(update(tokens).values(revoked_at=moment))
        assert connection.scalar(select(func.count()).where(tokens.c.revoked_at == moment)) == 1
        earlier = moment - timedelta(microseconds=1)
        assert connection.scalar(select(func.count()).where(tokens.c.revoked_at > earlier)) == 1
        return connection.scalar(select(tokens.c.revoked_at))

    back = await database.write(there_and_back)
    assert back == moment
    assert back.utcoffset() == timedelta()


async def test_a_naive_moment_is_refused(database: Database) -> None:
    naive = NOW.replace(tzinfo=None)
    with pytest.raises(StatementError, match="aware"):
        await database.read(
            lambda connection: connection.scalar(select(literal(naive, UtcDateTime)))
        )


async def test_an_unsigned_number_keeps_all_its_64_bits(database: Database) -> None:
    def there_and_back(connection: Connection, number: int) -> int | None:
        return connection.scalar(select(literal(number, Unsigned64)))

    for number in (0, 1, 2**63 - 1, 2**63, 2**64 - 1):
        assert await database.read(there_and_back, number) == number
