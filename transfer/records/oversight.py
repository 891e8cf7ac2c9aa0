"""What admins see of the service as a whole, from rows."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    func,
    literal,
    literal_column,
    select,
    tuple_,
)

from transfer.core.retention import PERIOD
from transfer.ports import (
    AccountUsage,
    Acknowledged,
    AuditEvent,
    CaseUsage,
    Figures,
    Since,
    Waiting,
    Wording,
)
from transfer.records import storage_use
from transfer.records.audit import event_of
from transfer.records.columns import UtcDateTime, is_storable
from transfer.records.cursors import cursor, parse_cursor, parse_moment_and_serial
from transfer.records.database import Database
from transfer.records.rows import ACCOUNT_HELD_AT, select_cases
from transfer.records.sessions import in_use
from transfer.records.tables import (
    FAILED_SIGN_IN,
    acknowledgements,
    audit_events,
    cases,
    notices,
    sessions,
    sign_in_failures,
    tokens,
)
from transfer.records.terms import due_by

_FAILED: ColumnElement[bool] = literal_column(FAILED_SIGN_IN.text)
"""As the index has it, literally: else it isn't used."""


_CURSOR_CHARACTERS = 60
"""So many of a person's name tell them from others of the same case and moment; a cursor is short,
and names may be long."""


class SqlOversightRecords:
    """Sums and lists over all cases; plays the role `transfer.ports.OversightRecords`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def figures(self, since: Since) -> Figures:
        """Return the figures as they stand."""
        return await self._database.read(_figures, since)

    async def held(self, *, after: str | None, limit: int) -> tuple[list[CaseUsage], str | None]:
        """Return the cases that are held, the latest hold first."""
        return await self._database.read(storage_use.held, after, limit)

    async def closed(
        self,
        until: datetime | None,
        *,
        after: str | None,
        limit: int,
        period: timedelta = PERIOD,
    ) -> tuple[list[CaseUsage], str | None]:
        """Return the closed cases whose data isn't proved gone, in the order of their closure."""
        due_until = None if until is None else until + period
        return await self._database.read(storage_use.closed, due_until, period, after, limit)

    async def usage_by_case(
        self, *, after: str | None, limit: int
    ) -> tuple[list[CaseUsage], str | None]:
        """Return the cases that hold anything, the one with the most bytes first."""
        return await self._database.read(storage_use.by_case, after, limit)

    async def usage_by_account(
        self, *, after: str | None, limit: int
    ) -> tuple[list[AccountUsage], str | None]:
        """Return the accounts whose cases hold anything, the one with the most bytes first."""
        return await self._database.read(storage_use.by_account, after, limit)

    async def failed_sign_ins(
        self, *, after: str | None, limit: int
    ) -> tuple[list[AuditEvent], str | None]:
        """Return the sign-ins that failed, the latest first."""
        return await self._database.read(_failed_sign_ins, after, limit)

    async def waiting(self, now: datetime, limit: int) -> list[Waiting]:
        """Return who has to wait after too many failures, the longest wait first."""
        return await self._database.read(_waiting, now, limit)

    async def wordings(self) -> list[Wording]:
        """Return the texts of the warning that were ever acknowledged, the latest first."""
        return await self._database.read(_wordings)

    async def acknowledged(
        self, version: str, *, after: str | None, limit: int
    ) -> tuple[list[Acknowledged], str | None]:
        """Return who has acknowledged a text, the latest first."""
        return await self._database.read(_acknowledged, version, after, limit)


def _figures(connection: Connection, since: Since) -> Figures:
    files, size, moving = storage_use.totals(connection)
    soon = due_by(connection, since.closed_until + since.period, since.period)
    due = select_cases().where(
        soon,
        cases.c.purged_at.is_(None),
        cases.c.hold_placed_at.is_(None),
        ACCOUNT_HELD_AT.is_(None),
    )
    good = and_(tokens.c.revoked_at.is_(None), tokens.c.expires_at > since.now)
    used = in_use(since.now, since.seen_after)
    failed = and_(_FAILED, audit_events.c.at > since.failed_after)

    def counted(query: Select[Any]) -> int:
        return connection.scalar(query) or 0

    rows = select(func.count())
    return Figures(
        cases=counted(rows.select_from(cases).where(cases.c.purged_at.is_(None))),
        files=files,
        size_bytes=size,
        unfinished_bytes=moving,
        held=counted(rows.select_from(cases).where(cases.c.hold_placed_at.is_not(None))),
        due=counted(rows.select_from(due.subquery())),
        sessions=counted(rows.select_from(sessions).where(used)),
        tokens=counted(rows.select_from(tokens).where(good)),
        failures=counted(rows.select_from(audit_events).where(failed)),
    )


def _failed_sign_ins(
    connection: Connection, after: str | None, limit: int
) -> tuple[list[AuditEvent], str | None]:
    place = (audit_events.c.at, audit_events.c.sequence)
    query = select(audit_events).where(_FAILED)
    if after is not None:
        moment, sequence = parse_moment_and_serial(after)
        query = query.where(
            tuple_(*place) < tuple_(literal(moment, UtcDateTime), literal(sequence))
        )
    query = query.order_by(*(column.desc() for column in place))
    rows = connection.execute(query.limit(limit + 1)).all()
    shown = rows[:limit]
    more = len(rows) > len(shown)
    following = cursor(shown[-1].at, str(shown[-1].sequence)) if more else None
    return [event_of(row) for row in shown], following


def _waiting(connection: Connection, now: datetime, limit: int) -> list[Waiting]:
    query = (
        select(sign_in_failures)
        .where(sign_in_failures.c.wait_until > now)
        .order_by(
            sign_in_failures.c.wait_until.desc(),
            sign_in_failures.c.kind,
            sign_in_failures.c.source,
        )
        .limit(limit)
    )
    return [
        Waiting(
            kind=row.kind,
            source=row.source,
            failures=row.failures,
            last_at=row.last_at,
            wait_until=row.wait_until,
        )
        for row in connection.execute(query)
    ]


def _wordings(connection: Connection) -> list[Wording]:
    query = (
        select(notices, func.count(acknowledgements.c.person).label("people"))
        .outerjoin_from(notices, acknowledgements, notices.c.version == acknowledgements.c.version)
        .group_by(notices.c.version)
        .order_by(notices.c.since.desc(), notices.c.version)
    )
    return [
        Wording(version=row.version, text=row.text, since=row.since, acknowledgements=row.people)
        for row in connection.execute(query)
    ]


def _acknowledged(
    connection: Connection, version: str, after: str | None, limit: int
) -> tuple[list[Acknowledged], str | None]:
    if not is_storable(version):
        return [], None
    given = acknowledgements.c
    beginning = func.substr(given.person, 1, _CURSOR_CHARACTERS)
    place = (given.acknowledged_at, given.case_number, beginning)
    query = select(acknowledgements).where(given.version == version)
    if after is not None:
        moment, rest = parse_cursor(after)
        number, _, person = rest.partition(" ")
        query = query.where(
            tuple_(*place) < tuple_(literal(moment, UtcDateTime), literal(number), literal(person))
        )
    query = query.order_by(*(column.desc() for column in place))
    rows = connection.execute(query.limit(limit + 1)).all()
    shown = [
        Acknowledged(
            case_number=row.case_number, person=row.person, acknowledged_at=row.acknowledged_at
        )
        for row in rows[:limit]
    ]
    if len(rows) <= limit:
        return shown, None
    last = shown[-1]
    who = f"{last.case_number} {last.person[:_CURSOR_CHARACTERS]}"
    return shown, cursor(last.acknowledged_at, who)
