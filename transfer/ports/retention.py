"""What is due for deletion, who is at it, and what proves that it was done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from transfer.core.account_terms import AccountTerms
from transfer.core.cases import Case, CaseNumber
from transfer.core.deletion_receipts import Doomed
from transfer.ports.cases import CaseEvent
from transfer.ports.objects import StoredItem
from transfer.ports.work import AuditEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionClaim:
    """The right of one worker to delete a case's data, until a moment that it keeps moving on."""

    number: CaseNumber
    worker: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionReceipt:
    """What proves that a case's data is gone: `jws` has `statement`, signed by the key `key_id`.

    `keys` are as `Doomed` has them.
    """

    case_number: CaseNumber
    written_at: datetime
    statement: str
    jws: str
    key_id: str
    keys: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckDeletion:
    """A deletion that can't go on: `left` things in the store refuse to go, and why, as it says."""

    case_number: CaseNumber
    since: datetime
    left: int
    problem: str


class ClockMarks(Protocol):
    """What workers tell those that come after them of the clock."""

    async def believed_at(self) -> datetime | None:
        """Return from when on it was, or will be, believed; None if no worker ever ran."""

    async def believe(self, at: datetime) -> None:
        """Keep from when on it is."""


class DeletionRecords(ClockMarks, Protocol):
    """The rows of deletions: what the workers go by.

    `period` is what is kept after closure where an account has no terms of its own.
    """

    async def due(
        self,
        now: datetime,
        period: timedelta,
        *,
        limit: int = 100,
    ) -> list[CaseNumber]:
        """Return cases that are due at `now` as far as our rows tell, the longest closed first.

        Neither held or postponed ones, nor those that somebody is just deleting.
        """

    async def planned(
        self, at: datetime, period: timedelta, *, after: Case | None = None, limit: int = 100
    ) -> list[Case]:
        """Return cases whose data isn't proved gone and is due by `at`, also held ones.

        In the order of their closure, behind `after`.
        """

    async def to_be_noticed(
        self,
        now: datetime,
        period: timedelta,
        notice: timedelta,
        *,
        limit: int = 100,
    ) -> list[CaseNumber]:
        """Return cases that are due within `notice`, and whose core hasn't been told so yet.

        Neither held nor postponed ones; the longest closed first.
        """

    async def postpone(self, number: CaseNumber, now: datetime) -> None:
        """Leave a case alone for a while, as it failed: longer each time, at most for an hour."""

    async def notice(self, case: Case, event: CaseEvent, noted: AuditEvent) -> bool:
        """Put `event` into the outbox and `noted` into the audit log, once for each closure.

        False, with nothing written, if that was done, or the case is another by now.
        """

    async def claim(self, claim: DeletionClaim, now: datetime) -> bool:
        """Have the deletion of a case for oneself, or still; False while it is somebody else's."""

    async def release(self, claim: DeletionClaim) -> None:
        """Let go of a deletion, if it is still ours."""

    async def doom(self, claim: DeletionClaim, items: Sequence[StoredItem]) -> bool:
        """Note what is about to be deleted, each thing once, and move the claim on to its `until`.

        False, with nothing written, if the deletion is somebody else's by now.
        """

    async def doomed(self, number: CaseNumber) -> Doomed:
        """Return what has been noted, by all that were at it."""

    async def unlisted(self, number: CaseNumber) -> list[StoredItem]:
        """Return what the rows of a case have in the store, and no listing has shown.

        Nobody knows the versions of these: their ids are empty.
        """

    async def end_sessions(self, number: CaseNumber, now: datetime) -> int:
        """End the sessions that were begun for a case; return how many."""

    async def get_stuck(self, number: CaseNumber, left: int, problem: str, now: datetime) -> bool:
        """Note that a deletion can't go on; False if just that is known already."""

    async def stuck(
        self, *, after: str | None = None, limit: int = 100
    ) -> tuple[list[StuckDeletion], str | None]:
        """Return a page of the deletions that can't go on, the longest stuck first.

        Raises:
            InvalidRequestError: `after` is not a cursor from here.
        """

    async def reopened(self, now: datetime, *, limit: int = 100) -> list[CaseNumber]:
        """Return cases that are open although the deletion of their data has begun, or is done.

        Neither those that are put off, nor those that somebody has claimed.
        """

    async def call_off(self, claim: DeletionClaim, noted: AuditEvent) -> bool:
        """Have a case that is open take files again, and tell of it in the audit log.

        The marks of its deletion go, its folders are made if they went. False, with nothing
        written, if there is no mark, the case is closed after all, or the claim is lost.
        """

    async def finish(
        self,
        claim: DeletionClaim,
        receipt: DeletionReceipt,
        event: CaseEvent,
        noted: Sequence[AuditEvent],
    ) -> bool:
        """Destroy a case's key and mark its data as proved gone, with what proves it; all or none.

        With it go the event for the case core and the audit events. False, with nothing written,
        if it is marked already, or the deletion is somebody else's by now.

        Raises:
            CaseStateError: the deletion hasn't begun, or must not go on.
        """

    async def to_be_scrubbed(self, now: datetime, limit: int = 100) -> list[CaseNumber]:
        """Return cases whose data is gone, and in whose rows names are to be looked for again."""

    async def scrub_again(self, number: CaseNumber, now: datetime, *, found_some: bool) -> None:
        """Take names out of the rows of a case whose data is gone, as often as they come.

        Not out of its audit log: `found_some` tells whether that had some, and it is done again
        the sooner.
        """

    async def receipts(self, number: CaseNumber) -> list[DeletionReceipt]:
        """Return the receipts of a case's deletions, the latest first; most cases have one."""


class TermsRecords(Protocol):
    """The rows of what customers' accounts have agreed on."""

    async def of_account(self, account: str) -> AccountTerms | None:
        """Return the terms of an account, None if they are the usual ones."""

    async def put(
        self, terms: AccountTerms, before: AccountTerms | None, event: AuditEvent
    ) -> bool:
        """Write terms, and tell of it in the audit log; usual ones have no row.

        False, with nothing written, if they aren't as `before` any more.
        """

    async def page(self, *, after: str | None, limit: int) -> tuple[list[AccountTerms], str | None]:
        """Return a page of the terms that aren't the usual ones, the latest changed first.

        Raises:
            InvalidRequestError: `after` is not a cursor from here.
        """
