"""A received file, compared with what its sender says of it afterwards."""

from datetime import datetime

from sqlalchemy import Connection, update

from transfer.core.access import Principal
from transfer.core.uploads import FileId, StoredFile
from transfer.records import audit, cases, lookup
from transfer.records.tables import files


def verify(
    connection: Connection, file_id: FileId, sha256: str, principal: Principal, now: datetime
) -> StoredFile:
    """Note whether `sha256` is the file's, as the last one who told it says; see the port.

    Raises:
        EntryMissingError: no such file.
        CaseClosedError: the case takes nothing new.
    """
    cases.lock_open(connection, lookup.file_row(connection, file_id).case_number)
    file = lookup.file(connection, file_id)  # again, under the lock
    matches = file.sha256 == sha256
    claimed = None if matches else sha256
    if (file.verified, file.claimed_sha256) == (matches, claimed):
        return file
    connection.execute(
        update(files).where(files.c.id == file_id).values(verified=matches, claimed_sha256=claimed)
    )
    action = "file.verified" if matches else "file.digest-mismatch"
    details = {"path": file.path, "sha256": file.sha256, "claimed_sha256": sha256}
    audit.add(connection, audit.done_by(principal, action, now, file.case_number, file_id, details))
    return lookup.file(connection, file_id)
