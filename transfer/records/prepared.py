"""Statements that are put together once; on SQLite they go to the driver by the shortest way.

SQLAlchemy's own way from a statement to its rows takes five times as long as SQLite itself, where
a few rows are read or written by their keys. Here its work is done once for each statement: the
text, which parameter goes where, how a value becomes the database's and back.

The transaction stays SQLAlchemy's, and so do errors. Whoever listens to an engine's statements is
told of each: then, and on every other database, they are run as usual.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from pysqlite3 import dbapi2
from sqlalchemy import CompoundSelect, Connection, Dialect, Insert, Select, Update
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from transfer.records.rows import AnyRow

Statement = Select[Any] | CompoundSelect[Any] | Insert | Update
Process = Callable[[Any], Any] | None

STRAIGHT = "straight"
"""What a connection's `info` says in a transaction of SQLite whose statements nobody watches."""


class Prepared:
    """A statement that is run for nearly every request.

    It is given the same parameters at each run. An INSERT or UPDATE is given every value: columns
    whose values Python makes up are not for this.
    """

    def __init__(self, statement: Statement) -> None:
        self._statement = statement
        self._straight: dict[tuple[str, ...], _Straight] = {}

    def all(self, connection: Connection, parameters: Mapping[str, object]) -> Sequence[AnyRow]:
        """Return the rows that a query finds."""
        if connection.info.get(STRAIGHT):
            return self._for(connection, parameters).rows(connection, parameters)
        return connection.execute(self._statement, parameters).all()

    def one_or_none(
        self, connection: Connection, parameters: Mapping[str, object]
    ) -> AnyRow | None:
        """Return the row that a query by a key finds, if any."""
        rows = self.all(connection, parameters)
        return rows[0] if rows else None

    def run(self, connection: Connection, parameters: Mapping[str, object]) -> int:
        """Write, and return how many rows there were to be written."""
        if connection.info.get(STRAIGHT):
            cursor = self._for(connection, parameters).cursor(connection, parameters)
        else:
            cursor = connection.execute(self._statement, parameters)
        return int(cursor.rowcount)

    def run_all(self, connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
        """Write several rows, at least one, by one statement."""
        if len(rows) == 1:
            self.run(connection, rows[0])
        else:
            connection.execute(self._statement, list(rows))

    def _for(self, connection: Connection, parameters: Mapping[str, object]) -> "_Straight":
        names = tuple(parameters)
        straight = self._straight.get(names)
        if straight is None:
            straight = _Straight(self._statement, connection.dialect, names)
            self._straight[names] = straight
        return straight


class _Straight:
    """A statement as SQLite's driver takes it, for parameters of some names."""

    def __init__(self, statement: Statement, dialect: Dialect, names: Sequence[str]) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=list(names))
        if compiled.prefetch or compiled.post_compile_params or compiled.literal_execute_params:
            raise ValueError("such a statement is put together anew for each run")
        for bind, name in compiled.bind_names.items():
            if bind.required and not {bind.key, name} & set(names):
                raise InvalidRequestError(f"The parameter {bind.key!r} is missing.")
        self._sql = compiled.string
        self._arguments = [
            _argument(compiled, name, names, dialect) for name in compiled.positiontup or ()
        ]
        columns = list(statement.exported_columns)
        self._row = _row_of([str(column.key) for column in columns])
        processes = [_incoming(column.type, dialect) for column in columns]
        self._processes = [(at, one) for at, one in enumerate(processes) if one is not None]

    def cursor(self, connection: Connection, parameters: Mapping[str, object]) -> Any:  # noqa: ANN401 - the driver's
        """Run it, and return the driver's cursor."""
        arguments = [
            constant if name is None else _processed(process, parameters[name])
            for name, process, constant in self._arguments
        ]
        driver: Any = connection.connection.dbapi_connection
        try:
            return driver.execute(self._sql, arguments)
        except dbapi2.Error as exc:
            raise wrapped(connection, self._sql, exc) from exc

    def rows(self, connection: Connection, parameters: Mapping[str, object]) -> list[AnyRow]:
        """Run it, and return what it finds."""
        cursor = self.cursor(connection, parameters)
        try:
            found = cursor.fetchall()
        except dbapi2.Error as exc:
            raise wrapped(connection, self._sql, exc) from exc
        return [self._read(values) for values in found]

    def _read(self, values: tuple[Any, ...]) -> AnyRow:
        read = list(values)
        for at, process in self._processes:
            read[at] = process(read[at])
        return self._row(read)


def wrapped(connection: Connection, words: str, exc: dbapi2.Error) -> BaseException:
    """Return an error of the driver as SQLAlchemy's, without the values that it was about."""
    error: BaseException = DBAPIError.instance(
        words, None, exc, dbapi2.Error, dialect=connection.dialect
    )
    return error


def _row_of(keys: Sequence[str]) -> Callable[[Sequence[object]], AnyRow]:
    """Return what makes rows of values that have such names; of equal names the first counts."""
    row: Any = namedtuple("row", keys, rename=True)  # type: ignore[misc]
    return cast("Callable[[Sequence[object]], AnyRow]", row._make)


def _argument(
    compiled: SQLCompiler, name: str, names: Sequence[str], dialect: Dialect
) -> tuple[str | None, Process, object]:
    """Return the parameter that goes to a place of a statement, or the constant that does."""
    bind = compiled.binds[name]
    process = bind.type.dialect_impl(dialect).bind_processor(dialect)
    for key in (bind.key, name):
        if key in names:
            return key, process, None
    return None, None, _processed(process, compiled.params[name])


def _incoming(kind: TypeEngine[Any], dialect: Dialect) -> Process:
    return kind.dialect_impl(dialect).result_processor(dialect, None)


def _processed(process: Process, value: object) -> object:
    return value if process is None else process(value)
