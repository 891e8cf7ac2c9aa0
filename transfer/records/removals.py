"""How a file goes: its row at once, its bytes by a job."""

from datetime import datetime

from sqlalchemy import Connection, delete

from transfer.core.access import Principal
from transfer.core.uploads import StoredFile
from transfer.records import audit, cases
from transfer.records.jobs import queue_discard
from transfer.records.tables import files


def remove_file(
    connection: Connection, file: StoredFile, principal: Principal, now: datetime
) -> None:
    """Remove a file, within a transaction that holds its case's lock.

    Raises:
        HeldError: a hold keeps it.
    """
    cases.lock(connection, file.case_number).check_not_held()
    connection.execute(delete(files).where(files.c.id == file.id))
    queue_discard(connection, now, keys=[file.object_key])
    details = {"path": file.path, "size": file.size, "sha256": file.sha256}
    event = audit.done_by(principal, "file.removed", now, file.case_number, file.id, details)
    audit.add(connection, event)
