"""SQLite: one thread writes, a few read, and the loop looks, each on a connection of its own.

Writes that wait for each other are committed together: the disk is told once for all of them. Each
has a savepoint of its own, so that one that fails leaves nothing and the others stay.

Other processes (service workers, the command line) may use the same file: the busy timeout lets
their writers queue up. pysqlite3 brings its own SQLite, as one before 3.51.3 can corrupt a WAL
file that two connections write to.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import stamina
from pysqlite3 import dbapi2
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from transfer.records.lanes import Errand, Lane
from transfer.records.outcomes import known
from transfer.records.prepared import STRAIGHT, wrapped

T = TypeVar("T")

SQLITE_ERROR = 1
"""SQLite's code for a statement that makes no sense; the driver calls it operational, too."""

_BUSY_SECONDS = 15
_WAL_BUSY_SECONDS = 1
"""Readers that take longer keep the WAL as it is, but not everybody else waiting."""

_FORGETS = "forgets"
_READERS = 4
_LOOKS_IN_A_ROW = 8
_MOST_AT_ONCE = 32
"""Writes committed together: the first one waits for the last."""


class SqliteConnections:
    """Runs transactions on one SQLite file."""

    def __init__(self, url: URL) -> None:
        self._write_engine = make_engine(url)
        self._read_engine = make_engine(url, connections=_READERS, query_only=True)
        self._look_engine = make_engine(url, query_only=True, busy_seconds=0)
        self._writer = Lane("records-writer", 1, self._write_all)
        self._readers = Lane("records-reader", _READERS, self._read_all)
        self._looking = _Line(self._look_engine)
        self._looks = 0

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        """Run `transaction` after those that wait already.

        Cancelled while it waits, it never happens; cancelled later, it comes to its end first.
        """
        errand = self._writer.submit(transaction)
        return await known(errand.future, errand.give_up)

    async def read(self, transaction: Callable[[Connection], T]) -> T:
        """Run `transaction` on a snapshot; it can't write."""
        return await self._readers.submit(transaction).future

    async def look(self, transaction: Callable[[Connection], T]) -> T:
        """Run a `transaction` that reads a few rows by their keys, in the loop's own thread.

        There it is over before a reader would have begun, and nobody fights for the interpreter.
        What would have to wait, and what fails, is a reader's after all.
        """
        try:
            with self._looking.transaction() as connection:
                found = transaction(connection)
        except OperationalError:
            return await self.read(transaction)
        self._looks += 1
        if self._looks % _LOOKS_IN_A_ROW == 0:  # one that looks on and on leaves others their turn
            await asyncio.sleep(0)  # noqa: TID251 - waits for no time
        return found

    async def close(self) -> None:
        """Finish what waits, then close every connection."""
        self._looking.close()
        await asyncio.to_thread(self._shut_down)

    def _shut_down(self) -> None:
        self._writer.join()
        self._readers.join()
        self._read_engine.dispose()
        self._look_engine.dispose()
        # The writer goes last: being the last one on the file, it tidies the WAL away.
        self._write_engine.dispose()

    def _read_all(self, lane: Lane) -> None:
        with _Line(self._read_engine) as line:
            while (errand := lane.take()) is not None:
                try:
                    with line.transaction() as connection:
                        result = errand.transaction(connection)
                except BaseException as exc:  # noqa: BLE001 -- whatever it is, its caller gets it
                    errand.tell(None, exc)
                else:
                    errand.tell(result)

    def _write_all(self, lane: Lane) -> None:
        with _Line(self._write_engine) as line:
            while (errand := lane.take()) is not None:
                _Group(lane, errand).run(line)


class _Line:
    """One thread's connection, made when it is needed and anew when it broke."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None

    def __enter__(self) -> "_Line":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Begin, and commit unless something is raised."""
        if self._connection is None:
            self._connection = self._engine.connect()
        try:
            with self._connection.begin():
                self._connection.info[STRAIGHT] = not _is_watched(self._engine)
                yield self._connection
        except BaseException:
            # One whose commit has failed is still open. Closing rolls it back.
            if self._connection.invalidated or _dbapi(self._connection).in_transaction:
                self.close()
            raise


class _Group:
    """Writes that are committed together: the first, and what has come in while they ran.

    Nobody is told anything before the commit: if that fails, none of them has happened.
    """

    def __init__(self, lane: Lane, first: Errand[Any]) -> None:
        self._lane = lane
        self._errands = [first]
        self._outcomes: list[tuple[object, BaseException | None]] = []

    def run(self, line: _Line) -> None:
        """Run and commit them, and tell each what came of it."""
        try:
            with line.transaction() as connection:
                self._run_all(connection)
            if connection.info.pop(_FORGETS, False):
                _empty_wal(connection)
        except BaseException as exc:  # noqa: BLE001 -- whatever it is, the callers get it
            for errand in self._errands:
                errand.tell(None, exc)
        else:
            for errand, outcome in zip(self._errands, self._outcomes, strict=True):
                errand.tell(*outcome)

    def _run_all(self, connection: Connection) -> None:
        # The first needs no savepoint: if it fails, there is nothing else yet to be kept.
        self._outcomes.append((self._errands[0].transaction(connection), None))
        while len(self._errands) < _MOST_AT_ONCE:
            following = self._lane.take_ready()
            if following is None:
                return
            self._errands.append(following)
            self._run_one(connection, following)

    def _run_one(self, connection: Connection, errand: Errand[Any]) -> None:
        _say(connection, "SAVEPOINT one")
        try:
            result = errand.transaction(connection)
        except Exception as exc:  # noqa: BLE001 -- whatever it is, its caller gets it
            try:
                _say(connection, "ROLLBACK TO one")
            except DBAPIError:  # of a full disk, SQLite itself has rolled back the whole group
                raise exc from None
            self._outcomes.append((None, exc))
        else:
            self._outcomes.append((result, None))
        _say(connection, "RELEASE one")


def make_engine(
    url: URL,
    *,
    connections: int = 1,
    query_only: bool = False,
    foreign_keys: bool = True,
    busy_seconds: int = _BUSY_SECONDS,
) -> Engine:
    """Return an engine that begins each transaction with what it will need.

    A writer takes its lock at once: one that read first could find that it must not write.
    """
    engine = create_engine(url, module=dbapi2, pool_size=connections, max_overflow=0)

    @event.listens_for(engine, "connect")
    def prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # SQLAlchemy's "begin" below says how a transaction begins; the driver stays out of it.
        connection.isolation_level = None
        _pragma(connection, f"busy_timeout={busy_seconds * 1000}")
        _pragma(connection, f"foreign_keys={'ON' if foreign_keys else 'OFF'}")
        if query_only:
            _pragma(connection, "query_only=ON")
        else:
            _use_wal(connection)
            _pragma(connection, "synchronous=FULL")
            # What is scrubbed and destroyed goes from its page as well, which is written anyway.
            _pragma(connection, "secure_delete=FAST")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if query_only:
            _say(connection, "BEGIN")
        else:
            _begin_to_write(connection, is_watched=_is_watched(engine))

    return engine


def _is_watched(engine: Engine) -> bool:
    told = engine.dispatch
    return bool(told.before_cursor_execute or told.after_cursor_execute)


def _begin_to_write(connection: Connection, *, is_watched: bool) -> None:
    words = "BEGIN IMMEDIATE"
    if is_watched:
        connection.exec_driver_sql(words)
    else:
        _say(connection, words)


def _say(connection: Connection, words: str) -> None:
    """Say something that SQLAlchemy needn't know of: its own way costs several times as much."""
    try:
        _dbapi(connection).execute(words)
    except dbapi2.Error as exc:
        raise wrapped(connection, words, exc) from exc


def _dbapi(connection: Connection) -> dbapi2.Connection:
    dbapi: dbapi2.Connection = connection.connection.dbapi_connection
    return dbapi


def forget(connection: Connection) -> None:
    """See that what this transaction took away is gone from the WAL, too, once it is committed.

    There a page stays as it was before, until others are written over it.
    """
    connection.info[_FORGETS] = True


def _empty_wal(connection: Connection) -> None:
    with suppress(DBAPIError):  # what was committed stays so; the next one tries again
        _say(connection, f"PRAGMA busy_timeout={_WAL_BUSY_SECONDS * 1000}")
        _say(connection, "PRAGMA wal_checkpoint(TRUNCATE)")
    _say(connection, f"PRAGMA busy_timeout={_BUSY_SECONDS * 1000}")


@stamina.retry(on=dbapi2.OperationalError, attempts=None, timeout=_BUSY_SECONDS, wait_max=0.1)
def _use_wal(connection: DBAPIConnection) -> None:
    """Switch the file to WAL, once in its life; SQLite doesn't wait for others itself."""
    if _pragma(connection, "journal_mode") != "wal":
        _pragma(connection, "journal_mode=WAL")


def _pragma(connection: DBAPIConnection, pragma: str) -> object:
    cursor = connection.cursor()
    try:
        cursor.execute(f"PRAGMA {pragma}")
        row = cursor.fetchone()
        return row[0] if row else None
    finally:
        cursor.close()
