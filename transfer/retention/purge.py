"""Who may delete a case's data, and when: asked before, and again before every step."""

import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog

from transfer.core.cases import Case, CaseNumber
from transfer.core.errors import TransferError
from transfer.core.retention import Verdict, judge
from transfer.ports import AuditEvent, DeletionClaim
from transfer.retention.deletion import ACTOR, CaseDeletion, outcome_of
from transfer.retention.pace import Pace
from transfer.retention.policy import DeletionTools, RetentionPolicy
from transfer.retention.purge_report import PurgeOutcome, PurgeReport
from transfer.retention.sweep import ObjectCounts

_log = structlog.get_logger(__name__)


class CasePurge:
    """Deletes the data of cases that are due, one case a call.

    The steps are `CaseDeletion`'s. A run that was cut off anywhere is taken up by the next: what is
    done already is found done. Of several at once one does it, and the others leave it to that.
    `stopping` tells when to leave, between two steps.
    """

    def __init__(
        self,
        tools: DeletionTools,
        policy: RetentionPolicy | None = None,
        *,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._tools = tools
        self._policy = policy or RetentionPolicy()
        self._stopping = stopping
        self._worker = f"{ACTOR}-{secrets.token_hex(4)}"
        per_second = self._policy.deletes_per_second
        self._pace = None if per_second is None else Pace(per_second, tools.clock)

    async def run(self, number: CaseNumber) -> PurgeReport:
        """Delete the data of a case if the case core still says that it is due.

        If the core says that it is open, it takes files again, however far its deletion had come.

        Raises:
            TransferError: the case core, the store or the records failed; the next run goes on.
        """
        report = PurgeReport(number=number)
        case = await self._tools.core.case(number, fresh=True)
        verdict = judge(case, self._tools.clock.now(), self._policy.period)
        if verdict is Verdict.DELETE:
            await self._delete(case, report)
        else:
            report.outcome = outcome_of(verdict)
        await self._note(case, report)
        if report.outcome is PurgeOutcome.KEPT:
            await self._call_off(number)
        return report

    async def _delete(self, case: Case, report: PurgeReport) -> None:
        async with self._claimed(case.number) as claim:
            if claim is None:
                report.outcome = PurgeOutcome.BUSY
                return
            deletion = CaseDeletion(
                self._tools, self._policy, claim, report, pace=self._pace, stopping=self._stopping
            )
            report.outcome = await deletion.run(case)

    @asynccontextmanager
    async def _claimed(self, number: CaseNumber) -> AsyncIterator[DeletionClaim | None]:
        """Have the deletion of a case for oneself; None if somebody else has it."""
        deletions, now = self._tools.records.deletions, self._tools.clock.now()
        claim = DeletionClaim(number=number, worker=self._worker, until=now + self._policy.claim)
        if not await deletions.claim(claim, now):
            yield None
            return
        try:
            yield claim
        finally:
            with suppress(TransferError):  # it runs out by itself
                await deletions.release(claim)

    async def _note(self, case: Case, report: PurgeReport) -> None:
        """Log how a run ended; what a person has to see to goes to the audit log as well."""
        facts = {"left": report.left, **report.objects.to_json()}
        log = _log.bind(case=case.number, outcome=report.outcome.value, **facts)
        if report.outcome is PurgeOutcome.STUCK:
            log.error("retention.stuck", problem=report.problem)
            if await self._is_news(report):
                await self._audit(case, "retention.stuck", {**facts, "problem": report.problem})
        elif report.outcome is PurgeOutcome.UNSURE:
            log.error("retention.unsure")
        elif report.outcome is PurgeOutcome.KEPT and report.objects != ObjectCounts():
            # Held or, by another case core, reopened when part of the data was gone already.
            log.error("retention.halted")
            await self._audit(case, "retention.halted", facts)
        elif report.outcome is PurgeOutcome.KEPT and case.purge_started_at is not None:
            log.warning("retention.halted")
        else:
            log.info("retention.case")

    async def _is_news(self, report: PurgeReport) -> bool:
        """Keep that a case is stuck; tell whether just that isn't known already."""
        return await self._tools.records.deletions.get_stuck(
            report.number, report.left, report.problem, self._tools.clock.now()
        )

    async def _call_off(self, number: CaseNumber) -> None:
        """Let a case take files again that was reopened elsewhere when its deletion had begun.

        It goes by the row: whoever has heard of it first, it is still to be done.
        """
        row = await self._tools.records.cases.case(number)
        if row.is_closed or row.purge_started_at is None:
            return
        async with self._claimed(number) as claim:
            if claim is None or (await self._tools.core.case(number, fresh=True)).is_closed:
                return
            noted = self._event(number, "retention.called-off", {})
            if await self._tools.records.deletions.call_off(claim, noted):
                _log.error("retention.called-off", case=number)

    async def _audit(self, case: Case, action: str, details: Mapping[str, Any]) -> None:
        await self._tools.records.audit.record(self._event(case.number, action, details))

    def _event(self, number: CaseNumber, action: str, details: Mapping[str, Any]) -> AuditEvent:
        return AuditEvent(
            at=self._tools.clock.now(),
            action=action,
            actor=ACTOR,
            case_number=number,
            details=details,
        )
