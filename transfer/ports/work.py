"""What happens later, what others are told, what is remembered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from transfer.core.access import Door
from transfer.core.cases import CaseNumber


class JobKind(StrEnum):
    """Work that outlives the request that asked for it."""

    DISCARD = "discard"
    """payload {"keys": [key, …], "multiparts": [[key, multipart id], …]}: bytes nobody needs."""
    SIDE_FILE = "side-file"
    """payload {"file_id": id, "judged": [file id, …]}: digests to compare files with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A claimed piece of work."""

    id: int
    kind: JobKind
    payload: Mapping[str, Any]
    attempts: int


class JobQueue(Protocol):
    """Work in rows: each job is claimed by one worker at a time, and repeatable."""

    async def claim(
        self,
        worker: str,
        now: datetime,
        until: datetime,
        limit: int = 20,
        *,
        kind: JobKind = JobKind.DISCARD,
    ) -> list[Job]:
        """Claim jobs that are ready, or whose claim has run out; they are ours until `until`."""

    async def done(self, jobs: Sequence[Job]) -> None:
        """Remove finished jobs."""

    async def retry(self, job: Job, run_at: datetime, error: str) -> None:
        """Hand a failed job back, not to be run before `run_at`."""

    async def put_off(self, job: Job, run_at: datetime, payload: Mapping[str, Any]) -> None:
        """Hand a job back that has more to do then, as `payload` says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """Who did what to what, when, from where."""

    at: datetime
    action: str
    actor: str
    case_number: CaseNumber | None = None
    subject: str | None = None
    door: Door | None = None
    address: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


class AuditLog(Protocol):
    """What happened. Rows are added, never changed, but for what is personal in them."""

    async def record(self, event: AuditEvent) -> None:
        """Add an event."""

    async def events(self, case_number: CaseNumber | None = None) -> list[AuditEvent]:
        """Return the events, of one case or all, oldest first."""

    async def latest(
        self, case_number: CaseNumber, action: str, actor: str, subject: str
    ) -> AuditEvent | None:
        """Return the last time that `actor` did `action` to `subject`, if ever."""

    async def erase_personal(self, case_number: CaseNumber, now: datetime) -> int:
        """Take names, addresses and texts out of the events of a case; return out of how many.

        What happened stays, and so does what the log's seals say of it. Many transactions, each of
        which adds an event that tells of it. Repeatable: 0 if there is nothing left to be taken.
        """
