"""Bearer tokens in rows."""

from datetime import datetime

from sqlalchemy import Connection, Row, func, insert, literal, select, update

from transfer.core.errors import TokenMissingError
from transfer.ports import Token
from transfer.records.columns import UtcDateTime
from transfer.records.database import Database
from transfer.records.tables import tokens


class SqlTokenRecords:
    """The rows of bearer tokens; plays the role `transfer.ports.TokenRecords`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, token: Token, secret_sha256: bytes) -> None:
        """Insert a token."""
        await self._database.write(_insert, token, secret_sha256)

    async def by_secret(self, secret_sha256: bytes) -> Token | None:
        """Return the token of a secret, whatever its standing."""
        return await self._database.read(_by_secret, secret_sha256)

    async def tokens(self) -> list[Token]:
        """Return all tokens, newest first."""
        return await self._database.read(_tokens)

    async def revoke(self, token_id: str, now: datetime) -> None:
        """Revoke a token; the first time counts.

        Raises:
            TokenMissingError: no such token.
        """
        await self._database.write(_revoke, token_id, now)


def _insert(connection: Connection, token: Token, secret_sha256: bytes) -> None:
    connection.execute(
        insert(tokens).values(
            id=token.id,
            name=token.name,
            role=token.role,
            case_number=token.case_number,
            secret_sha256=secret_sha256,
            issued_at=token.issued_at,
            expires_at=token.expires_at,
            revoked_at=token.revoked_at,
        )
    )


def _by_secret(connection: Connection, secret_sha256: bytes) -> Token | None:
    query = select(tokens).where(tokens.c.secret_sha256 == secret_sha256)
    row = connection.execute(query).one_or_none()
    return None if row is None else _token(row)


def _tokens(connection: Connection) -> list[Token]:
    query = select(tokens).order_by(tokens.c.issued_at.desc(), tokens.c.id.desc())
    return [_token(row) for row in connection.execute(query)]


def _revoke(connection: Connection, token_id: str, now: datetime) -> None:
    revoked = connection.execute(
        update(tokens)
        .where(tokens.c.id == token_id)
        .values(revoked_at=func.coalesce(tokens.c.revoked_at, literal(now, UtcDateTime)))
    )
    if not revoked.rowcount:
        raise TokenMissingError("No such token.")


def _token(row: Row[tuple[object, ...]]) -> Token:
    return Token(
        id=row.id,
        name=row.name,
        role=row.role,
        case_number=row.case_number,
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
