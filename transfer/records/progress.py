"""How an upload grows: numbers reserved, parts committed, the offset moved on, under its fence."""

from datetime import datetime

from sqlalchemy import Connection, Update, bindparam, insert, or_, select, update

from transfer.core.digests import check_promise
from transfer.core.errors import TooLargeError
from transfer.core.parts import MAX_PART_NUMBER
from transfer.core.uploads import Upload, UploadId, UploadState, check_announcement
from transfer.ports import Advance
from transfer.records import lookup
from transfer.records.jobs import queue_discard
from transfer.records.leases import check_free, replaced, under
from transfer.records.prepared import Prepared
from transfer.records.rows import upload_of
from transfer.records.tables import upload_parts, uploads

_HELD = under(bindparam("held"), bindparam("under_fence"))
_AT_OFFSET = (*_HELD, uploads.c.offset == bindparam("expected_offset"))
_RESERVE = Prepared(
    update(uploads)
    .where(*_HELD, uploads.c.next_part_number + bindparam("count") <= MAX_PART_NUMBER + 1)
    .values(next_part_number=uploads.c.next_part_number + bindparam("count"))
    .returning(uploads.c.next_part_number)
)
_ADVANCING = Prepared(
    select(uploads.c.tail_key, uploads.c.tail_size, uploads.c.next_part_number)
    .where(*_AT_OFFSET)
    .with_for_update(key_share=True)
)
_ADVANCE = Prepared(update(uploads).where(*_AT_OFFSET))
_ADD_PART = Prepared(insert(upload_parts))


def begin_multipart(
    connection: Connection, upload_id: UploadId, fence: int, object_key: str, multipart_id: str
) -> None:
    """Note the multipart upload of an upload; it has one, ever.

    Raises:
        WriterReplacedError: also when it has another one already: parts may be in there.
    """
    statement = update(uploads).where(
        *under(upload_id, fence),
        or_(uploads.c.multipart_id.is_(None), uploads.c.multipart_id == multipart_id),
    )
    _change(connection, statement.values(object_key=object_key, multipart_id=multipart_id))


def reserve_part(connection: Connection, upload_id: UploadId, fence: int, count: int) -> int:
    """Return the first of `count` part numbers that nobody had before.

    Raises:
        TooLargeError: the store takes no more parts; none was reserved.
    """
    reserved = _RESERVE.one_or_none(
        connection, {"held": upload_id, "under_fence": fence, "count": count}
    )
    if reserved is not None:
        return int(reserved.next_part_number) - count
    held = select(uploads.c.id).where(*under(upload_id, fence))
    if connection.execute(held).first() is None:
        raise replaced()
    raise TooLargeError(f"An upload has at most {MAX_PART_NUMBER} parts, and these are used up.")


def commit(connection: Connection, upload_id: UploadId, fence: int, advance: Advance) -> None:
    """Move the offset on over parts and a tail that the store has; see the port.

    Raises:
        ValueError: they don't reach from where the parts end to the new offset without a gap, or a
            part has a number that was never reserved.
    """
    here = {
        "held": upload_id,
        "under_fence": fence,
        "expected_offset": advance.expected_offset,
    }
    row = _ADVANCING.one_or_none(connection, here)
    if row is None:
        raise replaced()
    _check_contiguous(row.tail_size or 0, advance)
    if any(part.number >= row.next_part_number for part in advance.parts):
        raise ValueError("a part has a number that was never reserved")
    tail = advance.tail
    values = {
        "offset": advance.offset,
        "tail_key": tail.key if tail else None,
        "tail_size": tail.size if tail else None,
        "digest_sha256": advance.digest.sha256,
        "digest_crc64nvme": advance.digest.crc64nvme,
        "digest_crc32": advance.digest.crc32,
        "updated_at": advance.now,
        "expires_at": advance.expires_at,
    }
    if not _ADVANCE.run(connection, here | values):
        raise replaced()
    add_parts(connection, upload_id, advance)
    if row.tail_key is not None and (tail is None or tail.key != row.tail_key):
        queue_discard(connection, advance.now, keys=[row.tail_key])


def announce(
    connection: Connection,
    upload_id: UploadId,
    length: int,
    expected_sha256: str | None,
    now: datetime,
) -> Upload:
    """Set the length of an upload, and the digest that its sender promises.

    Raises:
        LengthMismatchError: see `core.uploads.check_announcement`.
        DigestChangedError: another digest was promised before.
        UploadGoneError: it was abandoned.
    """
    upload = lookup.with_paths(connection, [lookup.upload_row(connection, upload_id, lock=True)])[0]
    if upload.state is UploadState.ABANDONED:
        check_free(upload, now)
    check_announcement(upload, length)
    if expected_sha256 is not None:
        check_promise(upload.expected_sha256, expected_sha256)
    if upload.state in (UploadState.COMPLETING, UploadState.RECEIVED):
        return upload  # it was announced before, as just this
    values: dict[str, object] = {"length": length, "updated_at": now}
    if expected_sha256 is not None:
        values["expected_sha256"] = expected_sha256
    changed = update(uploads).where(uploads.c.id == upload_id).values(values)
    row = connection.execute(changed.returning(uploads)).one()
    return upload_of(row, upload.path, upload.case_id)


def promise(connection: Connection, upload_id: UploadId, sha256: str, now: datetime) -> Upload:
    """Note the digest that the sender promises, also while the upload is being completed.

    Of a received upload nothing changes.

    Raises:
        DigestChangedError: another one was promised before.
        UploadGoneError: it was abandoned.
    """
    upload = lookup.with_paths(connection, [lookup.upload_row(connection, upload_id, lock=True)])[0]
    if upload.state is UploadState.ABANDONED:
        check_free(upload, now)
    if upload.state is UploadState.RECEIVED:
        return upload
    check_promise(upload.expected_sha256, sha256)
    changed = update(uploads).where(uploads.c.id == upload_id).values(expected_sha256=sha256)
    row = connection.execute(changed.returning(uploads)).one()
    return upload_of(row, upload.path, upload.case_id)


def _check_contiguous(old_tail_bytes: int, advance: Advance) -> None:
    end = advance.expected_offset - old_tail_bytes
    for part in advance.parts:
        if part.start != end:
            raise ValueError(f"part {part.number} starts at {part.start}, not at {end}")
        end += part.size
    end += advance.tail.size if advance.tail else 0
    if end != advance.offset or end < advance.expected_offset:
        raise ValueError(f"parts and tail end at {end}, not at {advance.offset}")


def add_parts(connection: Connection, upload_id: UploadId, advance: Advance) -> None:
    """Insert the parts of a commit."""
    if advance.parts:
        _ADD_PART.run_all(
            connection,
            [
                {
                    "upload_id": upload_id,
                    "number": part.number,
                    "start": part.start,
                    "size": part.size,
                    "etag": part.etag,
                    "crc64nvme": part.crc64nvme,
                }
                for part in advance.parts
            ],
        )


def _change(connection: Connection, statement: Update) -> None:
    if not connection.execute(statement).rowcount:
        raise replaced()
