"""Prepared statements: the same as any other, by a shorter way on SQLite."""

from collections.abc import Mapping
from typing import Any

import pytest
from pysqlite3 import dbapi2
from sqlalchemy import (
    Connection,
    Engine,
    Select,
    bindparam,
    event,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from tests.contract.records.scenario import NOW, NUMBER, open_case
from transfer.core.access import Door
from transfer.core.errors import RecordsUnavailableError
from transfer.records.assembly import open_records
from transfer.records.database import Database
from transfer.records.prepared import STRAIGHT, Prepared
from transfer.records.rows import AnyRow, select_cases
from transfer.records.tables import audit_events, tokens, uploads

TOKENS = select(tokens.c.id, tokens.c.name, tokens.c.issued_at)
BY_ID = TOKENS.where(tokens.c.id == bindparam("id"))
EVENT: Mapping[str, Any] = {
    "at": NOW,
    "action": "tried",
    "actor": "somebody",
    "door": Door.SFTP,
    "details": {"path": "ä/b", "size": 3},
    "format": 2,
    "salt": b"salt",
}


def _token(token_id: str) -> dict[str, Any]:
    return {
        "id": token_id,
        "name": "n",
        "role": "admin",
        "secret_sha256": token_id.encode(),
        "issued_at": NOW,
        "expires_at": NOW,
    }


def _as_usual(connection: Connection, query: Select[Any]) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(query)]


def _prepared(connection: Connection, query: Select[Any]) -> list[AnyRow]:
    return list(Prepared(query).all(connection, {}))


async def test_what_was_written_by_the_shorter_way_is_read_the_same_by_either(
    database: Database,
) -> None:
    """With values of every kind: moments, words, JSON, bytes."""
    await database.write(Prepared(insert(audit_events)).run, EVENT)
    [usual] = await database.read(_as_usual, select(audit_events))
    [row] = await database.read(_prepared, select(audit_events))
    assert tuple(row) == usual
    assert {name: getattr(row, name) for name in EVENT} == EVENT


async def test_a_parameter_that_is_forgotten_is_no_null(database: Database) -> None:
    def forgetful(connection: Connection) -> None:
        with pytest.raises(SQLAlchemyError, match="id"):
            Prepared(BY_ID).all(connection, {})

    await database.write(forgetful)


async def test_rows_have_the_names_of_their_columns_and_labels(database: Database) -> None:
    await open_case(open_records(database))
    query = select_cases(literal_column("1").label("id"))
    [usual] = await database.read(_as_usual, query)
    [row] = await database.read(_prepared, query)
    assert tuple(row) == usual
    assert row.number == NUMBER
    assert row.kept_for_seconds is None


async def test_a_row_is_found_by_its_key_or_not_at_all(database: Database) -> None:
    await database.write(Prepared(insert(tokens)).run, _token("one"))
    prepared = Prepared(BY_ID)
    row = await database.read(prepared.one_or_none, {"id": "one"})
    assert row is not None
    assert (row.id, row.name, row.issued_at) == ("one", "n", NOW)
    assert await database.read(prepared.one_or_none, {"id": "two"}) is None


async def test_a_constant_of_a_statement_stays_beside_its_parameters(database: Database) -> None:
    named = Prepared(BY_ID.where(tokens.c.name == "n", tokens.c.issued_at == NOW))
    await database.write(Prepared(insert(tokens)).run, _token("one"))
    assert await database.read(named.one_or_none, {"id": "one"}) is not None
    other = Prepared(BY_ID.where(tokens.c.name == "m"))
    assert await database.read(other.one_or_none, {"id": "one"}) is None


async def test_an_update_sets_what_each_run_names(database: Database) -> None:
    change = Prepared(update(tokens).where(tokens.c.id == bindparam("which")))
    await database.write(Prepared(insert(tokens)).run, _token("one"))
    await database.write(change.run, {"which": "one", "name": "m"})
    await database.write(change.run, {"which": "one", "issued_at": NOW.replace(year=2020)})
    row = await database.read(Prepared(BY_ID).one_or_none, {"id": "one"})
    assert row is not None
    assert (row.name, row.issued_at) == ("m", NOW.replace(year=2020))


@pytest.mark.parametrize("ids", [["one"], ["one", "two"]])
async def test_several_rows_are_written_as_one_is(database: Database, ids: list[str]) -> None:
    await database.write(Prepared(insert(tokens)).run_all, [_token(one) for one in ids])
    assert [row.id for row in await database.read(_prepared, TOKENS)] == ids


async def test_its_failures_are_those_of_any_statement(database: Database) -> None:
    adding = Prepared(insert(tokens))
    await database.write(adding.run, _token("one"))
    with pytest.raises(IntegrityError):
        await database.write(adding.run, _token("one"))
    with pytest.raises((RecordsUnavailableError, DBAPIError)):  # nothing is written by a look
        await database.look(adding.run, _token("two"))
    assert [row.id for row in await database.look(_prepared, TOKENS)] == ["one"]


async def test_whoever_watches_statements_is_told_of_it(database: Database) -> None:
    seen: list[str] = []

    def watch(_: Connection, __: object, statement: str, *___: object) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", watch)
    try:
        await database.read(_prepared, TOKENS)
    finally:
        event.remove(Engine, "before_cursor_execute", watch)
    assert [one for one in seen if one.startswith("SELECT")]


async def test_on_sqlite_it_goes_the_shorter_way(sqlite_url: str) -> None:
    def is_straight(connection: Connection) -> bool:
        return bool(connection.info[STRAIGHT])

    database = await Database.open(sqlite_url)
    try:
        for run in (database.look, database.read, database.write):
            assert await run(is_straight)
    finally:
        await database.close()


async def test_what_python_makes_up_is_not_left_out(sqlite_url: str) -> None:
    """An expanding IN, too: its text is another one each time."""
    several = Prepared(select(uploads.c.id).where(uploads.c.id.in_(bindparam("ids"))))
    database = await Database.open(sqlite_url)
    try:
        with pytest.raises(ValueError, match="anew"):
            await database.look(several.all, {"ids": ["one"]})
    finally:
        await database.close()


async def test_who_waits_too_long_for_another_writer_is_told_to_try_again(sqlite_url: str) -> None:
    database = await Database.open(sqlite_url)
    await database.write(lambda connection: connection.exec_driver_sql("PRAGMA busy_timeout=0"))
    other = dbapi2.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RecordsUnavailableError):
            await database.write(Prepared(insert(tokens)).run, _token("one"))
        other.execute("COMMIT")
        await database.write(Prepared(insert(tokens)).run, _token("one"))
    finally:
        other.close()
        await database.close()
