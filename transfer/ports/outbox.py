"""Events on their way out: to whom, in what order, and those that could not be told."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from transfer.core.cases import CaseNumber
from transfer.ports.cases import CaseEvent
from transfer.ports.work import AuditEvent


class Destination(StrEnum):
    """Who is told of events; each has its own copy of every one, and its own pace."""

    CORE = "core"
    WEBHOOK = "webhook"
    MAIL = "mail"


class EventSink(Protocol):
    """Where events of a destination go; a case core plays it as well."""

    async def tell(self, *events: CaseEvent) -> None:
        """Take note of events of one case, in their order; some may have been told before.

        Raises:
            UnavailableError: tell them again, after `retry_after` if the error has one.
            RefusedError, MissingError: telling them again is of no use.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class DropPolicy:
    """When events that come one after another are told as one: the files of one drop.

    Those of `types` that agree in `same` of their data, with nothing in between, are of one drop.
    It is whole when none has come for `quiet` and nobody is just sending to the case, and told
    `longest` after its first one in any case.
    """

    quiet: timedelta
    longest: timedelta
    types: frozenset[str] = frozenset({"file.received"})
    same: tuple[str, ...] = ("sent_by", "door", "direction")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingEvent(CaseEvent):
    """An event that was claimed.

    `drop` is what those that are told as one share, and stays; `failures` is how often telling it
    has failed, `refusals` how often it was refused since it failed in passing.
    """

    drop: str | None = None
    failures: int = 0
    refusals: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """An event in the outbox, as operators see it. `dead_at`: when it was given up."""

    event: CaseEvent
    destination: Destination
    failures: int
    error: str | None
    run_at: datetime
    delivered_at: datetime | None
    dead_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What waits for one destination: how many, how many were given up, since when the oldest."""

    waiting: int = 0
    dead: int = 0
    oldest_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterSearch:
    """Which events of the outbox are looked for; None is any."""

    dead: bool | None = None
    destination: Destination | None = None
    case_number: CaseNumber | None = None
    ids: frozenset[str] | None = field(default=None)


class Outbox(Protocol):
    """Events in order a case, until they are delivered; one list for each destination."""

    async def claim(
        self,
        worker: str,
        now: datetime,
        until: datetime,
        limit: int = 100,
        *,
        destination: Destination = Destination.CORE,
        drops: DropPolicy | None = None,
    ) -> list[OutgoingEvent]:
        """Claim undelivered events, in order a case: up to `limit`, or one drop that is larger.

        None of a case whose oldest one isn't due yet, or is somebody's, or is of a drop that isn't
        whole.
        """

    async def delivered(
        self,
        event_ids: Sequence[str],
        now: datetime,
        *,
        destination: Destination = Destination.CORE,
    ) -> None:
        """Mark events as told."""

    async def retry(
        self,
        event_id: str,
        run_at: datetime,
        error: str | None,
        *,
        refused: bool = False,
        destination: Destination = Destination.CORE,
    ) -> None:
        """Hand an event back, not to be told before `run_at`, and with it those that follow it.

        With an `error`, that counts as a failure, and if it was `refused` as a refusal; a failure
        in passing ends their row.
        """

    async def give_up(
        self,
        event_ids: Sequence[str],
        now: datetime,
        error: str,
        *,
        destination: Destination = Destination.CORE,
    ) -> None:
        """Make dead letters of events, and hand those back that follow them."""

    async def letters(self, wanted: LetterSearch, limit: int = 100) -> list[Letter]:
        """Return events that aren't delivered, the oldest first."""

    async def replay(
        self, wanted: LetterSearch, now: datetime, *, audited: AuditEvent | None = None
    ) -> int:
        """Have dead letters told again, as if they were new; return how many.

        With one of a drop all of it, as it is told as one. If there are any, `audited` is written
        in the same transaction, with how many as `events` among its details.
        """

    async def backlogs(self) -> Mapping[Destination, Backlog]:
        """Return what waits for each destination that has something waiting."""

    async def record(self, audited: AuditEvent, told: CaseEvent) -> None:
        """Add an event to the audit log and, unless it was told before, `told` to the outbox."""

    async def note_interruptions(
        self, before: datetime, now: datetime, limit: int = 100
    ) -> Collection[str]:
        """Tell of uploads to which nothing has come since `before`; return their ids.

        Of each offset at which one stands, once.
        """
