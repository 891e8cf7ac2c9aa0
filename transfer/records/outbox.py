"""The outbox in rows.

Whoever adds an event holds the lock of its case's row, so that the events of a case are committed
in the order of their sequence.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, exists, insert, or_, select, update

from transfer.ports import CaseEvent
from transfer.records.database import Database
from transfer.records.tables import outbox

_INSERT = insert(outbox)


class SqlOutbox:
    """Events for the case core; plays the role `transfer.ports.Outbox`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(
        self, worker: str, now: datetime, until: datetime, limit: int = 100
    ) -> list[CaseEvent]:
        """Claim up to `limit` undelivered events, in order a case.

        None of a case whose oldest one isn't due yet, or is somebody's.
        """
        return await self._database.write(_claim, worker, now, until, limit)

    async def delivered(self, event_ids: Sequence[str], now: datetime) -> None:
        """Mark events as told."""
        await self._database.write(_mark_delivered, event_ids, now)

    async def retry(self, event_id: str, run_at: datetime, error: str) -> None:
        """Hand an event back, not to be told before `run_at`, and with it those that follow it."""
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
    connection.execute(_INSERT, values)


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
    cases = connection.scalars(
        select(outbox.c.case_number)
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
    if not cases:
        return []
    # Whoever holds the first of a case holds what follows it: nobody claims that meanwhile.
    rows = connection.execute(
        select(outbox)
        .where(outbox.c.case_number.in_(cases), outbox.c.delivered_at.is_(None))
        .order_by(outbox.c.sequence)
        .limit(limit)
    ).all()
    connection.execute(
        update(outbox)
        .where(outbox.c.sequence.in_([row.sequence for row in rows]))
        .values(claimed_by=worker, claimed_until=until, attempts=outbox.c.attempts + 1)
    )
    return [
        CaseEvent(id=row.id, type=row.type, case_number=row.case_number, at=row.at, data=row.data)
        for row in rows
    ]


def _mark_delivered(connection: Connection, event_ids: Sequence[str], now: datetime) -> None:
    connection.execute(
        update(outbox)
        .where(outbox.c.id.in_(event_ids), outbox.c.delivered_at.is_(None))
        .values(delivered_at=now, claimed_by=None, claimed_until=None, error=None)
    )


def _hand_back(connection: Connection, event_id: str, run_at: datetime, error: str) -> None:
    handed_back = connection.execute(
        update(outbox)
        .where(outbox.c.id == event_id, outbox.c.delivered_at.is_(None))
        .values(claimed_by=None, claimed_until=None, run_at=run_at, error=error)
        .returning(outbox.c.case_number, outbox.c.sequence)
    ).one_or_none()
    if handed_back is None:
        return
    connection.execute(
        update(outbox)
        .where(
            outbox.c.case_number == handed_back.case_number,
            outbox.c.sequence > handed_back.sequence,
            outbox.c.delivered_at.is_(None),
        )
        .values(claimed_by=None, claimed_until=None)
    )
