"""The steps of one deletion, each of which can be repeated."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog

from transfer.core.accounts import AccountEnd
from transfer.core.cases import Case
from transfer.core.deletion_receipts import DeletionFacts, Doomed
from transfer.core.receipts import moment
from transfer.core.retention import Verdict, closure_name, deletion_due_at, judge
from transfer.core.uploads import case_prefix
from transfer.ports import (
    AuditEvent,
    CaseEvent,
    DeletionClaim,
    DeletionReceipt,
    StoredItem,
    StoredKind,
)
from transfer.retention.pace import Pace
from transfer.retention.policy import DeletionTools, RetentionPolicy
from transfer.retention.purge_report import PurgeOutcome, PurgeReport
from transfer.retention.sweep import ObjectCounts, Sweep, SweepEnd

_log = structlog.get_logger(__name__)

_ITEMS_A_CALL = 1000

ACTOR = "retention"
"""Who deletes, in the audit log."""


class CaseDeletion:
    """One run at the deletion of a case, under a claim to it.

    The steps: mark the case; end its accounts and sessions; empty its part of the store, of which
    each thing is noted before it goes; delete its rows, and what is personal in those that stay;
    see by a last listing that nothing came in between; and, all at once, destroy its key, mark the
    case as done, with a signed receipt, and tell the case core.
    """

    def __init__(
        self,
        tools: DeletionTools,
        policy: RetentionPolicy,
        claim: DeletionClaim,
        report: PurgeReport,
        *,
        pace: Pace | None,
        stopping: Callable[[], bool],
    ) -> None:
        self._tools = tools
        self._records = tools.records
        self._clock = tools.clock
        self._policy = policy
        self._claim = claim
        self._report = report
        self._pace = pace
        self._stopping = stopping
        self._halt = PurgeOutcome.UNFINISHED

    async def run(self, case: Case) -> PurgeOutcome:
        """Go through the steps; return how far that went.

        Raises:
            TransferError: the case core, the store or the records failed; the next run goes on.
        """
        if not await self._begin(case):
            return PurgeOutcome.CHANGED
        await self._stop_access(case)
        outcome = await self._empty(case)
        if outcome is not None:
            return outcome
        if not await self._may_go_on(case, ()) or not await self._delete_unlisted(case):
            return self._halt
        await self._scrub(case)
        # Whoever was writing when the rows went may have put something since the store was emptied.
        outcome = await self._empty(case)
        if outcome is not None:
            return outcome
        # The scrubbing may have taken longer than the claim lasts, and the key is still there.
        if not await self._may_go_on(case, ()):
            return self._halt
        return PurgeOutcome.FINISHED if await self._finish(case) else PurgeOutcome.BUSY

    async def _begin(self, case: Case) -> bool:
        files, size_bytes = await self._records.tree.usage(case.number)
        marked = await self._records.cases.start_purge(
            case.number, expected_version=case.version, now=self._clock.now()
        )
        if marked and case.purge_started_at is None:
            closed_at, due_at = self._times(case)
            times = {"closed_at": closed_at.isoformat(), "due_at": due_at.isoformat()}
            counts = {"files": files, "size_bytes": size_bytes}
            await self._audit(case, "retention.started", {**times, **counts})
        return marked

    async def _stop_access(self, case: Case) -> None:
        accounts, now = self._records.accounts, self._clock.now()
        ended = 0
        for account in await accounts.of_case(case.number, active_at=None):
            if account.end is None:
                await accounts.end(account.id, AccountEnd.CASE_CLOSED, None, now)
                ended += 1
        if ended:
            await self._audit(case, "retention.accounts-ended", {"accounts": ended})
        await self._records.deletions.end_sessions(case.number, now)

    async def _empty(self, case: Case) -> PurgeOutcome | None:
        """Empty the case's part of the store; return None once a listing has shown that it is."""
        counts = ObjectCounts()
        sweep = Sweep(
            self._tools.store,
            case_prefix(case.id),
            counts=counts,
            may_go_on=lambda items: self._may_go_on(case, items),
            pace=self._pace,
        )
        try:
            end = await sweep.run()
        finally:
            self._report.objects.merge(counts)
            if counts != ObjectCounts():
                await self._audit(case, "retention.objects-deleted", counts.to_json())
        self._report.left, self._report.problem = sweep.left, sweep.problem
        if end is SweepEnd.EMPTY:
            return None
        if end is SweepEnd.HALTED:
            return self._halt
        return PurgeOutcome.STUCK if end is SweepEnd.STUCK else PurgeOutcome.UNFINISHED

    async def _delete_unlisted(self, case: Case) -> bool:
        """Delete by their names what the records know of and no listing has shown.

        A list may be older than what it is of. Mostly, though, such an object was lost before.
        False if it must not go on.
        """
        items = await self._records.deletions.unlisted(case.number)
        if items:
            _log.warning("retention.not-listed", case=case.number, objects=len(items))
        most = _ITEMS_A_CALL if self._pace is None else min(_ITEMS_A_CALL, self._pace.most)
        for start in range(0, len(items), most):
            batch = items[start : start + most]
            if self._pace is not None:
                await self._pace.take(len(batch))
            if not await self._may_go_on(case, batch):
                return False
            open_ones = [item for item in batch if item.kind is StoredKind.MULTIPART]
            await self._tools.store.delete_items(open_ones)
            await self._tools.store.delete([item.key for item in batch if item not in open_ones])
        return True

    async def _may_go_on(self, case: Case, items: Sequence[StoredItem]) -> bool:
        """Note that `items` are about to go, if the case core and the claim still allow it."""
        self._halt = PurgeOutcome.UNFINISHED
        if self._stopping():
            return False
        present = await self._tools.core.case(case.number, fresh=True)
        verdict = judge(present, self._clock.now(), self._policy.period)
        if verdict is not Verdict.DELETE:
            self._halt = outcome_of(verdict)
            return False
        self._claim = replace(self._claim, until=self._clock.now() + self._policy.claim)
        if not await self._records.deletions.doom(self._claim, items):
            self._halt = PurgeOutcome.BUSY
            return False
        return True

    async def _scrub(self, case: Case) -> None:
        rows = await self._records.cases.scrub(case.number)
        self._report.rows = rows
        await self._audit(case, "retention.rows-scrubbed", rows)
        await self._records.audit.erase_personal(case.number, self._clock.now())

    async def _finish(self, case: Case) -> bool:
        gone = await self._records.deletions.doomed(case.number)
        receipt = await self._receipt(case, gone)
        # All at once, and last: whatever is lost on the way to it, the next run does again.
        # People, the case core and the audit log hear of it once.
        return await self._records.deletions.finish(
            self._claim,
            receipt,
            _purged(case, receipt, gone),
            [
                self._event(case, "retention.verified", {"listed": 0}),
                self._event(case, "retention.finished", _counted(gone)),
            ],
        )

    async def _receipt(self, case: Case, gone: Doomed) -> DeletionReceipt:
        key = None if self._tools.keys is None else await self._tools.keys.forget(case)
        begun = (await self._records.cases.case(case.number)).purge_started_at
        closed_at, due_at = self._times(case)
        now = self._clock.now()
        facts = DeletionFacts(
            case_number=case.number,
            prefix=case_prefix(case.id),
            closed_at=closed_at,
            due_at=due_at,
            begun_at=begun or now,
            proved_at=now,
            key_id=self._tools.receipts.key_id,
            destroyed_key=key,
        )
        return await self._tools.receipts.write(facts, gone)

    def _times(self, case: Case) -> tuple[datetime, datetime]:
        """Return when the case was closed, and when its data was due."""
        due_at = deletion_due_at(case, self._policy.period)
        assert case.closed_at is not None and due_at is not None  # noqa: S101, PT018 - it was due
        return case.closed_at, due_at

    async def _audit(self, case: Case, action: str, details: Mapping[str, Any]) -> None:
        await self._records.audit.record(self._event(case, action, details))

    def _event(self, case: Case, action: str, details: Mapping[str, Any]) -> AuditEvent:
        return AuditEvent(
            at=self._clock.now(),
            action=action,
            actor=ACTOR,
            case_number=case.number,
            details=details,
        )


def outcome_of(verdict: Verdict) -> PurgeOutcome:
    """Return how a run ends at a case whose data isn't to be deleted, as retention says."""
    if verdict is Verdict.DONE:
        return PurgeOutcome.DONE
    return PurgeOutcome.UNSURE if verdict is Verdict.KEEP_UNSURE else PurgeOutcome.KEPT


def _purged(case: Case, receipt: DeletionReceipt, gone: Doomed) -> CaseEvent:
    """Return what the case core is told: once for each time that the case was closed."""
    return CaseEvent(
        id=f"purged-{closure_name(case)}",
        type="case.purged",
        case_number=case.number,
        at=receipt.written_at,
        data={
            "deleted_at": moment(receipt.written_at),
            "files": gone.rows.get("files", 0),
            "size": gone.rows.get("bytes", 0),
            "objects": gone.versions,
            "key_id": receipt.key_id,
            "receipt": receipt.jws,
        },
    )


def _counted(gone: Doomed) -> dict[str, int]:
    return ObjectCounts(
        versions=gone.versions,
        delete_markers=gone.delete_markers,
        multiparts=gone.multiparts,
        size_bytes=gone.size_bytes,
    ).to_json()
