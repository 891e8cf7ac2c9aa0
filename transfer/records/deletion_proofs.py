"""The end of deletions: the receipt, with all that goes along with it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from transfer.core.cases import CaseNumber
from transfer.core.retention import AFTERWARDS
from transfer.ports import AuditEvent, CaseEvent, DeletionClaim, DeletionReceipt
from transfer.records import audit, case_keys, deletion_claims, outbox, purges
from transfer.records.retention_tables import deletion_receipts, deletions, doomed_items
from transfer.records.rows import AnyRow
from transfer.records.tables import cases


def finish(
    connection: Connection,
    claim: DeletionClaim,
    receipt: DeletionReceipt,
    event: CaseEvent,
    noted: Sequence[AuditEvent],
) -> bool:
    """Destroy a case's key and mark its data as proved gone, with all that tells of it.

    False if it was marked, or is another worker's. Both are looked at here, where the case's row is
    held: whoever calls the deletion off may do so up to this moment, and its key stays.

    Raises:
        CaseStateError: the deletion hasn't begun, or must not go on.
    """
    number, now = receipt.case_number, receipt.written_at
    if not purges.is_unfinished(connection, number) or not deletion_claims.holds(connection, claim):
        return False
    _destroy_key(connection, number, now)
    purges.finish(connection, number, now)
    connection.execute(
        insert(deletion_receipts).values(
            case_number=number,
            written_at=receipt.written_at,
            statement=receipt.statement,
            jws=receipt.jws,
            key_id=receipt.key_id,
            keys=receipt.keys,
        )
    )
    # What was noted on the way is in the receipt now.
    connection.execute(delete(doomed_items).where(doomed_items.c.case_number == number))
    connection.execute(
        update(deletions)
        .where(deletions.c.case_number == number)
        .values(
            rows=None,
            stuck_since=None,
            stuck_left=None,
            stuck_problem=None,
            scrub_at=now + AFTERWARDS,
        )
    )
    outbox.add(connection, event)
    for one in noted:
        audit.add(connection, one)
    return True


def _destroy_key(connection: Connection, number: CaseNumber, now: datetime) -> None:
    case_id = connection.scalars(select(cases.c.id).where(cases.c.number == number)).one()
    fingerprint = case_keys.destroy(connection, case_id, now)
    if fingerprint is not None:
        destroyed = AuditEvent(
            at=now,
            action="retention.key-destroyed",
            actor="retention",
            case_number=number,
            details={"fingerprint": fingerprint},
        )
        audit.add(connection, destroyed)


def receipts(connection: Connection, number: CaseNumber) -> list[DeletionReceipt]:
    """Return the receipts of a case, the latest first."""
    query = (
        select(deletion_receipts)
        .where(deletion_receipts.c.case_number == number)
        .order_by(deletion_receipts.c.id.desc())
    )
    return [_receipt(row) for row in connection.execute(query)]


def _receipt(row: AnyRow) -> DeletionReceipt:
    return DeletionReceipt(
        case_number=row.case_number,
        written_at=row.written_at,
        statement=row.statement,
        jws=row.jws,
        key_id=row.key_id,
        keys=bytes(row.keys),
    )
