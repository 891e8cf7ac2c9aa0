"""Sessions: who is signed in at a browser, for how long, and what ends with them."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from transfer.core.access import CUSTOMER_ROLES, Door, Principal, Role
from transfer.core.cases import CaseNumber
from transfer.core.errors import (
    InvalidRequestError,
    SessionMissingError,
    SessionOverError,
    TransferError,
)
from transfer.engine.attempts import Attempts, Failure
from transfer.engine.policy import Tools
from transfer.engine.secrets import secret_hash
from transfer.ports import CredentialKind, Method, Session

_log = structlog.get_logger(__name__)

_PREFIX = "cts_"
"""Lets secret scanners recognise a session's secret that was pasted where it doesn't belong."""

_OVER = "The session is over: sign in again, then go on. Nothing that has arrived is lost."


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPolicy:
    """How long sessions live.

    `idle`: how long without a request. `lifetime`: at most. `seen_every`: how often a session that
    is in use is noted to be. `kept`: how long the row of one that is over stays.
    """

    idle: timedelta = timedelta(minutes=60)
    lifetime: timedelta = timedelta(hours=12)
    seen_every: timedelta = timedelta(minutes=1)
    kept: timedelta = timedelta(days=30)


@dataclass(frozen=True, slots=True, eq=False)
class _Attendance:
    """A request that is being answered; `busy` if it shows that somebody is at work."""

    end: Callable[[], None]
    busy: bool


class Sessions:
    """Sessions of 256 random bits, of which only the SHA-256 is kept, and the requests in them."""

    def __init__(
        self, tools: Tools, attempts: Attempts, policy: SessionPolicy | None = None
    ) -> None:
        self._tools = tools
        self._records = tools.records.sessions
        self._attempts = attempts
        self._policy = policy or SessionPolicy()
        self._attended: dict[str, set[_Attendance]] = {}

    # ── Begin and use ────────────────────────────────────────────────────────────────────────

    async def begin(  # noqa: PLR0913 - who it is, all by name; no fewer would say it
        self,
        *,
        name: str,
        role: Role,
        case_number: CaseNumber | None,
        subject: str,
        method: Method,
        address: str | None,
        beside: str | None = None,
    ) -> tuple[Session, str]:
        """Return a new session and its secret, which is shown this once.

        `beside` is the secret that the browser holds already: if it is the same person's, in the
        same role, the new session opens their earlier cases too.

        Raises:
            InvalidRequestError: a customer's role without a case.
        """
        if role in CUSTOMER_ROLES and case_number is None:
            raise InvalidRequestError(f"A session for the role {role} needs a case.")
        now = self._tools.clock.now()
        session_id, secret = self._tools.new_id(), _PREFIX + secrets.token_urlsafe(32)
        session = Session(
            id=session_id,
            family=session_id,
            name=name,
            role=role,
            case_number=case_number,
            subject=subject,
            method=method,
            address=address,
            began_at=now,
            seen_at=now,
            expires_at=now + self._policy.lifetime,
        )
        session = replace(session, family=await self._family_of(session, beside))
        await self._records.insert(session, secret_hash(secret))
        return session, secret

    async def authenticate(self, secret: str, address: str | None) -> Principal:
        """Return who comes with `secret`, and note that they do.

        Raises:
            SessionOverError: unknown, expired or ended; it isn't told which.
            TooManyAttemptsError: the same, and it was tried too often.
        """
        now = self._tools.clock.now()
        presented = await self._records.by_secret(secret_hash(secret), now)
        session = presented.session if presented else None
        if session is None or session.ended_at is not None:
            await self._attempts.failed(
                Failure(
                    kind=CredentialKind.SESSION,
                    address=address,
                    reason="ended" if session else "unknown",
                    subject=session.id if session else None,
                    case_number=session.case_number if session else None,
                )
            )
        if presented is None or session is None or self._is_over(session, now):
            raise SessionOverError(_OVER)
        if now - session.seen_at >= self._policy.seen_every:
            await self._records.seen([session.id], now)
        return Principal(
            name=session.name,
            role=session.role,
            door=Door.HTTP,
            cases=presented.cases,
            credential=session.id,
            address=address,
            grants=self._tools.grants.get(session.role, frozenset()),
        )

    async def session(self, session_id: str) -> Session:
        """Return a session, over or not.

        Raises:
            SessionMissingError: no such session.
        """
        found = await self._records.standing([session_id])
        if not found:
            raise SessionMissingError("No such session.")
        return found[0]

    async def sessions(
        self, *, case_number: CaseNumber | None = None, subject: str | None = None
    ) -> list[Session]:
        """Return the sessions that aren't over: all, of one case, or of one person."""
        now = self._tools.clock.now()
        found = await self._records.sessions(
            active_at=now, case_number=case_number, subject=subject
        )
        return [session for session in found if not self._is_over(session, now)]

    async def page(
        self,
        *,
        case_number: CaseNumber | None = None,
        subject: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> tuple[list[Session], str | None]:
        """Return a page of those, newest first, and the cursor of the next one.

        Raises:
            InvalidRequestError: `after` is not a cursor from here.
        """
        now = self._tools.clock.now()
        return await self._records.page(
            active_at=now,
            seen_after=self.idle_since(now),
            case_number=case_number,
            subject=subject,
            after=after,
            limit=limit,
        )

    def idle_since(self, now: datetime) -> datetime:
        """Return the moment since when a session must have been used not to be over at `now`."""
        return now - self._policy.idle

    def idle_until(self, session: Session) -> datetime:
        """Return when a session is over if nobody uses it until then."""
        return min(session.seen_at + self._policy.idle, session.expires_at)

    # ── End ──────────────────────────────────────────────────────────────────────────────────

    async def sign_out(self, principal: Principal) -> None:
        """End the session of `principal`, and with it all of their browser's. Repeatable."""
        session = await self.session(principal.credential or "")
        now = self._tools.clock.now()
        self._tell(await self._records.end_family(session.family, principal, now))

    async def end(self, session_id: str, *, ended_by: Principal) -> None:
        """End one session; requests in it end within seconds, on every node. Repeatable.

        Raises:
            SessionMissingError: no such session.
        """
        await self.session(session_id)
        await self._end([session_id], ended_by)

    async def end_of_case(self, case_number: CaseNumber, *, ended_by: Principal) -> int:
        """End all sessions that were begun for a case; return how many."""
        return await self._end_all(await self.sessions(case_number=case_number), ended_by)

    async def end_of_subject(self, subject: str, *, ended_by: Principal) -> int:
        """End all sessions of a person; return how many."""
        return await self._end_all(await self.sessions(subject=subject), ended_by)

    async def forget_old(self) -> int:
        """Delete the rows of sessions that were over long ago; return how many."""
        return await self._records.forget(self._tools.clock.now() - self._policy.kept)

    # ── Requests that take their time ────────────────────────────────────────────────────────

    @contextmanager
    def attending(
        self, session_id: str, end: Callable[[], None], *, busy: bool = True
    ) -> Iterator[None]:
        """Have `end` called if the session is over before the block is.

        At its expiry or when it was ended, within `watch_interval`, on every node. A `busy` block
        counts as use: somebody who uploads for hours isn't idle.
        """
        attendance = _Attendance(end, busy)
        attended = self._attended.setdefault(session_id, set())
        attended.add(attendance)
        try:
            yield
        finally:
            attended.discard(attendance)
            if not attended and self._attended.get(session_id) is attended:
                del self._attended[session_id]

    async def watch(self) -> None:
        """End requests whose session is over, round after round, until cancelled."""
        while True:
            await self._tools.clock.sleep(self._tools.policy.watch_interval.total_seconds())
            try:
                await self.watch_once()
            except TransferError as exc:
                _log.warning("sessions-not-watched", problem=exc.code)

    async def watch_once(self) -> None:
        """Do one round for all sessions that have a request here."""
        if not self._attended:
            return
        now = self._tools.clock.now()
        asked = list(self._attended)
        known = {one.id: one for one in await self._records.standing(asked)}
        used = []
        for session_id in asked:  # of those that came meanwhile nothing is known yet
            attended = self._attended.get(session_id, set())
            session = known.get(session_id)
            is_busy = any(one.busy for one in attended)
            if session is None or self._is_over(session, now, busy=is_busy):
                _end_requests(attended)
            elif is_busy and now - session.seen_at >= self._policy.seen_every:
                used.append(session_id)
        if used:
            await self._records.seen(used, now)

    # ── Steps ────────────────────────────────────────────────────────────────────────────────

    def _is_over(self, session: Session, now: datetime, *, busy: bool = False) -> bool:
        if session.ended_at is not None or now >= session.expires_at:
            return True
        return not busy and now >= session.seen_at + self._policy.idle

    async def _family_of(self, session: Session, beside: str | None) -> str:
        """Return the family that `session` belongs to: that of the secret, or one of its own."""
        if beside is None:
            return session.family
        presented = await self._records.by_secret(secret_hash(beside), session.began_at)
        if presented is None or self._is_over(presented.session, session.began_at):
            return session.family
        other = presented.session
        is_same = _who(other) == _who(session) and other.case_number and session.case_number
        return other.family if is_same else session.family

    async def _end_all(self, sessions: Sequence[Session], ended_by: Principal) -> int:
        return len(await self._end([session.id for session in sessions], ended_by))

    async def _end(self, ids: Sequence[str], ended_by: Principal) -> Sequence[Session]:
        ended = await self._records.end(ids, ended_by, self._tools.clock.now())
        self._tell(ended)
        return ended

    def _tell(self, ended: Sequence[Session]) -> None:
        """End the requests that are here at once; other nodes find out by themselves."""
        for session in ended:
            _end_requests(self._attended.get(session.id, set()))


def _end_requests(attended: set[_Attendance]) -> None:
    for attendance in tuple(attended):
        attendance.end()


def _who(session: Session) -> tuple[str, str, Role, Method]:
    return session.subject, session.name, session.role, session.method
