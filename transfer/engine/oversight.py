"""The service as a whole: what is held, what will be deleted, who uses how much, who tried what.

Everything here is for admins alone, and reads; but for the end of somebody's session.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from transfer.core.access import Action, Principal, authorise_at_large
from transfer.core.cases import CaseNumber
from transfer.core.notices import Notice
from transfer.core.retention import PERIOD, Verdict, deletion_due_at, judge
from transfer.engine.policy import Tools
from transfer.engine.sessions import Sessions
from transfer.ports import (
    AccountUsage,
    Acknowledged,
    AuditEvent,
    CaseUsage,
    Figures,
    Session,
    Since,
    StuckDeletion,
    Waiting,
    Wording,
)

SOON = timedelta(days=7)
"""What is deleted within that is due soon."""

LATELY = timedelta(days=1)
_MOST_WAITING = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """A closed case: when its data goes, or what keeps it."""

    usage: CaseUsage
    due_at: datetime
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownWording:
    """A text of the warning; `since` is None while nobody has acknowledged it."""

    notice: Notice
    current: bool
    since: datetime | None
    acknowledgements: int


class Oversight:
    """What admins look after; `retention` is from a case's closure to the deletion of its data."""

    def __init__(self, tools: Tools, sessions: Sessions, retention: timedelta = PERIOD) -> None:
        self._tools = tools
        self._records = tools.records.oversight
        self._sessions = sessions
        self._retention = retention

    async def figures(self, principal: Principal) -> Figures:
        """Return how much there is of everything.

        Raises:
            ForbiddenError: as all of these do to who isn't an admin.
        """
        authorise_at_large(principal, Action.OVERSEE)
        now = self._tools.clock.now()
        since = Since(
            now=now,
            closed_until=now + SOON - self._retention,
            period=self._retention,
            seen_after=self._sessions.idle_since(now),
            failed_after=now - LATELY,
        )
        return await self._records.figures(since)

    async def held(
        self, principal: Principal, *, after: str | None = None, limit: int = 100
    ) -> tuple[list[CaseUsage], str | None]:
        """Return a page of the cases that are held, the latest hold first.

        Raises:
            InvalidRequestError: `after` is not a cursor from here; so for all lists.
        """
        authorise_at_large(principal, Action.OVERSEE)
        return await self._records.held(after=after, limit=limit)

    async def deletions(
        self,
        principal: Principal,
        *,
        until: datetime | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> tuple[list[Deletion], str | None]:
        """Return a page of what will be deleted when, if nothing changes: the first due first.

        As our rows tell; the case core is asked again when it is done. Only what is due by `until`.
        """
        authorise_at_large(principal, Action.OVERSEE)
        closed, following = await self._records.closed(
            None if until is None else until - self._retention,
            after=after,
            limit=limit,
            period=self._retention,
        )
        return self._judged(closed), following

    async def usage_by_case(
        self, principal: Principal, *, after: str | None = None, limit: int = 100
    ) -> tuple[list[CaseUsage], str | None]:
        """Return a page of the cases that hold anything, the one with the most bytes first."""
        authorise_at_large(principal, Action.OVERSEE)
        return await self._records.usage_by_case(after=after, limit=limit)

    async def usage_by_account(
        self, principal: Principal, *, after: str | None = None, limit: int = 100
    ) -> tuple[list[AccountUsage], str | None]:
        """Return a page of the customers' accounts, the one with the most bytes first."""
        authorise_at_large(principal, Action.OVERSEE)
        return await self._records.usage_by_account(after=after, limit=limit)

    async def failed_sign_ins(
        self, principal: Principal, *, after: str | None = None, limit: int = 100
    ) -> tuple[list[AuditEvent], str | None]:
        """Return a page of the sign-ins that failed, the latest first."""
        authorise_at_large(principal, Action.OVERSEE)
        return await self._records.failed_sign_ins(after=after, limit=limit)

    async def waiting(self, principal: Principal) -> list[Waiting]:
        """Return who has to wait now after too many failures, the longest wait first."""
        authorise_at_large(principal, Action.OVERSEE)
        return await self._records.waiting(self._tools.clock.now(), _MOST_WAITING)

    async def wordings(self, principal: Principal) -> list[KnownWording]:
        """Return the texts of the warning: the present one, then the earlier ones."""
        authorise_at_large(principal, Action.OVERSEE)
        known = await self._records.wordings()
        present = self._tools.notice
        earlier = [one for one in known if one.version != present.version]
        return [_present(present, known), *(_known(one) for one in earlier)]

    async def acknowledged(
        self,
        principal: Principal,
        version: str,
        *,
        after: str | None = None,
        limit: int = 100,
    ) -> tuple[list[Acknowledged], str | None]:
        """Return a page of who has acknowledged a text of the warning, the latest first.

        They are kept as long as their case's data.
        """
        authorise_at_large(principal, Action.OVERSEE)
        return await self._records.acknowledged(version, after=after, limit=limit)

    async def stuck(
        self, principal: Principal, *, after: str | None = None, limit: int = 100
    ) -> tuple[list[StuckDeletion], str | None]:
        """Return a page of the deletions that can't go on, the longest stuck first."""
        authorise_at_large(principal, Action.OVERSEE)
        return await self._tools.records.deletions.stuck(after=after, limit=limit)

    async def sessions(
        self,
        principal: Principal,
        *,
        case_number: CaseNumber | None = None,
        subject: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> tuple[list[Session], str | None]:
        """Return a page of the sessions that aren't over, newest first."""
        authorise_at_large(principal, Action.MANAGE_SESSIONS)
        return await self._sessions.page(
            case_number=case_number, subject=subject, after=after, limit=limit
        )

    async def end_session(self, principal: Principal, session_id: str) -> None:
        """End somebody's session; its requests end within seconds. Repeatable.

        Raises:
            SessionMissingError: no such session.
        """
        authorise_at_large(principal, Action.MANAGE_SESSIONS)
        await self._sessions.end(session_id, ended_by=principal)

    def _judged(self, closed: Sequence[CaseUsage]) -> list[Deletion]:
        now = self._tools.clock.now()
        return [
            Deletion(
                usage=usage,
                due_at=deletion_due_at(usage.case, self._retention) or now,  # closed, it has one
                verdict=judge(usage.case, now, self._retention),
            )
            for usage in closed
        ]


def _present(notice: Notice, known: Sequence[Wording]) -> KnownWording:
    for one in known:
        if one.version == notice.version:
            return KnownWording(
                notice=notice, current=True, since=one.since, acknowledgements=one.acknowledgements
            )
    return KnownWording(notice=notice, current=True, since=None, acknowledgements=0)


def _known(wording: Wording) -> KnownWording:
    return KnownWording(
        notice=Notice(wording.text),
        current=False,
        since=wording.since,
        acknowledgements=wording.acknowledgements,
    )
