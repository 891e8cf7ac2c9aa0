"""How an upload becomes a file."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    bindparam,
    delete,
    insert,
    literal_column,
    or_,
    select,
    union_all,
    update,
)

from transfer.core.access import Principal
from transfer.core.cases import Case
from transfer.core.digests import check_kept
from transfer.core.errors import LengthMismatchError, UploadGoneError
from transfer.core.names import CasePath, join, name_key, numbered, split
from transfer.core.receipts import upload_statement
from transfer.core.side_files import MAX_SIDE_FILE_BYTES, is_side_file
from transfer.core.uploads import (
    Direction,
    FileId,
    Part,
    StoredFile,
    Upload,
    UploadId,
    UploadState,
    check_continuable,
)
from transfer.ports import AuditEvent, CaseEvent, Finished
from transfer.records import audit, cases, entries, folders, lookup, outbox, pieces
from transfer.records.abandonment import abandon
from transfer.records.jobs import queue_discard, queue_side_file
from transfer.records.leases import CONTINUABLE, replaced
from transfer.records.prepared import Prepared
from transfer.records.rows import AnyRow, as_row, file_of, upload_of
from transfer.records.tables import files, upload_parts, uploads
from transfer.records.tables import folders as folder_table

_NUMBERS_AT_ONCE = 100

# Made once, as they are run for every file.
_KEYS: BindParameter[str] = bindparam("keys", expanding=True)
_TAKEN = (
    select(files.c.name_key)
    .where(files.c.folder_id == bindparam("folder"), files.c.name_key.in_(_KEYS))
    .union_all(
        select(folder_table.c.name_key).where(
            folder_table.c.parent_id == bindparam("folder"), folder_table.c.name_key.in_(_KEYS)
        )
    )
)
_HAS_NAME, _IS_OLDER = range(2)
_BESIDE = Prepared(
    union_all(
        select(literal_column(f"{_HAS_NAME}").label("kind"), files.c.name_key.label("found")).where(
            files.c.folder_id == bindparam("folder"), files.c.name_key == bindparam("key")
        ),
        select(literal_column(f"{_HAS_NAME}"), folder_table.c.name_key).where(
            folder_table.c.parent_id == bindparam("folder"),
            folder_table.c.name_key == bindparam("key"),
        ),
        select(literal_column(f"{_IS_OLDER}"), uploads.c.id).where(
            uploads.c.folder_id == bindparam("folder"),
            uploads.c.name_key == bindparam("key"),
            or_(*(uploads.c.state == state for state in sorted(CONTINUABLE))),
            uploads.c.replaces,
            uploads.c.created_at < bindparam("before"),
        ),
    )
)
_INSERT_FILE = Prepared(insert(files))
_END_UPLOAD = Prepared(update(uploads).where(uploads.c.id == bindparam("upload_id")))


def begin(connection: Connection, upload_id: UploadId, now: datetime) -> tuple[Upload, list[Part]]:
    """Make a whole upload `completing`, out of its writer's hands; see the port.

    One that is `completing` or `received` is returned as it is.
    """
    upload = _begin(connection, upload_id, now)
    # With the row's lock: whoever ends the upload meanwhile takes its parts away.
    return upload, lookup.parts(connection, upload_id)


def _begin(connection: Connection, upload_id: UploadId, now: datetime) -> Upload:
    row = lookup.upload_row(connection, upload_id, lock=True)
    upload = lookup.with_paths(connection, [row])[0]
    if upload.state in (UploadState.COMPLETING, UploadState.RECEIVED):
        return upload
    if upload.state is UploadState.ABANDONED:
        check_continuable(upload, now)
    if not upload.is_whole:
        raise UploadGoneError("The upload isn't whole: read its offset, then go on.")
    completing = connection.execute(
        update(uploads)
        .where(uploads.c.id == upload_id)
        .values(
            state=UploadState.COMPLETING,
            fence=uploads.c.fence + 1,
            owner=None,
            lease_until=None,
            updated_at=now,
        )
        .returning(uploads)
    ).one()
    return upload_of(completing, upload.path, upload.case_id)


def finish(
    connection: Connection,
    upload_id: UploadId,
    finished: Finished,
    principal: Principal | None,
    fence: int | None,
) -> StoredFile:
    """Make an upload a file, with all that this entails; see the port."""
    case = cases.lock_of(connection, upload_id)
    row = lookup.upload_row(connection, upload_id, lock=True)
    if row.state is UploadState.RECEIVED:
        return _received(connection, row)
    _check_finishable(case, row, fence)
    if row.length not in (None, finished.size):
        raise LengthMismatchError(f"The file was announced with {row.length} bytes.")
    return make_file(connection, row, finished, principal)


def make_file(
    connection: Connection,
    row: AnyRow,
    finished: Finished,
    principal: Principal | None,
    *,
    end: Callable[[Connection, AnyRow, Finished, str], None] | None = None,
    folder: CasePath | None = None,
) -> StoredFile:
    """Make a file of an upload; this transaction holds its row and that of its case.

    `end` writes into the upload's row that it is received, and the receipt. `folder` is the path
    of its folder, if it is known.
    """
    if folder is None:
        folder = folders.path_of(connection, row.folder_id)
    is_taken, older = _beside(connection, row)
    name, in_the_way = _settle_name(connection, row) if is_taken else (row.name, None)
    for upload_id in older if row.replaces else ():
        abandon(connection, upload_id, principal, "overtaken", finished.now)
    if in_the_way is not None:
        connection.execute(delete(files).where(files.c.id == in_the_way.id))
    values, file = file_to_be(row, join(folder, name), finished)
    _INSERT_FILE.run(connection, values)
    (end or _end_upload)(connection, row, finished, upload_statement(file, row.id))
    _discard_leftovers(connection, row, in_the_way, finished)
    if row.concat is not None:
        pieces.used(connection, row.id, finished.now)
    if is_side_file(name) and file.size <= MAX_SIDE_FILE_BYTES:
        queue_side_file(connection, finished.now, file.id)
    event, audited = news_of(file, principal, row.id, in_the_way and in_the_way.id)
    outbox.add(connection, event)
    audit.add(connection, audited)
    return file


def _received(connection: Connection, row: AnyRow) -> StoredFile:
    present = select(files.c.id).where(files.c.id == row.file_id)
    if connection.execute(present).first() is None:
        raise UploadGoneError("The file was received, and has been removed since.")
    return lookup.file(connection, FileId(row.file_id))


def _check_finishable(case: Case, row: AnyRow, fence: int | None) -> None:
    if case.purge_started_at is not None:
        raise UploadGoneError("The case's data is being deleted.")
    if row.state is UploadState.ABANDONED:
        raise UploadGoneError("The upload was cancelled: start a new one.")
    if fence is None:
        if row.state in CONTINUABLE:
            raise UploadGoneError("The upload is not being completed.")
    elif row.state is not UploadState.RECEIVING or row.fence != fence:
        raise replaced()


def _beside(connection: Connection, upload: AnyRow) -> tuple[bool, list[UploadId]]:
    """Return whether an upload's name is taken, and the uploads over which this one was sent.

    These would stand before the file that it becomes.
    """
    at = {"folder": upload.folder_id, "key": upload.name_key, "before": upload.created_at}
    found = _BESIDE.all(connection, at)
    is_taken = any(row.kind == _HAS_NAME for row in found)
    return is_taken, [UploadId(row.found) for row in found if row.kind == _IS_OLDER]


def _settle_name(connection: Connection, row: AnyRow) -> tuple[str, AnyRow | None]:
    """Return the name that the file will have, as its own is taken, and the file that goes."""
    present = entries.standing(connection, row.folder_id, row.name)
    if row.replaces and present.file is not None and _may_replace(connection, row, present.file):
        return row.name, present.file
    return _free_name(connection, row.folder_id, row.name), None


def _may_replace(connection: Connection, row: AnyRow, file: AnyRow) -> bool:
    """Whether `file` may go for this upload: not if it is newer, nor while a hold keeps it."""
    is_held = cases.lock(connection, row.case_number).keeping is not None
    return not is_held and not _is_older(connection, row, file)


def _is_older(connection: Connection, row: AnyRow, file: AnyRow) -> bool:
    """Whether `file` was sent over this upload, which was just being put together then.

    A process that is killed leaves that to others, for minutes: the newer file stays.
    """
    overtaking = select(uploads.c.id).where(
        uploads.c.file_id == file.id, uploads.c.replaces, uploads.c.created_at > row.created_at
    )
    return connection.execute(overtaking).first() is not None


def _free_name(connection: Connection, folder_id: int, name: str) -> str:
    """Return the first of `name (2)`, `name (3)` and so on that no file or folder has."""
    first = 2
    while True:
        names = [numbered(name, number) for number in range(first, first + _NUMBERS_AT_ONCE)]
        taken = taken_keys(connection, folder_id, [name_key(name) for name in names])
        for candidate in names:
            if name_key(candidate) not in taken:
                return candidate
        first += _NUMBERS_AT_ONCE


def taken_keys(connection: Connection, folder_id: int, keys: Sequence[str]) -> set[str]:
    """Return which of `keys` files and folders of a folder have."""
    return set(connection.scalars(_TAKEN, {"folder": folder_id, "keys": keys}))


def file_to_be(
    row: AnyRow, path: CasePath, finished: Finished
) -> tuple[dict[str, Any], StoredFile]:
    """Return the row of the file that an upload becomes at `path`, and that file.

    Raises:
        DigestMismatchError: not what was promised.
    """
    name = split(path)[1]
    # What was promised is judged here, under the row's lock: it may have come a moment ago.
    promised = check_kept(row.expected_sha256, finished.sha256)
    values = {
        "id": finished.file_id,
        "case_number": row.case_number,
        "folder_id": row.folder_id,
        "name": name,
        "name_key": name_key(name),
        "object_key": finished.object_key,
        "size": finished.size,
        "sha256": finished.sha256,
        "digest_sha256": finished.digest.sha256,
        "digest_crc64nvme": finished.digest.crc64nvme,
        "digest_crc32": finished.digest.crc32,
        "verified": finished.verified or promised,
        "direction": row.direction,
        "door": row.door,
        "sent_by": row.sent_by,
        "created_at": finished.now,
        "modified_at": row.modified_at or finished.now,
        "content_type": row.content_type,
    }
    return values, file_of(as_row(files, values), path)


def ended(finished: Finished, receipt: str) -> dict[str, Any]:
    """Return what the row of an upload says once it is a file."""
    return {
        "state": UploadState.RECEIVED,
        "file_id": finished.file_id,
        "receipt": receipt,
        "offset": finished.size,
        "length": finished.size,
        "owner": None,
        "lease_until": None,
        "updated_at": finished.now,
    }


def _end_upload(connection: Connection, row: AnyRow, finished: Finished, receipt: str) -> None:
    _END_UPLOAD.run(connection, {"upload_id": row.id, **ended(finished, receipt)})
    if row.next_part_number > 1:
        connection.execute(delete(upload_parts).where(upload_parts.c.upload_id == row.id))


def _discard_leftovers(
    connection: Connection, row: AnyRow, in_the_way: AnyRow | None, finished: Finished
) -> None:
    keys = {row.tail_key, in_the_way.object_key if in_the_way else None}
    abandoned_parts = row.multipart_id is not None and row.object_key != finished.object_key
    queue_discard(
        connection,
        finished.now,
        keys=keys - {finished.object_key},
        multiparts=[(row.object_key, row.multipart_id)] if abandoned_parts else [],
    )


def news_of(
    file: StoredFile, principal: Principal | None, upload_id: UploadId, replaced: FileId | None
) -> tuple[CaseEvent, AuditEvent]:
    """Return what is told, and what is noted for good, of a file that was just received."""
    data = {
        "path": file.path,
        "size": file.size,
        "sha256": file.sha256,
        "direction": file.direction.value,
        "door": file.door.value,
        "sent_by": file.sent_by,
        "verified": file.verified,
        "file_id": file.id,
    }
    is_shared = file.direction is Direction.SHARED_WITH_CUSTOMER
    event = CaseEvent(
        id=f"file-received-{file.id}",
        type="file.shared" if is_shared else "file.received",
        case_number=file.case_number,
        at=file.created_at,
        data=data,
    )
    details = {**data, "upload_id": upload_id}
    if replaced is not None:
        details["replaced"] = replaced
    return event, audit.done_by(
        principal, "file.received", event.at, file.case_number, file.id, details
    )
