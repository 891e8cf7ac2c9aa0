"""The desk where another system is the case core."""

from collections.abc import Awaitable, Callable

import pytest

from tests.clock import MovableClock
from tests.unit.casebridge.scripted_core import NUMBER, ScriptedCore, a_case, closed
from transfer.casebridge.embedded import EmbeddedCaseCore
from transfer.casebridge.known import KnownCases
from transfer.casebridge.mirror_desk import MirrorDesk
from transfer.core.case_search import CaseSearch
from transfer.core.cases import Priority, Status
from transfer.core.errors import CaseMissingError, CaseStateError, UnsupportedError
from transfer.ports import CaseDesk, Records


@pytest.fixture
def core() -> ScriptedCore:
    return ScriptedCore(a_case())


@pytest.fixture
def mirror_desk(
    core: ScriptedCore, desk: EmbeddedCaseCore, records: Records, clock: MovableClock
) -> MirrorDesk:
    known = KnownCases(core=core, records=records, clock=clock, new_id=lambda: "here")
    return MirrorDesk(known, desk)


async def test_it_plays_the_role_of_a_desk_that_runs_no_cases(
    mirror_desk: MirrorDesk, desk: EmbeddedCaseCore
) -> None:
    role: CaseDesk = mirror_desk
    assert (role.runs_cases, desk.runs_cases) == (False, True)


async def test_a_case_is_asked_of_the_core_and_found_from_then_on(
    mirror_desk: MirrorDesk,
) -> None:
    assert await mirror_desk.cases() == []
    case = await mirror_desk.case(NUMBER)
    assert [one.number for one in await mirror_desk.cases()] == [case.number]
    assert [one.number for one in await mirror_desk.cases(Status.CLOSED)] == []
    found, following = await mirror_desk.search(CaseSearch())
    assert ([one.case.number for one in found], following) == ([NUMBER], None)
    assert len(await mirror_desk.updates(NUMBER)) == 1
    assert await mirror_desk.comments(NUMBER) == []
    assert len((await mirror_desk.history(NUMBER))[0]) == 1


async def test_a_hold_is_placed_here_on_a_case_that_nobody_asked_for_yet(
    mirror_desk: MirrorDesk, core: ScriptedCore
) -> None:
    held = await mirror_desk.hold(NUMBER, "A claim", "eve")
    assert held.hold is not None
    core.put(closed(a_case()))
    found = await mirror_desk.case(NUMBER, fresh=True)
    assert (found.hold, found.is_closed) == (held.hold, True)
    with pytest.raises(CaseStateError):
        await mirror_desk.hold(NUMBER, "Another claim", "eve")
    assert (await mirror_desk.unhold(NUMBER, "eve")).hold is None


async def test_a_case_that_the_core_does_not_know_is_not_held(mirror_desk: MirrorDesk) -> None:
    with pytest.raises(CaseMissingError):
        await mirror_desk.hold(a_case("0000000001").number, "A claim", "eve")


async def test_changes_and_events_are_the_cores(
    mirror_desk: MirrorDesk, core: ScriptedCore
) -> None:
    assert [case.number for case in (await mirror_desk.changes()).cases] == [NUMBER]
    await mirror_desk.tell()
    assert core.told == []


CHANGES: dict[str, Callable[[CaseDesk], Awaitable[object]]] = {
    "open": lambda desk: desk.open("Crash", "Example Ltd", "ada"),
    "move": lambda desk: desk.move(NUMBER, Status.OPEN, None, "ada"),
    "prioritise": lambda desk: desk.prioritise(NUMBER, Priority.LOW, "ada"),
    "comment": lambda desk: desk.comment(NUMBER, "Hello", "ada"),
    "close": lambda desk: desk.close(NUMBER, None, "ada"),
    "reopen": lambda desk: desk.reopen(NUMBER, "ada"),
    "reopen_for_customer": lambda desk: desk.reopen_for_customer(NUMBER, "Again", "eve"),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_what_changes_a_case_is_done_over_there(mirror_desk: MirrorDesk, change: str) -> None:
    with pytest.raises(UnsupportedError, match="do this there"):
        await CHANGES[change](mirror_desk)
