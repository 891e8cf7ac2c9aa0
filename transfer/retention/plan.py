"""Whose data is due for deletion at a time."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from transfer.core.cases import Case
from transfer.core.retention import PERIOD, Verdict, deletion_due_at, judge
from transfer.ports import CaseCore, Records

_PAGE = 100
_SHOWN = (Verdict.DELETE, Verdict.KEEP_HELD, Verdict.KEEP_UNSURE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCase:
    """A case in the plan; `files` and `size_bytes` are what it holds now."""

    case: Case
    verdict: Verdict
    due_at: datetime
    files: int
    size_bytes: int

    def to_json(self) -> dict[str, Any]:
        """Return the case's line of the plan."""
        case = self.case
        return {
            "number": case.number,
            "verdict": self.verdict.value,
            "closed_at": None if case.closed_at is None else case.closed_at.isoformat(),
            "deletion_due_at": self.due_at.isoformat(),
            "begun": case.purge_started_at is not None,
            "hold": None if case.keeping is None else case.keeping.reason,
            "files": self.files,
            "size": self.size_bytes,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPlan:
    """What a deletion at `at` would find, if nothing changes until then.

    `cases` has those to be deleted (`Verdict.DELETE`), those that only a hold keeps, and those of
    which the case core says what can't be so, in the order of their closure.
    """

    at: datetime
    cases: tuple[PlannedCase, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the plan as one JSON object; its sums are of what would be deleted."""
        doomed = [planned for planned in self.cases if planned.verdict is Verdict.DELETE]
        return {
            "at": self.at.isoformat(),
            "cases": [planned.to_json() for planned in self.cases],
            "deletes": {
                "cases": len(doomed),
                "files": sum(planned.files for planned in doomed),
                "size": sum(planned.size_bytes for planned in doomed),
            },
        }


async def plan_deletions(
    *, records: Records, core: CaseCore, at: datetime, period: timedelta = PERIOD
) -> RetentionPlan:
    """Return what would be deleted at `at`. Nothing is changed.

    Raises:
        TransferError: the case core, which has the last word, can't be asked.
    """
    planned = []
    async for row in _due(records, at, period):
        case = await core.case(row.number)
        verdict = judge(case, at, period)
        due_at = deletion_due_at(case, period)
        if due_at is None or at < due_at or verdict not in _SHOWN:
            continue
        files, size_bytes = await records.tree.usage(case.number)
        planned.append(
            PlannedCase(
                case=case, verdict=verdict, due_at=due_at, files=files, size_bytes=size_bytes
            )
        )
    return RetentionPlan(at=at, cases=tuple(planned))


async def _due(records: Records, at: datetime, period: timedelta) -> AsyncIterator[Case]:
    last: Case | None = None
    while True:
        page = await records.deletions.planned(at, period, after=last, limit=_PAGE)
        for case in page:
            yield case
        if len(page) < _PAGE:
            return
        last = page[-1]
