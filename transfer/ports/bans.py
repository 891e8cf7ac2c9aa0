"""Bans in rows."""

from datetime import datetime
from typing import Protocol

from transfer.core.bans import Ban
from transfer.ports.work import AuditEvent


class BanRecords(Protocol):
    """The rows of bans, one a network."""

    async def put(self, ban: Ban, event: AuditEvent) -> Ban:
        """Insert a ban, and tell of it in the audit log; return what holds now.

        A network that is banned already keeps its id, and the later of both ends.
        """

    async def holding(self, now: datetime, limit: int) -> list[Ban]:
        """Return the bans that hold, the latest first."""

    async def page(
        self, now: datetime, *, after: str | None, limit: int
    ) -> tuple[list[Ban], str | None]:
        """Return a page of the bans that hold, the latest first, and the next cursor if any.

        Raises:
            InvalidRequestError: `after` is not a cursor from here.
        """

    async def lift(self, ban_id: str, event: AuditEvent) -> Ban:
        """Delete a ban, and tell of it in the audit log, with its network; return it.

        Raises:
            MissingError: no such ban.
        """

    async def forget(self, before: datetime) -> int:
        """Delete the bans that have ended before then; return how many."""
