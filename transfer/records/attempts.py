"""Failed attempts to sign in, counted in rows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from transfer.ports import CredentialKind, Failures
from transfer.records.database import Database
from transfer.records.tables import sign_in_failures


class SqlAttemptRecords:
    """Counters of failures; plays the role `transfer.ports.AttemptRecords`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def failures(self, kind: CredentialKind, sources: Sequence[str]) -> dict[str, Failures]:
        """Return what is counted of each source of which anything is."""
        return await self._database.read(_failures, kind, sources)

    async def count(
        self, kind: CredentialKind, source: str, now: datetime, forget_before: datetime
    ) -> int:
        """Count one failure, and return how many there are; older ones are forgotten first."""
        return await self._database.write(_count, kind, source, now, forget_before)

    async def delay(self, kind: CredentialKind, source: str, until: datetime) -> None:
        """Have a source wait; never less than it has to already."""
        await self._database.write(_delay, kind, source, until)

    async def forgive(self, kind: CredentialKind, sources: Sequence[str]) -> None:
        """Delete the counters of sources."""
        await self._database.write(_forgive, kind, sources)

    async def forget(self, before: datetime) -> int:
        """Delete counters whose last failure was before then; return how many."""
        return await self._database.write(_forget, before)


def _failures(
    connection: Connection, kind: CredentialKind, sources: Sequence[str]
) -> dict[str, Failures]:
    query = select(sign_in_failures).where(
        sign_in_failures.c.kind == kind, sign_in_failures.c.source.in_(sources)
    )
    return {
        row.source: Failures(count=row.failures, wait_until=row.wait_until, last_at=row.last_at)
        for row in connection.execute(query)
    }


def _count(
    connection: Connection,
    kind: CredentialKind,
    source: str,
    now: datetime,
    forget_before: datetime,
) -> int:
    # One statement, so that of many at once none is lost.
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    new = dialect.insert(sign_in_failures).values(kind=kind, source=source, failures=1, last_at=now)
    counted = sign_in_failures.c
    is_old = counted.last_at < forget_before
    counting = new.on_conflict_do_update(
        index_elements=[counted.kind, counted.source],
        set_={
            "failures": case((is_old, 1), else_=counted.failures + 1),
            "wait_until": case((is_old, None), else_=counted.wait_until),
            "last_at": now,
        },
    )
    count: int = connection.scalars(counting.returning(counted.failures)).one()
    return count


def _delay(connection: Connection, kind: CredentialKind, source: str, until: datetime) -> None:
    counted = sign_in_failures.c
    connection.execute(
        update(sign_in_failures)
        .where(
            counted.kind == kind,
            counted.source == source,
            counted.wait_until.is_(None) | (counted.wait_until < until),
        )
        .values(wait_until=until)
    )


def _forgive(connection: Connection, kind: CredentialKind, sources: Sequence[str]) -> None:
    counted = sign_in_failures.c
    connection.execute(
        delete(sign_in_failures).where(counted.kind == kind, counted.source.in_(sources))
    )


def _forget(connection: Connection, before: datetime) -> int:
    old = delete(sign_in_failures).where(sign_in_failures.c.last_at < before)
    return connection.execute(old).rowcount
