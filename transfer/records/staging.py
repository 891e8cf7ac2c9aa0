"""Uploads whose parts were put together before their end, so that their bytes can be read."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from transfer.core.uploads import Upload, UploadId
from transfer.ports import Advance
from transfer.records import lookup
from transfer.records.jobs import queue_discard
from transfer.records.leases import replaced, under
from transfer.records.progress import add_parts
from transfer.records.tables import upload_parts, uploads


def reveal(
    connection: Connection,
    upload_id: UploadId,
    fence: int,
    instead_of: Mapping[UploadId, int],
    now: datetime,
) -> None:
    """Have a draft stand at its path, and others of the same writer be drafts; see the port.

    Raises:
        WriterReplacedError: the fence is an old one, or that of one of the others.
    """
    revealed = update(uploads).where(*under(upload_id, fence))
    if not connection.execute(revealed.values(replaces=True, updated_at=now)).rowcount:
        raise replaced()
    for old_id, old_fence in instead_of.items():
        hidden = update(uploads).where(uploads.c.id == old_id, uploads.c.fence == old_fence)
        if not connection.execute(hidden.values(replaces=False)).rowcount:
            raise replaced()


def set_aside(connection: Connection, upload_id: UploadId, fence: int, now: datetime) -> None:
    """Note that the parts of an upload are one object now; see the port.

    Raises:
        WriterReplacedError: the fence is an old one.
    """
    row = connection.execute(
        select(uploads.c.tail_key).where(*under(upload_id, fence)).with_for_update(key_share=True)
    ).one_or_none()
    if row is None:
        raise replaced()
    connection.execute(
        update(uploads)
        .where(uploads.c.id == upload_id)
        .values(
            multipart_id=None, next_part_number=1, tail_key=None, tail_size=None, updated_at=now
        )
    )
    connection.execute(delete(upload_parts).where(upload_parts.c.upload_id == upload_id))
    queue_discard(connection, now, keys=[row.tail_key])


def take_up(
    connection: Connection,
    upload_id: UploadId,
    fence: int,
    multipart: tuple[str, str] | None,
    advance: Advance,
) -> Upload:
    """Have an upload grow again, its bytes being parts or a tail once more; see the port.

    Raises:
        WriterReplacedError: the fence is an old one, or the offset another.
    """
    row = connection.execute(
        select(uploads.c.object_key)
        .where(
            *under(upload_id, fence),
            uploads.c.offset == advance.offset,
            uploads.c.multipart_id.is_(None),
        )
        .with_for_update(key_share=True)
    ).one_or_none()
    if row is None:
        raise replaced()
    object_key, multipart_id = multipart or (None, None)
    connection.execute(
        update(uploads)
        .where(uploads.c.id == upload_id)
        .values(
            object_key=object_key,
            multipart_id=multipart_id,
            tail_key=advance.tail.key if advance.tail else None,
            tail_size=advance.tail.size if advance.tail else None,
            updated_at=advance.now,
            expires_at=advance.expires_at,
        )
    )
    add_parts(connection, upload_id, advance)
    queue_discard(connection, advance.now, keys=[row.object_key])
    return lookup.upload(connection, upload_id)
