"""What the sweeper has seen and done, in one go."""

from dataclasses import asdict, dataclass, field
from typing import Any

from transfer.retention.sweep import ObjectCounts


@dataclass(slots=True)
class SweepReport:
    """Of one go.

    `more`: a walk isn't at its end. `busy` names walks that others are on, or that aren't due.
    `strays` were seen, `fresh` of them for the first time; `held` stay because of their cases,
    `foreign` because no case is known that they could be of, and `refused` because the store didn't
    delete them. `missing` is what rows say and the store hasn't.
    `withheld`: so many strays, as foreign ones, are deleted only if `even_many` is asked for.
    """

    even_many: bool = False
    listed: int = 0
    strays: int = 0
    fresh: int = 0
    deleted: ObjectCounts = field(default_factory=ObjectCounts)
    held: int = 0
    foreign: int = 0
    refused: int = 0
    withheld: bool = False
    checked: int = 0
    missing: int = 0
    ended: list[str] = field(default_factory=list)
    busy: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    more: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the report as one JSON object."""
        return asdict(self)
