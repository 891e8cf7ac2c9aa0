"""The timeline of a case, from the rows of the audit log."""

from collections.abc import Collection

from sqlalchemy import Connection, select

from transfer.core.cases import CaseNumber
from transfer.core.timeline import TimelineEntry, told
from transfer.records.cursors import cursor, parse_serial_cursor
from transfer.records.database import Database
from transfer.records.rows import AnyRow
from transfer.records.tables import audit_events


class SqlTimeline:
    """What happened to a case; plays the role `transfer.ports.Timeline`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, number: CaseNumber, actions: Collection[str], *, after: str | None, limit: int
    ) -> tuple[list[TimelineEntry], str | None]:
        """Return a page of what happened of `actions`, the latest first, and the next cursor.

        Raises:
            InvalidRequestError: `after` is not a cursor from here.
        """
        return await self._database.read(_page, number, actions, after, limit)


def _page(
    connection: Connection,
    number: CaseNumber,
    actions: Collection[str],
    after: str | None,
    limit: int,
) -> tuple[list[TimelineEntry], str | None]:
    query = (
        select(audit_events)
        .where(audit_events.c.case_number == number, audit_events.c.action.in_(sorted(actions)))
        .order_by(audit_events.c.sequence.desc())
        .limit(limit + 1)
    )
    if after is not None:
        query = query.where(audit_events.c.sequence < parse_serial_cursor(after))
    rows = connection.execute(query).all()
    shown = rows[:limit]
    more = len(rows) > len(shown)
    following = cursor(shown[-1].at, str(shown[-1].sequence)) if more else None
    return [_entry_of(row) for row in shown], following


def _entry_of(row: AnyRow) -> TimelineEntry:
    return TimelineEntry(
        number=row.sequence,
        at=row.at,
        action=row.action,
        actor=row.actor,
        subject=row.subject,
        door=row.door,
        address=row.address,
        details=told(row.action, row.details),
    )
