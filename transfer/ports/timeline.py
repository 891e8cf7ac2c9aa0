"""What happened to a case, read back from the audit log."""

from collections.abc import Collection
from typing import Protocol

from transfer.core.cases import CaseNumber
from transfer.core.timeline import TimelineEntry


class Timeline(Protocol):
    """Entries of the audit log, as a case's timeline has them. Reads only."""

    async def page(
        self, number: CaseNumber, actions: Collection[str], *, after: str | None, limit: int
    ) -> tuple[list[TimelineEntry], str | None]:
        """Return a page of what happened of `actions`, the latest first, and the next cursor.

        Raises:
            InvalidRequestError: `after` is not a cursor from here.
        """
