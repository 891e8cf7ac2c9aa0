"""The deletion of one case's data, in steps that can be repeated."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

import structlog

from transfer.core.accounts import AccountEnd
from transfer.core.cases import Case, CaseNumber
from transfer.core.retention import PERIOD, Verdict, deletion_due_at, judge
from transfer.core.uploads import case_prefix
from transfer.ports import AuditEvent, CaseCore, CaseEvent, Clock, ObjectStore, Records
from transfer.retention.sweep import ObjectCounts, Sweep, SweepEnd

_log = structlog.get_logger(__name__)

ACTOR = "retention"
"""Who deletes, in the audit log."""


class PurgeOutcome(StrEnum):
    """How one run at a case ended."""

    FINISHED = "finished"
    KEPT = "kept"  # the case core or a hold says so
    CHANGED = "changed"  # someone changed the case just now: look again
    UNFINISHED = "unfinished"  # the rest goes in the next run
    STUCK = "stuck"  # something can't be deleted: a person has to look


@dataclass(slots=True, kw_only=True)
class PurgeReport:
    """What one run did to a case; `left` is how many items of the store it leaves."""

    number: CaseNumber
    outcome: PurgeOutcome = PurgeOutcome.UNFINISHED
    objects: ObjectCounts = field(default_factory=ObjectCounts)
    rows: Mapping[str, int] = field(default_factory=dict)
    left: int = 0


class CasePurge:
    """Deletes the data of cases that are due, one case a call.

    The steps: mark the case, end its accounts, empty its part of the store, delete its rows, see
    by a last listing that nothing came in between, mark the case as done. A run that was cut off
    anywhere is taken up by the next: what is done already is found done. Several at once do no
    harm. `stopping` tells when to leave, between two steps.
    """

    def __init__(
        self,
        *,
        records: Records,
        store: ObjectStore,
        core: CaseCore,
        clock: Clock,
        period: timedelta = PERIOD,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._records = records
        self._store = store
        self._core = core
        self._clock = clock
        self._period = period
        self._stopping = stopping

    async def run(self, number: CaseNumber) -> PurgeReport:
        """Delete the data of a case if the case core still says that it is due.

        Raises:
            TransferError: the case core, the store or the records failed; the next run goes on.
        """
        report = PurgeReport(number=number)
        case = await self._core.case(number)
        verdict = judge(case, self._clock.now(), self._period)
        if verdict is Verdict.DONE:
            report.outcome = PurgeOutcome.FINISHED
            return report
        if verdict is not Verdict.DELETE:
            report.outcome = PurgeOutcome.KEPT
        elif not await self._begin(case):
            report.outcome = PurgeOutcome.CHANGED
        else:
            await self._end_accounts(case)
            report.outcome = await self._delete(case, report)
        await self._note(case, report)
        return report

    async def _begin(self, case: Case) -> bool:
        files, size_bytes = await self._records.tree.usage(case.number)
        if not await self._records.cases.start_purge(
            case.number, expected_version=case.version, now=self._clock.now()
        ):
            return False
        action = "retention.started" if case.purge_started_at is None else "retention.resumed"
        due_at = deletion_due_at(case, self._period)
        await self._audit(
            case,
            action,
            {
                "closed_at": case.closed_at and case.closed_at.isoformat(),
                "due_at": due_at and due_at.isoformat(),
                "files": files,
                "size_bytes": size_bytes,
            },
        )
        return True

    async def _end_accounts(self, case: Case) -> None:
        accounts = self._records.accounts
        ended = 0
        for account in await accounts.of_case(case.number, active_at=None):
            if account.end is None:
                await accounts.end(account.id, AccountEnd.CASE_CLOSED, None, self._clock.now())
                ended += 1
        if ended:
            await self._audit(case, "retention.accounts-ended", {"accounts": ended})

    async def _delete(self, case: Case, report: PurgeReport) -> PurgeOutcome:
        outcome = await self._empty(case, report)
        if outcome is not None:
            return outcome
        if not await self._may_go_on(case):
            return self._why_halted()
        report.rows = await self._records.cases.scrub(case.number)
        await self._audit(case, "retention.rows-scrubbed", report.rows)
        # Whoever was writing when the rows went may have put something since the store was emptied.
        outcome = await self._empty(case, report)
        if outcome is not None:
            return outcome
        await self._finish(case, report)
        return PurgeOutcome.FINISHED

    async def _finish(self, case: Case, report: PurgeReport) -> None:
        present = await self._records.cases.case(case.number)
        if present.purged_at is not None:  # by another worker that was at it as well
            return
        # The mark comes last: whatever is lost on the way to it, the next run does again. People
        # and the audit log hear of it once.
        await self._audit(case, "retention.verified", {"listed": 0})
        await self._core.tell(
            CaseEvent(
                id=f"purged-{case.id}",
                type="case.purged",
                case_number=case.number,
                at=self._clock.now(),
                data={},
            )
        )
        if not await self._was_finished(case):
            await self._audit(case, "retention.finished", report.objects.to_json())
        await self._records.cases.finish_purge(case.number, self._clock.now())

    async def _was_finished(self, case: Case) -> bool:
        if case.purge_started_at is None:
            return False
        events = await self._records.audit.events(case.number)
        return any(event.action == "retention.finished" for event in events)

    async def _empty(self, case: Case, report: PurgeReport) -> PurgeOutcome | None:
        """Empty the case's part of the store; return None once a listing has shown that it is."""
        counts = ObjectCounts()
        sweep = Sweep(
            self._store,
            case_prefix(case.id),
            counts=counts,
            may_go_on=lambda: self._may_go_on(case),
        )
        try:
            end = await sweep.run()
        finally:
            report.objects.merge(counts)
            if counts != ObjectCounts():
                await self._audit(case, "retention.objects-deleted", counts.to_json())
        report.left = sweep.left
        if end is SweepEnd.EMPTY:
            return None
        if end is SweepEnd.HALTED:
            return self._why_halted()
        return PurgeOutcome.STUCK if end is SweepEnd.STUCK else PurgeOutcome.UNFINISHED

    async def _may_go_on(self, case: Case) -> bool:
        if self._stopping():
            return False
        present = await self._core.case(case.number)
        verdict = judge(present, self._clock.now(), self._period)
        return verdict in (Verdict.DELETE, Verdict.DONE)  # done by another worker, just now

    def _why_halted(self) -> PurgeOutcome:
        return PurgeOutcome.UNFINISHED if self._stopping() else PurgeOutcome.KEPT

    async def _note(self, case: Case, report: PurgeReport) -> None:
        """Log how a run ended; what a person has to see to goes to the audit log as well."""
        facts = {"left": report.left, **report.objects.to_json()}
        log = _log.bind(case=case.number, outcome=report.outcome.value, **facts)
        begun = case.purge_started_at is not None or report.objects != ObjectCounts()
        if report.outcome is PurgeOutcome.STUCK:
            log.error("retention.stuck")
            await self._audit(case, "retention.stuck", facts)
        elif report.outcome is PurgeOutcome.KEPT and begun:
            # Held or, by another case core, reopened when part of the data was gone already.
            log.error("retention.halted")
            await self._audit(case, "retention.halted", facts)
        else:
            log.info("retention.case")

    async def _audit(self, case: Case, action: str, details: Mapping[str, Any]) -> None:
        await self._records.audit.record(
            AuditEvent(
                at=self._clock.now(),
                action=action,
                actor=ACTOR,
                case_number=case.number,
                details=details,
            )
        )
