"""SQLite: one thread writes, a few read, and the loop looks, each on a connection of its own.

Writes that wait for each other are committed together: the disk is told once for all of them. Brief
ones are run in the loop as well, and only committed by the thread.

Other processes (service workers, the command line) may use the same file: the busy timeout lets
their writers queue up. pysqlite3 brings its own SQLite, as one before 3.51.3 can corrupt a WAL
file that two connections write to.
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import stamina
from pysqlite3 import dbapi2
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from transfer.records.groups import Group, Line, is_watched, say
from transfer.records.lanes import Chore, Lane
from transfer.records.outcomes import known
from transfer.records.patience import Patience
from transfer.records.pen import Pen

T = TypeVar("T")

SQLITE_ERROR = 1
"""SQLite's code for a statement that makes no sense; the driver calls it operational, too."""

_BUSY_SECONDS = 15
_READERS = 4
_LOOKS_IN_A_ROW = 8
_MOST_AT_ONCE = 32
"""Writes committed together: the first one waits for the last."""


class SqliteConnections:
    """Runs transactions on one SQLite file."""

    def __init__(self, url: URL) -> None:
        patience = Patience(_BUSY_SECONDS)
        self._write_engine = make_engine(url, patience=patience)
        self._read_engine = make_engine(url, connections=_READERS, query_only=True)
        self._look_engine = make_engine(url, query_only=True, busy_seconds=0)
        self._writer = Lane("records-writer", 1, self._write_all)
        self._readers = Lane("records-reader", _READERS, self._read_all)
        self._writing = Line(self._write_engine, patience)
        self._pen = Pen(self._writer, self._writing)
        self._looking = Line(self._look_engine)
        self._looks = 0

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        """Run `transaction` after those that wait already.

        Cancelled while it waits, it never happens; cancelled later, it comes to its end first.
        """
        errand = self._pen.submit_to_lane(transaction)
        return await known(errand.future, errand.give_up)

    async def jot(self, transaction: Callable[[Connection], T]) -> T:
        """Run a `transaction` that writes a few rows by their keys, in the loop's own thread.

        What has to wait for another one is the thread's after all, in turn with what `write` was
        given. Cancelled as `write` is.
        """
        errand = self._pen.submit(transaction)
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
        await self._pen.stop()
        await asyncio.to_thread(self._shut_down)

    def _shut_down(self) -> None:
        self._writer.join()
        self._readers.join()
        self._writing.close()
        self._read_engine.dispose()
        self._look_engine.dispose()
        # The writer goes last: being the last one on the file, it tidies the WAL away.
        self._write_engine.dispose()

    def _read_all(self, lane: Lane) -> None:
        with Line(self._read_engine) as line:
            while (errand := lane.take()) is not None:
                try:
                    with line.transaction() as connection:
                        result = errand.transaction(connection)
                except BaseException as exc:  # noqa: BLE001 -- whatever it is, its caller gets it
                    errand.tell(None, exc)
                else:
                    errand.tell(result)

    def _write_all(self, lane: Lane) -> None:
        while (errand := lane.take()) is not None:
            if isinstance(errand, Chore):
                errand.do()
                continue
            group = Group(errand, lane.take_ready, _MOST_AT_ONCE)
            try:
                with self._writing.writing() as connection:
                    group.run(connection)
            except BaseException as exc:  # noqa: BLE001 -- whatever it is, the callers get it
                group.fail(exc)
            else:
                group.tell()


def make_engine(
    url: URL,
    *,
    connections: int = 1,
    query_only: bool = False,
    foreign_keys: bool = True,
    busy_seconds: int = _BUSY_SECONDS,
    patience: Patience | None = None,
) -> Engine:
    """Return an engine that begins each transaction with what it will need.

    A writer takes its lock at once: one that read first could find that it must not write. It
    waits for others with `patience`, if there is one.
    """
    engine = create_engine(url, module=dbapi2, pool_size=connections, max_overflow=0)

    @event.listens_for(engine, "connect")
    def prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # SQLAlchemy's "begin" below says how a transaction begins; the driver stays out of it.
        connection.isolation_level = None
        if patience is not None:
            connection.set_busy_handler(patience)
        else:
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
            say(connection, "BEGIN")
        else:
            _begin_to_write(connection, is_watched=is_watched(engine))

    return engine


def _begin_to_write(connection: Connection, *, is_watched: bool) -> None:
    words = "BEGIN IMMEDIATE"
    if is_watched:
        connection.exec_driver_sql(words)
    else:
        say(connection, words)


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
