"""Answers of the case core that serve for a moment."""

from dataclasses import replace

import pytest

from tests.clock import MovableClock
from tests.engine_room import NUMBER, EngineRoom
from transfer.core.cases import Case, CaseNumber
from transfer.core.errors import CaseMissingError
from transfer.engine import brief_cases
from transfer.engine.brief_cases import LIFE, BriefCases
from transfer.ports import CaseChanges, CaseEvent

MISSING = CaseNumber("9999999999")


class CountingCore:
    """Asks the real one, and counts."""

    def __init__(self, room: EngineRoom) -> None:
        self.core = room.tools.core
        self.asked = 0
        self.told: list[CaseEvent] = []

    async def case(self, number: CaseNumber, *, fresh: bool = False) -> Case:
        self.asked += 1
        if number == MISSING:
            return await self.core.case(number, fresh=fresh)
        return replace(await self.core.case(NUMBER, fresh=fresh), number=number)

    async def changes(self, since: str | None = None, *, limit: int = 100) -> CaseChanges:
        return await self.core.changes(since, limit=limit)

    async def tell(self, *events: CaseEvent) -> None:
        self.told += events


async def test_an_answer_serves_for_a_moment_and_no_longer(room: EngineRoom) -> None:
    clock, core = MovableClock(), CountingCore(room)
    cases = BriefCases(core, clock)
    first = await cases.case(NUMBER)
    assert await cases.case(NUMBER) is first
    assert core.asked == 1
    clock.advance(LIFE)
    assert await cases.case(NUMBER) is not first
    assert core.asked == 2


async def test_that_a_case_is_missing_is_asked_each_time(room: EngineRoom) -> None:
    core = CountingCore(room)
    cases = BriefCases(core, MovableClock())
    for _ in range(2):
        with pytest.raises(CaseMissingError):
            await cases.case(MISSING)
    assert core.asked == 2


async def test_the_answers_of_many_cases_are_let_go(
    room: EngineRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brief_cases, "_MOST", 2)
    core = CountingCore(room)
    cases = BriefCases(core, MovableClock())
    for number in range(3):
        await cases.case(CaseNumber(f"{number:010}"))
    await cases.case(CaseNumber("0000000000"))
    assert core.asked == 4, "the first was let go for the third"


async def test_events_are_told_to_the_core_itself(room: EngineRoom) -> None:
    core = CountingCore(room)
    event = CaseEvent(id="1", type="x", case_number=NUMBER, at=MovableClock().now(), data={})
    await BriefCases(core, MovableClock()).tell(event)
    assert core.told == [event]


async def test_what_cant_be_undone_is_decided_on_a_fresh_answer(room: EngineRoom) -> None:
    core = CountingCore(room)
    cases = BriefCases(core, MovableClock())
    await cases.case(NUMBER)
    await cases.case(NUMBER, fresh=True)
    assert core.asked == 2
    assert await cases.changes() == await core.changes()
