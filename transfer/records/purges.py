"""The rows' part in deleting a case's data: its beginning, its end, and the rows themselves."""

from datetime import datetime

from sqlalchemy import Connection, and_, delete, func, literal, not_, select, update

from transfer.core.cases import CaseNumber, Status
from transfer.core.errors import CaseStateError
from transfer.records import erasure, lookup
from transfer.records.columns import UtcDateTime
from transfer.records.insertion import insert_unless_there
from transfer.records.retention_tables import deletions
from transfer.records.tables import (
    acknowledgements,
    cases,
    files,
    folders,
    upload_parts,
    upload_pieces,
    uploads,
)
from transfer.records.terms import account_is_held

MAY_GO = and_(
    cases.c.status == Status.CLOSED,
    cases.c.hold_placed_at.is_(None),
    not_(account_is_held()),
)
"""Whether nothing that the rows know of keeps a case's data from its deletion."""


def start(connection: Connection, number: CaseNumber, expected_version: int, now: datetime) -> bool:
    """Mark that the deletion has begun, if the case is still closed, unchanged and not held."""
    marked = connection.execute(
        update(cases)
        .where(cases.c.number == number, cases.c.version == expected_version, MAY_GO)
        .values(purge_started_at=func.coalesce(cases.c.purge_started_at, _literal(now)))
    )
    return bool(marked.rowcount)


def scrub(connection: Connection, number: CaseNumber) -> dict[str, int]:
    """Delete the rows of what a case holds; return how many, and of how many bytes.

    Receipts and acknowledgements go with them, and what is personal in the rows that stay. The
    counts are kept with the deletion.

    Shape: `files`, `folders` (without the root), `uploads` and `bytes`; all 0 when repeated.

    Raises:
        CaseStateError: the deletion hasn't begun, or must not go on.
    """
    begun = (
        select(cases.c.purge_started_at)
        .where(cases.c.number == number, cases.c.purge_started_at.is_not(None), MAY_GO)
        .with_for_update(key_share=True)
    )
    begun_at = connection.scalar(begun)
    if begun_at is None:
        raise CaseStateError("The deletion of the case's data hasn't begun, or must not go on.")
    counts = _counts(connection, number)
    of_case = select(uploads.c.id).where(uploads.c.case_number == number)
    for table in (upload_parts, upload_pieces):
        connection.execute(delete(table).where(table.c.upload_id.in_(of_case)))
    for table in (uploads, files, folders, acknowledgements):
        connection.execute(delete(table).where(table.c.case_number == number))
    erasure.erase_names(connection, number, begun_at)
    _keep(connection, number, counts)
    return counts


def finish(connection: Connection, number: CaseNumber, now: datetime) -> bool:
    """Mark that the data is proved gone; False if it is marked already.

    Raises:
        CaseStateError: the deletion hasn't begun, or must not go on.
    """
    if not is_unfinished(connection, number):
        return False
    connection.execute(update(cases).where(cases.c.number == number).values(purged_at=now))
    return True


def is_unfinished(connection: Connection, number: CaseNumber) -> bool:
    """Hold the row of a case that is being deleted; False if its data is proved gone already.

    Raises:
        CaseStateError: the deletion hasn't begun, or must not go on.
    """
    begun = select(cases.c.purged_at, MAY_GO.label("may_go")).where(
        cases.c.number == number, cases.c.purge_started_at.is_not(None)
    )
    row = connection.execute(begun.with_for_update(key_share=True)).first()
    if row is not None and row.purged_at is not None:
        return False
    if row is None or not row.may_go:
        raise CaseStateError("The deletion of the case's data hasn't begun, or must not go on.")
    return True


def _counts(connection: Connection, number: CaseNumber) -> dict[str, int]:
    count, size_bytes = lookup.usage(connection, number)
    below_root = select(func.count(folders.c.parent_id)).where(folders.c.case_number == number)
    begun = select(func.count()).where(uploads.c.case_number == number)
    return {
        "files": count,
        "folders": connection.scalar(below_root) or 0,
        "uploads": connection.scalar(begun) or 0,
        "bytes": size_bytes,
    }


def _keep(connection: Connection, number: CaseNumber, counts: dict[str, int]) -> None:
    """Add to what earlier runs have counted: whoever was cut off has counted for the next."""
    insert_unless_there(connection, deletions, {"case_number": number})
    is_it = deletions.c.case_number == number
    before = connection.scalar(select(deletions.c.rows).where(is_it)) or {}
    sums = {name: before.get(name, 0) + count for name, count in counts.items()}
    connection.execute(update(deletions).where(is_it).values(rows=sums))


def _literal(now: datetime) -> object:
    return literal(now, UtcDateTime)
