"""What another case core has told of its cases, in rows."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from transfer.core.cases import Case, CaseNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCase:
    """A case as its row has it, and what the core told last of it.

    `told_at` is when that was, and `version` which one over there; None if it never told anything.
    `document` is all that it told; None if that isn't kept, as the case's data is deleted.
    """

    case: Case
    told_at: datetime | None = None
    version: int | None = None
    document: Mapping[str, Any] | None = None


class Learned(StrEnum):
    """What became of what the core told."""

    CHANGED = "changed"
    SAME = "same"
    OUTDATED = "outdated"  # a later version is known: nothing was written


class KnownCaseRecords(Protocol):
    """The rows of what is known of cases that another core has."""

    async def find(self, number: CaseNumber) -> KnownCase | None:
        """Return what is known of a case, None if nothing is."""

    async def find_all(self, numbers: Collection[CaseNumber]) -> dict[CaseNumber, KnownCase]:
        """Return what is known of cases, without those of which nothing is."""

    async def unheard(self, before: datetime, limit: int) -> list[CaseNumber]:
        """Return open cases that were asked for last before a moment, the longest ago first.

        None that is to be asked for already (`Inbox.ask`), nor one whose data is deleted.
        """

    async def learn(
        self, told: Case, document: Mapping[str, Any], now: datetime, *, answered: bool
    ) -> tuple[Learned, KnownCase]:
        """Take over what the core tells of a case that has a row, unless a later version is known.

        `answered`: it was asked just now, so that the version that is known counts as well, and
        `now` is kept; news that came by itself has to be newer. What is ours of the case stays. Of
        one whose deletion has begun, only where it stands is taken over.

        Raises:
            CaseMissingError: it has no row.
            CaseContradictionError: it can't be the case that is known.
        """
