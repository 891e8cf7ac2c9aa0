"""The authority on cases, and the rows of those that are kept here."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from transfer.core.case_search import CaseSearch, FoundCase
from transfer.core.cases import Case, CaseNumber, CaseUpdate, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEvent:
    """Something that the case core is told, at least once and in order a case."""

    id: str
    type: str
    case_number: CaseNumber
    at: datetime
    data: Mapping[str, Any]


class CaseCore(Protocol):
    """The authority on cases."""

    async def case(self, number: CaseNumber) -> Case:
        """Return a case.

        Raises:
            CaseMissingError: no such case.
        """

    async def tell(self, *events: CaseEvent) -> None:
        """Take note of events of one case, in their order; one told before changes nothing.

        When it raises, some may have been noted: tell them again.
        """


class CaseDesk(CaseCore, Protocol):
    """A case core that is run from here: the embedded one."""

    async def open(
        self, subject: str, account: str, actor: str, number: CaseNumber | None = None
    ) -> Case:
        """Open a case, under the next free number unless one is given.

        Raises:
            NameTakenError: the number is in use.
        """

    async def cases(self, status: Status | None = None, limit: int = 1000) -> list[Case]:
        """Return cases, the newest first."""

    async def search(
        self, wanted: CaseSearch, *, after: str | None = None, limit: int = 100
    ) -> tuple[list[FoundCase], str | None]:
        """Return a page of the cases that are looked for, and the cursor of the next page if any.

        The newest first; of those in which something has arrived, the one where that was last.

        Raises:
            InvalidRequestError: `after` is not a cursor from here.
        """

    async def updates(self, number: CaseNumber) -> list[CaseUpdate]:
        """Return the history of a case, oldest first."""

    async def history(
        self, number: CaseNumber, *, after: str | None = None, limit: int = 100
    ) -> tuple[list[CaseUpdate], str | None]:
        """Return a page of the history of a case, oldest first, and the cursor of the next one.

        Raises:
            CaseMissingError: no such case.
            InvalidRequestError: `after` is not a cursor from here.
        """

    async def move(
        self, number: CaseNumber, status: Status, substatus: str | None, actor: str
    ) -> Case:
        """Change the status; see core.cases.move."""

    async def close(self, number: CaseNumber, resolution: str | None, actor: str) -> Case:
        """Close a case; see core.cases.close."""

    async def reopen(self, number: CaseNumber, actor: str) -> Case:
        """Reopen a case; see core.cases.reopen."""

    async def hold(self, number: CaseNumber, reason: str, actor: str) -> Case:
        """Keep a case's data from deletion."""

    async def unhold(self, number: CaseNumber, actor: str) -> Case:
        """Lift a case's hold."""


class CaseRecords(Protocol):
    """The rows of cases."""

    async def insert(self, case: Case, update: CaseUpdate) -> None:
        """Insert a case with the first entry of its history, and its shared folder.

        Raises:
            NameTakenError: the number is in use.
        """

    async def highest_number(self) -> CaseNumber | None:
        """Return the highest number in use."""

    async def case(self, number: CaseNumber) -> Case:
        """Return a case.

        Raises:
            CaseMissingError: no such case.
        """

    async def cases(self, status: Status | None, limit: int) -> list[Case]:
        """Return cases, the newest first."""

    async def search(
        self, wanted: CaseSearch, *, after: str | None, limit: int
    ) -> tuple[list[FoundCase], str | None]:
        """Return a page of the cases that are looked for, and the cursor of the next page if any.

        Raises:
            InvalidRequestError: `after` is not a cursor from here.
        """

    async def save(self, case: Case, *, expected_version: int, update: CaseUpdate | None) -> bool:
        """Write a changed case and its history entry.

        False, with nothing written, when the row's version is another.
        """

    async def updates(self, number: CaseNumber) -> list[CaseUpdate]:
        """Return the history, oldest first."""

    async def history(
        self, number: CaseNumber, *, after: str | None, limit: int
    ) -> tuple[list[CaseUpdate], str | None]:
        """Return a page of the history, oldest first, and the cursor of the next page if any.

        Raises:
            InvalidRequestError: `after` is not a cursor from here.
        """

    async def note(
        self, case: Case, *, expected_version: int, entries: Mapping[str, CaseUpdate]
    ) -> bool:
        """Write a changed case and the history entries of events, by their ids; see `save`.

        False, with nothing written, also when one of the events was noted before.
        """

    async def told(self, event_ids: Collection[str]) -> set[str]:
        """Return those of the events that have been applied."""

    async def closed_before(self, moment: datetime, limit: int = 100) -> list[Case]:
        """Return cases closed at or before `moment` whose data isn't proved gone, oldest first."""

    async def start_purge(
        self, number: CaseNumber, *, expected_version: int, now: datetime
    ) -> bool:
        """Mark that the deletion of a case's data has begun; it stays marked.

        From here on no upload is created for it. False when the case was reopened, held or changed
        meanwhile.
        """

    async def scrub(self, number: CaseNumber) -> dict[str, int]:
        """Delete the rows of a case's files, folders, uploads and parts; return counts by kind.

        The receipts of its uploads and the acknowledgements of its people go with them.
        """

    async def finish_purge(self, number: CaseNumber, now: datetime) -> None:
        """Mark that the case's data is proved gone."""
