"""What rows say is in the store, and isn't: told loudly, for there is nothing else to be done."""

from collections.abc import Sequence
from dataclasses import replace

import structlog

from transfer.core.cases import CaseId, CaseNumber
from transfer.core.errors import EntryMissingError, StoreUnavailableError
from transfer.core.uploads import case_prefix
from transfer.ports import AuditEvent, Clock, ObjectStore, Records, StoredKind
from transfer.ports.upkeep import LOSSES, Finding, FindingKind, KeptObject, Seen, Walk
from transfer.retention.sweeper_report import SweepReport
from transfer.retention.sweeper_strays import ACTOR

_log = structlog.get_logger(__name__)

_CASES = 20
_PAGE = 1000
_MOST_KEYS = 100_000
"""Of a case that holds more, the rest is asked for one by one: what is listed is in memory."""

_MOST_FAILURES = 3
_MOST_TOLD = 100


class LossWalk:
    """Compares each case's rows with what the store lists of it.

    A list alone proves nothing, as a store may skip something or tell what was. What isn't listed
    is asked for; what isn't there then is looked up in the rows again, as it may just have gone.
    """

    name = "losses"

    def __init__(self, *, records: Records, store: ObjectStore, clock: Clock) -> None:
        self._records = records
        self._store = store
        self._clock = clock

    async def step(self, walk: Walk, report: SweepReport) -> Walk | None:
        """Go on by some cases; None at the end.

        Raises:
            TransferError: store or records failed; the same step can be done again.
        """
        upkeep = self._records.upkeep
        after = None if walk.cursor is None else CaseNumber(walk.cursor)
        cases = await upkeep.unpurged(after, _CASES)
        if not cases:
            await upkeep.forget_unseen(LOSSES, walk.started_at, self._clock.now())
            return None
        before = report.checked
        for number, case_id in cases:
            await self._look(number, case_id, report)
        listed = walk.listed + report.checked - before
        return replace(walk, cursor=cases[-1][0], listed=listed)

    async def _look(self, number: CaseNumber, case_id: CaseId, report: SweepReport) -> None:
        upkeep = self._records.upkeep
        present: _Listed | None = None
        uploads = await upkeep.kept_uploads(number)
        if uploads:
            present = await self._listed(case_id)
            gone = await self._gone(present.lacks(uploads), report)
            if gone:
                still = set(await upkeep.kept_uploads(number))
                await self._tell(number, [one for one in gone if one in still], report)
        report.checked += len(uploads)
        after = None
        while page := await upkeep.kept_files(number, after, _PAGE):
            present = present or await self._listed(case_id)
            gone = await self._gone(present.lacks(page), report)
            if gone:
                still = set(await upkeep.kept_files(number, after, _PAGE))
                await self._tell(number, [one for one in gone if one in still], report)
            report.checked += len(page)
            after = page[-1].file_id

    async def _listed(self, case_id: CaseId) -> "_Listed":
        listed = _Listed()
        cursor = None
        while True:
            items, cursor = await self._store.list_page(case_prefix(case_id), cursor, _PAGE)
            for item in items:
                listed.add(item.kind, item.key, item.id)
            if cursor is None or listed.is_full:
                return listed

    async def _gone(
        self, candidates: Sequence[KeptObject], report: SweepReport
    ) -> list[KeptObject]:
        """Return those that the store hasn't when it is asked for each by itself."""
        gone, failures = [], 0
        for one in candidates:
            try:
                if await self._is_gone(one):
                    gone.append(one)
                failures = 0
            except StoreUnavailableError as exc:
                failures += 1
                if failures >= _MOST_FAILURES:
                    raise
                report.failures.append(f"{one.key}: {exc.code}")
        return gone

    async def _is_gone(self, kept: KeptObject) -> bool:
        if kept.multipart_id is None and kept.size:
            try:
                async with self._store.read(kept.key, 0, 1) as chunks:
                    async for _ in chunks:
                        pass
            except EntryMissingError:
                return True
            return False
        listed = _Listed()
        cursor = None
        while True:
            items, cursor = await self._store.list_page(kept.key, cursor, _PAGE)
            for item in items:
                if item.key == kept.key:
                    listed.add(item.kind, item.key, item.id)
            if cursor is None:
                return bool(listed.lacks([kept]))

    async def _tell(
        self, number: CaseNumber, gone: Sequence[KeptObject], report: SweepReport
    ) -> None:
        now = self._clock.now()
        found = await self._records.upkeep.sight([_seen(number, one) for one in gone], now)
        for one in found[: max(0, _MOST_TOLD - report.missing)]:
            _log.error("sweeper.missing", case=number, file=one.file_id, key=one.key, size=one.size)
        for one in found:
            if one.first_seen_at == now:
                await self._audit(number, one)
        report.missing += len(found)

    async def _audit(self, number: CaseNumber, finding: Finding) -> None:
        await self._records.audit.record(
            AuditEvent(
                at=self._clock.now(),
                action="sweeper.missing",
                actor=ACTOR,
                case_number=number,
                subject=finding.file_id,
                details={"key": finding.key, "size_bytes": finding.size},
            )
        )


class _Listed:
    """What a store lists below a prefix, as far as it fits."""

    def __init__(self) -> None:
        self._objects: set[str] = set()
        self._marked: set[str] = set()
        self._multiparts: set[tuple[str, str]] = set()

    @property
    def is_full(self) -> bool:
        return len(self._objects) + len(self._marked) + len(self._multiparts) >= _MOST_KEYS

    def add(self, kind: StoredKind, key: str, item_id: str) -> None:
        if kind is StoredKind.MULTIPART:
            self._multiparts.add((key, item_id))
        elif kind is StoredKind.DELETE_MARKER:
            self._marked.add(key)
        else:
            self._objects.add(key)

    def lacks(self, kept: Sequence[KeptObject]) -> list[KeptObject]:
        """Return those that aren't listed, or may be deleted by a marker."""
        return [one for one in kept if not self._has(one)]

    def _has(self, kept: KeptObject) -> bool:
        if kept.multipart_id is not None:
            return (kept.key, kept.multipart_id) in self._multiparts
        return kept.key in self._objects and kept.key not in self._marked


def _seen(number: CaseNumber, kept: KeptObject) -> Seen:
    return Seen(
        kind=FindingKind.MISSING,
        key=kept.key,
        item_id=kept.multipart_id or "",
        size=kept.size,
        case_number=number,
        file_id=kept.file_id,
    )
