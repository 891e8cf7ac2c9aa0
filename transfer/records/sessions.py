"""Sessions in rows."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    delete,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from transfer.core.access import Door, Principal
from transfer.core.cases import CaseNumber
from transfer.ports import AuditEvent, Presented, Session
from transfer.records import audit
from transfer.records.columns import UtcDateTime, is_storable
from transfer.records.cursors import cursor, parse_cursor
from transfer.records.database import Database
from transfer.records.rows import AnyRow
from transfer.records.tables import sessions


class SqlSessionRecords:
    """The rows of sessions; plays the role `transfer.ports.SessionRecords`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, session: Session, secret_sha256: bytes) -> None:
        """Insert a session."""
        await self._database.write(_insert, session, secret_sha256)

    async def by_secret(self, secret_sha256: bytes, now: datetime) -> Presented | None:
        """Return the session of a secret, whatever its standing, with what its family opens now."""
        return await self._database.read(_by_secret, secret_sha256, now)

    async def seen(self, ids: Sequence[str], now: datetime) -> None:
        """Note that sessions are in use; one that was seen later stays so."""
        await self._database.write(_seen, ids, now)

    async def standing(self, ids: Sequence[str]) -> list[Session]:
        """Return these sessions, as far as they are there."""
        return await self._database.read(_standing, ids)

    async def sessions(
        self,
        *,
        active_at: datetime | None = None,
        case_number: CaseNumber | None = None,
        subject: str | None = None,
    ) -> list[Session]:
        """Return sessions, newest first: all, or those that haven't ended or expired by then."""
        return await self._database.read(_sessions, active_at, case_number, subject)

    async def page(
        self,
        *,
        active_at: datetime,
        seen_after: datetime,
        case_number: CaseNumber | None,
        subject: str | None,
        after: str | None,
        limit: int,
    ) -> tuple[list[Session], str | None]:
        """Return a page of the sessions in use, newest first, and the cursor of the next one.

        Raises:
            InvalidRequestError: `after` is not a cursor from here.
        """
        wanted = in_use(active_at, seen_after)
        if case_number is not None:
            wanted = and_(wanted, sessions.c.case_number == case_number)
        if subject is not None:
            if not is_storable(subject):
                return [], None
            wanted = and_(wanted, sessions.c.subject == subject)
        return await self._database.read(_page, wanted, after, limit)

    async def end(self, ids: Sequence[str], by: Principal, now: datetime) -> list[Session]:
        """End sessions; return those that hadn't ended before. The first end stays."""
        return await self._database.write(_end, ids, by, now)

    async def end_family(self, family: str, by: Principal, now: datetime) -> list[Session]:
        """End all sessions of one browser; see `end`."""
        return await self._database.write(_end_family, family, by, now)

    async def forget(self, before: datetime) -> int:
        """Delete the rows of sessions that were over before then; return how many."""
        return await self._database.write(_forget, before)


def in_use(active_at: datetime, seen_after: datetime) -> ColumnElement[bool]:
    """Return the condition of a session that isn't over, and was seen after `seen_after`."""
    return and_(
        sessions.c.ended_at.is_(None),
        sessions.c.expires_at > active_at,
        sessions.c.seen_at > seen_after,
    )


def _insert(connection: Connection, session: Session, secret_sha256: bytes) -> None:
    connection.execute(
        insert(sessions).values(
            id=session.id,
            family=session.family,
            secret_sha256=secret_sha256,
            name=session.name,
            role=session.role,
            case_number=session.case_number,
            subject=session.subject,
            method=session.method,
            address=session.address,
            began_at=session.began_at,
            seen_at=session.seen_at,
            expires_at=session.expires_at,
            ended_at=session.ended_at,
        )
    )
    event = AuditEvent(
        at=session.began_at,
        action="session.began",
        actor=session.name,
        case_number=session.case_number,
        subject=session.id,
        door=Door.HTTP,
        address=session.address,
        details={
            "role": session.role,
            "method": session.method,
            "subject": session.subject,
            "expires_at": session.expires_at.isoformat(),
        },
    )
    audit.add(connection, event)


def _by_secret(connection: Connection, secret_sha256: bytes, now: datetime) -> Presented | None:
    query = select(sessions).where(sessions.c.secret_sha256 == secret_sha256)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    session = _session_of(row)
    if session.case_number is None:
        return Presented(session=session, cases=None)
    family = select(sessions.c.case_number).where(
        sessions.c.family == session.family,
        sessions.c.case_number.is_not(None),
        sessions.c.ended_at.is_(None),
        sessions.c.expires_at > now,
    )
    return Presented(session=session, cases=frozenset(connection.scalars(family)))


def _seen(connection: Connection, ids: Sequence[str], now: datetime) -> None:
    connection.execute(
        update(sessions).where(sessions.c.id.in_(ids), sessions.c.seen_at < now).values(seen_at=now)
    )


def _standing(connection: Connection, ids: Sequence[str]) -> list[Session]:
    query = select(sessions).where(sessions.c.id.in_(ids))
    return [_session_of(row) for row in connection.execute(query)]


def _sessions(
    connection: Connection,
    active_at: datetime | None,
    case_number: CaseNumber | None,
    subject: str | None,
) -> list[Session]:
    query = select(sessions).order_by(sessions.c.began_at.desc(), sessions.c.id.desc())
    if active_at is not None:
        query = query.where(sessions.c.ended_at.is_(None), sessions.c.expires_at > active_at)
    if case_number is not None:
        query = query.where(sessions.c.case_number == case_number)
    if subject is not None:
        query = query.where(sessions.c.subject == subject)
    return [_session_of(row) for row in connection.execute(query)]


def _page(
    connection: Connection, wanted: ColumnElement[bool], after: str | None, limit: int
) -> tuple[list[Session], str | None]:
    place = (sessions.c.began_at, sessions.c.id)
    query = select(sessions).where(wanted).order_by(*(column.desc() for column in place))
    if after is not None:
        moment, session_id = parse_cursor(after)
        query = query.where(tuple_(*place) < tuple_(literal(moment, UtcDateTime), session_id))
    rows = connection.execute(query.limit(limit + 1)).all()
    shown = rows[:limit]
    more = len(rows) > len(shown)
    following = cursor(shown[-1].began_at, shown[-1].id) if more else None
    return [_session_of(row) for row in shown], following


def _end(connection: Connection, ids: Sequence[str], by: Principal, now: datetime) -> list[Session]:
    rows = connection.execute(
        update(sessions)
        .where(sessions.c.id.in_(ids), sessions.c.ended_at.is_(None))
        .values(ended_at=now)
        .returning(sessions)
    ).all()
    ended = [_session_of(row) for row in rows]
    for session in ended:
        event = AuditEvent(
            at=now,
            action="session.ended",
            actor=by.name,
            case_number=session.case_number,
            subject=session.id,
            door=by.door,
            address=by.address,
            details={"name": session.name, "own": by.credential == session.id},
        )
        audit.add(connection, event)
    return ended


def _end_family(connection: Connection, family: str, by: Principal, now: datetime) -> list[Session]:
    ids = connection.scalars(select(sessions.c.id).where(sessions.c.family == family)).all()
    return _end(connection, ids, by, now)


def _forget(connection: Connection, before: datetime) -> int:
    over = or_(
        sessions.c.expires_at < before,
        and_(sessions.c.ended_at.is_not(None), sessions.c.ended_at < before),
    )
    return connection.execute(delete(sessions).where(over)).rowcount


def _session_of(row: AnyRow) -> Session:
    return Session(
        id=row.id,
        family=row.family,
        name=row.name,
        role=row.role,
        case_number=row.case_number,
        subject=row.subject,
        method=row.method,
        address=row.address,
        began_at=row.began_at,
        seen_at=row.seen_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
    )
