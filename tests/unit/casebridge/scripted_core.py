"""A case core that says what a test has written for it."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.clock import START
from transfer.core.cases import NO_ID, Case, CaseNumber, Status
from transfer.core.errors import CaseMissingError
from transfer.ports import CaseChanges, CaseEvent

NUMBER = CaseNumber("0003256109")


def a_case(number: str = NUMBER, **changed: Any) -> Case:  # noqa: ANN401 -- fields of Case
    """Return an open case that was opened an hour ago."""
    known = Case(
        number=CaseNumber(number),
        id=NO_ID,
        subject="Crash",
        account="Example Ltd",
        status=Status.OPEN,
        substatus="New",
        opened_at=START - timedelta(hours=1),
    )
    return replace(known, **changed)


def closed(case: Case, **changed: Any) -> Case:  # noqa: ANN401 -- fields of Case
    """Return `case` closed just now, as its next version."""
    return replace(
        case,
        **{
            "status": Status.CLOSED,
            "substatus": "Resolved",
            "closed_at": START,
            "version": case.version + 1,
            **changed,
        },
    )


class ScriptedCore:
    """Plays the role `transfer.ports.CaseCore`.

    `error` is raised by all methods; `before` is done before a case is told; `asked` has the
    numbers of the cases that were asked for.
    """

    def __init__(self, *cases: Case) -> None:
        self.cases = {case.number: case for case in cases}
        self.error: Exception | None = None
        self.before: Callable[[], Awaitable[None]] | None = None
        self.asked: list[CaseNumber] = []
        self.told: list[CaseEvent] = []

    def put(self, case: Case) -> Case:
        """Have the core tell this of a case from now on."""
        self.cases[case.number] = case
        return case

    async def case(self, number: CaseNumber, *, fresh: bool = False) -> Case:
        """Return a case."""
        assert fresh
        self.asked.append(number)
        if self.before is not None:
            await self.before()
        if self.error is not None:
            raise self.error
        if number not in self.cases:
            raise CaseMissingError("No such case.")
        return self.cases[number]

    async def changes(self, since: str | None = None, *, limit: int = 100) -> CaseChanges:
        """Return all cases."""
        if self.error is not None:
            raise self.error
        cases = tuple(self.cases.values())[:limit]
        return CaseChanges(cases=cases, cursor=f"{since}+", more=False)

    async def tell(self, *events: CaseEvent) -> None:
        """Take note of events."""
        if self.error is not None:
            raise self.error
        self.told += events
