"""The sweeper and what goes wrong: stores that refuse or lie, crashes, clocks, rivals."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.unit.retention.test_sweeper_strays import (
    DAY,
    EVERY,
    TICK,
    seen_twice,
    strays,
    sweeper,
    swept,
    tidy_case,
)
from tests.unit.retention.world import Guillotine, Killed, World
from transfer.core.errors import StoreUnavailableError
from transfer.ports import StoredItem
from transfer.ports.upkeep import CAME_BACK, FindingKind, Seen
from transfer.retention import sweeper_strays
from transfer.retention.sweep import ObjectCounts
from transfer.storage.memory import Call

# ── A store with troubles ────────────────────────────────────────────────────────────────────


async def test_what_the_store_refuses_to_delete_is_told_and_the_rest_goes(world: World) -> None:
    case = await tidy_case(world)
    keys = [await world.put_object(case) for _ in range(5)]
    await swept(world)
    world.clock.advance(DAY)

    async def refuse(call: Call) -> None:
        if call == Call("delete_items", keys[2]):
            raise StoreUnavailableError("The object store did not delete: AccessDenied")

    world.store.before = refuse
    with capture_logs() as logs:
        report = await swept(world)
    assert (report.refused, report.failures) == (1, ["1 strays can't be deleted"])
    assert [key in world.store.objects for key in keys] == [False, False, True, False, False]
    assert [line["key"] for line in logs if line["event"] == "sweeper.refused"] == [keys[2]]
    [left] = await strays(world)
    assert (left.key, left.problem) == (keys[2], "refused")
    world.store.before = None
    report = await swept(world)
    assert (report.deleted.versions, await strays(world)) == (1, [])


async def test_a_store_that_refuses_everything_is_not_asked_for_everything(world: World) -> None:
    case = await tidy_case(world)
    for _ in range(20):
        await world.put_object(case)
    await swept(world)
    world.clock.advance(DAY)

    async def refuse(call: Call) -> None:
        if call.operation == "delete_items":
            raise StoreUnavailableError("no")

    world.store.before = refuse
    world.store.calls.clear()
    report = await swept(world)
    assert (report.refused, report.deleted) == (3, ObjectCounts())
    assert sum(call.operation == "delete_items" for call in world.store.calls) <= 5
    assert len(await strays(world)) == 20


async def test_a_store_that_only_says_so_is_found_out(world: World) -> None:
    case = await tidy_case(world)
    key = await world.put_object(case)
    await swept(world)
    world.clock.advance(DAY)
    delete = world.store.delete_items

    async def lie(items: list[StoredItem]) -> None:
        return

    world.store.delete_items = lie  # type: ignore[method-assign,assignment]  # a store that lies
    assert (await swept(world)).deleted.versions == 1
    assert await strays(world) == []
    for _ in range(2):
        with capture_logs() as logs:
            await swept(world)
        assert [line["key"] for line in logs if line["event"] == "sweeper.came-back"] == [key]
        [finding] = await strays(world)
        assert finding.problem == CAME_BACK
    world.store.delete_items = delete  # type: ignore[method-assign]  # the true one again
    await swept(world)
    assert key not in world.store.objects
    world.clock.advance(TICK)
    await swept(world)
    assert await strays(world) == []


async def test_a_list_that_tells_what_was_harms_nobody(world: World) -> None:
    case = await tidy_case(world)
    await world.put_object(case)
    page = await world.store.list_page("c/", None)

    async def stale(*_: Any) -> tuple[list[StoredItem], str | None]:  # noqa: ANN401 -- as it is
        return page

    await swept(world)
    world.clock.advance(DAY)
    world.store.list_page = stale  # type: ignore[method-assign,assignment]  # it doesn't change
    for _ in range(3):
        assert (await swept(world)).failures == []
        world.clock.advance(DAY)
    assert len(await world.left_of(case)) == 4


# ── Crashes, clocks and others ───────────────────────────────────────────────────────────────


def version(world: World, key: str) -> str:
    return f"version:{world.store._objects[key][-1].id}"


@pytest.mark.parametrize("after", [False, True])
async def test_killed_at_any_call_it_is_taken_up_and_nothing_known_goes(
    world: World, *, after: bool
) -> None:
    case = await tidy_case(world)
    at = 0
    while True:
        at += 1
        keys = [await world.put_object(case) for _ in range(2)]
        known = [
            Seen(
                kind=FindingKind.STRAY,
                key=key,
                item_id=version(world, key),
                case_number=case.number,
            )
            for key in keys
        ]
        await world.records.upkeep.sight(known, world.clock.now())
        world.clock.advance(DAY)
        blade = Guillotine(at, after=after)
        one = sweeper(world, records=blade.records(world.records), store=blade.store(world.store))
        try:
            await one.run_once(due_before=world.clock.now())
        except Killed:
            pass
        else:
            break
        world.clock.advance(timedelta(minutes=5))  # its claim runs out
        assert (await sweeper(world).run_once()).failures == []
        assert not set(keys) & set(world.store.objects)
        assert len(await world.left_of(case)) == 4
    assert at > 10


async def test_only_one_is_on_a_walk_at_a_time(world: World) -> None:
    await tidy_case(world)
    now = world.clock.now()
    upkeep = world.records.upkeep
    claimed = now + timedelta(minutes=5)
    assert await upkeep.begin_walk("strays", "other", now, claimed, now)
    report = await swept(world)
    assert (report.busy, report.ended) == (["strays"], ["losses"])
    world.clock.advance(timedelta(minutes=5))
    assert (await swept(world)).ended == ["strays", "losses"]


async def test_who_lost_a_walk_to_another_leaves_it(world: World) -> None:
    await tidy_case(world)
    steal = True

    async def sleep_long(call: Call) -> None:
        nonlocal steal
        if call.operation == "list_page" and steal:
            steal = False
            world.clock.advance(timedelta(minutes=6))
            now = world.clock.now()
            claimed = now + timedelta(minutes=5)
            assert await world.records.upkeep.begin_walk("strays", "other", now, claimed, now)

    world.store.before = sleep_long
    report = await swept(world)
    assert (report.busy, report.ended) == (["strays"], ["losses"])


async def test_walks_are_due_every_so_often(world: World) -> None:
    await tidy_case(world)
    one = sweeper(world)
    assert (await one.run_once()).ended == ["strays", "losses"]
    world.clock.advance(EVERY - TICK)
    assert (await one.run_once()).ended == []
    world.clock.advance(TICK)
    assert (await one.run_once()).ended == ["strays", "losses"]


async def test_a_clock_that_was_set_back_holds_nothing_up(world: World) -> None:
    case = await tidy_case(world)
    start = world.clock.now()
    world.clock.advance(3650 * DAY)
    key = await world.put_object(case)
    await swept(world)
    world.clock.set(start, backwards=True)
    assert (await sweeper(world).run_once()).ended == ["strays", "losses"]
    [finding] = await strays(world)
    assert finding.first_seen_at == start
    world.clock.advance(DAY)
    assert (await sweeper(world).run_once()).deleted.versions == 1
    assert key not in world.store.objects


async def test_after_a_jump_of_the_clock_nothing_is_deleted_for_as_long(world: World) -> None:
    case = await tidy_case(world)
    key = await world.put_object(case)
    one = sweeper(world)
    await one.run_once()
    jumped = world.clock.now() + DAY
    ran = world.clock.monotonic()
    world.clock.set(jumped)
    # As a real machine's: the wall clock alone.
    world.clock.monotonic = lambda: ran  # type: ignore[method-assign]  # it stood still
    assert (await one.run_once()).deleted == ObjectCounts()
    assert key in world.store.objects
    world.clock.monotonic = lambda: ran + DAY.total_seconds() + 1  # type: ignore[method-assign]  # a day has passed
    world.clock.set(jumped + DAY)
    assert (await one.run_once()).deleted.versions == 1


async def test_a_claim_that_cannot_be_given_up_runs_out(world: World) -> None:
    class Failing:
        def __getattr__(self, name: str) -> Callable[..., Any]:
            if name == "leave_walk":

                async def fail(*_: object) -> None:
                    raise StoreUnavailableError("away")

                return fail
            method: Callable[..., Any] = getattr(world.records.upkeep, name)
            return method

    failing: Any = Failing()
    with capture_logs() as logs:
        report = await swept(world, records=replace(world.records, upkeep=failing))
    assert report.ended == ["strays", "losses"]
    assert [line["event"] for line in logs].count("sweeper.claim-kept") == 2


async def test_many_pages_are_walked_through(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeper_strays, "_PAGE", 3)
    for _ in range(4):
        await tidy_case(world)
    case = await tidy_case(world)
    keys = [await world.put_object(case) for _ in range(7)]
    report = await seen_twice(world)
    assert (report.listed, report.deleted.versions) == (27, 7)
    assert not set(keys) & set(world.store.objects)
