"""The desk where another system is the case core."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.clock import MovableClock
from tests.unit.casebridge.scripted_core import NUMBER, ScriptedCore, a_case, closed
from transfer.casebridge.embedded import EmbeddedCaseCore
from transfer.casebridge.known import KnownCases
from transfer.casebridge.mirror_desk import MirrorDesk
from transfer.core.access import Action, Door, Principal, Role, may
from transfer.core.case_search import CaseSearch, FoundCase
from transfer.core.cases import CaseNumber, Priority, Status
from transfer.core.contacts import Contact, ContactKind
from transfer.core.errors import (
    CaseCoreUnavailableError,
    CaseMissingError,
    CaseStateError,
    UnsupportedError,
)
from transfer.core.regions import Regions
from transfer.ports import CaseDesk, Records


@pytest.fixture
def core() -> ScriptedCore:
    return ScriptedCore(a_case())


@pytest.fixture
def known(core: ScriptedCore, records: Records, clock: MovableClock) -> KnownCases:
    numbers = itertools.count(1)
    return KnownCases(
        core=core, records=records, clock=clock, new_id=lambda: f"here-{next(numbers)}"
    )


@pytest.fixture
def mirror_desk(known: KnownCases, desk: EmbeddedCaseCore) -> MirrorDesk:
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


# ── Who sees a case in the list ──────────────────────────────────────────────────────────────

GRACE = Principal(name="grace", role=Role.DESIGNATED, door=Door.HTTP)
CONTACT = Contact(account="Example Ltd", person="grace", kind=ContactKind.DESIGNATED)
VISITED, LAST_KNOWN = CaseSearch(as_visited=True), CaseSearch()
LATER = timedelta(seconds=11)
"""When an answer isn't used any more without asking again."""


async def shown(desk: CaseDesk, wanted: CaseSearch) -> list[CaseNumber]:
    found, _ = await desk.search(wanted)
    return [one.case.number for one in found if may(GRACE, Action.SEE, one.case)]


async def test_who_was_removed_at_the_core_does_not_see_the_case_in_the_list(
    mirror_desk: MirrorDesk, core: ScriptedCore, clock: MovableClock
) -> None:
    core.put(a_case(contacts=(CONTACT,)))
    await mirror_desk.case(NUMBER)
    assert await shown(mirror_desk, VISITED) == [NUMBER]
    assert len(core.asked) == 1  # what was told a moment ago is used
    core.put(a_case(contacts=(replace(CONTACT, person="another"),)))
    clock.advance(LATER)
    assert await shown(mirror_desk, VISITED) == []
    assert await shown(mirror_desk, LAST_KNOWN) == []  # and it is remembered


async def test_customer_care_is_shown_what_the_core_told_last_without_asking_it(
    mirror_desk: MirrorDesk, core: ScriptedCore, clock: MovableClock
) -> None:
    core.put(a_case(contacts=(CONTACT,), region="emea"))
    await mirror_desk.case(NUMBER)
    clock.advance(LATER)
    found, _ = await mirror_desk.search(LAST_KNOWN)
    (told,) = [one.case for one in found]
    assert (told.contacts, told.region, told.gateway) == ((CONTACT,), "emea", None)
    assert len(core.asked) == 1


@pytest.mark.parametrize("wanted", [VISITED, LAST_KNOWN])
async def test_a_case_of_another_region_is_in_no_list(
    core: ScriptedCore, known: KnownCases, desk: EmbeddedCaseCore, wanted: CaseSearch
) -> None:
    core.put(a_case(region="emea"))
    core.put(a_case("0000000007", region="us"))
    regions = Regions(own="us", gateways={"emea": "https://emea.example.com"})
    regional = MirrorDesk(known, desk, regions)
    await regional.case(NUMBER)
    await regional.case(CaseNumber("0000000007"))
    assert await shown(regional, wanted) == ["0000000007"]


async def test_the_list_is_what_was_known_last_while_the_core_is_away(
    mirror_desk: MirrorDesk, core: ScriptedCore, clock: MovableClock
) -> None:
    core.put(a_case(contacts=(CONTACT,)))
    await mirror_desk.case(NUMBER)
    core.error = CaseCoreUnavailableError("Away.")
    clock.advance(LATER)
    assert await shown(mirror_desk, VISITED) == [NUMBER]


async def test_a_case_that_nobody_can_tell_of_is_not_in_the_list(
    mirror_desk: MirrorDesk, desk: EmbeddedCaseCore, core: ScriptedCore
) -> None:
    await desk.open("Of old", "Example Ltd", "ada", CaseNumber("0000000007"))
    await mirror_desk.case(NUMBER)
    assert await shown(mirror_desk, VISITED) == [NUMBER]


async def test_a_page_of_cases_is_asked_for_a_few_at_a_time(
    mirror_desk: MirrorDesk, core: ScriptedCore, desk: EmbeddedCaseCore, clock: MovableClock
) -> None:
    for number in range(1, 13):
        case = core.put(a_case(f"{number:010}"))
        await desk.open(case.subject, case.account, "ada", case.number)
    core.before = lambda: clock.sleep(1)
    searching = asyncio.create_task(mirror_desk.search(VISITED))
    for at_once, asked in ((8, 8), (4, 12)):
        await clock.wait_for_sleepers(at_once)
        assert (clock.sleepers, len(core.asked)) == (at_once, asked)
        clock.advance(1)
    found, _ = await searching
    assert len(found) == 12


@pytest.mark.parametrize(("wanted", "most"), [(VISITED, 100), (LAST_KNOWN, 1000)])
async def test_a_page_is_no_longer_than_what_the_core_may_be_asked_for(
    known: KnownCases, desk: EmbeddedCaseCore, wanted: CaseSearch, most: int
) -> None:
    asked: list[int] = []

    class Rows:
        """The desk on our rows, of which the length of the page is noted."""

        async def search(
            self, wanted: CaseSearch, *, after: str | None, limit: int
        ) -> tuple[list[FoundCase], str | None]:
            asked.append(limit)
            return await desk.search(wanted, after=after, limit=limit)

    rows: Any = Rows()
    await MirrorDesk(known, rows).search(wanted, limit=1000)
    assert asked == [most]


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
