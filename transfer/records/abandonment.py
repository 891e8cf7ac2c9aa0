"""How an upload is given up: its row stays as an answer, its bytes go."""

from datetime import datetime

from sqlalchemy import Connection, delete, update

from transfer.core.access import Principal
from transfer.core.errors import UploadBusyError, UploadGoneError
from transfer.core.names import join
from transfer.core.uploads import Concat, UploadId, UploadState
from transfer.records import audit, folders, lookup, pieces
from transfer.records.jobs import queue_discard
from transfer.records.leases import CONTINUABLE, replaced
from transfer.records.tables import upload_parts, uploads


def abandon_under(
    connection: Connection,
    upload_id: UploadId,
    fence: int,
    principal: Principal | None,
    reason: str,
    now: datetime,
) -> None:
    """End an upload as `abandon` does, unless somebody else has taken it over.

    Raises:
        WriterReplacedError: somebody has.
    """
    row = lookup.upload_row(connection, upload_id, lock=True)
    if row.fence != fence and row.state is not UploadState.ABANDONED:
        raise replaced()
    abandon(connection, upload_id, principal, reason, now)


def abandon(
    connection: Connection,
    upload_id: UploadId,
    principal: Principal | None,
    reason: str,
    now: datetime,
    *,
    even_completing: bool = False,
) -> None:
    """End an unfinished upload for good, and queue the discard of its bytes; see the port.

    Raises:
        UploadMissingError: no such upload.
        UploadGoneError: it is a file by now.
        UploadBusyError: it is being completed, and that isn't to be given up; or a final is just
            made of it.
    """
    row = lookup.upload_row(connection, upload_id, lock=True)
    if row.state is UploadState.ABANDONED:
        return
    completing = row.state is UploadState.COMPLETING
    if completing and not even_completing:
        raise UploadBusyError("The upload is being completed: try again in a moment.")
    is_piece = row.concat is Concat.PARTIAL
    if row.state is UploadState.RECEIVED and not is_piece:
        raise UploadGoneError("The upload is finished: the file has been received.")
    if is_piece:
        for final_id in pieces.hopeless_without(connection, upload_id):
            abandon(connection, final_id, principal, "piece-abandoned", now)
    connection.execute(
        update(uploads)
        .where(uploads.c.id == upload_id)
        .values(
            state=UploadState.ABANDONED,
            fence=uploads.c.fence + 1,
            owner=None,
            lease_until=None,
            updated_at=now,
        )
    )
    connection.execute(delete(upload_parts).where(upload_parts.c.upload_id == upload_id))
    has_parts = row.multipart_id is not None
    queue_discard(
        connection,
        now,
        keys=[row.tail_key, None if row.state in CONTINUABLE and has_parts else row.object_key],
        multiparts=[(row.object_key, row.multipart_id)] if has_parts else [],
    )
    path = join(folders.path_of(connection, row.folder_id), row.name)
    details = {"path": path, "reason": reason, "offset": row.offset, "length": row.length}
    audit.add(
        connection,
        audit.done_by(principal, "upload.abandoned", now, row.case_number, upload_id, details),
    )
