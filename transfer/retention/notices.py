"""Announcing deletions: the case core is told once for each closure, some days before."""

from datetime import datetime

from transfer.core.cases import Case, CaseNumber
from transfer.core.receipts import moment
from transfer.core.retention import closure_name, notice_due
from transfer.ports import AuditEvent, CaseEvent
from transfer.retention.boundary import failure_of
from transfer.retention.deletion import ACTOR
from transfer.retention.policy import DeletionTools, RetentionPolicy

_CASES_A_ROUND = 100


class DeletionNotices:
    """Announces the deletions that are due soon; any number may run at once."""

    def __init__(self, tools: DeletionTools, policy: RetentionPolicy) -> None:
        self._tools = tools
        self._policy = policy

    async def run(self) -> int:
        """Announce what is due soon, as much as a round may take; return how many."""
        found = await self._tools.records.deletions.to_be_noticed(
            self._tools.clock.now(),
            self._policy.period,
            self._policy.notice,
            limit=_CASES_A_ROUND,
        )
        announced = 0
        for number in found:
            announced += await self._try(number)
        return announced

    async def _try(self, number: CaseNumber) -> bool:
        done = False

        async def announce() -> None:
            nonlocal done
            done = await self._announce(number)

        await failure_of(announce(), case=number)
        if not done:
            now = self._tools.clock.now()
            await failure_of(self._tools.records.deletions.postpone(number, now), case=number)
        return done

    async def _announce(self, number: CaseNumber) -> bool:
        """Announce a deletion, if the case core still says that it is due then."""
        case = await self._tools.core.case(number, fresh=True)
        policy, now = self._policy, self._tools.clock.now()
        due_at = notice_due(case, now, policy.period, policy.notice)
        if due_at is None:
            return False
        files, size_bytes = await self._tools.records.tree.usage(number)
        facts = {"due_at": moment(due_at), "files": files, "size": size_bytes}
        event = CaseEvent(
            id=f"deletion-due-{closure_name(case)}",
            type="case.deletion-due",
            case_number=number,
            at=now,
            data=facts,
        )
        return await self._tools.records.deletions.notice(case, event, _noted(case, now, facts))


def _noted(case: Case, now: datetime, facts: dict[str, object]) -> AuditEvent:
    return AuditEvent(
        at=now,
        action="retention.announced",
        actor=ACTOR,
        case_number=case.number,
        details=facts,
    )
