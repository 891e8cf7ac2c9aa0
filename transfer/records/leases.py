"""One writer an upload: the lease, and the fencing token that makes it safe.

A lease only says who should write; its times come from the nodes' own clocks. The fence says who
can: it grows with each new writer, and nothing is written under an old one. So clocks that differ
make a takeover early or late, never wrong.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import BindParameter, ColumnElement, Connection, or_, select, tuple_, update

from transfer.core.errors import UploadGoneError, WriterReplacedError
from transfer.core.uploads import Upload, UploadId, UploadState, check_continuable
from transfer.ports import Lease, LeaseStanding
from transfer.records import lookup
from transfer.records.rows import AnyRow
from transfer.records.tables import uploads

_STANDING = (uploads.c.id, uploads.c.fence, uploads.c.wanted_fence)

CONTINUABLE = (UploadState.RECEIVING, UploadState.INTERRUPTED)
"""The states of an upload that takes bytes."""


def acquire(
    connection: Connection, upload_id: UploadId, lease: Lease, now: datetime, *, force: bool
) -> Upload | None:
    """Lease an upload, or let its holder know that another one waits; see the port."""
    statement = update(uploads).where(uploads.c.id == upload_id, uploads.c.state.in_(CONTINUABLE))
    if not force:
        statement = statement.where(or_(uploads.c.owner.is_(None), uploads.c.lease_until <= now))
    taken = connection.execute(
        statement.values(
            owner=lease.owner,
            lease_until=lease.until,
            fence=uploads.c.fence + 1,
            state=UploadState.RECEIVING,
            updated_at=now,
        )
    )
    upload = lookup.upload(connection, upload_id)
    if taken.rowcount:
        return upload
    check_free(upload, now)
    connection.execute(
        update(uploads)
        .where(uploads.c.id == upload_id, uploads.c.owner.is_not(None))
        .values(wanted_fence=uploads.c.fence)
    )
    return None


def check_free(upload: Upload, now: datetime) -> None:
    """Raise if nobody can write `upload` any more.

    Raises:
        UploadGoneError: it is over, or being completed.
    """
    if upload.state not in CONTINUABLE:
        check_continuable(upload, now)
        raise UploadGoneError("The upload has all its bytes and is being completed.")


def renew(
    connection: Connection, held: Mapping[UploadId, int], until: datetime
) -> dict[UploadId, LeaseStanding]:
    """Move leases on; see the port."""
    if not held:
        return {}
    renewed = connection.execute(
        update(uploads).where(*_held(held)).values(lease_until=until).returning(*_STANDING)
    )
    return _standings(held, renewed)


def standings(
    connection: Connection, held: Mapping[UploadId, int]
) -> dict[UploadId, LeaseStanding]:
    """Look at leases; see the port."""
    if not held:
        return {}
    return _standings(held, connection.execute(select(*_STANDING).where(*_held(held))))


def release(
    connection: Connection, upload_id: UploadId, fence: int, state: UploadState, now: datetime
) -> None:
    """Let go of a lease, if it is still held; see the port.

    Raises:
        ValueError: `state` is not one in which an upload can be left.
    """
    if state not in CONTINUABLE:
        raise ValueError(f"an upload is not left {state}")
    connection.execute(
        update(uploads)
        .where(*under(upload_id, fence))
        .values(owner=None, lease_until=None, state=state, updated_at=now)
    )


def under(
    upload_id: UploadId | BindParameter[str], fence: int | BindParameter[int]
) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions on which the holder of `fence` may change an upload's row."""
    return (
        uploads.c.id == upload_id,
        uploads.c.fence == fence,
        uploads.c.state == UploadState.RECEIVING,
    )


def replaced() -> WriterReplacedError:
    """Return the error for a writer whose fence is an old one."""
    return WriterReplacedError("Another request has taken over this upload.")


def _held(held: Mapping[UploadId, int]) -> tuple[ColumnElement[bool], ...]:
    return (
        tuple_(uploads.c.id, uploads.c.fence).in_(list(held.items())),
        uploads.c.state == UploadState.RECEIVING,
        uploads.c.owner.is_not(None),
    )


def _standings(
    held: Mapping[UploadId, int], rows: Iterable[AnyRow]
) -> dict[UploadId, LeaseStanding]:
    found = dict.fromkeys(held, LeaseStanding.LOST)
    for row in rows:
        wanted = row.wanted_fence == row.fence
        found[row.id] = LeaseStanding.WANTED if wanted else LeaseStanding.HELD
    return found
