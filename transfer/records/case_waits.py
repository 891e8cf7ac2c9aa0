"""Cases that wait for their customer, as far as the customer hasn't sent anything meanwhile."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, exists, false, literal, or_, select, tuple_

from transfer.core.cases import Case, CaseNumber
from transfer.core.uploads import Direction
from transfer.records.columns import UtcDateTime
from transfer.records.rows import IS_LIVE, case_of, select_cases
from transfer.records.tables import cases, files, uploads

# What has arrived is told to the case a moment later: until then its status doesn't show it.
_HAS_ANSWERED = exists(
    select(files.c.id).where(
        files.c.case_number == cases.c.number,
        files.c.direction == Direction.FROM_CUSTOMER,
        files.c.created_at > cases.c.waiting_since,
    )
)


def waiting(
    connection: Connection,
    since: Sequence[datetime],
    sending_since: datetime,
    after: tuple[datetime, CaseNumber] | None,
    limit: int,
) -> list[Case]:
    """Return cases that wait for their customer; see `transfer.ports.CaseRecords`."""
    reminded = [
        and_(cases.c.notices == notices, cases.c.waiting_since <= moment)
        for notices, moment in enumerate(since)
    ]
    query = (
        select_cases()
        .where(
            cases.c.waiting_since.is_not(None),
            or_(false(), *reminded),
            ~_HAS_ANSWERED,
            ~_is_sending(sending_since),
        )
        .order_by(cases.c.waiting_since, cases.c.number)
        .limit(limit)
    )
    if after is not None:
        at, number = after
        place = tuple_(cases.c.waiting_since, cases.c.number)
        query = query.where(place > tuple_(literal(at, UtcDateTime), literal(number)))
    return [case_of(row) for row in connection.execute(query)]


def has_answered(connection: Connection, number: CaseNumber, sending_since: datetime) -> bool:
    """Return whether the customer has sent something since a case waits, or is just sending."""
    query = select(cases.c.number).where(
        cases.c.number == number, or_(_HAS_ANSWERED, _is_sending(sending_since))
    )
    return connection.execute(query).first() is not None


def _is_sending(since: datetime) -> ColumnElement[bool]:
    return exists(
        select(uploads.c.id).where(
            uploads.c.case_number == cases.c.number,
            uploads.c.direction == Direction.FROM_CUSTOMER,
            IS_LIVE,
            uploads.c.updated_at > since,
        )
    )
