"""The audit log as lines of JSON: for keeping it elsewhere, and for proving it there.

First a line that says what is exported; then the entries of a seal, one a line, and the seal
behind them; at last how many lines there were. Entries that have no seal yet come last.
"""

import base64
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from transfer.core.audit_chain import Seal, unpacked
from transfer.core.audit_check import ChainCheck, FaultKind
from transfer.core.audit_entries import AuditEntry, canonical
from transfer.core.cases import CaseNumber
from transfer.core.errors import InvalidRequestError
from transfer.core.receipts import moment
from transfer.engine.audit_signatures import SealKeys, read
from transfer.engine.audit_verification import AuditReport, report_of
from transfer.ports import AuditChain, KeptSeal

_VERSION = 1
_SEALS = 20
_ENTRIES = 1000


class AuditExport:
    """Reads the log from behind the seal `after`, of one case or all; nothing is changed."""

    def __init__(
        self, chain: AuditChain, *, case_number: CaseNumber | None = None, after: int = 0
    ) -> None:
        self._chain = chain
        self._case_number = case_number
        self._after = after
        self._entries = 0
        self._seals = 0
        self._horizon = 0

    async def lines(self, now: datetime) -> AsyncIterator[str]:
        """Yield the lines, without their ends.

        Raises:
            InvalidRequestError: there is no seal to begin behind.
        """
        await self._begin()
        yield _line(
            "export",
            {
                "version": _VERSION,
                "exported_at": moment(now),
                "case_number": self._case_number,
                "after": self._after,
            },
        )
        number = self._after
        while page := await self._chain.seals(number, _SEALS):
            for kept in page:
                for line in await self._seal_lines(kept):
                    yield line
            number = page[-1].number
        async for line in self._unsealed_lines():
            yield line
        yield _line("end", {"entries": self._entries, "seals": self._seals})

    async def _begin(self) -> None:
        if not self._after:
            return
        page = await self._chain.seals(self._after - 1, 1)
        seal = read(page[0].jws) if page else None
        if seal is None or seal.number != self._after:
            raise InvalidRequestError(f"The audit log has no seal {self._after}.")
        self._horizon = seal.horizon

    async def _seal_lines(self, kept: KeptSeal) -> list[str]:
        numbers = [number for number, _ in unpacked(kept.digests)]
        self._horizon = max([self._horizon, *numbers])
        entries = await self._chain.entries(numbers, self._case_number)
        if not entries and self._case_number is not None:
            return []
        self._entries += len(entries)
        self._seals += 1
        digests = base64.b64encode(kept.digests).decode()
        seal = {"number": kept.number, "jws": kept.jws, "digests": digests}
        return [*(_line("entry", entry_json(entry)) for entry in entries), _line("seal", seal)]

    async def _unsealed_lines(self) -> AsyncIterator[str]:
        horizon = self._horizon
        while page := await self._chain.unsealed(horizon, (), _ENTRIES):
            for entry in page:
                if self._case_number in (None, entry.case_number):
                    self._entries += 1
                    yield _line("entry", entry_json(entry))
            horizon = page[-1].sequence


def verify_export(lines: Iterable[str], keys: SealKeys, heads: Sequence[Seal] = ()) -> AuditReport:
    """Return whether an export is what its seals say.

    Raises:
        InvalidRequestError: it isn't an export.
    """
    reading = _Reading(keys, heads)
    number = 0
    for number, line in enumerate(lines, start=1):
        try:
            reading.take(line)
        except (AttributeError, KeyError, TypeError, ValueError) as exc:
            raise InvalidRequestError(f"Line {number} is none of an exported audit log.") from exc
    return reading.report(number + 1)


class _Reading:
    """An export as it is read, line by line."""

    def __init__(self, keys: SealKeys, heads: Sequence[Seal]) -> None:
        self._keys = keys
        self._heads = heads
        self._check: ChainCheck | None = None
        self._present: dict[int, AuditEntry] = {}
        self._doubled: list[int] = []
        self._entries = 0
        self._is_complete = False

    def take(self, line: str) -> None:
        """Take a line; raise a ValueError or the like if it makes no sense here."""
        said = json.loads(line)
        kind = said["kind"]
        if kind == "export":
            self._begin(said)
        elif self._check is None or self._is_complete:
            raise ValueError("a line in the wrong place")
        elif kind == "entry":
            self._take_entry(entry_from(said))
        elif kind == "seal":
            self._take_seal(self._check, said)
        elif kind == "end":
            whole = (self._entries, self._check.seals)
            self._is_complete = (said["entries"], said["seals"]) == whole
        else:
            raise ValueError("a line of no known kind")

    def report(self, next_line: int) -> AuditReport:
        """Return what was found; `next_line` is the number of a line behind the last one."""
        if self._check is None:
            raise InvalidRequestError("That is no exported audit log: it is empty.")
        check = self._check
        check.unsealed(self._present.values())
        check.finish()
        for number in self._doubled:
            check.note(FaultKind.ENTRY_ADDED, number)
        if not self._is_complete:
            check.note(FaultKind.LOG_CUT, next_line, what="line")
        return report_of(check, len(self._present))

    def _begin(self, said: Mapping[str, Any]) -> None:
        if self._check is not None or said["version"] != _VERSION:
            raise ValueError("another export, or one of another version")
        is_whole = said["case_number"] is None
        self._check = ChainCheck(
            after=int(said["after"]), is_whole=is_whole, heads=self._heads if is_whole else ()
        )

    def _take_entry(self, entry: AuditEntry) -> None:
        self._entries += 1
        if entry.sequence in self._present:
            self._doubled.append(entry.sequence)
        self._present[entry.sequence] = entry

    def _take_seal(self, check: ChainCheck, said: Mapping[str, Any]) -> None:
        digests = base64.b64decode(said["digests"], validate=True)
        check.seal(int(said["number"]), self._keys.open(said["jws"]), digests, self._present)
        self._present = {}


def entry_json(entry: AuditEntry) -> dict[str, Any]:
    """Return an entry as a line has it."""
    return {
        "sequence": entry.sequence,
        "at": moment(entry.at),
        "action": entry.action,
        "actor": entry.actor,
        "case_number": entry.case_number,
        "subject": entry.subject,
        "door": entry.door,
        "address": entry.address,
        "details": entry.details,
        "format": entry.format,
        "salt": entry.salt and entry.salt.hex(),
        "commitment": entry.commitment and entry.commitment.hex(),
    }


def entry_from(said: Mapping[str, Any]) -> AuditEntry:
    """Return the entry of a line; raise a ValueError or the like if it is none."""
    salt, commitment = said["salt"], said["commitment"]
    return AuditEntry(
        sequence=int(said["sequence"]),
        format=int(said["format"]),
        at=datetime.fromisoformat(said["at"]),
        action=str(said["action"]),
        actor=str(said["actor"]),
        case_number=said["case_number"],
        subject=said["subject"],
        door=said["door"],
        address=said["address"],
        details=dict(said["details"]),
        salt=None if salt is None else bytes.fromhex(salt),
        commitment=None if commitment is None else bytes.fromhex(commitment),
    )


def _line(kind: str, said: Mapping[str, Any]) -> str:
    return canonical({"kind": kind, **said})
