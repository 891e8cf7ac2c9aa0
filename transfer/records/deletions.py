"""Deletions in rows: what is due, who is at it, what is about to go, what proves that it went."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from transfer.core.cases import Case, CaseNumber
from transfer.core.deletion_receipts import Doomed
from transfer.ports import (
    AuditEvent,
    CaseEvent,
    DeletionClaim,
    DeletionReceipt,
    StoredItem,
    StuckDeletion,
)
from transfer.records import (
    called_off,
    clock_marks,
    deletion_claims,
    deletion_proofs,
    doomed_rows,
    due_cases,
    late_names,
)
from transfer.records.database import Database


class SqlDeletionRecords:
    """The rows of deletions; plays the role `transfer.ports.DeletionRecords`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(
        self,
        now: datetime,
        period: timedelta,
        *,
        limit: int = 100,
    ) -> list[CaseNumber]:
        """Return cases that are due at `now` as far as our rows tell, the longest closed first."""
        return await self._database.read(due_cases.due, now, period, limit)

    async def planned(
        self, at: datetime, period: timedelta, *, after: Case | None = None, limit: int = 100
    ) -> list[Case]:
        """Return cases whose data isn't proved gone and is due by `at`, also held ones."""
        return await self._database.read(due_cases.planned, at, period, after, limit)

    async def to_be_noticed(
        self,
        now: datetime,
        period: timedelta,
        notice: timedelta,
        *,
        limit: int = 100,
    ) -> list[CaseNumber]:
        """Return cases that are due within `notice`, and whose core hasn't been told so yet."""
        span = due_cases.Span(now, now + notice)
        return await self._database.read(due_cases.to_be_noticed, span, period, limit)

    async def postpone(self, number: CaseNumber, now: datetime) -> None:
        """Leave a case alone for a while, as it failed: longer each time, at most for an hour."""
        await self._database.write(due_cases.postpone, number, now)

    async def notice(self, case: Case, event: CaseEvent, noted: AuditEvent) -> bool:
        """Put `event` into the outbox and `noted` into the audit log, once for each closure."""
        return await self._database.write(due_cases.notice, case, event, noted)

    async def claim(self, claim: DeletionClaim, now: datetime) -> bool:
        """Have the deletion of a case for oneself, or still; False while it is somebody else's."""
        return await self._database.write(deletion_claims.claim, claim, now)

    async def release(self, claim: DeletionClaim) -> None:
        """Let go of a deletion, if it is still ours."""
        await self._database.write(deletion_claims.release, claim)

    async def doom(self, claim: DeletionClaim, items: Sequence[StoredItem]) -> bool:
        """Note what is about to be deleted, each thing once, and move the claim on."""
        return await self._database.write(deletion_claims.doom, claim, items)

    async def doomed(self, number: CaseNumber) -> Doomed:
        """Return what has been noted, by all that were at it."""
        return await self._database.read(deletion_claims.doomed, number)

    async def unlisted(self, number: CaseNumber) -> list[StoredItem]:
        """Return what the rows of a case have in the store, and no listing has shown."""
        return await self._database.read(doomed_rows.unlisted, number)

    async def end_sessions(self, number: CaseNumber, now: datetime) -> int:
        """End the sessions that were begun for a case; return how many."""
        return await self._database.write(deletion_claims.end_sessions, number, now)

    async def get_stuck(self, number: CaseNumber, left: int, problem: str, now: datetime) -> bool:
        """Note that a deletion can't go on; False if just that is known already."""
        return await self._database.write(deletion_claims.get_stuck, number, left, problem, now)

    async def stuck(
        self, *, after: str | None = None, limit: int = 100
    ) -> tuple[list[StuckDeletion], str | None]:
        """Return a page of the deletions that can't go on, the longest stuck first.

        Raises:
            InvalidRequestError: `after` is not a cursor from here.
        """
        return await self._database.read(deletion_claims.stuck, after, limit)

    async def reopened(self, now: datetime, *, limit: int = 100) -> list[CaseNumber]:
        """Return cases that are open although the deletion of their data has begun, or is done."""
        return await self._database.read(called_off.reopened, now, limit)

    async def call_off(self, claim: DeletionClaim, noted: AuditEvent) -> bool:
        """Have a case that is open take files again, and tell of it in the audit log."""
        return await self._database.write(called_off.call_off, claim, noted)

    async def finish(
        self,
        claim: DeletionClaim,
        receipt: DeletionReceipt,
        event: CaseEvent,
        noted: Sequence[AuditEvent],
    ) -> bool:
        """Destroy a case's key and mark its data as proved gone, with what proves it; or nothing.

        Raises:
            CaseStateError: the deletion hasn't begun, or must not go on.
        """
        return await self._database.write(deletion_proofs.finish, claim, receipt, event, noted)

    async def believed_at(self) -> datetime | None:
        """Return from when on the workers' clocks were, or will be, believed; None at first."""
        return await self._database.read(clock_marks.believed_at)

    async def believe(self, at: datetime) -> None:
        """Keep from when on they are."""
        await self._database.write(clock_marks.believe, at)

    async def to_be_scrubbed(self, now: datetime, limit: int = 100) -> list[CaseNumber]:
        """Return cases whose data is gone, and in whose rows names are to be looked for again."""
        return await self._database.read(late_names.to_be_scrubbed, now, limit)

    async def scrub_again(self, number: CaseNumber, now: datetime, *, found_some: bool) -> None:
        """Take names out of the rows of a case whose data is gone; see the port."""
        await self._database.write(late_names.scrub_again, number, now, found_some)

    async def receipts(self, number: CaseNumber) -> list[DeletionReceipt]:
        """Return the receipts of a case's deletions, the latest first; most cases have one."""
        return await self._database.read(deletion_proofs.receipts, number)
