"""The database: one facade, whichever it is.

A transaction is a plain function of a connection. It may run more than once before it commits, so
it touches nothing but that connection.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Concatenate, ParamSpec, Protocol, Self, TypeVar

from sqlalchemy import Connection, literal, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    InterfaceError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from transfer.core.errors import InvalidRequestError, RecordsUnavailableError
from transfer.ports import Destination
from transfer.records.postgres import PostgresConnections
from transfer.records.sqlite import SQLITE_ERROR, SqliteConnections

P = ParamSpec("P")
T = TypeVar("T")

DESTINATIONS = "event_destinations"
"""What a connection's `info` has of who is told of events, where that isn't the case core alone."""


class Connections(Protocol):
    """How one kind of database runs transactions."""

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        """Run `transaction` and commit it."""

    async def jot(self, transaction: Callable[[Connection], T]) -> T:
        """Do the same as `write` for one that writes a few rows by their keys, the cheapest way."""

    async def read(self, transaction: Callable[[Connection], T]) -> T:
        """Run `transaction`, which writes nothing, on one snapshot."""

    async def look(self, transaction: Callable[[Connection], T]) -> T:
        """Do the same as `read` for one that reads a few rows by their keys, the cheapest way."""

    async def close(self) -> None:
        """Close every connection."""


class Database:
    """Runs transactions, and tells every failure of the database as RecordsUnavailableError.

    A caller that is cancelled during `write` leaves once its transaction is over: committed, or
    rolled back, or never begun.
    """

    def __init__(self, connections: Connections, told: Sequence[Destination] = ()) -> None:
        self._connections = connections
        self._info = {DESTINATIONS: tuple(told)} if told else {}
        self._closed = False

    @classmethod
    async def open(cls, url: str, *, told: Sequence[Destination] = ()) -> Self:
        """Connect to `url`, like `sqlite:////var/lib/x.db` or `postgresql://user@host/name`.

        Events that are written are for the destinations `told`; without any, for the case core.

        Raises:
            InvalidRequestError: not such a URL.
            RecordsUnavailableError: no database there.
        """
        database = cls(_connections(parse_url(url)), told)
        try:
            await database.write(_ping)
            await database.read(_ping)
        except BaseException:
            await database.close()
            raise
        return database

    async def write(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `fn(connection, …)` as one transaction."""
        with self._open(), translated():
            return await self._connections.write(self._informed(fn, *args, **kwargs))

    async def jot(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do the same as `write` for an `fn` that writes a few rows by their keys, and no more.

        It may be run in the loop's own thread, so nobody else is served meanwhile.
        """
        with self._open(), translated():
            return await self._connections.jot(self._informed(fn, *args, **kwargs))

    async def read(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `fn(connection, …)`, which only reads, on one snapshot."""
        with self._open(), translated():
            return await self._connections.read(lambda connection: fn(connection, *args, **kwargs))

    async def look(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do the same as `read` for an `fn` that reads a few rows by their keys, and no more.

        It may be run in the loop's own thread, so nobody else is served meanwhile.
        """
        with self._open(), translated():
            return await self._connections.look(lambda connection: fn(connection, *args, **kwargs))

    async def close(self) -> None:
        """Finish the writes that were asked for, and close every connection."""
        self._closed = True
        await self._connections.close()

    def _informed(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Callable[[Connection], T]:
        def transaction(connection: Connection) -> T:
            connection.info.update(self._info)
            return fn(connection, *args, **kwargs)

        return transaction

    @contextmanager
    def _open(self) -> Iterator[None]:
        if self._closed:
            raise RecordsUnavailableError("The records are closed.")
        yield


def parse_url(url: str) -> URL:
    """Return `url` in parts.

    Raises:
        InvalidRequestError: not the URL of a database that can be used.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as exc:
        raise InvalidRequestError("The database's URL is malformed.") from exc
    backend = parsed.drivername.partition("+")[0]
    if backend == "sqlite" and parsed.database and parsed.database != ":memory:":
        return parsed.set(drivername="sqlite")
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql")
    raise InvalidRequestError("The database's URL begins with sqlite:///file or postgresql://.")


@contextmanager
def translated() -> Iterator[None]:
    """Raise what a database's driver raises as errors of our own."""
    try:
        yield
    except (DataError, UnicodeEncodeError) as exc:
        raise InvalidRequestError("A value in the request can't be stored.") from exc
    except PoolTimeoutError as exc:
        raise RecordsUnavailableError("The database is busy: try again.") from exc
    except DBAPIError as exc:
        if not _is_away(exc):
            raise
        raise RecordsUnavailableError("The database doesn't answer: try again.") from exc


def _is_away(exc: DBAPIError) -> bool:
    """Whether it is the database that fails, not the statement it was given."""
    if getattr(exc.orig, "sqlite_errorcode", None) == SQLITE_ERROR:
        return False
    return exc.connection_invalidated or isinstance(exc, OperationalError | InterfaceError)


def _connections(url: URL) -> Connections:
    return SqliteConnections(url) if url.drivername == "sqlite" else PostgresConnections(url)


def _ping(connection: Connection) -> None:
    connection.execute(select(literal(1)))
