"""Sign-ins on their way to the identity provider and back, in rows."""

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from transfer.ports import PendingSignIn
from transfer.records.database import Database
from transfer.records.tables import sign_ins

_CLEARED_AT_ONCE = 100
"""More than one, so that they become fewer; not all, so that nobody waits for it."""


class SqlSignInRecords:
    """The rows of pending sign-ins; plays the role `transfer.ports.SignInRecords`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, pending: PendingSignIn, now: datetime) -> None:
        """Insert a sign-in, and delete some of those that have expired."""
        await self._database.write(_begin, pending, now)

    async def take(self, state_sha256: bytes) -> PendingSignIn | None:
        """Delete a sign-in and return it; None if there is none. One of two at once gets it."""
        return await self._database.write(_take, state_sha256)


def _begin(connection: Connection, pending: PendingSignIn, now: datetime) -> None:
    expired = (
        select(sign_ins.c.state_sha256)
        .where(sign_ins.c.expires_at <= now)
        .order_by(sign_ins.c.expires_at)
        .limit(_CLEARED_AT_ONCE)
        # Two that clear at once each take others: neither waits.
        .with_for_update(skip_locked=True)
    )
    connection.execute(delete(sign_ins).where(sign_ins.c.state_sha256.in_(expired)))
    connection.execute(
        insert(sign_ins).values(
            state_sha256=pending.state_sha256,
            browser_sha256=pending.browser_sha256,
            return_to=pending.return_to,
            expires_at=pending.expires_at,
        )
    )


def _take(connection: Connection, state_sha256: bytes) -> PendingSignIn | None:
    row = connection.execute(
        delete(sign_ins).where(sign_ins.c.state_sha256 == state_sha256).returning(sign_ins)
    ).one_or_none()
    if row is None:
        return None
    return PendingSignIn(
        state_sha256=row.state_sha256,
        browser_sha256=row.browser_sha256,
        return_to=row.return_to,
        expires_at=row.expires_at,
    )
