"""Who is signed in, by what they came, and how often somebody failed to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from transfer.core.access import Principal, Role
from transfer.core.cases import CaseNumber


class Method(StrEnum):
    """How somebody has signed in."""

    LAUNCH = "launch"  # by a link that the portal has signed
    OIDC = "oidc"  # at the identity provider
    LINK = "link"  # by a link that the service has signed itself, for its operator


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody who is signed in, without the secret that their browser holds.

    `subject` is what the issuer knows them by, `case_number` the one case that they came for; None
    is all cases. `family` joins the sessions that one browser has begun for the same person, for
    one case each. `seen_at` is exact to a minute. `expires_at` is the end of it, however busy.
    """

    id: str
    family: str
    name: str
    role: Role
    case_number: CaseNumber | None
    subject: str
    method: Method
    address: str | None
    began_at: datetime
    seen_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """The session of a secret, and the cases that its family opens; None is all of them."""

    session: Session
    cases: frozenset[CaseNumber] | None


class SessionRecords(Protocol):
    """The rows of sessions, found by the SHA-256 of their secret.

    Their beginning and their end go into the audit log with them.
    """

    async def insert(self, session: Session, secret_sha256: bytes) -> None:
        """Insert a session."""

    async def by_secret(self, secret_sha256: bytes, now: datetime) -> Presented | None:
        """Return the session of a secret, whatever its standing, with what its family opens now."""

    async def seen(self, ids: Sequence[str], now: datetime) -> None:
        """Note that sessions are in use; one that was seen later stays so."""

    async def standing(self, ids: Sequence[str]) -> list[Session]:
        """Return these sessions, as far as they are there."""

    async def sessions(
        self,
        *,
        active_at: datetime | None = None,
        case_number: CaseNumber | None = None,
        subject: str | None = None,
    ) -> list[Session]:
        """Return sessions, newest first: all, or those that haven't ended or expired by then."""

    async def page(
        self,
        *,
        active_at: datetime,
        seen_after: datetime,
        case_number: CaseNumber | None,
        subject: str | None,
        after: str | None,
        limit: int,
    ) -> tuple[list[Session], str | None]:
        """Return a page of the sessions in use, newest first, and the cursor of the next one.

        Those that haven't ended or expired at `active_at`, and were seen after `seen_after`.

        Raises:
            InvalidRequestError: `after` is not a cursor from here.
        """

    async def end(self, ids: Sequence[str], by: Principal, now: datetime) -> list[Session]:
        """End sessions; return those that hadn't ended before. The first end stays."""

    async def end_family(self, family: str, by: Principal, now: datetime) -> list[Session]:
        """End all sessions of one browser; see `end`."""

    async def forget(self, before: datetime) -> int:
        """Delete the rows of sessions that were over before then; return how many."""


class LaunchRecords(Protocol):
    """The launch links that were used, each until it would have expired anyway."""

    async def use(self, launch: str, expires_at: datetime) -> bool:
        """Take note that `launch` is used; False if it was before. One of two at once gets True."""

    async def forget(self, before: datetime) -> int:
        """Delete the rows of links that expired before then; return how many."""


class CredentialKind(StrEnum):
    """What somebody tries to get in with."""

    TOKEN = "token"  # noqa: S105 - its name, not its value
    SESSION = "session"
    LAUNCH = "launch"
    PASSWORD = "password"  # noqa: S105 - the same
    OIDC = "oidc"
    CSRF = "csrf"
    CASE = "case"
    """A good one, and somebody else's case."""
    SFTP = "sftp"
    """Password or key of an SFTP account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """How often a source has failed with one kind of credential, and until when it has to wait."""

    count: int
    wait_until: datetime | None
    last_at: datetime


class AttemptRecords(Protocol):
    """Counters of failures, by source and kind of credential."""

    async def failures(self, kind: CredentialKind, sources: Sequence[str]) -> dict[str, Failures]:
        """Return what is counted of each source of which anything is."""

    async def count(
        self, kind: CredentialKind, source: str, now: datetime, forget_before: datetime
    ) -> int:
        """Count one failure, and return how many there are; older ones are forgotten first."""

    async def delay(self, kind: CredentialKind, source: str, until: datetime) -> None:
        """Have a source wait; never less than it has to already."""

    async def forgive(self, kind: CredentialKind, sources: Sequence[str]) -> None:
        """Delete the counters of sources."""

    async def forget(self, before: datetime) -> int:
        """Delete counters whose last failure was before then; return how many."""
