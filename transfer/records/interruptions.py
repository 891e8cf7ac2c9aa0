"""Uploads that were begun and to which nothing comes any more."""

from datetime import datetime

from sqlalchemy import Connection, Text, cast, exists, literal, or_, select

from transfer.core.names import join
from transfer.ports import CaseEvent
from transfer.records import folders
from transfer.records.leases import CONTINUABLE
from transfer.records.tables import cases, outbox, uploads

_ID = "file-interrupted-"


def interrupted(
    connection: Connection, before: datetime, now: datetime, limit: int
) -> list[CaseEvent]:
    """Return the events of uploads that have stood since `before`, and weren't told where they do.

    In the order of their cases, for whoever locks those. Pieces of another upload are none.
    """
    event_id = literal(_ID) + uploads.c.id + literal("-") + cast(uploads.c.offset, Text)
    query = (
        select(uploads)
        .join_from(uploads, cases, uploads.c.case_number == cases.c.number)
        .where(
            uploads.c.state.in_(CONTINUABLE),
            uploads.c.updated_at <= before,
            uploads.c.expires_at > now,
            or_(uploads.c.owner.is_(None), uploads.c.lease_until <= now),
            uploads.c.concat.is_(None),
            cases.c.purge_started_at.is_(None),
            ~exists(select(outbox.c.sequence).where(outbox.c.id == event_id)),
        )
        .order_by(uploads.c.case_number, uploads.c.id)
        .limit(limit)
    )
    return [
        CaseEvent(
            id=f"{_ID}{row.id}-{row.offset}",
            type="file.interrupted",
            case_number=row.case_number,
            at=now,
            data={
                "path": join(folders.path_of(connection, row.folder_id), row.name),
                "offset": row.offset,
                "length": row.length,
                "direction": row.direction.value,
                "door": row.door.value,
                "sent_by": row.sent_by,
                "upload_id": row.id,
                "expires_at": row.expires_at.isoformat(),
            },
        )
        for row in connection.execute(query).all()
    ]
