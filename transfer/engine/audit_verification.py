"""Comparing the audit log with its seals, in the database or in what was exported of it."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from transfer.core.audit_chain import Seal, unpacked
from transfer.core.audit_check import ChainCheck, Fault, FaultKind
from transfer.engine.audit_signatures import SealKeys
from transfer.ports import AuditChain, KeptSeal

_SEALS = 20
_ENTRIES = 1000
_LOWEST = -(2**63)
_HIGHEST = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What was found: how much there is, how far it is sealed, and what is wrong with it."""

    entries: int
    erased: int
    unsealed: int
    seals: int
    last: Seal | None
    faults: tuple[Fault, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults

    def to_json(self) -> dict[str, Any]:
        """Return the report for programs."""
        return {
            "sound": self.is_sound,
            "entries": self.entries,
            "erased": self.erased,
            "unsealed": self.unsealed,
            "seals": self.seals,
            "head": {"number": self.last.number, "digest": self.last.digest()}
            if self.last
            else None,
            "faults": [fault.to_json() for fault in self.faults],
        }


def report_of(check: ChainCheck, unsealed: int) -> AuditReport:
    """Return what a check has come to."""
    return AuditReport(
        entries=check.entries,
        erased=check.erased,
        unsealed=unsealed,
        seals=check.seals,
        last=check.last,
        faults=tuple(check.faults),
    )


class AuditVerification:
    """Reads the whole log once, with memory for one seal at a time; nothing is changed."""

    def __init__(self, chain: AuditChain, keys: SealKeys) -> None:
        self._chain = chain
        self._keys = keys

    async def run(self, heads: Sequence[Seal] = ()) -> AuditReport:
        """Compare; `heads` are seals that are known to have been made."""
        state = await self._chain.state()
        check = ChainCheck(is_gapless=state.is_gapless, heads=heads)
        horizon = await self._check_seals(check)
        unsealed = await self._take_unsealed(check, horizon)
        await self._look_for_strays(check)
        check.finish()
        if state.is_gapless and state.counted > state.last:
            check.note(FaultKind.LOG_CUT, state.counted)
        if state.missing_guards:
            check.note(FaultKind.GUARD_MISSING, state.missing_guards, what="trigger")
        return report_of(check, unsealed)

    async def _check_seals(self, check: ChainCheck) -> int:
        """Check all seals with their entries; return the highest number that they know of."""
        number = horizon = 0
        while page := await self._chain.seals(number, _SEALS):
            for kept in page:
                horizon = max(horizon, await self._check_one(check, kept))
            number = page[-1].number
        return horizon

    async def _check_one(self, check: ChainCheck, kept: KeptSeal) -> int:
        numbers = [number for number, _ in unpacked(kept.digests)]
        found = await self._chain.entries(numbers)
        present = {entry.sequence: entry for entry in found}

        def compare() -> None:
            check.seal(kept.number, self._keys.open(kept.jws), kept.digests, present)

        await asyncio.to_thread(compare)
        for number, count in Counter(entry.sequence for entry in found).items():
            if count > 1:  # somebody has taken the primary key away before
                check.note(FaultKind.ENTRY_ADDED, number)
        return check.last.horizon if check.last else max(numbers, default=0)

    async def _take_unsealed(self, check: ChainCheck, horizon: int) -> int:
        gaps = check.last.gaps if check.last else ()
        late = await self._chain.unsealed(_HIGHEST, gaps, _ENTRIES) if gaps else []
        check.unsealed(late)
        count = len(late)
        while page := await self._chain.unsealed(horizon, (), _ENTRIES):
            check.unsealed(page)
            count += len(page)
            horizon = page[-1].sequence
        return count

    async def _look_for_strays(self, check: ChainCheck) -> None:
        """Look for entries at numbers that were given up, or were never given."""
        ranges = [(gap.first, gap.last) for gap in check.abandoned]
        for first, last in ((_LOWEST, 0), *ranges):
            for number in await self._chain.numbers_within(first, last, _ENTRIES):
                check.note(FaultKind.ENTRY_ADDED, number)
