"""The sweeper: compares rows and store both ways, now and then, and tells what doesn't match."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from transfer.core.cases import CaseNumber
from transfer.core.errors import TransferError
from transfer.core.sweeping import GRACE
from transfer.ports import Clock, Meter, NoMeter, ObjectStore, Records
from transfer.ports.upkeep import Walk
from transfer.retention import sweeper_measures as measures
from transfer.retention.boundary import failure_of
from transfer.retention.sweeper_losses import LossWalk
from transfer.retention.sweeper_report import SweepReport
from transfer.retention.sweeper_strays import StrayWalk
from transfer.rounds import Rounds

_log = structlog.get_logger(__name__)

_LOOK = timedelta(minutes=5)
_CLAIM = timedelta(minutes=5)
_ONE_GO = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPolicy:
    """How often everything is walked through, and how long strays are left alone."""

    every: timedelta = timedelta(hours=6)
    grace: timedelta = GRACE


class _Walker(Protocol):
    @property
    def name(self) -> str: ...

    async def step(self, walk: Walk, report: SweepReport) -> Walk | None: ...


class Sweeper:
    """Walks through the store and the rows; any number may run, one is on each walk at a time.

    A walk that is left, however its process ends, is taken up where it was.
    """

    def __init__(
        self,
        *,
        records: Records,
        store: ObjectStore,
        clock: Clock,
        is_held: Callable[[CaseNumber], Awaitable[bool]],
        policy: SweepPolicy | None = None,
        meter: Meter | None = None,
    ) -> None:
        self._records = records
        self._clock = clock
        self._policy = policy or SweepPolicy()
        self._meter = meter or NoMeter()
        self._worker = f"sweeper-{secrets.token_hex(4)}"
        self._rounds = Rounds(clock=clock, every=_LOOK)
        self._walkers: tuple[_Walker, ...] = (
            StrayWalk(
                records=records,
                store=store,
                clock=clock,
                grace=self._policy.grace,
                is_held=is_held,
            ),
            LossWalk(records=records, store=store, clock=clock),
        )

    def stop(self) -> None:
        """Begin nothing new; `run` returns after the step at hand."""
        self._rounds.stop()

    async def run(self) -> None:
        """Walk whenever a walk is due, until stopped."""
        while not self._rounds.stopping:
            report = await self.run_once()
            if not report.more:
                await self._rounds.pause()

    async def run_once(
        self, *, due_before: datetime | None = None, even_many: bool = False
    ) -> SweepReport:
        """Go on with each walk for a while. It never fails: what did is in the report.

        A walk is due if the last one ended at `due_before` or earlier; by default, the policy says.
        """
        report = SweepReport(even_many=even_many)
        due = due_before or self._clock.now() - self._policy.every
        for walker in self._walkers:
            if self._rounds.stopping:
                break
            error = await failure_of(self._walk(walker, due, report), walk=walker.name)
            if error is not None:
                report.failures.append(f"{walker.name}: {error}")
                self._meter.count(measures.FAILURES, walk=walker.name)
        await failure_of(self._measure(report))
        if report.ended or report.failures:
            _log.info("sweeper.report", **report.to_json())
        return report

    async def _walk(self, walker: _Walker, due: datetime, report: SweepReport) -> None:
        upkeep, now = self._records.upkeep, self._clock.now()
        walk = await upkeep.begin_walk(walker.name, self._worker, now, now + _CLAIM, due)
        if walk is None:
            report.busy.append(walker.name)
            return
        try:
            await self._go_on(walker, walk, report)
        finally:
            await self._leave(walker)

    async def _go_on(self, walker: _Walker, walk: Walk, report: SweepReport) -> None:
        upkeep, began = self._records.upkeep, self._clock.monotonic()
        while (following := await walker.step(walk, report)) is not None:
            walk = following
            if not await upkeep.step(walk, self._worker, self._clock.now() + _CLAIM):
                report.busy.append(walker.name)
                return
            used = timedelta(seconds=self._clock.monotonic() - began)
            if self._rounds.stopping or used > _ONE_GO:
                report.more = True
                return
        await upkeep.end_walk(walk, self._worker, self._clock.now())
        report.ended.append(walker.name)

    async def _leave(self, walker: _Walker) -> None:
        try:
            await self._records.upkeep.leave_walk(walker.name, self._worker)
        except TransferError as exc:
            _log.warning("sweeper.claim-kept", walk=walker.name, problem=exc.code)

    async def _measure(self, report: SweepReport) -> None:
        for kind, count in (
            ("version", report.deleted.versions),
            ("delete-marker", report.deleted.delete_markers),
            ("multipart", report.deleted.multiparts),
        ):
            self._meter.count(measures.DELETED, count, kind=kind)
        if StrayWalk.name in report.ended:
            self._meter.show(measures.WITHHELD, report.withheld)
        for finding, (count, size_bytes) in (await self._records.upkeep.found()).items():
            self._meter.show(measures.FINDINGS, count, kind=finding.value)
            self._meter.show(measures.FINDING_BYTES, size_bytes, kind=finding.value)
        for walk, ended_at in (await self._records.upkeep.last_walks()).items():
            self._meter.show(measures.LAST_WALK, ended_at.timestamp(), walk=walk)
