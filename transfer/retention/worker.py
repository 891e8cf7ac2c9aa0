"""The background worker that takes away what is over: data, accounts, uploads, left-over bytes."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

import structlog

from transfer.core.cases import CaseNumber
from transfer.retention import measures
from transfer.retention.boundary import failure_of
from transfer.retention.clock_doubt import LastingDoubt
from transfer.retention.discards import Discards
from transfer.retention.notices import DeletionNotices
from transfer.retention.policy import DeletionTools, RetentionPolicy
from transfer.retention.purge import CasePurge
from transfer.retention.purge_report import PurgeOutcome, PurgeReport
from transfer.retention.sweep import ObjectCounts
from transfer.rounds import Rounds

_log = structlog.get_logger(__name__)

_EVERY = timedelta(seconds=15)
_APART = timedelta(seconds=1)
_CASES_A_ROUND = 25
_PURGING_A_ROUND = timedelta(seconds=30)
_NOT_POSTPONED = (
    PurgeOutcome.FINISHED,
    PurgeOutcome.DONE,
    PurgeOutcome.UNFINISHED,
    PurgeOutcome.BUSY,
)


@dataclass(slots=True)
class RoundReport:
    """What one round did; `more` says that it left something that is due now.

    `cases` counts the cases by outcome, `failures` names what failed and why.
    """

    cases: dict[str, int] = field(default_factory=dict)
    objects: ObjectCounts = field(default_factory=ObjectCounts)
    accounts_ended: int = 0
    uploads_seen_to: int = 0
    discards_done: int = 0
    discards_failed: int = 0
    notices: int = 0
    failures: list[str] = field(default_factory=list)
    more: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the report as one JSON object."""
        return asdict(self)

    def count(self, outcome: str) -> None:
        """Count a case."""
        self.cases[outcome] = self.cases.get(outcome, 0) + 1


class RetentionWorker:
    """Rounds of taking away what is over; any number of workers may run at once.

    A round ends expired accounts, has `overdue` see to overdue uploads (it returns how many),
    discards left-over bytes, announces deletions, calls off those of cases that were reopened
    elsewhere, deletes the data of cases that are due, and erases names that came late. Each part is
    bounded, none stops the others when it fails, and all go by the state they find: after an
    outage, a round finds what has become due meanwhile. While the clock is in doubt, nothing is
    taken away by it but access and late names.
    """

    def __init__(
        self,
        tools: DeletionTools,
        policy: RetentionPolicy,
        *,
        overdue: Callable[[], Awaitable[int]],
        doubt: LastingDoubt | None = None,
    ) -> None:
        self._records = tools.records
        self._clock = tools.clock
        self._meter = tools.meter
        self._policy = policy
        self._overdue = overdue
        self._rounds = Rounds(clock=tools.clock, every=_EVERY, apart=_APART)
        self._doubt = doubt or LastingDoubt(tools.clock, tools.records.deletions)
        self._notices = DeletionNotices(tools, policy)
        self._purge = CasePurge(tools, policy, stopping=self._is_stopping)
        self._discards = Discards(
            jobs=tools.records.jobs,
            store=tools.store,
            clock=tools.clock,
            stopping=self._is_stopping,
        )

    def wake(self) -> None:
        """Have a round within a second: something was just queued or has become due."""
        self._rounds.wake()

    def stop(self) -> None:
        """Begin nothing new; `run` returns after the step at hand."""
        self._rounds.stop()

    async def run(self) -> None:
        """Have rounds until stopped."""
        while not self._rounds.stopping:
            report = await self.run_once()
            if not report.more:
                await self._rounds.pause()

    async def run_once(self) -> RoundReport:
        """Have one round. It never fails: what did is in the report."""
        report = RoundReport()
        await self._do("accounts", self._end_accounts, report)
        # What a wrong clock takes away beyond that doesn't come back.
        if await self._believes_clock(report):
            for name, part in (
                ("uploads", self._see_to_uploads),
                ("discards", self._discard),
                ("notices", self._announce),
                ("cases", self._delete_due),
            ):
                await self._do(name, part, report)
        await self._do("names", self._scrub_again, report)
        self._measure(report)
        _log.debug("retention.round", **report.to_json())
        return report

    async def _do(
        self, name: str, part: Callable[[RoundReport], Awaitable[None]], report: RoundReport
    ) -> None:
        if self._rounds.stopping:
            return
        error = await failure_of(part(report), part=name)
        if error is not None:
            report.failures.append(f"{name}: {error}")
            self._meter.count(measures.FAILURES, part=name)

    async def _believes_clock(self, report: RoundReport) -> bool:
        """Tell whether the clock is to be believed; not, if the records don't say."""
        believed = False

        async def look(report: RoundReport) -> None:
            nonlocal believed
            believed = not await self._doubt.holds()
            self._meter.show(measures.DOUBT, not believed)
            if not believed:
                report.failures.append("clock-jumped")

        await self._do("clock", look, report)
        return believed

    def _measure(self, report: RoundReport) -> None:
        meter, objects = self._meter, report.objects
        for outcome in PurgeOutcome:
            meter.count(measures.CASES, report.cases.get(outcome, 0), outcome=outcome.value)
        meter.count(measures.CASES, report.cases.get("failed", 0), outcome="failed")
        meter.count(measures.OBJECTS, objects.versions, kind="version")
        meter.count(measures.OBJECTS, objects.delete_markers, kind="delete-marker")
        meter.count(measures.OBJECTS, objects.multiparts, kind="multipart")
        meter.count(measures.BYTES, objects.size_bytes)
        meter.count(measures.NOTICES, report.notices)
        meter.count(measures.DISCARDS, report.discards_done, end="done")
        meter.count(measures.DISCARDS, report.discards_failed, end="failed")
        meter.show(measures.LAST_ROUND, self._clock.now().timestamp())

    def _is_stopping(self) -> bool:
        return self._rounds.stopping

    async def _end_accounts(self, report: RoundReport) -> None:
        ended = await self._records.accounts.end_expired(self._clock.now())
        report.accounts_ended = len(ended)

    async def _see_to_uploads(self, report: RoundReport) -> None:
        report.uploads_seen_to = await self._overdue()

    async def _discard(self, report: RoundReport) -> None:
        discarded = await self._discards.run()
        report.discards_done = discarded.done
        report.discards_failed = discarded.failed
        report.more = report.more or discarded.more

    async def _announce(self, report: RoundReport) -> None:
        report.notices = await self._notices.run()

    async def _delete_due(self, report: RoundReport) -> None:
        began = self._clock.monotonic()
        deletions, now, most = self._records.deletions, self._clock.now(), _CASES_A_ROUND
        numbers = await deletions.due(now, self._policy.period, limit=most)
        # Workers on other nodes see the same list: in the same order, they would meet at each case.
        random.shuffle(numbers)
        # First those whose people can't send anything, as their core has reopened them.
        reopened = await deletions.reopened(now, limit=most)
        for number in reopened + numbers:
            used = timedelta(seconds=self._clock.monotonic() - began)
            if self._rounds.stopping or used > _PURGING_A_ROUND:
                report.more = True
                return
            await self._delete_one(number, report)
        report.more = report.more or len(numbers) == _CASES_A_ROUND

    async def _scrub_again(self, report: RoundReport) -> None:
        """Erase what was noted of people since the data of their case went."""
        now = self._clock.now()
        numbers = await self._records.deletions.to_be_scrubbed(now, _CASES_A_ROUND)
        for number in numbers:
            erased = await self._records.audit.erase_personal(number, now)
            await self._records.deletions.scrub_again(number, now, found_some=erased > 0)
        report.more = report.more or len(numbers) == _CASES_A_ROUND

    async def _delete_one(self, number: CaseNumber, report: RoundReport) -> None:
        outcome: PurgeOutcome | None = None

        async def purge() -> None:
            nonlocal outcome
            purged = await self._purge.run(number)
            outcome = purged.outcome
            self._take_note(purged, report)

        error = await failure_of(purge(), case=number)
        if error is not None:
            report.count("failed")
            report.failures.append(f"case {number}: {error}")
        if outcome not in _NOT_POSTPONED:
            postponing = self._records.deletions.postpone(number, self._clock.now())
            await failure_of(postponing, case=number)

    def _take_note(self, purged: PurgeReport, report: RoundReport) -> None:
        report.count(purged.outcome.value)
        report.objects.merge(purged.objects)
        if purged.outcome is PurgeOutcome.UNFINISHED:
            report.more = True
        if purged.outcome is PurgeOutcome.STUCK:
            report.failures.append(f"case {purged.number}: stuck, {purged.left} objects left")
