"""The terms of customers' accounts in rows, and which cases they keep."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Exists,
    and_,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from transfer.core.account_terms import AccountTerms
from transfer.core.cases import Hold
from transfer.ports import AuditEvent
from transfer.records import audit
from transfer.records.columns import UtcDateTime, is_storable
from transfer.records.cursors import cursor, parse_cursor
from transfer.records.database import Database
from transfer.records.insertion import insert_unless_there
from transfer.records.retention_tables import account_terms
from transfer.records.rows import KEPT_FOR_SECONDS, AnyRow
from transfer.records.tables import cases

_CURSOR_CHARACTERS = 60
"""So many of an account's name tell it from others of the same moment; a cursor is short."""


class SqlTermsRecords:
    """What accounts have agreed on; plays the role `transfer.ports.TermsRecords`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_account(self, account: str) -> AccountTerms | None:
        """Return the terms of an account, None if they are the usual ones."""
        return await self._database.read(_of_account, account)

    async def put(
        self, terms: AccountTerms, before: AccountTerms | None, event: AuditEvent
    ) -> bool:
        """Write terms, unless they aren't as `before` any more; see the port."""
        return await self._database.write(_put, terms, before, event)

    async def page(
        self, *, after: str | None = None, limit: int = 100
    ) -> tuple[list[AccountTerms], str | None]:
        """Return a page of the terms that aren't the usual ones, the latest changed first.

        Raises:
            InvalidRequestError: `after` is not a cursor from here.
        """
        return await self._database.read(_page, after, limit)


def account_is_held() -> Exists:
    """Return whether a hold by account keeps the data of a case."""
    is_its = account_terms.c.account.in_([cases.c.account, cases.c.sold_to])
    held = exists().where(is_its, account_terms.c.hold_placed_at.is_not(None))
    return held.correlate(cases)


def is_held() -> ColumnElement[bool]:
    """Return whether a hold keeps the data of a case: its own, or its account's."""
    return or_(cases.c.hold_placed_at.is_not(None), account_is_held())


def due_by(connection: Connection, at: datetime, usual: timedelta) -> ColumnElement[bool]:
    """Return, for `select_cases`, whether a closed case is due by `at`; however it is held.

    It is true or false, and never neither, so that it can be turned round.
    """
    agreed = select(account_terms.c.period_seconds).distinct()
    known = connection.scalars(agreed.where(account_terms.c.period_seconds.is_not(None))).all()
    by_terms = [
        and_(
            KEPT_FOR_SECONDS.is_not_distinct_from(seconds),
            cases.c.closed_at <= at - timedelta(seconds=seconds),
        )
        for seconds in known
    ]
    latest = at - min([usual, *(timedelta(seconds=seconds) for seconds in known)])
    is_usual = and_(KEPT_FOR_SECONDS.is_(None), cases.c.closed_at <= at - usual)
    # The first of them is for the index alone.
    return and_(cases.c.closed_at <= latest, or_(is_usual, *by_terms))


def _of_account(connection: Connection, account: str) -> AccountTerms | None:
    if not is_storable(account):
        return None
    found = select(account_terms).where(account_terms.c.account == account)
    row = connection.execute(found).one_or_none()
    return None if row is None else _terms(row)


def _put(
    connection: Connection, terms: AccountTerms, before: AccountTerms | None, event: AuditEvent
) -> bool:
    if before is None:
        written = insert_unless_there(connection, account_terms, _values(terms))
    else:
        written = _replace(connection, terms, before)
    if written:
        audit.add(connection, event)
    return written


def _replace(connection: Connection, terms: AccountTerms, before: AccountTerms) -> bool:
    is_it = _is_same(before)
    if terms.are_usual:
        return bool(connection.execute(delete(account_terms).where(is_it)).rowcount)
    changing = update(account_terms).where(is_it).values(_values(terms))
    return bool(connection.execute(changing).rowcount)


def _is_same(terms: AccountTerms) -> ColumnElement[bool]:
    columns = account_terms.c
    return and_(
        *(columns[name].is_not_distinct_from(value) for name, value in _values(terms).items())
    )


def _page(
    connection: Connection, after: str | None, limit: int
) -> tuple[list[AccountTerms], str | None]:
    beginning = func.substr(account_terms.c.account, 1, _CURSOR_CHARACTERS)
    place = (account_terms.c.changed_at, beginning)
    query = select(account_terms).order_by(*(column.desc() for column in place))
    if after is not None:
        moment, account = parse_cursor(after)
        query = query.where(tuple_(*place) < tuple_(literal(moment, UtcDateTime), account))
    rows = connection.execute(query.limit(limit + 1)).all()
    shown = rows[:limit]
    if len(rows) == len(shown):
        return [_terms(row) for row in shown], None
    last = shown[-1]
    following = cursor(last.changed_at, last.account[:_CURSOR_CHARACTERS])
    return [_terms(row) for row in shown], following


def _values(terms: AccountTerms) -> dict[str, Any]:
    hold, period = terms.hold, terms.period
    return {
        "account": terms.account,
        "period_seconds": None if period is None else int(period.total_seconds()),
        "hold_reason": hold and hold.reason,
        "hold_placed_by": hold and hold.placed_by,
        "hold_placed_at": hold and hold.placed_at,
        "changed_by": terms.changed_by,
        "changed_at": terms.changed_at,
    }


def _terms(row: AnyRow) -> AccountTerms:
    hold = None
    if row.hold_placed_at is not None:
        hold = Hold(
            reason=row.hold_reason, placed_by=row.hold_placed_by, placed_at=row.hold_placed_at
        )
    seconds = row.period_seconds
    return AccountTerms(
        account=row.account,
        period=None if seconds is None else timedelta(seconds=seconds),
        hold=hold,
        changed_by=row.changed_by,
        changed_at=row.changed_at,
    )
