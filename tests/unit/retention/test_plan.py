"""Whose data would go, and when."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.retention.world import BODY, World
from transfer.core.cases import Case, CaseNumber
from transfer.core.errors import RecordsUnavailableError
from transfer.core.retention import PERIOD, Verdict
from transfer.retention.plan import plan_deletions

TICK = timedelta(microseconds=1)


async def closed_cases(world: World, count: int) -> list[Case]:
    """Close `count` empty cases, an hour apart, and go to when the last is due."""
    closed = []
    for n in range(count):
        case = await world.core.open(f"Case {n}", "ACME", "ada")
        closed.append(await world.core.close(case.number, None, "ada"))
        world.clock.advance(timedelta(hours=1))
    world.clock.advance(PERIOD)
    return closed


async def test_the_plan_shows_what_would_go_and_what_only_a_hold_keeps(world: World) -> None:
    open_case = await world.a_case()
    first = await world.a_closed_case()
    world.clock.advance(1)
    held = await world.a_closed_case()
    held = await world.core.hold(held.number, "Litigation", "root")
    world.clock.advance(timedelta(days=1))
    later = await world.a_closed_case()

    at = world.clock.now() + PERIOD - TICK
    plan = await plan_deletions(records=world.records, core=world.core, at=at)
    assert [(planned.case, planned.verdict) for planned in plan.cases] == [
        (first, Verdict.DELETE),
        (held, Verdict.KEEP_HELD),
    ]
    numbers = {planned.case.number for planned in plan.cases}
    assert numbers.isdisjoint({open_case.number, later.number})
    assert first.closed_at is not None
    assert json.loads(json.dumps(plan.to_json())) == {
        "at": at.isoformat(),
        "cases": [
            {
                "number": first.number,
                "verdict": "delete",
                "closed_at": first.closed_at.isoformat(),
                "deletion_due_at": (first.closed_at + PERIOD).isoformat(),
                "begun": False,
                "hold": None,
                "files": 2,
                "size": 3 * len(BODY),
            },
            {
                "number": held.number,
                "verdict": "held",
                "closed_at": (first.closed_at + timedelta(seconds=1)).isoformat(),
                "deletion_due_at": (first.closed_at + timedelta(seconds=1) + PERIOD).isoformat(),
                "begun": False,
                "hold": "Litigation",
                "files": 2,
                "size": 3 * len(BODY),
            },
        ],
        "deletes": {"cases": 1, "files": 2, "size": 3 * len(BODY)},
    }


async def test_planning_changes_nothing(world: World) -> None:
    case = await world.a_due_case()
    await plan_deletions(records=world.records, core=world.core, at=world.clock.now())
    assert await world.present(case) == case
    assert len(await world.left_of(case)) == 6
    assert await world.actions(case.number) == []


async def test_a_case_whose_data_is_gone_is_not_planned_again(world: World) -> None:
    case = await world.a_due_case()
    await world.purge().run(case.number)
    plan = await plan_deletions(records=world.records, core=world.core, at=world.clock.now())
    assert plan.cases == ()


async def test_a_deletion_that_has_begun_is_planned_as_such(world: World) -> None:
    case = await world.a_due_case()
    await world.purge(stopping=lambda: True).run(case.number)
    plan = await plan_deletions(records=world.records, core=world.core, at=world.clock.now())
    assert [planned["begun"] for planned in plan.to_json()["cases"]] == [True]


@pytest.mark.parametrize("held", [False, True])
async def test_the_case_core_has_the_last_word_on_the_plan(world: World, held: bool) -> None:
    case = await world.a_due_case()
    if held:
        await world.core.hold(case.number, "Litigation", "root")
    closed_at = world.clock.now()

    class Elsewhere:
        async def case(self, number: CaseNumber, **_: object) -> Case:
            return replace(await world.core.case(number), closed_at=closed_at)

    core: Any = Elsewhere()
    due = closed_at + PERIOD
    plan = await plan_deletions(records=world.records, core=core, at=due - TICK)
    assert plan.cases == ()
    plan = await plan_deletions(records=world.records, core=core, at=due)
    assert [planned.case.number for planned in plan.cases] == [case.number]


async def test_a_plan_that_can_not_be_known_is_not_made_up(world: World) -> None:
    await world.a_due_case()

    class Away:
        async def case(self, number: CaseNumber, **_: object) -> Case:
            raise RecordsUnavailableError(f"cannot ask for {number}")

    core: Any = Away()
    with pytest.raises(RecordsUnavailableError):
        await plan_deletions(records=world.records, core=core, at=world.clock.now())


async def test_the_plan_has_all_cases_however_many(world: World) -> None:
    closed = await closed_cases(world, 105)
    plan = await plan_deletions(records=world.records, core=world.core, at=world.clock.now())
    assert [planned.case.number for planned in plan.cases] == [case.number for case in closed]


async def test_a_case_that_its_core_contradicts_is_shown_and_not_counted(world: World) -> None:
    case = await world.a_due_case()

    class Confused:
        async def case(self, number: CaseNumber, **_: object) -> Case:
            present = await world.core.case(number)
            return replace(present, opened_at=world.clock.now())

    core: Any = Confused()
    plan = await plan_deletions(records=world.records, core=core, at=world.clock.now())
    assert [(one.case.number, one.verdict) for one in plan.cases] == [
        (case.number, Verdict.KEEP_UNSURE)
    ]
    assert plan.to_json()["deletes"]["cases"] == 0
