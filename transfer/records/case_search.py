"""Cases found by what is known of them and by what has arrived, from their rows."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, literal, or_, select, tuple_

from transfer.core.case_search import CaseSearch, FoundCase
from transfer.core.cases import CaseNumber
from transfer.core.uploads import Direction
from transfer.records.columns import UtcDateTime
from transfer.records.contacts import with_contacts
from transfer.records.cursors import cursor, parse_cursor
from transfer.records.rows import IS_SHOWN, AnyRow, case_of, select_cases
from transfer.records.tables import cases, files, uploads

_FROM_CUSTOMER = files.c.direction == Direction.FROM_CUSTOMER

# Read backwards from the end of an index: as quick for a case of many files as for one of few.
_LAST_ARRIVAL = (
    select(files.c.created_at)
    .where(files.c.case_number == cases.c.number, _FROM_CUSTOMER)
    .order_by(files.c.created_at.desc(), files.c.id.desc())
    .limit(1)
    .correlate(cases)
    .scalar_subquery()
)


def search(
    connection: Connection, wanted: CaseSearch, after: str | None, limit: int
) -> tuple[list[FoundCase], str | None]:
    """Return a page of the cases that are looked for, and the cursor of the next page if any.

    The newest first; of those in which something has arrived, the one where that was last.

    Raises:
        InvalidRequestError: `after` is not a cursor from here.
    """
    found = _matching(wanted).subquery()
    by_arrival = wanted.arrived_since is not None
    moment = found.c.last_arrival_at if by_arrival else found.c.opened_at
    query = select(found).order_by(moment.desc(), found.c.number.desc()).limit(limit + 1)
    if wanted.arrived_since is not None:
        query = query.where(found.c.last_arrival_at >= wanted.arrived_since)
    if after is not None:
        at, number = parse_cursor(after)
        place = tuple_(literal(at, UtcDateTime), literal(number))
        query = query.where(tuple_(moment, found.c.number) < place)
    rows = connection.execute(query).all()
    shown = rows[:limit]
    if len(rows) == len(shown):
        return _found(connection, shown, wanted.arrived_since), None
    last = shown[-1]
    following = cursor(last.last_arrival_at if by_arrival else last.opened_at, last.number)
    return _found(connection, shown, wanted.arrived_since), following


def _matching(wanted: CaseSearch) -> Select[Any]:
    query = select_cases(_LAST_ARRIVAL.label("last_arrival_at"))
    if wanted.status is not None:
        query = query.where(cases.c.status == wanted.status)
    if wanted.account is not None:
        query = query.where(
            or_(cases.c.account == wanted.account, cases.c.sold_to == wanted.account)
        )
    if wanted.numbers is not None:
        query = query.where(cases.c.number.in_(wanted.numbers))
    for word in wanted.words:
        columns = (cases.c.number, cases.c.account, cases.c.subject)
        query = query.where(or_(*(one.icontains(word, autoescape=True) for one in columns)))
    return query


def _found(
    connection: Connection, rows: Sequence[AnyRow], since: datetime | None
) -> list[FoundCase]:
    numbers = [row.number for row in rows]
    held, arriving = _files(connection, numbers), _uploads(connection, numbers)
    arrived = _files(connection, numbers, since) if since is not None else None
    known = with_contacts(connection, [case_of(row) for row in rows])
    return [
        FoundCase(
            case=case,
            files=held.get(row.number, 0),
            uploads=arriving.get(row.number, 0),
            last_arrival_at=row.last_arrival_at,
            arrived=arrived.get(row.number, 0) if arrived is not None else None,
        )
        for row, case in zip(rows, known, strict=True)
    ]


def _files(
    connection: Connection, numbers: Collection[CaseNumber], since: datetime | None = None
) -> dict[CaseNumber, int]:
    """Count the files of each case; `since` then, those of the customer's that have arrived."""
    query = (
        select(files.c.case_number, func.count().label("found"))
        .where(files.c.case_number.in_(numbers))
        .group_by(files.c.case_number)
    )
    if since is not None:
        query = query.where(_FROM_CUSTOMER, files.c.created_at >= since)
    return {row.case_number: row.found for row in connection.execute(query)}


def _uploads(connection: Connection, numbers: Collection[CaseNumber]) -> dict[CaseNumber, int]:
    query = (
        select(uploads.c.case_number, func.count().label("found"))
        .where(uploads.c.case_number.in_(numbers), IS_SHOWN)
        .group_by(uploads.c.case_number)
    )
    return {row.case_number: row.found for row in connection.execute(query)}
