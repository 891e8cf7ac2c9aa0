"""Findings of the sweeper and the re-reading, in rows."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, case, delete, func, literal, not_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from transfer.ports.upkeep import CAME_BACK, DELETED, STRAYS, Finding, FindingKind, Seen
from transfer.records.columns import UtcDateTime
from transfer.records.rows import AnyRow
from transfer.records.upkeep_tables import store_findings

_AT_ONCE = 500

_IS_THERE = store_findings.c.problem.is_distinct_from(DELETED)


def sight(connection: Connection, seen: Sequence[Seen], now: datetime) -> list[Finding]:
    """Take note of what was seen `now`; what was seen before keeps its first time.

    A first time that lies ahead is one that a clock told before it was set back.
    """
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    found: list[Finding] = []
    distinct = list({(one.kind, one.key, one.item_id): one for one in seen}.values())
    for start in range(0, len(distinct), _AT_ONCE):
        values = [_values(one, now) for one in distinct[start : start + _AT_ONCE]]
        inserting = dialect.insert(store_findings).values(values)
        before = store_findings.c.first_seen_at
        moment = literal(now, UtcDateTime)
        upserting = inserting.on_conflict_do_update(
            index_elements=["kind", "object_key", "item_id"],
            set_={
                "last_seen_at": inserting.excluded.last_seen_at,
                "problem": case(
                    (store_findings.c.problem == DELETED, CAME_BACK),
                    else_=func.coalesce(inserting.excluded.problem, store_findings.c.problem),
                ),
                "size": inserting.excluded.size,
                "first_seen_at": case((before > moment, moment), else_=before),
            },
        ).returning(*store_findings.c)
        found += [_finding(row) for row in connection.execute(upserting)]
    return found


def page(
    connection: Connection, kinds: Collection[FindingKind], after: int, limit: int
) -> list[Finding]:
    """Return findings by their ids, from behind `after`."""
    query = select(store_findings).where(
        _IS_THERE, store_findings.c.kind.in_(list(kinds)), store_findings.c.id > after
    )
    rows = connection.execute(query.order_by(store_findings.c.id).limit(limit))
    return [_finding(row) for row in rows]


def ripe(connection: Connection, until: datetime, after: int, limit: int) -> list[Finding]:
    """Return strays that were first seen by then, by their ids, from behind `after`."""
    query = select(store_findings).where(
        _IS_THERE,
        store_findings.c.kind.in_(list(STRAYS)),
        store_findings.c.id > after,
        store_findings.c.first_seen_at <= until,
    )
    rows = connection.execute(query.order_by(store_findings.c.id).limit(limit))
    return [_finding(row) for row in rows]


def note(connection: Connection, ids: Collection[int], problem: str) -> None:
    """Note of findings what is the matter with them."""
    for some in _batches(ids):
        noted = update(store_findings).where(store_findings.c.id.in_(some))
        connection.execute(noted.values(problem=problem))


def forget(connection: Connection, ids: Collection[int]) -> None:
    """Remove findings."""
    for some in _batches(ids):
        connection.execute(delete(store_findings).where(store_findings.c.id.in_(some)))


def forget_key(connection: Connection, kind: FindingKind, key: str) -> None:
    """Remove what was found of a key."""
    connection.execute(
        delete(store_findings).where(
            store_findings.c.kind == kind, store_findings.c.object_key == key
        )
    )


def forget_unseen(
    connection: Connection, kinds: Collection[FindingKind], since: datetime, now: datetime
) -> int:
    """Remove findings that weren't seen from `since` until now, and return how many."""
    last = store_findings.c.last_seen_at
    removed = connection.execute(
        delete(store_findings).where(
            store_findings.c.kind.in_(list(kinds)), not_(and_(last >= since, last <= now))
        )
    )
    return removed.rowcount


def found(connection: Connection) -> Mapping[FindingKind, tuple[int, int]]:
    """Return how many findings there are of each kind, and their bytes."""
    query = select(
        store_findings.c.kind, func.count(), func.coalesce(func.sum(store_findings.c.size), 0)
    )
    query = query.where(_IS_THERE).group_by(store_findings.c.kind)
    sums = {kind: (count, int(size)) for kind, count, size in connection.execute(query)}
    return {kind: sums.get(kind, (0, 0)) for kind in FindingKind}


def _batches(ids: Collection[int]) -> Iterator[list[int]]:
    listed = list(ids)
    for start in range(0, len(listed), _AT_ONCE):
        yield listed[start : start + _AT_ONCE]


def _values(seen: Seen, now: datetime) -> dict[str, object]:
    return {
        "kind": seen.kind,
        "object_key": seen.key,
        "item_id": seen.item_id,
        "size": seen.size,
        "case_number": seen.case_number,
        "file_id": seen.file_id,
        "problem": seen.problem,
        "first_seen_at": now,
        "last_seen_at": now,
    }


def _finding(row: AnyRow) -> Finding:
    return Finding(
        id=row.id,
        kind=row.kind,
        key=row.object_key,
        item_id=row.item_id,
        size=row.size,
        case_number=row.case_number,
        file_id=row.file_id,
        problem=row.problem,
        first_seen_at=row.first_seen_at,
        last_seen_at=row.last_seen_at,
    )
