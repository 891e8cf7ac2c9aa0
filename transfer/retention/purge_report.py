"""How a run at a case's data ended, and what it did."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from transfer.core.cases import CaseNumber
from transfer.retention.sweep import ObjectCounts


class PurgeOutcome(StrEnum):
    """How one run at a case ended."""

    FINISHED = "finished"
    DONE = "done"  # an earlier run has finished
    KEPT = "kept"  # the case core or a hold says so
    UNSURE = "unsure"  # the case core is away, or contradicts itself
    CHANGED = "changed"  # someone changed the case just now: look again
    BUSY = "busy"  # another worker is at it
    UNFINISHED = "unfinished"  # the rest goes in the next run
    STUCK = "stuck"  # something can't be deleted: a person has to look


@dataclass(slots=True, kw_only=True)
class PurgeReport:
    """What one run did to a case; `left` is how many items of the store it leaves."""

    number: CaseNumber
    outcome: PurgeOutcome = PurgeOutcome.UNFINISHED
    objects: ObjectCounts = field(default_factory=ObjectCounts)
    rows: Mapping[str, int] = field(default_factory=dict)
    left: int = 0
    problem: str = ""
