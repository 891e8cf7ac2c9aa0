"""The desk where another system is the case core: what is ours is done here, the rest there."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn

from transfer.casebridge.regions import placed
from transfer.core.case_search import CaseSearch, FoundCase
from transfer.core.cases import Case, CaseNumber, CaseUpdate, Priority, Status
from transfer.core.closure import CloseReason
from transfer.core.errors import TransferError, UnsupportedError
from transfer.core.regions import Regions
from transfer.ports import CaseChanges, CaseDesk, CaseEvent, CaseMirror

_MOST_VISITED, _AT_ONCE = 100, 8
"""Cases of a page that are asked for, if need be, at the core, and how many of them at a time."""

_ELSEWHERE = "Cases are run by the case core that is connected: do this there."


class MirrorDesk:
    """Looks for cases and places holds by what is known here; plays the role `CaseDesk`.

    `mirror` is asked for one case; `rows` is the desk on our own rows, where cases that are known
    are looked for, and holds are kept. Whatever changes a case itself is refused. What is found is
    told as the core tells it, with who serves it by `regions`: our rows don't know its contacts.
    """

    runs_cases = False

    def __init__(self, mirror: CaseMirror, rows: CaseDesk, regions: Regions | None = None) -> None:
        self._mirror = mirror
        self._rows = rows
        self._regions = regions

    async def case(self, number: CaseNumber, *, fresh: bool = False) -> Case:
        """Return a case; see `casebridge.known.KnownCases`."""
        return await self._mirror.case(number, fresh=fresh)

    async def changes(self, since: str | None = None, *, limit: int = 100) -> CaseChanges:
        """Return what has changed at the core."""
        return await self._mirror.changes(since, limit=limit)

    async def tell(self, *events: CaseEvent) -> None:
        """Have the core take note of events."""
        await self._mirror.tell(*events)

    async def cases(self, status: Status | None = None, limit: int = 1000) -> list[Case]:
        """Return cases that are known here, the newest first."""
        return await self._rows.cases(status, limit)

    async def search(
        self, wanted: CaseSearch, *, after: str | None = None, limit: int = 100
    ) -> tuple[list[FoundCase], str | None]:
        """Return a page of the cases known here that are looked for, and the next page's cursor.

        `as_visited`, a page is never longer than the core can be asked for, and has none that a
        visit wouldn't find.

        Raises:
            InvalidRequestError: `after` is not a cursor from here.
        """
        if wanted.as_visited:
            limit = min(limit, _MOST_VISITED)
        found, following = await self._rows.search(wanted, after=after, limit=limit)
        numbers = [one.case.number for one in found]
        if wanted.as_visited:
            told = await self._visited(numbers)
        else:
            told = await self._mirror.last_known(numbers)
        shown = [
            replace(one, case=self._placed(told[number]))
            for one, number in zip(found, numbers, strict=True)
            if number in told
        ]
        return shown, following

    async def updates(self, number: CaseNumber) -> list[CaseUpdate]:
        """Return what is noted here in the history of a case, oldest first."""
        return await self._rows.updates(number)

    async def comments(self, number: CaseNumber, limit: int = 50) -> list[CaseUpdate]:
        """Return the last comments that are noted here, oldest first."""
        return await self._rows.comments(number, limit)

    async def history(
        self, number: CaseNumber, *, after: str | None = None, limit: int = 100
    ) -> tuple[list[CaseUpdate], str | None]:
        """Return a page of what is noted here in the history of a case, and the next one's cursor.

        Raises:
            CaseMissingError: no such case is known here.
            InvalidRequestError: `after` is not a cursor from here.
        """
        return await self._rows.history(number, after=after, limit=limit)

    async def hold(self, number: CaseNumber, reason: str, actor: str) -> Case:
        """Keep a case's data from deletion; see `EmbeddedCaseCore.hold`."""
        await self._mirror.case(number)  # so that one nobody has asked for yet gets a row
        return await self._rows.hold(number, reason, actor)

    async def unhold(self, number: CaseNumber, actor: str) -> Case:
        """Lift a case's hold; see `EmbeddedCaseCore.unhold`."""
        return await self._rows.unhold(number, actor)

    async def _visited(self, numbers: Sequence[CaseNumber]) -> dict[CaseNumber, Case]:
        """Return cases as a visit finds them: as told a moment ago, or asked for now."""
        turns = asyncio.Semaphore(_AT_ONCE)

        async def visit(number: CaseNumber) -> Case | None:
            async with turns:
                try:
                    return await self._mirror.case(number)
                except TransferError:  # what a visit is refused with; whoever comes, sees it
                    return None

        found = await asyncio.gather(*map(visit, numbers))
        return {case.number: case for case in found if case is not None}

    def _placed(self, case: Case) -> Case:
        return case if self._regions is None else placed(case, self._regions)

    # ── Done over there ──────────────────────────────────────────────────────────────────────

    async def open(
        self,
        subject: str,
        account: str,
        actor: str,
        number: CaseNumber | None = None,
        *,
        priority: Priority = Priority.MEDIUM,
        sold_to: str | None = None,
    ) -> Case:
        """Refuse.

        Raises:
            UnsupportedError: always, like all of these.
        """
        _refuse()

    async def move(
        self,
        number: CaseNumber,
        status: Status,
        substatus: str | None,
        actor: str,
    ) -> Case:
        """Refuse."""
        _refuse()

    async def prioritise(
        self,
        number: CaseNumber,
        priority: Priority,
        actor: str,
    ) -> Case:
        """Refuse."""
        _refuse()

    async def comment(
        self,
        number: CaseNumber,
        text: str,
        actor: str,
        *,
        by_customer: bool = False,
    ) -> Case:
        """Refuse."""
        _refuse()

    async def close(
        self,
        number: CaseNumber,
        resolution: str | None,
        actor: str,
        *,
        reason: CloseReason | None = None,
        comment: str | None = None,
    ) -> Case:
        """Refuse."""
        _refuse()

    async def reopen(
        self,
        number: CaseNumber,
        actor: str,
        *,
        information: str | None = None,
    ) -> Case:
        """Refuse."""
        _refuse()

    async def reopen_for_customer(
        self,
        number: CaseNumber,
        information: str,
        actor: str,
    ) -> Case:
        """Refuse."""
        _refuse()


def _refuse() -> NoReturn:
    raise UnsupportedError(_ELSEWHERE)
