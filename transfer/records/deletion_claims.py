"""Deletions on their way: who is at each, what is about to go, and what can't."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, literal, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from transfer.core.cases import CaseNumber
from transfer.core.deletion_receipts import Doomed
from transfer.ports import AuditEvent, DeletionClaim, StoredItem, StoredKind, StuckDeletion
from transfer.records import audit
from transfer.records.columns import UtcDateTime
from transfer.records.cursors import cursor, parse_cursor
from transfer.records.insertion import insert_unless_there
from transfer.records.moments import has_come
from transfer.records.retention_tables import deletions, doomed_items
from transfer.records.tables import sessions

LONGEST_CLAIM = timedelta(hours=1)
"""For so long nobody claims a deletion at a time."""

_ROWS_A_STATEMENT = 500
"""So that SQLite's and PostgreSQL's bounds on parameters are far."""


def claim(connection: Connection, claim: DeletionClaim, now: datetime) -> bool:
    """Take the deletion of a case, or keep it; False while another worker has it."""
    insert_unless_there(connection, deletions, {"case_number": claim.number})
    is_free = or_(
        deletions.c.worker.is_(None),
        deletions.c.worker == claim.worker,
        has_come(deletions.c.claimed_until, now, LONGEST_CLAIM),
    )
    taking = (
        update(deletions)
        .where(deletions.c.case_number == claim.number, is_free)
        .values(worker=claim.worker, claimed_until=claim.until)
    )
    return bool(connection.execute(taking).rowcount)


def release(connection: Connection, claim: DeletionClaim) -> None:
    """Let go of a deletion, if it is still its worker's."""
    connection.execute(
        update(deletions)
        .where(deletions.c.case_number == claim.number, deletions.c.worker == claim.worker)
        .values(worker=None, claimed_until=None)
    )


def holds(connection: Connection, claim: DeletionClaim) -> bool:
    """Return whether a deletion is still its worker's, and nobody else's until the commit."""
    row = select(deletions.c.worker).where(deletions.c.case_number == claim.number)
    return connection.scalar(row.with_for_update()) == claim.worker


def doom(connection: Connection, claim: DeletionClaim, items: Sequence[StoredItem]) -> bool:
    """Note what is about to be deleted, and move the claim on; False if it is lost."""
    keeping = (
        update(deletions)
        .where(deletions.c.case_number == claim.number, deletions.c.worker == claim.worker)
        .values(claimed_until=claim.until)
    )
    if not connection.execute(keeping).rowcount:
        return False
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    adding = dialect.insert(doomed_items).on_conflict_do_nothing()
    rows = [_row(claim.number, item) for item in items]
    for start in range(0, len(rows), _ROWS_A_STATEMENT):
        connection.execute(adding, rows[start : start + _ROWS_A_STATEMENT])
    return True


def doomed(connection: Connection, number: CaseNumber) -> Doomed:
    """Return what has been noted of a case, and what of its rows is gone."""
    is_its = doomed_items.c.case_number == number
    counted = select(
        doomed_items.c.kind,
        func.count().label("items"),
        func.coalesce(func.sum(doomed_items.c.size), 0).label("size"),
    )
    by_kind = {
        row.kind: row
        for row in connection.execute(counted.where(is_its).group_by(doomed_items.c.kind)).all()
    }
    items = {kind: by_kind[kind].items if kind in by_kind else 0 for kind in StoredKind}
    keys = select(doomed_items.c.key_sha256).where(is_its).distinct()
    rows = select(deletions.c.rows).where(deletions.c.case_number == number)
    return Doomed(
        versions=items[StoredKind.VERSION],
        delete_markers=items[StoredKind.DELETE_MARKER],
        multiparts=items[StoredKind.MULTIPART],
        size_bytes=sum(int(row.size) for row in by_kind.values()),
        keys=b"".join(sorted(bytes(key) for key in connection.scalars(keys))),
        rows=connection.scalar(rows) or {},
    )


def end_sessions(connection: Connection, number: CaseNumber, now: datetime) -> int:
    """End the sessions of a case, and tell of it once."""
    ended = connection.execute(
        update(sessions)
        .where(sessions.c.case_number == number, sessions.c.ended_at.is_(None))
        .values(ended_at=now)
    ).rowcount
    if ended:
        event = AuditEvent(
            at=now,
            action="retention.sessions-ended",
            actor="retention",
            case_number=number,
            details={"sessions": ended},
        )
        audit.add(connection, event)
    return ended


def get_stuck(
    connection: Connection, number: CaseNumber, left: int, problem: str, now: datetime
) -> bool:
    """Note that a deletion can't go on; False if just that is known."""
    is_news = or_(
        deletions.c.stuck_left.is_distinct_from(left),
        deletions.c.stuck_problem.is_distinct_from(problem),
    )
    noted = connection.execute(
        update(deletions)
        .where(deletions.c.case_number == number, is_news)
        .values(
            stuck_since=func.coalesce(deletions.c.stuck_since, literal(now, UtcDateTime)),
            stuck_left=left,
            stuck_problem=problem,
        )
    )
    return bool(noted.rowcount)


def stuck(
    connection: Connection, after: str | None, limit: int
) -> tuple[list[StuckDeletion], str | None]:
    """Return a page of the deletions that can't go on, the longest stuck first."""
    place = (deletions.c.stuck_since, deletions.c.case_number)
    query = select(deletions).where(deletions.c.stuck_since.is_not(None)).order_by(*place)
    if after is not None:
        moment, number = parse_cursor(after)
        query = query.where(tuple_(*place) > tuple_(literal(moment, UtcDateTime), number))
    rows = connection.execute(query.limit(limit + 1)).all()
    found = [
        StuckDeletion(
            case_number=row.case_number,
            since=row.stuck_since,
            left=row.stuck_left,
            problem=row.stuck_problem,
        )
        for row in rows[:limit]
    ]
    more = len(rows) > len(found)
    return found, cursor(found[-1].since, found[-1].case_number) if more else None


def _row(number: CaseNumber, item: StoredItem) -> dict[str, object]:
    return {
        "case_number": number,
        "item_sha256": _digest((item.kind.value, item.key, item.id)),
        "key_sha256": key_digest(item.key),
        "kind": item.kind,
        "size": item.size,
    }


def key_digest(key: str) -> bytes:
    """Return what is noted of a key."""
    return _digest((key,))


def _digest(parts: Iterable[str]) -> bytes:
    # A key has no NUL in it: the parts stay apart.
    return hashlib.sha256("\x00".join(parts).encode()).digest()
