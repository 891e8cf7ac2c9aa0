"""SQLite: one thread writes, a few read, on connections of their own.

Other processes (service workers, the command line) may use the same file: the busy timeout lets
their writers queue up. pysqlite3 brings its own SQLite, as one before 3.51.3 can corrupt a WAL
file that two connections write to.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import stamina
from pysqlite3 import dbapi2
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from transfer.records.outcomes import known

T = TypeVar("T")

SQLITE_ERROR = 1
"""SQLite's code for a statement that makes no sense; the driver calls it operational, too."""

_BUSY_SECONDS = 15
_READERS = 4


class SqliteConnections:
    """Runs transactions on one SQLite file."""

    def __init__(self, url: URL) -> None:
        self._write_engine = make_engine(url)
        self._read_engine = make_engine(url, connections=_READERS, query_only=True)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="records-writer")
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="records-reader")

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        """Run `transaction` after those that wait already.

        Cancelled while it waits, it never happens; cancelled later, it comes to its end first.
        """
        future = self._writer.submit(_run, self._write_engine, transaction)
        return await known(asyncio.wrap_future(future), future.cancel)

    async def read(self, transaction: Callable[[Connection], T]) -> T:
        """Run `transaction` on a snapshot; it can't write."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, _run, self._read_engine, transaction)

    async def close(self) -> None:
        """Finish what waits, then close every connection."""
        await asyncio.to_thread(self._shut_down)

    def _shut_down(self) -> None:
        self._writer.shutdown()
        self._readers.shutdown()
        self._read_engine.dispose()
        # The writer goes last: being the last one on the file, it tidies the WAL away.
        self._write_engine.dispose()


def make_engine(
    url: URL, *, connections: int = 1, query_only: bool = False, foreign_keys: bool = True
) -> Engine:
    """Return an engine that begins each transaction with what it will need.

    A writer takes its lock at once: one that read first could find that it must not write.
    """
    engine = create_engine(url, module=dbapi2, pool_size=connections, max_overflow=0)

    @event.listens_for(engine, "connect")
    def prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # SQLAlchemy's "begin" below says how a transaction begins; the driver stays out of it.
        connection.isolation_level = None
        _pragma(connection, f"busy_timeout={_BUSY_SECONDS * 1000}")
        _pragma(connection, f"foreign_keys={'ON' if foreign_keys else 'OFF'}")
        if query_only:
            _pragma(connection, "query_only=ON")
        else:
            _use_wal(connection)
            _pragma(connection, "synchronous=FULL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if query_only else "BEGIN IMMEDIATE")

    return engine


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


def _run(engine: Engine, transaction: Callable[[Connection], T]) -> T:
    with engine.begin() as connection:
        return transaction(connection)
