"""News from another case core in rows, and how far it was asked for more."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from transfer.core.cases import CaseNumber
from transfer.ports import CaseNews, ReadingMark
from transfer.records.database import Database
from transfer.records.event_tables import inbox, reading_marks
from transfer.records.insertion import insert_unless_there
from transfer.records.moments import has_come

_FURTHEST = timedelta(days=1)
"""For so long a question that failed again and again is left alone, at most."""

_ASKED_FOR = "ask-"
"""What the ids of our own questions begin with; then comes the case's number."""

_INSERTS: dict[str, Any] = {
    "sqlite": sqlite.insert(inbox),
    "postgresql": postgresql.insert(inbox),
}


class SqlInbox:
    """Events of the case core; plays the role `transfer.ports.Inbox`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, news: CaseNews) -> bool:
        """Add an event, unless there is one of its id: then return False."""
        return await self._database.write(_put, news)

    async def ask(self, numbers: Sequence[CaseNumber], now: datetime) -> None:
        """Have cases asked for as if an event of each had come; not of one that waits for that."""
        await self._database.write(_ask, numbers, now)

    async def claim(self, now: datetime, until: datetime, limit: int = 100) -> list[CaseNews]:
        """Return events that are due, the oldest first; they aren't due again before `until`."""
        return await self._database.write(_claim, now, until, limit)

    async def done(self, ids: Sequence[str], now: datetime) -> None:
        """Mark events as followed."""
        await self._database.write(_done, ids, now)

    async def retry(self, ids: Sequence[str], run_at: datetime, error: str) -> None:
        """Have events followed later, not before `run_at`."""
        await self._database.write(_retry, ids, run_at, error)

    async def forget(self, before: datetime) -> int:
        """Remove events that were followed before a moment; return how many."""
        return await self._database.write(_forget, before)

    async def waiting(self) -> int:
        """Return how many events are to be followed."""
        return await self._database.read(_waiting)


class SqlReadingMarks:
    """How far sources were read; plays the role `transfer.ports.ReadingMarks`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(
        self, source: str, worker: str, now: datetime, until: datetime
    ) -> ReadingMark | None:
        """Return how far a source was read, and keep others away from it; None if one is at it."""
        return await self._database.write(_claim_mark, source, worker, now, until)

    async def move(
        self, source: str, worker: str, mark: ReadingMark, *, until: datetime | None
    ) -> bool:
        """Note how far it was read, and keep it until `until`; None lets go of it.

        False, with nothing noted, if somebody else is at it by now.
        """
        return await self._database.write(_move, source, worker, mark, until)


def _put(connection: Connection, news: CaseNews) -> bool:
    values = {
        "id": news.id,
        "type": news.type,
        "case_number": news.case_number,
        "version": news.version,
        "received_at": news.received_at,
        "run_at": news.received_at,
        "failures": 0,
    }
    return insert_unless_there(connection, inbox, values)


def is_asked_for(case_number: ColumnElement[str]) -> ColumnElement[bool]:
    """Return whether a case is to be asked for, by ourselves and not by an event."""
    its_id = literal(_ASKED_FOR) + case_number
    return exists(select(inbox.c.id).where(inbox.c.id == its_id, inbox.c.done_at.is_(None)))


def _ask(connection: Connection, numbers: Sequence[CaseNumber], now: datetime) -> None:
    for number in numbers:
        due = {"received_at": now, "run_at": now, "failures": 0, "error": None, "done_at": None}
        of_it = {"id": f"{_ASKED_FOR}{number}", "type": "ask", "case_number": number}
        connection.execute(
            _INSERTS[connection.dialect.name]
            .values(of_it | due)
            .on_conflict_do_update(
                index_elements=["id"], set_=due, where=inbox.c.done_at.is_not(None)
            )
        )


def _claim(connection: Connection, now: datetime, until: datetime, limit: int) -> list[CaseNews]:
    rows = connection.execute(
        select(inbox)
        .where(inbox.c.done_at.is_(None), has_come(inbox.c.run_at, now, _FURTHEST))
        .order_by(inbox.c.run_at, inbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    if not rows:
        return []
    ids = [row.id for row in rows]
    connection.execute(update(inbox).where(inbox.c.id.in_(ids)).values(run_at=until))
    return [
        CaseNews(
            id=row.id,
            type=row.type,
            case_number=row.case_number,
            version=row.version,
            received_at=row.received_at,
            failures=row.failures,
        )
        for row in rows
    ]


def _done(connection: Connection, ids: Sequence[str], now: datetime) -> None:
    is_one = (inbox.c.id.in_(ids), inbox.c.done_at.is_(None))
    connection.execute(update(inbox).where(*is_one).values(done_at=now, error=None))


def _retry(connection: Connection, ids: Sequence[str], run_at: datetime, error: str) -> None:
    connection.execute(
        update(inbox)
        .where(inbox.c.id.in_(ids), inbox.c.done_at.is_(None))
        .values(run_at=run_at, error=error, failures=inbox.c.failures + 1)
    )


def _forget(connection: Connection, before: datetime) -> int:
    return int(connection.execute(delete(inbox).where(inbox.c.done_at < before)).rowcount)


def _waiting(connection: Connection) -> int:
    return connection.scalar(select(func.count()).where(inbox.c.done_at.is_(None))) or 0


def _claim_mark(
    connection: Connection, source: str, worker: str, now: datetime, until: datetime
) -> ReadingMark | None:
    insert_unless_there(connection, reading_marks, {"source": source})
    claimed = connection.execute(
        update(reading_marks)
        .where(
            reading_marks.c.source == source,
            or_(
                reading_marks.c.claimed_until.is_(None),
                has_come(reading_marks.c.claimed_until, now, until - now),
                reading_marks.c.claimed_by == worker,
            ),
        )
        .values(claimed_by=worker, claimed_until=until)
        .returning(reading_marks.c.cursor, reading_marks.c.read_at)
    ).one_or_none()
    return None if claimed is None else ReadingMark(cursor=claimed.cursor, read_at=claimed.read_at)


def _move(
    connection: Connection, source: str, worker: str, mark: ReadingMark, until: datetime | None
) -> bool:
    moved = connection.execute(
        update(reading_marks)
        .where(reading_marks.c.source == source, reading_marks.c.claimed_by == worker)
        .values(
            cursor=mark.cursor,
            read_at=mark.read_at,
            claimed_by=None if until is None else worker,
            claimed_until=until,
        )
    )
    return bool(moved.rowcount)
