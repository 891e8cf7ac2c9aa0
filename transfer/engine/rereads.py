"""What is stored, read again and compared with its SHA-256.

Whole files, in the order of their ids: how far it has come is kept, and whoever asks again goes on
there, also in the middle of a large file.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

import structlog

from transfer.core.access import Principal
from transfer.core.cases import CaseNumber
from transfer.core.errors import EntryMissingError, KeyUnavailableError, StoreUnavailableError
from transfer.core.object_keys import EVERY_CASE
from transfer.core.parts import MIB
from transfer.core.uploads import FileId
from transfer.engine.digest import PlainSha256, SavableSha256, can_save_state
from transfer.engine.pace import Pace
from transfer.engine.policy import Tools
from transfer.ports import AuditEvent
from transfer.ports.upkeep import FindingKind, Reread, RereadFile, Seen, Unfinished

_log = structlog.get_logger(__name__)

LEAST_RATE = 256 * 1024
"""Bytes a second; slower, and the store would give up a request that nobody seems to read."""

_PAGE = 64
_AT_ONCE = 4
_LARGE_BYTES = 64 * MIB
"""A file from that size on is read alone, and its middle is kept."""

_KEPT_EVERY_BYTES = 256 * MIB
_BETWEEN = timedelta(seconds=5)
"""A moment that most troubles of a store or a network don't outlast."""


_MOST_UNREADABLE = 10
"""In a row: then it is the store that refuses, as one does that has too much to do."""


class Damage(StrEnum):
    """What can be wrong with a stored file."""

    OTHER_BYTES = "other-bytes"
    UNREADABLE = "unreadable"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class DamagedFile:
    """A file that isn't as it was received."""

    file: RereadFile
    damage: Damage


@dataclass(frozen=True, slots=True)
class RereadProgress:
    """How far it is, and how far it goes: what was done in an earlier go is part of both."""

    files: int
    size_bytes: int
    total_files: int
    total_bytes: int


@dataclass(slots=True, kw_only=True)
class RereadReport:
    """What came of it; `problems` counts those of earlier goes as well, `damaged` are of this."""

    started_at: datetime
    resumed: bool
    files: int = 0
    size_bytes: int = 0
    problems: int = 0
    damaged: list[DamagedFile] = field(default_factory=list)


class Rereads:
    """Reads files again, of one case or all, at most so many bytes a second.

    `tell` is called as it goes on.
    """

    def __init__(
        self,
        tools: Tools,
        *,
        bytes_per_second: int | None = None,
        tell: Callable[[RereadProgress], None] = lambda _: None,
    ) -> None:
        self._tools = tools
        self._upkeep = tools.records.upkeep
        self._pace = Pace(tools.clock, bytes_per_second)
        self._tell = tell
        self._known: set[str] = set()
        self._unreadable = 0
        self._progress = RereadProgress(0, 0, 0, 0)

    async def run(
        self, principal: Principal, number: CaseNumber | None = None, *, anew: bool = False
    ) -> RereadReport:
        """Read everything again, or go on with it.

        Raises:
            CaseMissingError: no such case.
            StoreUnavailableError: the store is away; what is done stays done.
        """
        reread = await self._upkeep.begin_reread(number, self._tools.clock.now(), anew=anew)
        report = RereadReport(
            started_at=reread.started_at,
            resumed=bool(reread.cursor) or reread.unfinished is not None,
        )
        await self._begin(reread)
        while page := await self._upkeep.to_reread(number, reread.cursor, _PAGE):
            reread = await self._read_page(reread, _up_to_large(page), report)
        report.files, report.size_bytes = reread.files, reread.size_bytes
        report.problems = reread.problems
        await self._end(reread, principal)
        return report

    async def _begin(self, reread: Reread) -> None:
        left, left_bytes = await self._upkeep.left_to_reread(reread.case_number, reread.cursor)
        self._progress = RereadProgress(
            files=reread.files,
            size_bytes=reread.size_bytes,
            total_files=reread.files + left,
            total_bytes=reread.size_bytes + left_bytes,
        )
        if reread.unfinished is not None:
            self._advance(size_bytes=reread.unfinished.offset)
        self._tell(self._progress)
        after = 0
        while found := await self._upkeep.findings({FindingKind.DAMAGED}, after=after):
            self._known.update(one.key for one in found)
            after = found[-1].id

    async def _end(self, reread: Reread, principal: Principal) -> None:
        now = self._tools.clock.now()
        await self._upkeep.end_reread(reread, now)
        if reread.case_number is None:
            # What isn't damaged any more was forgotten on the way: this is of files that went.
            await self._upkeep.forget_unseen({FindingKind.DAMAGED}, reread.started_at, now)
        await self._tools.records.audit.record(
            AuditEvent(
                at=now,
                action="verification.ended",
                actor=principal.name,
                case_number=reread.case_number,
                door=principal.door,
                details={
                    "files": reread.files,
                    "size_bytes": reread.size_bytes,
                    "problems": reread.problems,
                },
            )
        )

    # ── A page ───────────────────────────────────────────────────────────────────────────────

    async def _read_page(
        self, reread: Reread, page: Sequence[RereadFile], report: RereadReport
    ) -> Reread:
        turns = asyncio.Semaphore(_AT_ONCE)

        async def check(file: RereadFile) -> Damage | None:
            async with turns:
                return await self._check(file, reread)

        small = [file for file in page if file.size < _LARGE_BYTES]
        outcomes = await asyncio.gather(*map(check, small), return_exceptions=True)
        found = dict(zip((file.id for file in small), map(_unless_raised, outcomes), strict=True))
        for file in page[len(small) :]:
            found[file.id] = await self._check(file, reread)
        self._check_the_store(found[file.id] for file in page)
        damaged = [
            DamagedFile(file, damage)
            for file in page
            if (damage := found[file.id]) is not None and await self._upkeep.is_kept(file)
        ]
        for one in damaged:
            await self._report(one)
        report.damaged += damaged
        following = replace(
            reread,
            cursor=page[-1].id,
            files=reread.files + len(page),
            size_bytes=reread.size_bytes + sum(file.size for file in page),
            problems=reread.problems + len(damaged),
            unfinished=None,
        )
        await self._upkeep.keep_reread(following)
        return following

    def _check_the_store(self, found: Iterable[Damage | None]) -> None:
        """Raise if so many files in a row can't be read that it isn't the files.

        They are in no order that has to do with where they are stored.
        """
        for damage in found:
            self._unreadable = self._unreadable + 1 if damage is Damage.UNREADABLE else 0
            if self._unreadable >= _MOST_UNREADABLE:
                raise StoreUnavailableError(
                    "The object store gives one file after another not to be read: try again later."
                )

    async def _report(self, damaged: DamagedFile) -> None:
        file, damage = damaged.file, damaged.damage.value
        now = self._tools.clock.now()
        _log.error("verification.damaged", case=file.case_number, file=file.id, problem=damage)
        seen = Seen(
            kind=FindingKind.DAMAGED,
            key=file.key,
            size=file.size,
            case_number=file.case_number,
            file_id=file.id,
            problem=damage,
        )
        event = AuditEvent(
            at=now,
            action="verification.damaged",
            actor="verification",
            case_number=file.case_number,
            subject=file.id,
            details={"problem": damage, "sha256": file.sha256},
        )
        await self._upkeep.sight([seen], now, event=event)

    # ── A file ───────────────────────────────────────────────────────────────────────────────

    async def _check(self, file: RereadFile, reread: Reread) -> Damage | None:
        """Return what is wrong with a file, None if nothing is: never by one look alone.

        Raises:
            StoreUnavailableError: the store is away.
        """
        damage = await self._look(file, reread)
        if damage is not None:
            await self._tools.clock.sleep(_BETWEEN.total_seconds())
            damage = await self._look(file, replace(reread, unfinished=None))
        if damage is Damage.UNREADABLE:
            await self._tools.store.list_page(EVERY_CASE, None, 1)  # is it the store as a whole?
        if damage is None and file.key in self._known:
            await self._upkeep.forget_key(FindingKind.DAMAGED, file.key)
        self._advance(files=1)
        return damage

    async def _look(self, file: RereadFile, reread: Reread) -> Damage | None:
        try:
            sha256 = await self._sha256(file, reread)
        except EntryMissingError:
            return Damage.MISSING
        except KeyUnavailableError:
            raise
        except StoreUnavailableError:
            return Damage.UNREADABLE
        return None if sha256 == file.sha256 else Damage.OTHER_BYTES

    async def _sha256(self, file: RereadFile, reread: Reread) -> str:
        offset, sha = 0, _new_hash()
        left = reread.unfinished
        if left is not None and left.file_id == file.id and can_save_state():
            offset, sha = left.offset, SavableSha256.load(left.state)
        kept = offset
        async with self._tools.store.read(file.key, offset, file.size - offset) as chunks:
            async for chunk in chunks:
                await asyncio.to_thread(sha.update, chunk)
                offset += len(chunk)
                self._advance(size_bytes=len(chunk))
                if file.size >= _LARGE_BYTES and offset - kept >= _KEPT_EVERY_BYTES:
                    kept = offset
                    await self._keep_middle(reread, file.id, offset, sha.save())
                await self._pace.take(len(chunk))
        return sha.hexdigest()

    async def _keep_middle(
        self, reread: Reread, file_id: FileId, offset: int, state: bytes | None
    ) -> None:
        if state is not None:
            unfinished = Unfinished(file_id=file_id, offset=offset, state=state)
            await self._upkeep.keep_reread(replace(reread, unfinished=unfinished))

    def _advance(self, *, files: int = 0, size_bytes: int = 0) -> None:
        self._progress = replace(
            self._progress,
            files=self._progress.files + files,
            size_bytes=self._progress.size_bytes + size_bytes,
        )
        self._tell(self._progress)


def _up_to_large(page: Sequence[RereadFile]) -> Sequence[RereadFile]:
    """Return the files up to the first large one, so that what follows it isn't read twice."""
    for index, file in enumerate(page, 1):
        if file.size >= _LARGE_BYTES:
            return page[:index]
    return page


def _new_hash() -> SavableSha256 | PlainSha256:
    return SavableSha256() if can_save_state() else PlainSha256()


def _unless_raised(outcome: Damage | BaseException | None) -> Damage | None:
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome
