"""Uploads that are pieces of others, and those that are made of them.

Who makes a final of pieces, or gives a piece up, holds the pieces' rows: no final is ever made of
what is just going.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, delete, exists, insert, or_, select, update

from transfer.core.access import Principal
from transfer.core.concatenation import USED_LIFETIME, Concatenation, are_whole, check_piece
from transfer.core.errors import UploadBusyError, UploadGoneError
from transfer.core.uploads import Concat, Upload, UploadId, UploadState
from transfer.ports import Kept, Lease, NewUpload
from transfer.records import leases, lookup
from transfer.records.jobs import queue_discard
from transfer.records.leases import CONTINUABLE
from transfer.records.rows import IS_LIVE, AnyRow, select_uploads
from transfer.records.tables import files, upload_parts, upload_pieces, uploads
from transfer.records.terms import is_held

_UNTOUCHED = timedelta(minutes=1)
"""A final that could be put together for so long, and isn't, was left by a lost process."""

_finals = uploads.alias("finals")
_pieces = uploads.alias("pieces")


def repeated(
    connection: Connection, new: NewUpload, header: str, principal: Principal
) -> AnyRow | None:
    """Return the final upload that its sender asks for again, having missed the first answer."""
    has_file = exists().where(files.c.id == uploads.c.file_id)
    query = select_uploads().where(
        uploads.c.case_number == new.case_number,
        uploads.c.concat == Concat.FINAL,
        uploads.c.concat_header == header,
        uploads.c.metadata.is_not_distinct_from(new.metadata),
        uploads.c.sent_by == principal.name,
        or_(IS_LIVE, and_(uploads.c.state == UploadState.RECEIVED, has_file)),
    )
    return connection.execute(query.order_by(uploads.c.created_at).limit(1)).one_or_none()


def check(connection: Connection, new: NewUpload, concatenation: Concatenation) -> None:
    """Raise unless `new` may be made of its pieces; they stay as they are until the commit.

    Raises:
        InvalidRequestError, UploadGoneError: see `core.concatenation.check_piece`.
    """
    wanted = set(concatenation.pieces)
    query = (
        select_uploads()
        .where(uploads.c.id.in_(wanted))
        .order_by(uploads.c.id)
        .with_for_update(of=uploads, key_share=True)
    )
    found = lookup.with_paths(connection, connection.execute(query).all())
    by_id = {piece.id: piece for piece in found}
    for piece_id in concatenation.pieces:
        check_piece(
            by_id.get(piece_id), number=new.case_number, direction=new.direction, now=new.now
        )


def add(connection: Connection, final_id: UploadId, pieces: Sequence[UploadId]) -> None:
    """Note what a final upload is made of."""
    rows = [
        {"upload_id": final_id, "position": position, "piece_id": piece_id}
        for position, piece_id in enumerate(pieces)
    ]
    if rows:
        connection.execute(insert(upload_pieces), rows)


def of(connection: Connection, final_id: UploadId) -> list[Upload]:
    """Return what a final upload is made of, in its order."""
    query = (
        select_uploads()
        .join(upload_pieces, upload_pieces.c.piece_id == uploads.c.id)
        .where(upload_pieces.c.upload_id == final_id)
        .order_by(upload_pieces.c.position)
    )
    return lookup.with_paths(connection, connection.execute(query).all())


def finals(connection: Connection, piece_id: UploadId) -> list[UploadId]:
    """Return the final uploads that wait for a piece, or are just made of it."""
    query = (
        select(uploads.c.id)
        .where(
            uploads.c.id.in_(
                select(upload_pieces.c.upload_id).where(upload_pieces.c.piece_id == piece_id)
            ),
            uploads.c.state.in_(CONTINUABLE),
        )
        .order_by(uploads.c.id)
    )
    return [UploadId(final_id) for final_id in connection.scalars(query)]


def keep(connection: Connection, upload_id: UploadId, kept: Kept, fence: int | None) -> None:
    """Note that a partial upload is whole, as an object; see the port."""
    row = lookup.upload_row(connection, upload_id, lock=True)
    if row.state is UploadState.RECEIVED:
        return
    if row.state is UploadState.ABANDONED or (fence is None and row.state in CONTINUABLE):
        raise UploadGoneError("The upload was cancelled: start a new one.")
    if fence is not None and (row.state is not UploadState.RECEIVING or row.fence != fence):
        raise leases.replaced()
    connection.execute(
        update(uploads)
        .where(uploads.c.id == upload_id)
        .values(
            state=UploadState.RECEIVED,
            offset=kept.size,
            object_key=kept.object_key,
            multipart_id=None,
            tail_key=None,
            tail_size=None,
            digest_sha256=kept.digest.sha256,
            digest_crc64nvme=kept.digest.crc64nvme,
            digest_crc32=kept.digest.crc32,
            owner=None,
            lease_until=None,
            updated_at=kept.now,
        )
    )
    connection.execute(delete(upload_parts).where(upload_parts.c.upload_id == upload_id))
    is_left_over = row.multipart_id is not None and row.object_key != kept.object_key
    queue_discard(
        connection,
        kept.now,
        keys=[row.tail_key],
        multiparts=[(row.object_key, row.multipart_id)] if is_left_over else [],
    )


def used(connection: Connection, final_id: UploadId, now: datetime) -> None:
    """Let the pieces of a final that has become a file go soon."""
    until = now + USED_LIFETIME
    of_final = select(upload_pieces.c.piece_id).where(upload_pieces.c.upload_id == final_id)
    connection.execute(
        update(uploads)
        .where(uploads.c.id.in_(of_final), uploads.c.expires_at > until)
        .values(expires_at=until)
    )


def acquire(
    connection: Connection, final_id: UploadId, lease: Lease, now: datetime
) -> Upload | None:
    """Lease a final upload if it is nobody's; see the port."""
    taken = connection.execute(
        update(uploads)
        .where(
            uploads.c.id == final_id,
            uploads.c.concat == Concat.FINAL,
            uploads.c.state.in_(CONTINUABLE),
            or_(uploads.c.owner.is_(None), uploads.c.lease_until <= now),
        )
        .values(
            owner=lease.owner,
            lease_until=lease.until,
            fence=uploads.c.fence + 1,
            state=UploadState.RECEIVING,
            updated_at=now,
        )
    )
    return lookup.upload(connection, final_id) if taken.rowcount else None


def hopeless_without(connection: Connection, piece_id: UploadId) -> list[UploadId]:
    """Return the final uploads that can't be any more once a piece is given up.

    Raises:
        UploadBusyError: one is just made of it.
    """
    waiting = finals(connection, piece_id)
    if any(are_whole(of(connection, final_id)) for final_id in waiting):
        raise UploadBusyError("A final upload is being made of it: try again in a moment.")
    return waiting


def overdue(connection: Connection, now: datetime, limit: int) -> list[Upload]:
    """Return all uploads that a worker must see to; see the port."""
    needed = exists().where(
        upload_pieces.c.piece_id == uploads.c.id,
        upload_pieces.c.upload_id == _finals.c.id,
        _finals.c.state.in_(CONTINUABLE),
    )
    its_pieces = (
        upload_pieces.c.upload_id == uploads.c.id,
        upload_pieces.c.piece_id == _pieces.c.id,
    )
    may_go_on = exists().where(
        *its_pieces, _pieces.c.expires_at > now, _pieces.c.state != UploadState.ABANDONED
    )
    is_missing_some = exists().where(*its_pieces, _pieces.c.state != UploadState.RECEIVED)
    is_over = and_(uploads.c.expires_at <= now, ~may_go_on, ~is_held())
    is_left = and_(
        ~is_missing_some,
        uploads.c.updated_at < now - _UNTOUCHED,
        or_(uploads.c.owner.is_(None), uploads.c.lease_until <= now),
    )
    of_finals = and_(
        uploads.c.concat == Concat.FINAL, uploads.c.state.in_(CONTINUABLE), or_(is_over, is_left)
    )
    of_partials = and_(
        uploads.c.concat == Concat.PARTIAL,
        uploads.c.state == UploadState.RECEIVED,
        uploads.c.expires_at <= now,
        ~needed,
        ~is_held(),
    )
    query = select_uploads().where(or_(of_finals, of_partials))
    found = connection.execute(query.order_by(uploads.c.expires_at, uploads.c.id).limit(limit))
    return [*lookup.overdue(connection, now, limit), *lookup.with_paths(connection, found.all())]
