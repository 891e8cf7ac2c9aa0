"""Whether an audit log is what its seals say: what was changed, left out, put in, or cut off.

It goes seal by seal, and keeps no more of them than it needs for the next one.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from transfer.core.audit_chain import Gap, Seal, given_up, unpacked
from transfer.core.audit_entries import AuditEntry, digest_of
from transfer.core.cases import CaseNumber

ERASURE = "audit.erased"
"""What tells of an erasure: its details `first` and `last` are numbers, `entries` how many."""


class FaultKind(StrEnum):
    """What is wrong with an audit log."""

    ENTRY_CHANGED = "entry-changed"
    ENTRY_MISSING = "entry-missing"
    ENTRY_ADDED = "entry-added"
    ENTRY_ERASED = "entry-erased"
    NUMBER_SKIPPED = "number-skipped"
    SEAL_MISSING = "seal-missing"
    SEAL_CHANGED = "seal-changed"
    SEAL_FORGED = "seal-forged"
    LOG_CUT = "log-cut"
    GUARD_MISSING = "guard-missing"


_MEANINGS: Mapping[FaultKind, str] = {
    FaultKind.ENTRY_CHANGED: "{} isn't what was sealed",
    FaultKind.ENTRY_MISSING: "{} was sealed, and is gone or can't be read",
    FaultKind.ENTRY_ADDED: "{} was put in after its time",
    FaultKind.ENTRY_ERASED: "{} has lost its personal part, and nothing tells who erased that",
    FaultKind.NUMBER_SKIPPED: "{} is missing, where no number is ever left out",
    FaultKind.SEAL_MISSING: "{} is missing",
    FaultKind.SEAL_CHANGED: "{} doesn't follow the one before, or isn't about what stands with it",
    FaultKind.SEAL_FORGED: "{} is signed by none of the keys",
    FaultKind.LOG_CUT: "the log ends before {}, which is known to have been there",
    FaultKind.GUARD_MISSING: "{} of the triggers that keep the log from being changed are gone",
}
_OF_SEALS = frozenset(
    {
        FaultKind.SEAL_MISSING,
        FaultKind.SEAL_CHANGED,
        FaultKind.SEAL_FORGED,
    }
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong, with the entries or seals from `first` to `last`."""

    kind: FaultKind
    first: int
    last: int
    what: str = "entry"

    def to_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {"kind": self.kind.value, "of": self.what, "first": self.first, "last": self.last}

    def text(self) -> str:
        """Return it for people."""
        if self.kind is FaultKind.GUARD_MISSING:
            return _MEANINGS[self.kind].format(self.first)
        until = f" to {self.last}" if self.last > self.first else ""
        return _MEANINGS[self.kind].format(f"{self.what} {self.first}{until}")


class ChainCheck:
    """Takes seals with their entries, in order, and notes what is wrong with them.

    `after` is the seal behind which they begin. `is_whole` says that nothing should be left out
    from there on; without that, only what is given is judged. `is_gapless` says that entries have
    all numbers. `heads` are seals that are known to have been made.
    """

    def __init__(
        self,
        *,
        after: int = 0,
        is_whole: bool = True,
        is_gapless: bool = False,
        heads: Sequence[Seal] = (),
    ) -> None:
        self.faults: list[Fault] = []
        self.entries = 0
        self.erased = 0
        self.seals = 0
        self.abandoned: list[Gap] = []
        """Numbers that no entry may have any more."""
        self.last: Seal | None = None
        self._is_whole = is_whole
        self._is_gapless = is_gapless
        self._number = after
        self._heads: dict[int, set[str]] = {}
        for head in heads:
            if head.number > after:
                self._heads.setdefault(head.number, set()).add(head.digest())
        self._unexplained: dict[CaseNumber | None, list[int]] = {}

    def note(self, kind: FaultKind, number: int, *, what: str = "") -> None:
        """Note what is wrong with an entry or a seal; neighbours with the same are one fault."""
        what = what or ("seal" if kind in _OF_SEALS else "entry")
        last = self.faults[-1] if self.faults else None
        if last and (last.kind, last.what, last.last + 1) == (kind, what, number):
            self.faults[-1] = Fault(kind, last.first, number, what)
        else:
            self.faults.append(Fault(kind, number, number, what))

    def seal(
        self, number: int, seal: Seal | None, digests: bytes, present: Mapping[int, AuditEntry]
    ) -> None:
        """Check the seal that stands at `number`, None if no key has signed it.

        `present` are those of its entries that are there.
        """
        self.seals += 1
        before = self._step_to(number)
        if seal is None:
            self.note(FaultKind.SEAL_FORGED, number)
            self._take(present.values())
            return
        others = self._heads.pop(number, set()) - {seal.digest()}
        follows = _follows(seal, number, before)
        if not follows or others:
            self.note(FaultKind.SEAL_CHANGED, number)
        self.last = seal
        found = unpacked(digests)
        if hashlib.sha256(digests).hexdigest() != seal.digests:
            self.note(FaultKind.SEAL_CHANGED, number)
            self._take(present.values())
            return
        self._compare(found, present)
        if follows and (before is not None or number == 1):
            self._give_up(before, seal, [one for one, _ in found])

    def unsealed(self, entries: Iterable[AuditEntry]) -> None:
        """Take the entries that no seal has yet: they may tell of erasures."""
        self._take(entries)

    def finish(self) -> None:
        """Note what only the end shows."""
        for numbers in self._unexplained.values():
            for number in numbers:
                self.note(FaultKind.ENTRY_ERASED, number)
        if self._is_gapless and self.last:
            for gap in self.last.gaps:
                self._note_gap(gap)
        for number in sorted(self._heads):
            self.note(FaultKind.LOG_CUT, number, what="seal")

    def _step_to(self, number: int) -> Seal | None:
        """Go on to the seal `number`; return the one before, None if that isn't known."""
        before = self.last if self._number == number - 1 else None
        if number <= self._number:
            self.note(FaultKind.SEAL_CHANGED, number)
        if self._is_whole and number > self._number + 1:
            missing = Fault(FaultKind.SEAL_MISSING, self._number + 1, number - 1, "seal")
            self.faults.append(missing)
        self._number = number
        self.last = None
        return before

    def _compare(
        self, found: Sequence[tuple[int, bytes]], present: Mapping[int, AuditEntry]
    ) -> None:
        for number, digest in found:
            entry = present.get(number)
            if entry is None:
                if self._is_whole:
                    self.note(FaultKind.ENTRY_MISSING, number)
                continue
            if digest_of(entry) != digest:
                self.note(FaultKind.ENTRY_CHANGED, number)
            self._take([entry])
        for number in sorted(present.keys() - {number for number, _ in found}):
            self.note(FaultKind.ENTRY_ADDED, number)

    def _take(self, entries: Iterable[AuditEntry]) -> None:
        for entry in entries:
            self.entries += 1
            if entry.is_erased:
                self.erased += 1
                self._unexplained.setdefault(entry.case_number, []).append(entry.sequence)
            if entry.action == ERASURE:
                self._explain(entry)

    def _explain(self, erasure: AuditEntry) -> None:
        first, last = erasure.details.get("first"), erasure.details.get("last")
        waiting = self._unexplained.pop(erasure.case_number, [])
        if isinstance(first, int) and isinstance(last, int):
            waiting = [number for number in waiting if not first <= number <= last]
        if waiting:
            self._unexplained[erasure.case_number] = waiting

    def _give_up(self, before: Seal | None, seal: Seal, numbers: Sequence[int]) -> None:
        gaps = given_up(before, seal, numbers)
        self.abandoned += gaps
        if self._is_gapless:
            for gap in gaps:
                self._note_gap(gap)

    def _note_gap(self, gap: Gap) -> None:
        self.faults.append(Fault(FaultKind.NUMBER_SKIPPED, gap.first, gap.last))


def _follows(seal: Seal, number: int, before: Seal | None) -> bool:
    """Whether a seal is in its place, as far as that is known."""
    if seal.number != number:
        return False
    if number == 1:
        return seal.previous is None
    return before is None or seal.previous == before.digest()
