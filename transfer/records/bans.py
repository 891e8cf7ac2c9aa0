"""Bans in rows."""

from dataclasses import replace
from datetime import datetime
from ipaddress import ip_network
from typing import Any

from sqlalchemy import Connection, Select, case, delete, literal, or_, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from transfer.core.bans import Ban
from transfer.core.errors import MissingError
from transfer.ports import AuditEvent
from transfer.records import audit
from transfer.records.columns import UtcDateTime, is_storable
from transfer.records.cursors import cursor, parse_cursor
from transfer.records.database import Database
from transfer.records.rows import AnyRow
from transfer.records.tables import bans


class SqlBanRecords:
    """The rows of bans; plays the role `transfer.ports.BanRecords`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, ban: Ban, event: AuditEvent) -> Ban:
        """Insert a ban; a network that is banned already keeps the later end."""
        return await self._database.write(_put, ban, event)

    async def holding(self, now: datetime, limit: int) -> list[Ban]:
        """Return the bans that hold, the latest first."""
        return await self._database.read(_holding, now, limit)

    async def page(
        self, now: datetime, *, after: str | None, limit: int
    ) -> tuple[list[Ban], str | None]:
        """Return a page of the bans that hold, the latest first, and the next cursor if any.

        Raises:
            InvalidRequestError: `after` is not a cursor from here.
        """
        return await self._database.read(_page, now, after, limit)

    async def lift(self, ban_id: str, event: AuditEvent) -> Ban:
        """Delete a ban and return it.

        Raises:
            MissingError: no such ban.
        """
        return await self._database.write(_lift, ban_id, event)

    async def forget(self, before: datetime) -> int:
        """Delete the bans that have ended before then; return how many."""
        return await self._database.write(_forget, before)


def _put(connection: Connection, ban: Ban, event: AuditEvent) -> Ban:
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    new = dialect.insert(bans).values(
        id=ban.id,
        network=str(ban.network),
        reason=ban.reason,
        banned_by=ban.banned_by,
        since=ban.since,
        until=ban.until,
    )
    there, given = bans.c, new.excluded
    endless = or_(there.until.is_(None), given.until.is_(None))
    later = case((there.until > given.until, there.until), else_=given.until)
    placing = new.on_conflict_do_update(
        index_elements=[there.network],
        set_={
            "reason": given.reason,
            "banned_by": given.banned_by,
            "since": given.since,
            "until": case((endless, None), else_=later),
        },
    )
    row = connection.execute(placing.returning(bans)).one()
    audit.add(connection, replace(event, subject=row.id))
    return _ban(row)


def _holding(connection: Connection, now: datetime, limit: int) -> list[Ban]:
    return [_ban(row) for row in connection.execute(_latest(now).limit(limit))]


def _page(
    connection: Connection, now: datetime, after: str | None, limit: int
) -> tuple[list[Ban], str | None]:
    query = _latest(now)
    if after is not None:
        moment, ban_id = parse_cursor(after)
        place = tuple_(literal(moment, UtcDateTime), literal(ban_id))
        query = query.where(tuple_(bans.c.since, bans.c.id) < place)
    rows = connection.execute(query.limit(limit + 1)).all()
    shown = rows[:limit]
    more = len(rows) > len(shown)
    return [_ban(row) for row in shown], cursor(shown[-1].since, shown[-1].id) if more else None


def _latest(now: datetime) -> Select[Any]:
    holds = or_(bans.c.until.is_(None), bans.c.until > now)
    return select(bans).where(holds).order_by(bans.c.since.desc(), bans.c.id.desc())


def _lift(connection: Connection, ban_id: str, event: AuditEvent) -> Ban:
    lifting = delete(bans).where(bans.c.id == ban_id).returning(bans)
    row = connection.execute(lifting).one_or_none() if is_storable(ban_id) else None
    if row is None:
        raise MissingError("No such ban, or it has ended.")
    audit.add(connection, replace(event, details={**event.details, "network": row.network}))
    return _ban(row)


def _forget(connection: Connection, before: datetime) -> int:
    return connection.execute(delete(bans).where(bans.c.until < before)).rowcount


def _ban(row: AnyRow) -> Ban:
    return Ban(
        id=row.id,
        network=ip_network(row.network),
        reason=row.reason,
        banned_by=row.banned_by,
        since=row.since,
        until=row.until,
    )
