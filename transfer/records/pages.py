"""The files of a case, page by page."""

import base64
import json
from datetime import UTC, datetime

from sqlalchemy import Connection, literal, select, tuple_

from transfer.core.cases import CaseNumber
from transfer.core.errors import InvalidRequestError
from transfer.core.names import join
from transfer.core.uploads import StoredFile
from transfer.records import folders
from transfer.records.columns import UtcDateTime
from transfer.records.rows import AnyRow, file_of
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
        moment, file_id = _parse_cursor(after)
        place = tuple_(literal(moment, UtcDateTime), literal(file_id))
        query = query.where(tuple_(files.c.created_at, files.c.id) > place)
    rows = connection.execute(query).all()
    shown = rows[:limit]
    paths = folders.paths_of(connection, {row.folder_id for row in shown})
    found = [file_of(row, join(paths[row.folder_id], row.name)) for row in shown]
    return found, _cursor(shown[-1]) if len(rows) > len(shown) else None


def _cursor(row: AnyRow) -> str:
    place = json.dumps([row.created_at.isoformat(), row.id])
    return base64.urlsafe_b64encode(place.encode()).decode()


def _parse_cursor(text: str) -> tuple[datetime, str]:
    try:
        moment, file_id = json.loads(base64.urlsafe_b64decode(text))
        # Whatever else someone has put in there, these two can't be but a moment and a text.
        return datetime.fromisoformat(moment).astimezone(UTC), str(file_id)
    except (ValueError, TypeError, OverflowError) as exc:
        raise InvalidRequestError("`after` is the `next` of the page before, unchanged.") from exc
