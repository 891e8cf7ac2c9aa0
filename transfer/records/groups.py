"""Writes that are committed together on SQLite, and the connection that they go by."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

from pysqlite3 import dbapi2
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from transfer.records.lanes import Errand
from transfer.records.patience import Patience
from transfer.records.prepared import STRAIGHT, wrapped

_FORGETS = "forgets"
_WAL_BUSY_SECONDS = 1
"""Readers that take longer keep the WAL as it is, but not everybody else waiting."""


class Line:
    """A connection for one thread at a time, made when it is needed and anew when it broke.

    `patience` is what it waits with for others, if that isn't SQLite's own.
    """

    def __init__(self, engine: Engine, patience: Patience | None = None) -> None:
        self._engine = engine
        self._patience = patience
        self._connection: Connection | None = None

    def __enter__(self) -> "Line":
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
                self._connection.info[STRAIGHT] = not is_watched(self._engine)
                yield self._connection
        except BaseException:
            # One whose commit has failed is still open. Closing rolls it back.
            if self._connection.invalidated or _dbapi(self._connection).in_transaction:
                self.close()
            raise

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Do the same as `transaction`, and empty the WAL if the transaction has asked for it."""
        with self.transaction() as connection:
            yield connection
        self._empty_wal_if_asked(connection)

    def commit(self, connection: Connection) -> None:
        """Do what leaving `writing` would do: in any thread, and with least need of Python."""
        say(connection, "COMMIT")
        self._empty_wal_if_asked(connection)

    @contextmanager
    def impatiently(self) -> Iterator[None]:
        """Wait for nobody meanwhile: what would have to, fails."""
        with self._patience.of(0) if self._patience is not None else nullcontext():
            yield

    def _empty_wal_if_asked(self, connection: Connection) -> None:
        if self._patience is None or not connection.info.pop(_FORGETS, False):
            return
        with self._patience.of(_WAL_BUSY_SECONDS), suppress(DBAPIError):
            # What was committed stays so, and the next one tries again.
            say(connection, "PRAGMA wal_checkpoint(TRUNCATE)")


class Group:
    """Writes that are committed together: the first, and what `following` gives, up to `most`.

    Each has a savepoint of its own, so that one that fails leaves nothing and the others stay.
    Nobody is told anything before the commit: if that fails, none of them has happened.
    """

    def __init__(
        self, first: Errand[Any], following: Callable[[], Errand[Any] | None], most: int
    ) -> None:
        self._errands = [first]
        self._following = following
        self._most = most
        self._outcomes: list[tuple[object, BaseException | None]] = []

    def run(self, connection: Connection) -> None:
        """Run them; raises what undoes them all."""
        # The first needs no savepoint: if it fails, there is nothing else yet to be kept.
        self._outcomes.append((self._errands[0].transaction(connection), None))
        while len(self._errands) < self._most:
            following = self._following()
            if following is None:
                return
            self._errands.append(following)
            self._run_one(connection, following)

    def tell(self) -> None:
        """Tell each what came of it, now that they are committed."""
        for errand, outcome in zip(self._errands, self._outcomes, strict=True):
            errand.tell(*outcome)

    def fail(self, error: BaseException) -> None:
        """Tell each that none of them has happened."""
        for errand in self._errands:
            errand.tell(None, error)

    def _run_one(self, connection: Connection, errand: Errand[Any]) -> None:
        say(connection, "SAVEPOINT one")
        try:
            result = errand.transaction(connection)
        except Exception as exc:  # noqa: BLE001 -- whatever it is, its caller gets it
            try:
                say(connection, "ROLLBACK TO one")
            except DBAPIError:  # of a full disk, SQLite itself has rolled back the whole group
                raise exc from None
            self._outcomes.append((None, exc))
        else:
            self._outcomes.append((result, None))
        say(connection, "RELEASE one")


def forget(connection: Connection) -> None:
    """See that what this transaction took away is gone from the WAL, too, once it is committed.

    There a page stays as it was before, until others are written over it.
    """
    connection.info[_FORGETS] = True


def is_watched(engine: Engine) -> bool:
    """Whether somebody listens to the statements: then SQLAlchemy has to know of them."""
    told = engine.dispatch
    return bool(told.before_cursor_execute or told.after_cursor_execute)


def say(connection: Connection, words: str) -> None:
    """Say something that SQLAlchemy needn't know of: its own way costs several times as much."""
    try:
        _dbapi(connection).execute(words)
    except dbapi2.Error as exc:
        raise wrapped(connection, words, exc) from exc


def _dbapi(connection: Connection) -> dbapi2.Connection:
    dbapi: dbapi2.Connection = connection.connection.dbapi_connection
    return dbapi
