"""What the sweeper and the re-reading keep: what they found, and how far they have come."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from transfer.core.cases import CaseId, CaseNumber
from transfer.core.uploads import FileId
from transfer.ports.objects import StoredItem
from transfer.ports.work import AuditEvent


class FindingKind(StrEnum):
    """What can be wrong between rows and store."""

    STRAY = "stray"  # a version or delete marker that no row knows
    STRAY_MULTIPART = "stray-multipart"
    MISSING = "missing"  # a row says that it is there
    DAMAGED = "damaged"  # other bytes than were received, or none that can be read


STRAYS = frozenset({FindingKind.STRAY, FindingKind.STRAY_MULTIPART})
LOSSES = frozenset({FindingKind.MISSING})

DELETED = "deleted"
"""The problem of a stray that was deleted: it is no finding any more, unless it is seen again."""

CAME_BACK = "came-back"
"""The problem of one that was: the store said that it was deleted, and lists it still."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Something wrong, as it was just seen. `item_id` is the version's or multipart upload's."""

    kind: FindingKind
    key: str
    item_id: str = ""
    size: int = 0
    case_number: CaseNumber | None = None
    file_id: FileId | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding(Seen):
    """Something wrong, since when it is known, and when it was seen last."""

    id: int
    first_seen_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """One walk over the store or the rows, from its beginning to `cursor`; None is the very start.

    `listed` is how much it has looked at. A walk that was left is taken up where it was.
    """

    name: str
    started_at: datetime
    cursor: str | None = None
    listed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptObject:
    """What a row says is in the store: an object, or a `multipart_id` that takes parts."""

    key: str
    size: int
    file_id: FileId | None = None
    multipart_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RereadFile:
    """A received file, as far as it matters to whoever reads it again."""

    id: FileId
    case_number: CaseNumber
    key: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """The file in whose middle a re-reading is, and the hash's state at that offset."""

    file_id: FileId
    offset: int
    state: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reread:
    """One re-reading, of a case or of everything: all files up to `cursor` are done."""

    id: int
    case_number: CaseNumber | None
    started_at: datetime
    cursor: FileId
    files: int = 0
    size_bytes: int = 0
    problems: int = 0
    unfinished: Unfinished | None = None


class UpkeepRecords(Protocol):
    """Findings, walks and re-readings; and what the rows know of the store."""

    # ── What the rows know ───────────────────────────────────────────────────────────────────

    async def strangers(self, items: Sequence[StoredItem]) -> list[StoredItem]:
        """Return those of `items` that no row knows.

        Known is also what a discard is queued for, and all that a live upload's present writer may
        just be storing.

        Raises:
            UnavailableError: too many discards are queued to tell: do those first.
        """

    async def cases_of(self, ids: Collection[CaseId]) -> dict[CaseId, CaseNumber]:
        """Return the numbers of those cases that there are."""

    async def unpurged(
        self, after: CaseNumber | None, limit: int
    ) -> list[tuple[CaseNumber, CaseId]]:
        """Return cases whose data isn't to go or gone, by their numbers, from behind `after`."""

    async def kept_files(
        self, number: CaseNumber, after: FileId | None, limit: int
    ) -> list[KeptObject]:
        """Return the objects of a case's files, by the files' ids, from behind `after`."""

    async def kept_uploads(self, number: CaseNumber) -> list[KeptObject]:
        """Return what a case's unfinished uploads, and whole pieces of others, have in the store.

        A tail, the parts, or an object; of those that are just being put together, nothing.
        """

    # ── Findings ─────────────────────────────────────────────────────────────────────────────

    async def sight(
        self, seen: Sequence[Seen], now: datetime, *, event: AuditEvent | None = None
    ) -> list[Finding]:
        """Take note of what was seen `now`; what was seen before keeps its first time.

        A problem that was noted stays, unless another one is told. What was deleted came back.
        `event` goes to the audit log, in the same transaction, if anything is seen first.
        """

    async def findings(
        self, kinds: Collection[FindingKind], *, after: int = 0, limit: int = 1000
    ) -> list[Finding]:
        """Return findings by their ids, from behind `after`."""

    async def ripe(self, first_seen_until: datetime, *, after: int, limit: int) -> list[Finding]:
        """Return strays that were first seen by then, by their ids, from behind `after`.

        Those that were deleted aren't among them.
        """

    async def note(self, ids: Collection[int], problem: str) -> None:
        """Note of findings what is the matter with them."""

    async def forget(self, ids: Collection[int]) -> None:
        """Remove findings: they are settled."""

    async def forget_key(self, kind: FindingKind, key: str) -> None:
        """Remove what was found of a key: it is all right now."""

    async def forget_unseen(
        self, kinds: Collection[FindingKind], since: datetime, now: datetime
    ) -> int:
        """Remove findings that were not seen again since, and return how many."""

    async def found(self) -> Mapping[FindingKind, tuple[int, int]]:
        """Return how many findings there are of each kind, and their bytes; zeros too."""

    # ── Walks ────────────────────────────────────────────────────────────────────────────────

    async def begin_walk(
        self, name: str, worker: str, now: datetime, until: datetime, due_before: datetime
    ) -> Walk | None:
        """Claim a walk until a moment: one that was left, or a new one if the last is that old.

        None: another has it, or none is due.
        """

    async def step(self, walk: Walk, worker: str, until: datetime) -> bool:
        """Keep how far a walk has come, and the claim; False if another has it now."""

    async def end_walk(self, walk: Walk, worker: str, now: datetime) -> None:
        """Note that a walk is at its end, so that the next one begins anew."""

    async def leave_walk(self, name: str, worker: str) -> None:
        """Give up the claim, so that others may go on at once."""

    async def last_walks(self) -> Mapping[str, datetime]:
        """Return when each walk ended last, of those that ever did."""

    # ── Re-readings ──────────────────────────────────────────────────────────────────────────

    async def begin_reread(self, number: CaseNumber | None, now: datetime, *, anew: bool) -> Reread:
        """Return the unfinished re-reading of a case, or of everything; else, or `anew`, a new one.

        Raises:
            CaseMissingError: no such case.
        """

    async def to_reread(
        self, number: CaseNumber | None, after: FileId, limit: int
    ) -> list[RereadFile]:
        """Return files of cases whose data isn't to go, by the files' ids, from behind `after`."""

    async def is_kept(self, file: RereadFile) -> bool:
        """Whether a file is still there, and its case's data isn't to go or gone."""

    async def left_to_reread(self, number: CaseNumber | None, after: FileId) -> tuple[int, int]:
        """Return how many files are behind `after`, and their bytes."""

    async def keep_reread(self, reread: Reread) -> None:
        """Keep how far a re-reading has come."""

    async def end_reread(self, reread: Reread, now: datetime) -> None:
        """Note that a re-reading is at its end."""
