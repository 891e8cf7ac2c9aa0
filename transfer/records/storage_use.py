"""How much cases hold, and the accounts that they are of: summed up when it is asked for.

Nothing keeps these sums, so that no upload waits for its case's row. All files are looked at once
for a list by size; a list of some cases looks at theirs alone.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Select,
    Subquery,
    cast,
    func,
    literal,
    select,
    tuple_,
    union_all,
)

from transfer.core.cases import Case, CaseNumber
from transfer.ports import AccountUsage, CaseUsage
from transfer.records.columns import UtcDateTime
from transfer.records.cursors import cursor, parse_cursor, parse_size_cursor, size_cursor
from transfer.records.lookup import IS_WHOLE_PARTIAL
from transfer.records.rows import IS_LIVE, AnyRow, case_of, select_cases
from transfer.records.tables import cases, files, uploads
from transfer.records.terms import due_by

_NOTHING = (0, 0, 0)

# Each by itself, as each has an index of its own: most uploads were received long ago.
_IS_MOVING = (IS_LIVE, IS_WHOLE_PARTIAL)


def totals(connection: Connection) -> tuple[int, int, int]:
    """Return how many files there are, their bytes, and those of what is on its way."""
    use = _use(None)
    sums = (
        func.coalesce(func.sum(column), 0) for column in (use.c.files, use.c.size, use.c.moving)
    )
    count, size, moving = connection.execute(select(*sums)).one()
    return int(count), int(size), int(moving)


def held(
    connection: Connection, after: str | None, limit: int
) -> tuple[list[CaseUsage], str | None]:
    """Return a page of the cases that are held, the latest hold first."""
    place = (cases.c.hold_placed_at, cases.c.number)
    query = select_cases().where(cases.c.hold_placed_at.is_not(None))
    if after is not None:
        query = query.where(tuple_(*place) < _moment(after))
    query = query.order_by(*(column.desc() for column in place))
    shown, more = _page(connection, query, limit)
    following = cursor(shown[-1].hold_placed_at, shown[-1].number) if more else None
    return _with_use(connection, [case_of(row) for row in shown]), following


def closed(
    connection: Connection,
    due_until: datetime | None,
    period: timedelta,
    after: str | None,
    limit: int,
) -> tuple[list[CaseUsage], str | None]:
    """Return a page of the closed cases whose data isn't proved gone, as they were closed."""
    place = (cases.c.closed_at, cases.c.number)
    query = select_cases().where(cases.c.closed_at.is_not(None), cases.c.purged_at.is_(None))
    if due_until is not None:
        query = query.where(due_by(connection, due_until, period))
    if after is not None:
        query = query.where(tuple_(*place) > _moment(after))
    shown, more = _page(connection, query.order_by(*place), limit)
    following = cursor(shown[-1].closed_at, shown[-1].number) if more else None
    return _with_use(connection, [case_of(row) for row in shown]), following


def by_case(
    connection: Connection, after: str | None, limit: int
) -> tuple[list[CaseUsage], str | None]:
    """Return a page of the cases that hold anything, the one with the most bytes first."""
    use = _use(None)
    total = use.c.size + use.c.moving
    query = select_cases(use.c.files, use.c.size, use.c.moving, total.label("total"))
    query = query.join(use, cases.c.number == use.c.number)
    if after is not None:
        query = query.where(tuple_(total, cases.c.number) < _size(after))
    query = query.order_by(total.desc(), cases.c.number.desc())
    shown, more = _page(connection, query, limit)
    following = size_cursor(shown[-1].total, shown[-1].number) if more else None
    found = [_usage(case_of(row), (row.files, row.size, row.moving)) for row in shown]
    return found, following


def by_account(
    connection: Connection, after: str | None, limit: int
) -> tuple[list[AccountUsage], str | None]:
    """Return a page of the accounts that hold anything, the one with the most bytes first."""
    use = _use(None)
    sums = (
        select(
            cases.c.account,
            func.count().label("cases"),
            func.min(cases.c.number).label("first"),  # tells it from others, and is short
            _sum(use.c.files).label("files"),
            _sum(use.c.size).label("size"),
            _sum(use.c.moving).label("moving"),
        )
        .join_from(cases, use, cases.c.number == use.c.number)
        .group_by(cases.c.account)
        .subquery()
    )
    total = sums.c.size + sums.c.moving
    query = select(sums, total.label("total"))
    if after is not None:
        query = query.where(tuple_(total, sums.c.first) < _size(after))
    query = query.order_by(total.desc(), sums.c.first.desc())
    shown, more = _page(connection, query, limit)
    following = size_cursor(shown[-1].total, shown[-1].first) if more else None
    return [_account_usage(row) for row in shown], following


def _use(numbers: Sequence[CaseNumber] | None) -> Subquery:
    """Return the query of what these cases hold, or all; one that holds nothing isn't there."""
    stored = select(
        files.c.case_number.label("number"),
        func.count().label("files"),
        _sum(files.c.size).label("size"),
        literal(0, BigInteger).label("moving"),
    ).group_by(files.c.case_number)
    moving = [
        select(
            uploads.c.case_number.label("number"),
            literal(0, BigInteger).label("files"),
            literal(0, BigInteger).label("size"),
            uploads.c.offset.label("moving"),
        ).where(is_moving)
        for is_moving in _IS_MOVING
    ]
    if numbers is not None:
        stored = stored.where(files.c.case_number.in_(numbers))
        moving = [one.where(uploads.c.case_number.in_(numbers)) for one in moving]
    both = union_all(stored, *moving).subquery()
    return (
        select(
            both.c.number,
            _sum(both.c.files).label("files"),
            _sum(both.c.size).label("size"),
            _sum(both.c.moving).label("moving"),
        )
        .group_by(both.c.number)
        .subquery()
    )


def _with_use(connection: Connection, found: Sequence[Case]) -> list[CaseUsage]:
    use = _use([case.number for case in found])
    held = {
        row.number: (row.files, row.size, row.moving) for row in connection.execute(select(use))
    }
    return [_usage(case, held.get(case.number, _NOTHING)) for case in found]


def _sum(column: Any) -> Any:  # noqa: ANN401 - the types of columns say nothing of sums
    """Return a sum as a whole number: PostgreSQL's would be a decimal one."""
    return cast(func.sum(column), BigInteger)


def _page(connection: Connection, query: Select[Any], limit: int) -> tuple[list[AnyRow], bool]:
    rows = connection.execute(query.limit(limit + 1)).all()
    return list(rows[:limit]), len(rows) > limit


def _moment(after: str) -> Any:  # noqa: ANN401 - a tuple in SQL
    moment, number = parse_cursor(after)
    return tuple_(literal(moment, UtcDateTime), literal(number))


def _size(after: str) -> Any:  # noqa: ANN401 - a tuple in SQL
    size, number = parse_size_cursor(after)
    return tuple_(literal(size, BigInteger), literal(number))


def _usage(case: Case, held: tuple[int, int, int]) -> CaseUsage:
    count, size, moving = held
    return CaseUsage(case=case, files=count, size_bytes=size, unfinished_bytes=moving)


def _account_usage(row: AnyRow) -> AccountUsage:
    return AccountUsage(
        account=row.account,
        cases=row.cases,
        files=row.files,
        size_bytes=row.size,
        unfinished_bytes=row.moving,
    )
