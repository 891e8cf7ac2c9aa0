"""What the sweeper and the re-reading keep, in rows."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from transfer.core.cases import CaseId, CaseNumber
from transfer.core.uploads import FileId
from transfer.ports import AuditEvent, StoredItem
from transfer.ports.upkeep import (
    Finding,
    FindingKind,
    KeptObject,
    Reread,
    RereadFile,
    Seen,
    Walk,
)
from transfer.records import audit, findings, kept, rereads, strangers, walks
from transfer.records.database import Database


class SqlUpkeepRecords:
    """Findings, walks and re-readings; plays the role `transfer.ports.upkeep.UpkeepRecords`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # ── What the rows know ───────────────────────────────────────────────────────────────────

    async def strangers(self, items: Sequence[StoredItem]) -> list[StoredItem]:
        """Return those of `items` that no row knows.

        Raises:
            UnavailableError: too many discards are queued to tell.
        """
        return await self._database.read(strangers.strangers, items)

    async def cases_of(self, ids: Collection[CaseId]) -> dict[CaseId, CaseNumber]:
        """Return the numbers of those cases that there are."""
        return await self._database.read(strangers.case_numbers, ids)

    async def unpurged(
        self, after: CaseNumber | None, limit: int
    ) -> list[tuple[CaseNumber, CaseId]]:
        """Return cases whose data isn't to go or gone, from behind `after`."""
        return await self._database.read(kept.unpurged, after, limit)

    async def kept_files(
        self, number: CaseNumber, after: FileId | None, limit: int
    ) -> list[KeptObject]:
        """Return the objects of a case's files, from behind `after`."""
        return await self._database.read(kept.of_files, number, after, limit)

    async def kept_uploads(self, number: CaseNumber) -> list[KeptObject]:
        """Return what a case's unfinished uploads, and whole pieces, have in the store."""
        return await self._database.read(kept.of_uploads, number)

    # ── Findings ─────────────────────────────────────────────────────────────────────────────

    async def sight(
        self, seen: Sequence[Seen], now: datetime, *, event: AuditEvent | None = None
    ) -> list[Finding]:
        """Take note of what was seen `now`."""
        return await self._database.write(_sight, seen, now, event)

    async def findings(
        self, kinds: Collection[FindingKind], *, after: int = 0, limit: int = 1000
    ) -> list[Finding]:
        """Return findings by their ids, from behind `after`."""
        return await self._database.read(findings.page, kinds, after, limit)

    async def ripe(self, first_seen_until: datetime, *, after: int, limit: int) -> list[Finding]:
        """Return strays that were first seen by then, from behind `after`."""
        return await self._database.read(findings.ripe, first_seen_until, after, limit)

    async def note(self, ids: Collection[int], problem: str) -> None:
        """Note of findings what is the matter with them."""
        await self._database.write(findings.note, ids, problem)

    async def forget(self, ids: Collection[int]) -> None:
        """Remove findings."""
        await self._database.write(findings.forget, ids)

    async def forget_key(self, kind: FindingKind, key: str) -> None:
        """Remove what was found of a key."""
        await self._database.write(findings.forget_key, kind, key)

    async def forget_unseen(
        self, kinds: Collection[FindingKind], since: datetime, now: datetime
    ) -> int:
        """Remove findings that were not seen again since, and return how many."""
        return await self._database.write(findings.forget_unseen, kinds, since, now)

    async def found(self) -> Mapping[FindingKind, tuple[int, int]]:
        """Return how many findings there are of each kind, and their bytes."""
        return await self._database.read(findings.found)

    # ── Walks ────────────────────────────────────────────────────────────────────────────────

    async def begin_walk(
        self, name: str, worker: str, now: datetime, until: datetime, due_before: datetime
    ) -> Walk | None:
        """Claim a walk until a moment, if it was left or one is due."""
        return await self._database.write(walks.begin, name, worker, now, until, due_before)

    async def step(self, walk: Walk, worker: str, until: datetime) -> bool:
        """Keep how far a walk has come, and the claim; False if another has it now."""
        return await self._database.write(walks.step, walk, worker, until)

    async def end_walk(self, walk: Walk, worker: str, now: datetime) -> None:
        """Note that a walk is at its end."""
        await self._database.write(walks.end, walk, worker, now)

    async def leave_walk(self, name: str, worker: str) -> None:
        """Give up the claim."""
        await self._database.write(walks.leave, name, worker)

    async def last_walks(self) -> Mapping[str, datetime]:
        """Return when each walk ended last."""
        return await self._database.read(walks.ended)

    # ── Re-readings ──────────────────────────────────────────────────────────────────────────

    async def begin_reread(self, number: CaseNumber | None, now: datetime, *, anew: bool) -> Reread:
        """Return the unfinished re-reading; else, or `anew`, a new one.

        Raises:
            CaseMissingError: no such case.
        """
        return await self._database.write(rereads.begin, number, now, anew=anew)

    async def to_reread(
        self, number: CaseNumber | None, after: FileId, limit: int
    ) -> list[RereadFile]:
        """Return files by their ids, from behind `after`."""
        return await self._database.read(kept.to_reread, number, after, limit)

    async def is_kept(self, file: RereadFile) -> bool:
        """Whether a file is still there, and its case's data isn't to go or gone."""
        return await self._database.read(kept.is_kept, file)

    async def left_to_reread(self, number: CaseNumber | None, after: FileId) -> tuple[int, int]:
        """Return how many files are behind `after`, and their bytes."""
        return await self._database.read(kept.left_to_reread, number, after)

    async def keep_reread(self, reread: Reread) -> None:
        """Keep how far a re-reading has come."""
        await self._database.write(rereads.keep, reread)

    async def end_reread(self, reread: Reread, now: datetime) -> None:
        """Note that a re-reading is at its end."""
        await self._database.write(rereads.end, reread, now)


def _sight(
    connection: Connection, seen: Sequence[Seen], now: datetime, event: AuditEvent | None
) -> list[Finding]:
    found = findings.sight(connection, seen, now)
    if event is not None and any(one.first_seen_at == now for one in found):
        audit.add(connection, event)
    return found
