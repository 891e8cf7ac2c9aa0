"""What an operator may set of the engine, and the collaborators that its parts share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from transfer.core.access import Action, Role
from transfer.core.notices import Notice
from transfer.core.parts import PartPlan
from transfer.core.uploads import LONGEST_UPLOAD
from transfer.engine.buffers import BufferPool
from transfer.engine.known_digests import KnownDigests
from transfer.ports import CaseCore, Clock, ObjectStore, Records


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPolicy:
    """Limits and times of uploads.

    `lease` is how long a writer's right lasts without being renewed; `takeover_grace`, how long
    a newcomer waits for the present writer to let go; `flush_interval`, how much time's worth of
    bytes may be in memory only; `idle_flush`, after how long a pause they are made durable;
    `longest`, how long an upload lives however often it is continued;
    `takeover_interval`, how often a node looks whether another one wants what it holds;
    `parallel_parts`, how many parts of one upload are on their way to the store at once. `keyed`
    says that what is stored from now on is encrypted, under a key of its case.
    """

    plan: PartPlan = field(default_factory=PartPlan)
    parallel_parts: int = 2
    max_file_bytes: int | None = None
    max_case_bytes: int | None = None
    lifetime: timedelta = timedelta(days=7)
    longest: timedelta = LONGEST_UPLOAD
    lease: timedelta = timedelta(seconds=30)
    takeover_grace: timedelta = timedelta(seconds=5)
    flush_interval: timedelta = timedelta(seconds=30)
    idle_flush: timedelta = timedelta(seconds=2)
    watch_interval: timedelta = timedelta(seconds=1)
    takeover_interval: timedelta = timedelta(milliseconds=250)
    keyed: bool = False

    def expires_at(self, now: datetime, created_at: datetime) -> datetime:
        """Return until when an upload lives that was begun at a time and continued `now`."""
        return min(now + self.lifetime, created_at + self.longest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What the parts of the engine work with."""

    records: Records
    store: ObjectStore
    core: CaseCore
    clock: Clock
    pool: BufferPool
    policy: UploadPolicy
    new_id: Callable[[], str]
    """Returns an unguessable id, safe in a URL."""
    grants: Mapping[Role, frozenset[Action]] = field(default_factory=dict)
    """What the operator allows a role to do to its cases, beside what it may everywhere."""
    notice: Notice = field(default_factory=Notice)
    """What customers acknowledge before they send anything."""
    known_digests: KnownDigests = field(default_factory=KnownDigests)
    """What this process knows of files beside what their rows have."""
    wake_worker: Callable[[], None] = lambda: None
    """Tells this process's workers that a commit left them something to do."""
