"""Which cases are due for deletion, or for the notice of it, as far as the rows tell."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    literal,
    not_,
    or_,
    select,
    tuple_,
    update,
)

from transfer.core.cases import Case, CaseNumber, Status
from transfer.ports import AuditEvent, CaseEvent
from transfer.records import audit, outbox
from transfer.records.columns import UtcDateTime
from transfer.records.deletion_claims import LONGEST_CLAIM
from transfer.records.insertion import insert_unless_there
from transfer.records.moments import has_come
from transfer.records.retention_tables import deletions
from transfer.records.rows import ACCOUNT_HELD_AT, case_of, select_cases
from transfer.records.tables import cases
from transfer.records.terms import due_by

_FIRST_DELAY = timedelta(minutes=1)
_LONGEST_DELAY = timedelta(hours=1)
_MOST_DOUBLINGS = 10

_PLACE = (cases.c.closed_at, cases.c.number)

_HAS_DATA = and_(cases.c.closed_at.is_not(None), cases.c.purged_at.is_(None))
"""As the index has it."""

_MAY_GO = and_(
    cases.c.status == Status.CLOSED,
    cases.c.hold_placed_at.is_(None),
    ACCOUNT_HELD_AT.is_(None),
)


def due(
    connection: Connection,
    now: datetime,
    period: timedelta,
    limit: int,
) -> list[CaseNumber]:
    """Return cases that are due, that nothing keeps or puts off, and that nobody is at."""
    claimed_until = deletions.c.claimed_until
    is_free = or_(claimed_until.is_(None), has_come(claimed_until, now, LONGEST_CLAIM))
    query = (
        _with_deletions()
        .where(due_by(connection, now, period), _MAY_GO, is_free, is_tried(now))
        .limit(limit)
    )
    return [row.number for row in connection.execute(query)]


def planned(
    connection: Connection, at: datetime, period: timedelta, after: Case | None, limit: int
) -> list[Case]:
    """Return cases that are due by `at`, however they are held."""
    query = _with_deletions().where(due_by(connection, at, period)).limit(limit)
    if after is not None:
        place = tuple_(literal(after.closed_at, UtcDateTime), literal(after.number))
        query = query.where(tuple_(*_PLACE) > place)
    return [case_of(row) for row in connection.execute(query)]


class Span(NamedTuple):
    """From when to when."""

    begin: datetime
    end: datetime


def to_be_noticed(
    connection: Connection,
    span: Span,
    period: timedelta,
    limit: int,
) -> list[CaseNumber]:
    """Return cases that become due in `span`, and aren't announced for this closure."""
    soon = and_(due_by(connection, span.end, period), not_(due_by(connection, span.begin, period)))
    is_news = deletions.c.noticed_for.is_distinct_from(cases.c.closed_at)
    query = (
        _with_deletions()
        .where(soon, _MAY_GO, is_news, cases.c.purge_started_at.is_(None), is_tried(span.begin))
        .limit(limit)
    )
    return [row.number for row in connection.execute(query)]


def notice(connection: Connection, case: Case, event: CaseEvent, noted: AuditEvent) -> bool:
    """Note that a deletion is announced, with what announces it; False if it is already."""
    unchanged = select(cases.c.number).where(
        cases.c.number == case.number,
        cases.c.status == Status.CLOSED,
        cases.c.closed_at == case.closed_at,
        cases.c.purge_started_at.is_(None),
    )
    if connection.execute(unchanged.with_for_update(key_share=True)).first() is None:
        return False
    insert_unless_there(connection, deletions, {"case_number": case.number})
    noticing = (
        update(deletions)
        .where(
            deletions.c.case_number == case.number,
            deletions.c.noticed_for.is_distinct_from(literal(case.closed_at, UtcDateTime)),
        )
        .values(noticed_for=case.closed_at)
    )
    if not connection.execute(noticing).rowcount:
        return False
    outbox.add(connection, event)
    audit.add(connection, noted)
    return True


def postpone(connection: Connection, number: CaseNumber, now: datetime) -> None:
    """Leave a case alone for a minute, and longer each time that it comes to that again."""
    insert_unless_there(connection, deletions, {"case_number": number})
    is_it = deletions.c.case_number == number
    last = connection.execute(select(deletions.c.retry_at, deletions.c.retries).where(is_it)).one()
    is_again = last.retry_at is not None and last.retry_at > now - 2 * _LONGEST_DELAY
    retries = last.retries + 1 if is_again else 1
    delay = min(_FIRST_DELAY * 2 ** min(retries - 1, _MOST_DOUBLINGS), _LONGEST_DELAY)
    connection.execute(update(deletions).where(is_it).values(retry_at=now + delay, retries=retries))


def is_tried(now: datetime) -> ColumnElement[bool]:
    """Return whether a deletion isn't put off, as one that failed is."""
    retry_at = deletions.c.retry_at
    return or_(retry_at.is_(None), has_come(retry_at, now, _LONGEST_DELAY))


def _with_deletions() -> Select[Any]:
    """Return the query of cases whose data isn't gone, with their deletions, the oldest first."""
    return (
        select_cases()
        .outerjoin(deletions, deletions.c.case_number == cases.c.number)
        .where(_HAS_DATA)
        .order_by(*_PLACE)
    )
