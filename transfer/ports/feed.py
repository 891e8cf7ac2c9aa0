"""What has happened lately, to tell those who watch."""

from collections.abc import Collection
from typing import Protocol

from transfer.core.cases import CaseNumber
from transfer.core.events import Noted
from transfer.core.uploads import Upload


class Feed(Protocol):
    """The end of the audit log, and what is on its way in. Reads only, all of them bounded.

    Numbers grow, but a transaction may commit after another one with a higher number: whoever reads
    on has to look again for the numbers that were missing.
    """

    async def last(self) -> int:
        """Return the highest number; 0 if there is none."""

    async def since(self, number: int, limit: int) -> list[Noted]:
        """Return entries behind `number`, the lowest first."""

    async def these(self, numbers: Collection[int]) -> list[Noted]:
        """Return the entries of `numbers` that are there, the lowest first."""

    async def of_case(self, case_number: CaseNumber, after: int, limit: int) -> list[Noted]:
        """Return entries of a case that are told of, behind `after`, the lowest first."""

    async def underway(self, case_numbers: Collection[CaseNumber], limit: int) -> list[Upload]:
        """Return unfinished uploads of these cases, the latest changed first."""
