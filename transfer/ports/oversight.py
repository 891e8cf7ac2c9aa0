"""The service as a whole, as admins see it: what is kept, what will go, who failed to come in."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from transfer.core.cases import Case, CaseNumber
from transfer.core.retention import PERIOD
from transfer.ports.sessions import CredentialKind
from transfer.ports.work import AuditEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseUsage:
    """What a case holds: its files, and the bytes of what is still on its way."""

    case: Case
    files: int
    size_bytes: int
    unfinished_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountUsage:
    """What the cases of a customer's account hold together."""

    account: str
    cases: int
    files: int
    size_bytes: int
    unfinished_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How much there is of what admins look after, at one moment.

    `due`: cases whose data will be deleted soon; `failures`: sign-ins that failed lately.
    """

    cases: int
    files: int
    size_bytes: int
    unfinished_bytes: int
    held: int
    due: int
    sessions: int
    tokens: int
    failures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """From when on things count: closures that are due, sessions in use, failures.

    `closed_until` is of accounts without terms of their own, for whom `period` is from closure to
    deletion.
    """

    now: datetime
    closed_until: datetime
    period: timedelta = PERIOD
    seen_after: datetime
    failed_after: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A source whose attempts have failed so often that it has to wait."""

    kind: CredentialKind
    source: str
    failures: int
    last_at: datetime
    wait_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """A text of the warning that somebody has acknowledged, and how often; `since` the first."""

    version: str
    text: str
    since: datetime
    acknowledgements: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """Who has acknowledged a text of the warning, for which case."""

    case_number: CaseNumber
    person: str
    acknowledged_at: datetime


class OversightRecords(Protocol):
    """Sums and lists over all cases. Each list comes in pages; `after` is the cursor of the last.

    Every list raises InvalidRequestError for a cursor that isn't from here.
    """

    async def figures(self, since: Since) -> Figures:
        """Return the figures as they stand."""

    async def held(self, *, after: str | None, limit: int) -> tuple[list[CaseUsage], str | None]:
        """Return the cases that are held, the latest hold first."""

    async def closed(
        self,
        until: datetime | None,
        *,
        after: str | None,
        limit: int,
        period: timedelta = PERIOD,
    ) -> tuple[list[CaseUsage], str | None]:
        """Return the closed cases whose data isn't proved gone, in the order of their closure.

        Left out is what is due later than a case of the usual `period` that was closed at `until`.
        """

    async def usage_by_case(
        self, *, after: str | None, limit: int
    ) -> tuple[list[CaseUsage], str | None]:
        """Return the cases that hold anything, the one with the most bytes first."""

    async def usage_by_account(
        self, *, after: str | None, limit: int
    ) -> tuple[list[AccountUsage], str | None]:
        """Return the accounts whose cases hold anything, the one with the most bytes first."""

    async def failed_sign_ins(
        self, *, after: str | None, limit: int
    ) -> tuple[list[AuditEvent], str | None]:
        """Return the sign-ins that failed, the latest first."""

    async def waiting(self, now: datetime, limit: int) -> list[Waiting]:
        """Return who has to wait after too many failures, the longest wait first."""

    async def wordings(self) -> list[Wording]:
        """Return the texts of the warning that were ever acknowledged, the latest first."""

    async def acknowledged(
        self, version: str, *, after: str | None, limit: int
    ) -> tuple[list[Acknowledged], str | None]:
        """Return who has acknowledged a text, the latest first."""
