"""Uploads and files by their ids, with the paths that they have at present."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, bindparam, func, not_, or_, select

from transfer.core.cases import CaseId, CaseNumber
from transfer.core.errors import EntryMissingError, UploadMissingError
from transfer.core.names import join
from transfer.core.uploads import (
    Concat,
    FileId,
    Part,
    StoredFile,
    Upload,
    UploadId,
    UploadState,
)
from transfer.records import folders
from transfer.records.prepared import Prepared
from transfer.records.rows import (
    IS_LIVE,
    IS_SHOWN,
    AnyRow,
    file_of,
    part_of,
    select_uploads,
    upload_of,
)
from transfer.records.tables import files, upload_parts, uploads
from transfer.records.terms import is_held

_COMPLETION_GRACE = timedelta(minutes=1)
"""A completion that was last touched before that is nobody's any more."""

IS_WHOLE_PARTIAL = and_(uploads.c.state == UploadState.RECEIVED, uploads.c.concat == Concat.PARTIAL)
"""Whether it is all there of a piece, and its whole isn't yet."""

# Made once, as they are run for every request.
_ONE_UPLOAD = select_uploads().where(uploads.c.id == bindparam("upload_id"))
_UPLOAD = Prepared(_ONE_UPLOAD)
_LOCKED_UPLOAD = Prepared(_ONE_UPLOAD.with_for_update(of=uploads, key_share=True))


def upload_row(connection: Connection, upload_id: UploadId, *, lock: bool = False) -> AnyRow:
    """Return the row of an upload; with `lock`, nobody else changes it in this transaction's time.

    Raises:
        UploadMissingError: no such upload.
    """
    query = _LOCKED_UPLOAD if lock else _UPLOAD
    row = query.one_or_none(connection, {"upload_id": upload_id})
    if row is None:
        raise UploadMissingError("No such upload.")
    return row


def upload(connection: Connection, upload_id: UploadId) -> Upload:
    """Return an upload in any state.

    Raises:
        UploadMissingError: no such upload.
    """
    return with_paths(connection, [upload_row(connection, upload_id)])[0]


def with_paths(connection: Connection, rows: Sequence[AnyRow]) -> list[Upload]:
    """Return the uploads of rows."""
    paths = folders.paths_of(connection, {row.folder_id for row in rows})
    return [
        upload_of(row, join(paths[row.folder_id], row.name), CaseId(row.case_id)) for row in rows
    ]


def parts(connection: Connection, upload_id: UploadId) -> list[Part]:
    """Return an upload's committed parts in the order of their numbers."""
    query = (
        select(upload_parts)
        .where(upload_parts.c.upload_id == upload_id)
        .order_by(upload_parts.c.number)
    )
    return [part_of(row) for row in connection.execute(query)]


def unfinished(connection: Connection, number: CaseNumber) -> list[Upload]:
    """Return the live uploads of a case, oldest first."""
    query = (
        select_uploads()
        .where(uploads.c.case_number == number, IS_SHOWN)
        .order_by(uploads.c.created_at, uploads.c.id)
    )
    return with_paths(connection, connection.execute(query).all())


def overdue(connection: Connection, now: datetime, limit: int) -> list[Upload]:
    """Return uploads that have expired, or whose completion nobody goes on with.

    One that is just being written hasn't, whatever the clock says, and a hold keeps what came.
    """
    query = (
        select_uploads()
        .where(
            or_(
                and_(
                    uploads.c.state.in_((UploadState.RECEIVING, UploadState.INTERRUPTED)),
                    uploads.c.expires_at <= now,
                    or_(uploads.c.owner.is_(None), uploads.c.lease_until <= now),
                    not_(is_held()),
                    uploads.c.concat.is_distinct_from(Concat.FINAL),  # see `pieces`
                ),
                and_(
                    uploads.c.state == UploadState.COMPLETING,
                    uploads.c.updated_at < now - _COMPLETION_GRACE,
                ),
            )
        )
        .order_by(uploads.c.expires_at, uploads.c.id)
        .limit(limit)
    )
    return with_paths(connection, connection.execute(query).all())


def file_row(connection: Connection, file_id: FileId) -> AnyRow:
    """Return the row of a file.

    Raises:
        EntryMissingError: no such file.
    """
    row = connection.execute(select(files).where(files.c.id == file_id)).one_or_none()
    if row is None:
        raise EntryMissingError("No such file.")
    return row


def file(connection: Connection, file_id: FileId) -> StoredFile:
    """Return a file.

    Raises:
        EntryMissingError: no such file.
    """
    row = file_row(connection, file_id)
    return file_of(row, join(folders.path_of(connection, row.folder_id), row.name))


def usage(connection: Connection, number: CaseNumber) -> tuple[int, int]:
    """Return how many files a case holds, and the bytes of these and of its uploads."""
    count, stored = connection.execute(
        select(func.count(), func.coalesce(func.sum(files.c.size), 0)).where(
            files.c.case_number == number
        )
    ).one()
    on_their_way = connection.scalar(
        select(func.coalesce(func.sum(uploads.c.offset), 0)).where(
            uploads.c.case_number == number, or_(IS_LIVE, IS_WHOLE_PARTIAL)
        )
    )
    return count, int(stored) + int(on_their_way or 0)
