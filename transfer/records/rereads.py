"""Re-readings of files, in rows."""

from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from transfer.core.cases import CaseNumber
from transfer.core.uploads import FileId
from transfer.ports.upkeep import Reread, Unfinished
from transfer.records import kept
from transfer.records.rows import AnyRow
from transfer.records.upkeep_tables import rereads


def begin(
    connection: Connection, number: CaseNumber | None, now: datetime, *, anew: bool
) -> Reread:
    """Return the unfinished re-reading, or a new one; see the port.

    Raises:
        CaseMissingError: no such case.
    """
    kept.check_case(connection, number)
    left = (rereads.c.case_number.is_not_distinct_from(number), rereads.c.ended_at.is_(None))
    if anew:
        connection.execute(update(rereads).where(*left).values(ended_at=now))
    query = select(rereads).where(*left).order_by(rereads.c.id.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    if row is None:
        new = {
            "case_number": number,
            "cursor": "",
            "started_at": now,
            "files": 0,
            "size_bytes": 0,
            "problems": 0,
        }
        row = connection.execute(insert(rereads).values(new).returning(*rereads.c)).one()
    return _of(row)


def keep(connection: Connection, reread: Reread) -> None:
    """Keep how far a re-reading has come."""
    unfinished = reread.unfinished
    connection.execute(
        update(rereads)
        .where(rereads.c.id == reread.id)
        .values(
            cursor=reread.cursor,
            files=reread.files,
            size_bytes=reread.size_bytes,
            problems=reread.problems,
            unfinished_file_id=unfinished and unfinished.file_id,
            unfinished_offset=unfinished and unfinished.offset,
            unfinished_state=unfinished and unfinished.state,
        )
    )


def end(connection: Connection, reread: Reread, now: datetime) -> None:
    """Note that a re-reading is at its end."""
    keep(connection, reread)
    connection.execute(update(rereads).where(rereads.c.id == reread.id).values(ended_at=now))


def _of(row: AnyRow) -> Reread:
    unfinished = None
    if row.unfinished_file_id is not None:
        unfinished = Unfinished(
            file_id=FileId(row.unfinished_file_id),
            offset=row.unfinished_offset,
            state=row.unfinished_state,
        )
    return Reread(
        id=row.id,
        case_number=row.case_number,
        started_at=row.started_at,
        cursor=FileId(row.cursor),
        files=row.files,
        size_bytes=row.size_bytes,
        problems=row.problems,
        unfinished=unfinished,
    )
