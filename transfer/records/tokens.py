"""Bearer tokens in rows."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, literal, or_, select, tuple_, update

from transfer.core.access import Action
from transfer.core.cases import CaseNumber
from transfer.core.errors import TokenMissingError
from transfer.ports import AuditEvent, Token
from transfer.records import audit
from transfer.records.columns import UtcDateTime, is_storable
from transfer.records.cursors import cursor, parse_cursor
from transfer.records.database import Database
from transfer.records.rows import AnyRow
from transfer.records.shared_reads import SharedReads
from transfer.records.tables import tokens

# Made once, as it is run for every request.
_BY_SECRET = select(tokens).where(tokens.c.secret_sha256 == bindparam("secret_sha256"))


class SqlTokenRecords:
    """The rows of bearer tokens; plays the role `transfer.ports.TokenRecords`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._by_secret: SharedReads[bytes, Token | None] = SharedReads(
            lambda secret: database.read(_by_secret, secret)
        )

    async def insert(self, token: Token, secret_sha256: bytes, event: AuditEvent) -> None:
        """Insert a token, and tell of it in the audit log."""
        await self._database.write(_insert, token, secret_sha256, event)

    async def token(self, token_id: str) -> Token:
        """Return a token, whatever its standing.

        Raises:
            TokenMissingError: no such token.
        """
        return await self._database.read(_one, token_id)

    async def by_secret(self, secret_sha256: bytes) -> Token | None:
        """Return the token of a secret, whatever its standing."""
        return await self._by_secret.get(secret_sha256)

    async def page(self, after: str | None, limit: int) -> tuple[list[Token], str | None]:
        """Return up to `limit` tokens from behind the cursor `after`, and the next cursor if any.

        Newest first.

        Raises:
            InvalidRequestError: `after` is not a cursor from here.
        """
        return await self._database.read(_page, after, limit)

    async def standing(self, ids: Sequence[str]) -> list[Token]:
        """Return these tokens, as far as they are there."""
        return await self._database.read(_standing, ids)

    async def used(self, token_id: str, now: datetime, *, unless_after: datetime) -> None:
        """Note that a token is in use, unless that was noted after `unless_after`."""
        await self._database.write(_used, token_id, now, unless_after)

    async def revoke(self, token_id: str, now: datetime, event: AuditEvent) -> Token:
        """Revoke a token, and tell of it in the audit log. Repeatable: the first time counts.

        Raises:
            TokenMissingError: no such token.
        """
        return await self._database.write(_revoke, token_id, now, event)


def _insert(connection: Connection, token: Token, secret_sha256: bytes, event: AuditEvent) -> None:
    connection.execute(
        insert(tokens).values(
            id=token.id,
            name=token.name,
            role=token.role,
            cases=_listed(token.cases),
            actions=_listed(token.actions),
            secret_sha256=secret_sha256,
            issued_by=token.issued_by,
            issued_at=token.issued_at,
            expires_at=token.expires_at,
            last_used_at=token.last_used_at,
            revoked_at=token.revoked_at,
        )
    )
    audit.add(connection, event)


def _one(connection: Connection, token_id: str) -> Token:
    query = select(tokens).where(tokens.c.id == token_id)
    row = connection.execute(query).one_or_none() if is_storable(token_id) else None
    if row is None:
        raise TokenMissingError("No such token.")
    return _token(row)


def _by_secret(connection: Connection, secret_sha256: bytes) -> Token | None:
    row = connection.execute(_BY_SECRET, {"secret_sha256": secret_sha256}).one_or_none()
    return None if row is None else _token(row)


def _page(connection: Connection, after: str | None, limit: int) -> tuple[list[Token], str | None]:
    query = select(tokens).order_by(tokens.c.issued_at.desc(), tokens.c.id.desc()).limit(limit + 1)
    if after is not None:
        moment, token_id = parse_cursor(after)
        place = tuple_(literal(moment, UtcDateTime), literal(token_id))
        query = query.where(tuple_(tokens.c.issued_at, tokens.c.id) < place)
    rows = connection.execute(query).all()
    shown = rows[:limit]
    more = len(rows) > len(shown)
    return [_token(row) for row in shown], (
        cursor(shown[-1].issued_at, shown[-1].id) if more else None
    )


def _standing(connection: Connection, ids: Sequence[str]) -> list[Token]:
    query = select(tokens).where(tokens.c.id.in_(ids))
    return [_token(row) for row in connection.execute(query)]


def _used(connection: Connection, token_id: str, now: datetime, unless_after: datetime) -> None:
    noted = tokens.c.last_used_at
    connection.execute(
        update(tokens)
        .where(tokens.c.id == token_id, or_(noted.is_(None), noted <= unless_after))
        .values(last_used_at=now)
    )


def _revoke(connection: Connection, token_id: str, now: datetime, event: AuditEvent) -> Token:
    revoked = connection.execute(
        update(tokens)
        .where(tokens.c.id == token_id, tokens.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    if revoked.rowcount:
        audit.add(connection, event)
    return _one(connection, token_id)


def _listed(members: Collection[str] | None) -> list[str] | None:
    return None if members is None else sorted(members)


def _token(row: AnyRow) -> Token:
    return Token(
        id=row.id,
        name=row.name,
        role=row.role,
        cases=None if row.cases is None else frozenset(map(CaseNumber, row.cases)),
        actions=None if row.actions is None else _actions(row.actions),
        issued_by=row.issued_by,
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )


def _actions(words: Collection[str]) -> frozenset[Action]:
    """Return the actions that are known here: one of a newer version's own opens nothing."""
    return frozenset(action for action in Action if action.value in words)
