"""A received file, compared with what its sender says of it afterwards."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, update

from transfer.core.access import Principal
from transfer.core.uploads import FileId, StoredFile
from transfer.ports import CaseEvent, Comparison
from transfer.records import audit, cases, lookup, outbox
from transfer.records.rows import claimed_column
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
    if not _note(connection, file, f"sha256:{sha256}", matches=matches):
        return file
    details = {"claimed_sha256": sha256, "claimed_digest": f"sha256:{sha256}"}
    _tell(connection, file, principal, now, details, matches=matches)
    return lookup.file(connection, file_id)


def compare(
    connection: Connection, file_id: FileId, comparison: Comparison, now: datetime
) -> StoredFile:
    """Note what came of comparing a file with what a side file says of it; see the port.

    Raises:
        EntryMissingError: no such file.
        CaseClosedError: the case takes nothing new.
    """
    cases.lock_open(connection, lookup.file_row(connection, file_id).case_number)
    file = lookup.file(connection, file_id)  # again, under the lock
    matches = comparison.matches
    if not _note(connection, file, comparison.claimed, matches=matches):
        return file
    details: dict[str, Any] = {
        "claimed_digest": comparison.claimed,
        "side_file": comparison.side_file,
        "side_file_id": comparison.side_file_id,
    }
    _tell(connection, file, None, now, details, matches=matches)
    return lookup.file(connection, file_id)


def _note(connection: Connection, file: StoredFile, claimed: str, *, matches: bool) -> bool:
    """Keep what came of a comparison; False if that is known already."""
    standing = None if matches else claimed
    if (file.verified, file.claimed_digest) == (matches, standing):
        return False
    connection.execute(
        update(files)
        .where(files.c.id == file.id)
        .values(verified=matches, claimed_sha256=claimed_column(standing))
    )
    return True


def _tell(
    connection: Connection,
    file: StoredFile,
    principal: Principal | None,
    now: datetime,
    details: Mapping[str, Any],
    *,
    matches: bool,
) -> None:
    action = "file.verified" if matches else "file.digest-mismatch"
    told = {"path": file.path, "sha256": file.sha256, **details}
    audit.add(connection, audit.done_by(principal, action, now, file.case_number, file.id, told))
    event = CaseEvent(
        # It may be told more than once of a file: verified, then claimed to be another one.
        id=f"{action.replace('.', '-')}-{file.id}-{int(now.timestamp() * 1_000_000)}",
        type=action,
        case_number=file.case_number,
        at=now,
        data={
            **told,
            "size": file.size,
            "direction": file.direction.value,
            "sent_by": file.sent_by,
            "file_id": file.id,
        },
    )
    outbox.add(connection, event)
