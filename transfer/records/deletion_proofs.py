"""The end of deletions: the receipt, with all that goes along with it."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select, update

from transfer.core.cases import CaseNumber
from transfer.ports import AuditEvent, CaseEvent, DeletionReceipt
from transfer.records import audit, outbox, purges
from transfer.records.retention_tables import deletion_receipts, deletions, doomed_items
from transfer.records.rows import AnyRow


def finish(
    connection: Connection,
    receipt: DeletionReceipt,
    event: CaseEvent,
    noted: Sequence[AuditEvent],
) -> bool:
    """Mark a case's data as proved gone, with all that tells of it; False if it was marked."""
    number = receipt.case_number
    if not purges.finish(connection, number, receipt.written_at):
        return False
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
        .values(rows=None, stuck_since=None, stuck_left=None, stuck_problem=None)
    )
    outbox.add(connection, event)
    for one in noted:
        audit.add(connection, one)
    return True


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
