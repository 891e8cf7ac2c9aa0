"""What happens later, what others are told, what is remembered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from transfer.core.access import Door
from transfer.core.cases import CaseNumber
from transfer.ports.cases import CaseEvent


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


class Outbox(Protocol):
    """Events for the case core, in order a case, until they are delivered."""

    async def claim(
        self, worker: str, now: datetime, until: datetime, limit: int = 100
    ) -> list[CaseEvent]:
        """Claim up to `limit` undelivered events, in order a case.

        None of a case whose oldest one isn't due yet, or is somebody's.
        """

    async def delivered(self, event_ids: Sequence[str], now: datetime) -> None:
        """Mark events as told."""

    async def retry(self, event_id: str, run_at: datetime, error: str) -> None:
        """Hand an event back, not to be told before `run_at`, and with it those that follow it."""


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
    """What happened. Rows are added, never changed."""

    async def record(self, event: AuditEvent) -> None:
        """Add an event."""

    async def events(self, case_number: CaseNumber | None = None) -> list[AuditEvent]:
        """Return the events, of one case or all, oldest first."""

    async def latest(
        self, case_number: CaseNumber, action: str, actor: str, subject: str
    ) -> AuditEvent | None:
        """Return the last time that `actor` did `action` to `subject`, if ever."""
