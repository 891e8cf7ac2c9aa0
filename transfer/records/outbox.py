"""The outbox in rows.

Whoever adds an event holds the lock of its case's row, so that the events of a case are committed
in the order of their sequence.
"""

from datetime import datetime

from sqlalchemy import Connection, exists, insert, or_, select, update

from transfer.ports import CaseEvent
from transfer.records.database import Database
from transfer.records.tables import outbox


class SqlOutbox:
    """Events for the case core; plays the role `transfer.ports.Outbox`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(
        self, worker: str, now: datetime, until: datetime, limit: int = 20
    ) -> list[CaseEvent]:
        """Claim the oldest undelivered event of each case, if it is due and nobody's."""
        return await self._database.write(_claim, worker, now, until, limit)

    async def delivered(self, event_id: str, now: datetime) -> None:
        """Mark an event as told."""
        await self._database.write(_mark_delivered, event_id, now)

    async def retry(self, event_id: str, run_at: datetime, error: str) -> None:
        """Hand an event back, not to be told before `run_at`."""
        await self._database.write(_hand_back, event_id, run_at, error)


def add(connection: Connection, event: CaseEvent) -> None:
    """Add an event within a transaction that holds its case's lock."""
    values = {
        "id": event.id,
        "type": event.type,
        "case_number": event.case_number,
        "at": event.at,
        "data": dict(event.data),
        "attempts": 0,
        "run_at": event.at,
    }
    connection.execute(insert(outbox), values)


def _claim(
    connection: Connection, worker: str, now: datetime, until: datetime, limit: int
) -> list[CaseEvent]:
    earlier = outbox.alias("earlier")
    is_first = ~exists(
        select(earlier.c.sequence).where(
            earlier.c.case_number == outbox.c.case_number,
            earlier.c.sequence < outbox.c.sequence,
            earlier.c.delivered_at.is_(None),
        )
    )
    rows = connection.execute(
        select(outbox)
        .where(
            outbox.c.delivered_at.is_(None),
            outbox.c.run_at <= now,
            or_(outbox.c.claimed_until.is_(None), outbox.c.claimed_until <= now),
            is_first,
        )
        .order_by(outbox.c.sequence)
        .limit(limit)
        .with_for_update(skip_locked=True, of=outbox)
    ).all()
    if not rows:
        return []
    connection.execute(
        update(outbox)
        .where(outbox.c.sequence.in_([row.sequence for row in rows]))
        .values(claimed_by=worker, claimed_until=until, attempts=outbox.c.attempts + 1)
    )
    return [
        CaseEvent(id=row.id, type=row.type, case_number=row.case_number, at=row.at, data=row.data)
        for row in rows
    ]


def _mark_delivered(connection: Connection, event_id: str, now: datetime) -> None:
    connection.execute(
        update(outbox)
        .where(outbox.c.id == event_id, outbox.c.delivered_at.is_(None))
        .values(delivered_at=now, claimed_by=None, claimed_until=None, error=None)
    )


def _hand_back(connection: Connection, event_id: str, run_at: datetime, error: str) -> None:
    connection.execute(
        update(outbox)
        .where(outbox.c.id == event_id, outbox.c.delivered_at.is_(None))
        .values(claimed_by=None, claimed_until=None, run_at=run_at, error=error)
    )
