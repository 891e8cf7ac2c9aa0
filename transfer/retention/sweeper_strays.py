"""What is in the store and nobody's: reported at first sight, deleted a day after it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import structlog

from transfer.core.cases import CaseNumber
from transfer.core.errors import StoreUnavailableError, TransferError
from transfer.core.object_keys import EVERY_CASE, case_of_key
from transfer.core.sweeping import are_too_many, is_ripe
from transfer.ports import AuditEvent, Clock, ObjectStore, Records, StoredItem, StoredKind
from transfer.ports.upkeep import (
    CAME_BACK,
    DELETED,
    STRAYS,
    Finding,
    FindingKind,
    Seen,
    Walk,
)
from transfer.retention.clock_doubt import ClockDoubt
from transfer.retention.sweep import ObjectCounts
from transfer.retention.sweeper_report import SweepReport

_log = structlog.get_logger(__name__)

ACTOR = "sweeper"
"""Who deletes strays, in the audit log."""

_PAGE = 1000
_MOST_TOLD = 20
_MOST_REFUSED = 3
_REMOVAL = "removal:"
_MARKER = "delete-marker"
_REFUSED = "refused"


class StrayWalk:
    """Lists the whole store, page by page, for what no row knows; then deletes what is ripe.

    `is_held` tells of a case whether a hold keeps it as it is: then its strays stay as well, as
    they do while that can't be told.
    """

    name = "strays"

    def __init__(
        self,
        *,
        records: Records,
        store: ObjectStore,
        clock: Clock,
        grace: timedelta,
        is_held: Callable[[CaseNumber], Awaitable[bool]],
    ) -> None:
        self._records = records
        self._store = store
        self._clock = clock
        self._grace = grace
        self._is_held = is_held
        self._doubt = ClockDoubt(clock)

    async def step(self, walk: Walk, report: SweepReport) -> Walk | None:
        """Go on by a page of the store, or of what is to be deleted; None at the end.

        Raises:
            TransferError: store or records failed; the same step can be done again.
        """
        is_doubtful = self._doubt.holds()
        if walk.cursor is not None and walk.cursor.startswith(_REMOVAL):
            if is_doubtful:  # a day may have been a moment: the next walk deletes
                return None
            return await self._remove(walk, int(walk.cursor.removeprefix(_REMOVAL)), report)
        items, following = await self._store.list_page(EVERY_CASE, walk.cursor, _PAGE)
        await self._sight(await self._records.upkeep.strangers(items), report)
        report.listed += len(items)
        walk = replace(walk, cursor=following, listed=walk.listed + len(items))
        return walk if following is not None else await self._turn(walk, report)

    async def _turn(self, walk: Walk, report: SweepReport) -> Walk | None:
        """Everything was listed: go on to the deletion, if there is sense in it."""
        upkeep = self._records.upkeep
        await upkeep.forget_unseen(STRAYS, walk.started_at, self._clock.now())
        found = await upkeep.found()
        strays = sum(found[kind][0] for kind in STRAYS)
        if are_too_many(strays, walk.listed) and not report.even_many:
            report.withheld = True
            _log.error("sweeper.withheld", strays=strays, listed=walk.listed)
            return None
        return replace(walk, cursor=f"{_REMOVAL}0")

    # ── Sighting ─────────────────────────────────────────────────────────────────────────────

    async def _sight(self, strangers: Sequence[StoredItem], report: SweepReport) -> None:
        if not strangers:
            return
        upkeep, now = self._records.upkeep, self._clock.now()
        ids = {case_id for item in strangers if (case_id := case_of_key(item.key)) is not None}
        numbers = await upkeep.cases_of(ids)
        seen = []
        for item in strangers:
            case_id = case_of_key(item.key)
            number = None if case_id is None else numbers.get(case_id)
            seen.append(_seen(item, number))
        found = await upkeep.sight(seen, now)
        report.strays += len(found)
        fresh = [one for one in found if one.first_seen_at == now]
        for one in fresh[: max(0, _MOST_TOLD - report.fresh)]:
            _log.warning(
                "sweeper.stray", kind=one.kind.value, key=one.key, size=one.size, id=one.item_id
            )
        report.fresh += len(fresh)
        for one in found:
            if one.problem == CAME_BACK:
                _log.error("sweeper.came-back", key=one.key, id=one.item_id)

    # ── Deleting ─────────────────────────────────────────────────────────────────────────────

    async def _remove(self, walk: Walk, after: int, report: SweepReport) -> Walk | None:
        upkeep = self._records.upkeep
        until = self._clock.now() - self._grace
        page = await upkeep.ripe(until, after=after, limit=_PAGE)
        if not page:
            return None
        ripe = [one for one in page if is_ripe(one.first_seen_at, one.last_seen_at, self._grace)]
        for number, findings in (await self._still_strange(ripe)).items():
            if number is None and not report.even_many:
                self._leave_to_others(findings, report)
                continue
            if number is not None and not await self._may_touch(number, report):
                report.held += len(findings)
                continue
            await self._delete(number, findings, report)
        return replace(walk, cursor=f"{_REMOVAL}{page[-1].id}")

    async def _still_strange(
        self, findings: Sequence[Finding]
    ) -> dict[CaseNumber | None, list[Finding]]:
        """Return by their cases those that still no row knows; forget the others."""
        upkeep = self._records.upkeep
        items = {_item(one): one for one in findings}
        strangers = set(await upkeep.strangers(list(items)))
        by_case: dict[CaseNumber | None, list[Finding]] = {}
        for item, one in items.items():
            if item in strangers:
                by_case.setdefault(one.case_number, []).append(one)
        known = [one.id for item, one in items.items() if item not in strangers]
        if known:
            await upkeep.forget(known)
        return by_case

    def _leave_to_others(self, findings: Sequence[Finding], report: SweepReport) -> None:
        """Leave what is of no case that was ever known here: rows of cases stay for good.

        It is another deployment's, or these records are new, older than the store, or wrong.
        """
        if not report.foreign:
            _log.error("sweeper.foreign", strays=len(findings), key=findings[0].key)
        report.foreign += len(findings)

    async def _may_touch(self, number: CaseNumber, report: SweepReport) -> bool:
        try:
            return not await self._is_held(number)
        except TransferError as exc:
            report.failures.append(f"case {number}: {exc.code}")
            return False

    async def _delete(
        self, number: CaseNumber | None, findings: Sequence[Finding], report: SweepReport
    ) -> None:
        gone = list(findings)
        try:
            await self._store.delete_items([_item(one) for one in findings])
        except StoreUnavailableError:
            # One of them, or the store as a whole: it shows when each is tried by itself.
            gone = await self._delete_singly(findings, report)
        counts = ObjectCounts()
        for one in gone:
            counts.add(_item(one))
        if not gone:
            return
        report.deleted.merge(counts)
        await self._records.audit.record(
            AuditEvent(
                at=self._clock.now(),
                action="sweeper.deleted",
                actor=ACTOR,
                case_number=number,
                details=counts.to_json(),
            )
        )
        # One that came back before stays in the list until it is seen to be gone.
        believed = [one.id for one in gone if one.problem != CAME_BACK]
        await self._records.upkeep.note(believed, DELETED)
        _log.info("sweeper.deleted", case=number, **counts.to_json())

    async def _delete_singly(
        self, findings: Sequence[Finding], report: SweepReport
    ) -> list[Finding]:
        gone: list[Finding] = []
        refused: list[Finding] = []
        for one in findings:
            try:
                await self._store.delete_items([_item(one)])
            except StoreUnavailableError as exc:
                refused.append(one)
                _log.error("sweeper.refused", key=one.key, id=one.item_id, reason=exc.message)
                if len(refused) >= _MOST_REFUSED:
                    break
            else:
                gone.append(one)
        if refused:
            report.refused += len(refused)
            report.failures.append(f"{len(refused)} strays can't be deleted")
            await self._records.upkeep.note([one.id for one in refused], _REFUSED)
        return gone


def _seen(item: StoredItem, number: CaseNumber | None) -> Seen:
    if item.kind is StoredKind.MULTIPART:
        kind, item_id = FindingKind.STRAY_MULTIPART, item.id
    elif item.kind is StoredKind.DELETE_MARKER:
        kind, item_id = FindingKind.STRAY, f"{_MARKER}:{item.id}"
    else:
        kind, item_id = FindingKind.STRAY, f"version:{item.id}"
    return Seen(kind=kind, key=item.key, item_id=item_id, size=item.size, case_number=number)


def _item(finding: Finding) -> StoredItem:
    if finding.kind is FindingKind.STRAY_MULTIPART:
        return StoredItem(StoredKind.MULTIPART, finding.key, finding.item_id, finding.size)
    kind, _, item_id = finding.item_id.partition(":")
    return StoredItem(StoredKind(kind), finding.key, item_id, finding.size)
