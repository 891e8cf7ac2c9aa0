"""The files of a case, page by page."""

from sqlalchemy import Connection, literal, select, tuple_

from transfer.core.cases import CaseNumber
from transfer.core.names import join
from transfer.core.uploads import StoredFile
from transfer.records import folders
from transfer.records.columns import UtcDateTime
from transfer.records.cursors import cursor, parse_cursor
from transfer.records.rows import file_of
from transfer.records.tables import files


def page(
    connection: Connection, number: CaseNumber, after: str | None, limit: int
) -> tuple[list[StoredFile], str | None]:
    """Return up to `limit` files from behind the cursor `after`, and the next cursor if any.

    Raises:
        InvalidRequestError: `after` is not a cursor from here.
    """
    query = (
        select(files)
        .where(files.c.case_number == number)
        .order_by(files.c.created_at, files.c.id)
        .limit(limit + 1)
    )
    if after is not None:
        moment, file_id = parse_cursor(after)
        place = tuple_(literal(moment, UtcDateTime), literal(file_id))
        query = query.where(tuple_(files.c.created_at, files.c.id) > place)
    rows = connection.execute(query).all()
    shown = rows[:limit]
    paths = folders.paths_of(connection, {row.folder_id for row in shown})
    found = [file_of(row, join(paths[row.folder_id], row.name)) for row in shown]
    more = len(rows) > len(shown)
    return found, cursor(shown[-1].created_at, shown[-1].id) if more else None
