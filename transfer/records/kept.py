"""What rows say is in the store."""

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from transfer.core.cases import CaseId, CaseNumber
from transfer.core.errors import CaseMissingError
from transfer.core.parts import MAX_PART_NUMBER
from transfer.core.uploads import FileId
from transfer.ports.upkeep import KeptObject, RereadFile
from transfer.records.leases import CONTINUABLE
from transfer.records.lookup import IS_WHOLE_PARTIAL
from transfer.records.tables import cases, files, uploads


def unpurged(
    connection: Connection, after: CaseNumber | None, limit: int
) -> list[tuple[CaseNumber, CaseId]]:
    """Return cases whose data isn't to go or gone; see the port."""
    query = (
        select(cases.c.number, cases.c.id)
        .where(cases.c.number > (after or ""), cases.c.purge_started_at.is_(None))
        .order_by(cases.c.number)
        .limit(limit)
    )
    return [(row.number, row.id) for row in connection.execute(query)]


def of_files(
    connection: Connection, number: CaseNumber, after: FileId | None, limit: int
) -> list[KeptObject]:
    """Return the objects of a case's files, by the files' ids."""
    query = (
        select(files.c.id, files.c.object_key, files.c.size)
        .where(files.c.case_number == number, files.c.id > (after or ""))
        .order_by(files.c.id)
        .limit(limit)
    )
    return [
        KeptObject(key=row.object_key, size=row.size, file_id=row.id)
        for row in connection.execute(query)
    ]


def of_uploads(connection: Connection, number: CaseNumber) -> list[KeptObject]:
    """Return what a case's unfinished uploads, and whole pieces, have in the store; see the port.

    One that has no number left for a part is just being put together, as one that is completing.
    """
    query = select(uploads).where(
        uploads.c.case_number == number,
        or_(uploads.c.state.in_(CONTINUABLE), IS_WHOLE_PARTIAL),
    )
    found = []
    for row in connection.execute(query):
        if row.multipart_id is not None and row.next_part_number > MAX_PART_NUMBER:
            continue
        if row.tail_key is not None:
            found.append(KeptObject(key=row.tail_key, size=row.tail_size))
        if row.object_key is None:
            continue
        if row.multipart_id is None:
            found.append(KeptObject(key=row.object_key, size=row.offset))
        else:
            size = row.offset - (row.tail_size or 0)
            found.append(KeptObject(key=row.object_key, size=size, multipart_id=row.multipart_id))
    return found


_OF_UNPURGED = files.c.case_number.in_(
    select(cases.c.number).where(cases.c.purge_started_at.is_(None))
)
"""Files of cases whose data isn't to go: of others the rows may outlive the objects."""


def to_reread(
    connection: Connection, number: CaseNumber | None, after: FileId, limit: int
) -> list[RereadFile]:
    """Return files of cases whose data isn't to go, by the files' ids, from behind `after`."""
    query = (
        select(files.c.id, files.c.case_number, files.c.object_key, files.c.size, files.c.sha256)
        .where(_behind(number, after))
        .order_by(files.c.id)
        .limit(limit)
    )
    return [
        RereadFile(
            id=row.id,
            case_number=row.case_number,
            key=row.object_key,
            size=row.size,
            sha256=row.sha256,
        )
        for row in connection.execute(query)
    ]


def left_to_reread(
    connection: Connection, number: CaseNumber | None, after: FileId
) -> tuple[int, int]:
    """Return how many files are behind `after`, and their bytes."""
    query = select(func.count(), func.coalesce(func.sum(files.c.size), 0))
    count, size_bytes = connection.execute(query.where(_behind(number, after))).one()
    return count, int(size_bytes)


def is_kept(connection: Connection, file: RereadFile) -> bool:
    """Whether a file's object still has to be there."""
    query = select(files.c.id).where(
        files.c.id == file.id, files.c.object_key == file.key, _OF_UNPURGED
    )
    return connection.execute(query).first() is not None


def check_case(connection: Connection, number: CaseNumber | None) -> None:
    """Raise unless there is such a case, or none is asked for.

    Raises:
        CaseMissingError: there is none.
    """
    if number is None:
        return
    if connection.execute(select(cases.c.id).where(cases.c.number == number)).first() is None:
        raise CaseMissingError("No such case.")


def _behind(number: CaseNumber | None, after: FileId) -> ColumnElement[bool]:
    is_behind = and_(files.c.id > after, _OF_UNPURGED)
    return is_behind if number is None else and_(files.c.case_number == number, is_behind)
