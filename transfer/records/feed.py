"""The end of the audit log, and uploads on their way in, for those who watch."""

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, func, select

from transfer.core.cases import CaseNumber
from transfer.core.events import NOTED_KINDS, Noted
from transfer.core.uploads import Upload
from transfer.records import lookup
from transfer.records.database import Database
from transfer.records.rows import IS_SHOWN, AnyRow, select_uploads
from transfer.records.tables import audit_events, uploads

_TOLD = tuple(sorted(NOTED_KINDS))


class SqlFeed:
    """What has happened lately; plays the role `transfer.ports.Feed`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def last(self) -> int:
        """Return the highest number; 0 if there is none."""
        return await self._database.read(_last)

    async def since(self, number: int, limit: int) -> list[Noted]:
        """Return entries behind `number`, the lowest first."""
        return await self._database.read(_since, number, limit)

    async def these(self, numbers: Collection[int]) -> list[Noted]:
        """Return the entries of `numbers` that are there, the lowest first."""
        return await self._database.read(_these, numbers)

    async def of_case(self, case_number: CaseNumber, after: int, limit: int) -> list[Noted]:
        """Return entries of a case that are told of, behind `after`, the lowest first."""
        return await self._database.read(_of_case, case_number, after, limit)

    async def underway(self, case_numbers: Collection[CaseNumber], limit: int) -> list[Upload]:
        """Return unfinished uploads of these cases, the latest changed first."""
        return await self._database.read(_underway, case_numbers, limit)


def _last(connection: Connection) -> int:
    return connection.scalar(select(func.max(audit_events.c.sequence))) or 0


def _since(connection: Connection, number: int, limit: int) -> list[Noted]:
    query = (
        select(audit_events)
        .where(audit_events.c.sequence > number)
        .order_by(audit_events.c.sequence)
        .limit(limit)
    )
    return _noted(connection.execute(query))


def _these(connection: Connection, numbers: Collection[int]) -> list[Noted]:
    query = (
        select(audit_events)
        .where(audit_events.c.sequence.in_(numbers))
        .order_by(audit_events.c.sequence)
    )
    return _noted(connection.execute(query))


def _of_case(
    connection: Connection, case_number: CaseNumber, after: int, limit: int
) -> list[Noted]:
    query = (
        select(audit_events)
        .where(
            audit_events.c.case_number == case_number,
            audit_events.c.sequence > after,
            audit_events.c.action.in_(_TOLD),
        )
        .order_by(audit_events.c.sequence)
        .limit(limit)
    )
    return _noted(connection.execute(query))


def _underway(
    connection: Connection, case_numbers: Collection[CaseNumber], limit: int
) -> list[Upload]:
    query = (
        select_uploads()
        .where(uploads.c.case_number.in_(case_numbers), IS_SHOWN)
        .order_by(uploads.c.updated_at.desc(), uploads.c.id)
        .limit(limit)
    )
    return lookup.with_paths(connection, connection.execute(query).all())


def _noted(rows: Iterable[AnyRow]) -> list[Noted]:
    return [
        Noted(
            number=row.sequence,
            at=row.at,
            action=row.action,
            case_number=row.case_number,
            subject=row.subject,
            details=row.details,
        )
        for row in rows
    ]
