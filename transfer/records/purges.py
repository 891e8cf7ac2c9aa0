"""The rows' part in deleting a case's data: its beginning, its end, and the rows themselves."""

from datetime import datetime

from sqlalchemy import Connection, delete, func, literal, select, update

from transfer.core.cases import CaseNumber, Status
from transfer.core.errors import CaseStateError
from transfer.records import lookup
from transfer.records.columns import UtcDateTime
from transfer.records.tables import (
    acknowledgements,
    cases,
    files,
    folders,
    upload_parts,
    upload_pieces,
    uploads,
)


def start(connection: Connection, number: CaseNumber, expected_version: int, now: datetime) -> bool:
    """Mark that the deletion has begun, if the case is still closed, unchanged and not held."""
    marked = connection.execute(
        update(cases)
        .where(
            cases.c.number == number,
            cases.c.version == expected_version,
            cases.c.status == Status.CLOSED,
            cases.c.hold_placed_at.is_(None),
        )
        .values(purge_started_at=func.coalesce(cases.c.purge_started_at, _literal(now)))
    )
    return bool(marked.rowcount)


def scrub(connection: Connection, number: CaseNumber) -> dict[str, int]:
    """Delete the rows of what a case holds; return how many, and of how many bytes.

    Receipts and acknowledgements go with them.

    Shape: `files`, `folders` (without the root), `uploads` and `bytes`; all 0 when repeated.

    Raises:
        CaseStateError: the deletion hasn't begun.
    """
    begun = (
        select(cases.c.number)
        .where(cases.c.number == number, cases.c.purge_started_at.is_not(None))
        .with_for_update(key_share=True)
    )
    if connection.execute(begun).first() is None:
        raise CaseStateError("The deletion of the case's data hasn't begun.")
    counts = _counts(connection, number)
    of_case = select(uploads.c.id).where(uploads.c.case_number == number)
    for table in (upload_parts, upload_pieces):
        connection.execute(delete(table).where(table.c.upload_id.in_(of_case)))
    for table in (uploads, files, folders, acknowledgements):
        connection.execute(delete(table).where(table.c.case_number == number))
    return counts


def finish(connection: Connection, number: CaseNumber, now: datetime) -> None:
    """Mark that the data is proved gone; the first time counts.

    Raises:
        CaseStateError: the deletion hasn't begun.
    """
    marked = connection.execute(
        update(cases)
        .where(cases.c.number == number, cases.c.purge_started_at.is_not(None))
        .values(purged_at=func.coalesce(cases.c.purged_at, _literal(now)))
    )
    if not marked.rowcount:
        raise CaseStateError("The deletion of the case's data hasn't begun.")


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


def _literal(now: datetime) -> object:
    return literal(now, UtcDateTime)
