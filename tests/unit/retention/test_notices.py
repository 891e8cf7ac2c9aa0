"""Deletions are announced, once for each closure."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.retention.world import World
from transfer.core.cases import Case, CaseNumber
from transfer.core.errors import CaseCoreUnavailableError
from transfer.core.retention import NOTICE, PERIOD
from transfer.ports import OutgoingEvent
from transfer.retention.policy import RetentionPolicy

TICK = timedelta(microseconds=1)
ANNOUNCED = "retention.announced"


async def announced(world: World) -> list[OutgoingEvent]:
    """Return what the outbox has of announcements."""
    now = world.clock.now()
    found = await world.records.outbox.claim("test", now, now + timedelta(minutes=1), 1000)
    return [event for event in found if event.type == "case.deletion-due"]


async def test_a_deletion_is_announced_a_week_before_it_is_due(world: World) -> None:
    case = await world.a_closed_case()
    worker = world.worker()
    world.clock.advance(PERIOD - NOTICE - TICK)
    assert (await worker.run_once()).notices == 0
    world.clock.advance(TICK)
    assert (await worker.run_once()).notices == 1
    assert (await worker.run_once()).notices == 0
    [event] = await announced(world)
    assert event.case_number == case.number
    assert event.data == {"due_at": "2026-04-01T09:00:00Z", "files": 2, "size": 3072}
    assert await world.details(case.number, ANNOUNCED) == [dict(event.data)]


async def test_people_read_the_announcement_on_the_case(world: World) -> None:
    case = await world.a_closed_case()
    world.clock.advance(PERIOD - NOTICE)
    await world.notices().run()
    await world.tell()
    texts = [update.text for update in await world.core.updates(case.number)]
    assert sum("will be deleted on 2026-04-01" in text for text in texts) == 1


async def test_a_case_that_was_closed_anew_is_announced_anew(world: World) -> None:
    case = await world.a_closed_case()
    world.clock.advance(PERIOD - NOTICE)
    assert await world.notices().run() == 1
    await world.core.reopen(case.number, "ada")
    assert await world.notices().run() == 0
    await world.core.close(case.number, None, "ada")
    assert await world.notices().run() == 0
    world.clock.advance(PERIOD - NOTICE)
    assert await world.notices().run() == 1
    assert len({event.id for event in await announced(world)}) == 2


async def test_of_many_nodes_at_once_one_announces(world: World) -> None:
    case = await world.a_closed_case()
    world.clock.advance(PERIOD - NOTICE)
    done = await asyncio.gather(*(world.notices().run() for _ in range(4)))
    assert sum(done) == 1
    assert len(await world.details(case.number, ANNOUNCED)) == 1


async def test_nothing_is_announced_of_a_case_that_is_held_open_or_due(world: World) -> None:
    due = await world.a_closed_case()
    world.clock.advance(NOTICE)
    held = await world.a_closed_case()
    await world.core.hold(held.number, "Litigation", "root")
    await world.a_case()
    world.clock.advance(PERIOD - NOTICE)
    assert await world.notices().run() == 0
    assert await world.actions(due.number, ANNOUNCED) == []


@pytest.mark.parametrize("fault", ["away", "stale", "reopened"])
async def test_the_case_core_has_the_last_word_and_is_not_asked_all_the_time(
    world: World, fault: str
) -> None:
    case = await world.a_closed_case()
    world.clock.advance(PERIOD - NOTICE)
    asked = 0

    class Elsewhere:
        async def case(self, number: CaseNumber, **_: object) -> Case:
            nonlocal asked
            asked += 1
            present = await world.core.case(number)
            if fault == "away":
                raise CaseCoreUnavailableError("away")
            if fault == "stale":
                return replace(present, as_of=present.closed_at)
            return replace(present, closed_at=world.clock.now())

    core: Any = Elsewhere()
    notices = world.notices(core=core)
    assert await notices.run() == 0
    assert await notices.run() == 0
    assert asked == 1
    assert await world.actions(case.number, ANNOUNCED) == []
    world.clock.advance(timedelta(hours=1))
    await notices.run()
    assert asked == 2


async def test_a_case_that_changes_meanwhile_is_not_announced(world: World) -> None:
    case = await world.a_closed_case()
    world.clock.advance(PERIOD - NOTICE)

    class Slow:
        async def case(self, number: CaseNumber, **_: object) -> Case:
            present = await world.core.case(number)
            await world.core.reopen(number, "grace")
            return present

    core: Any = Slow()
    assert await world.notices(core=core).run() == 0
    assert await announced(world) == []
    assert await world.actions(case.number, ANNOUNCED) == []


@pytest.mark.parametrize("notice", [timedelta(), timedelta(days=3)])
async def test_how_long_before_is_the_operators_choice(world: World, notice: timedelta) -> None:
    await world.a_closed_case()
    worker = world.worker(policy=RetentionPolicy(notice=notice))
    world.clock.advance(PERIOD - notice - TICK)
    assert (await worker.run_once()).notices == 0
    world.clock.advance(TICK)
    report = await worker.run_once()
    assert (report.notices, report.cases) == ((1, {}) if notice else (0, {"finished": 1}))
