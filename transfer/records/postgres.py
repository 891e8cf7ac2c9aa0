"""PostgreSQL, by psycopg: for any number of nodes."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import stamina
from sqlalchemy import Connection
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from transfer.core.errors import RecordsUnavailableError
from transfer.records.outcomes import known

T = TypeVar("T")

DRIVER = "postgresql+psycopg"

_CONNECTIONS = 8
_WAIT_SECONDS = 10
_SESSION_OPTIONS = " ".join(
    f"-c {name}={value}"
    for name, value in {
        "timezone": "UTC",
        "lock_timeout": f"{_WAIT_SECONDS}s",
        "statement_timeout": "30s",
        "idle_in_transaction_session_timeout": "60s",
    }.items()
)
_ROLLED_BACK = frozenset({"40001", "40P01"})  # serialization failure, deadlock


class PostgresConnections:
    """Runs transactions on one PostgreSQL database.

    A transaction that the server has surely rolled back is tried again, a few times within
    seconds. One whose COMMIT got no answer is not: its caller has to look.
    """

    def __init__(self, url: URL) -> None:
        self._engine = create_async_engine(
            url.set(drivername=DRIVER),
            pool_size=_CONNECTIONS,
            max_overflow=0,
            pool_timeout=_WAIT_SECONDS,
            connect_args={"options": _SESSION_OPTIONS, "connect_timeout": _WAIT_SECONDS},
        )
        self._snapshots = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._retrying = stamina.AsyncRetryingCaller(
            attempts=6, timeout=5, wait_initial=0.02, wait_max=0.5, wait_jitter=0.05
        ).on(_is_rolled_back)

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        """Run `transaction`; when cancelled, it comes to its end first."""
        task = asyncio.create_task(self._retrying(self._write_once, transaction))
        return await known(task, lambda: False)

    async def jot(self, transaction: Callable[[Connection], T]) -> T:
        """Run `transaction` as `write` does: nothing is cheaper here."""
        return await self.write(transaction)

    async def read(self, transaction: Callable[[Connection], T]) -> T:
        """Run `transaction` on a snapshot; it can't write."""
        return await self._retrying(self._read_once, transaction)

    async def look(self, transaction: Callable[[Connection], T]) -> T:
        """Run `transaction` as `read` does: nothing is cheaper here."""
        return await self.read(transaction)

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()

    async def _write_once(self, transaction: Callable[[Connection], T]) -> T:
        async with self._engine.connect() as connection:
            result = await connection.run_sync(transaction)
            try:
                await connection.commit()
            except DBAPIError as exc:
                if exc.connection_invalidated:
                    raise RecordsUnavailableError(
                        "The database was lost at the last moment: read the state again."
                    ) from exc
                raise
            return result

    async def _read_once(self, transaction: Callable[[Connection], T]) -> T:
        async with self._snapshots.connect() as connection:
            return await connection.run_sync(transaction)


def _is_rolled_back(exc: Exception) -> bool:
    if not isinstance(exc, DBAPIError):
        return False
    # Before COMMIT was sent, a lost connection means rolled back, too.
    return exc.connection_invalidated or getattr(exc.orig, "sqlstate", None) in _ROLLED_BACK
