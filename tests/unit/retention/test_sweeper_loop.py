"""The sweeper as the service runs it: rounds, an end, and what it shows."""

import asyncio
from datetime import timedelta

import pytest

from tests.unit.retention.test_sweeper_strays import EVERY, sweeper, tidy_case
from tests.unit.retention.world import World
from transfer.core.errors import RecordsUnavailableError
from transfer.metrics import PrometheusMeter
from transfer.retention import sweeper as module
from transfer.retention import sweeper_strays


def lines(meter: PrometheusMeter) -> dict[str, float]:
    printed = meter.page().decode().splitlines()
    split = [line.rsplit(" ", 1) for line in printed if not line.startswith("#")]
    return {name: float(value) for name, value in split if not name.endswith("_created")}


async def test_it_walks_when_walks_are_due_until_it_is_stopped(world: World) -> None:
    case = await tidy_case(world)
    key = await world.put_object(case)
    one = sweeper(world)
    task = asyncio.create_task(one.run())
    for _ in range(6):
        await world.clock.wait_for_sleepers()
        world.clock.advance(EVERY)
    await world.clock.wait_for_sleepers()
    assert key not in world.store.objects
    one.stop()
    await asyncio.wait_for(task, 5)
    assert (await one.run_once()).ended == []


async def test_one_go_takes_no_longer_than_it_may(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper_strays, "_PAGE", 1)
    monkeypatch.setattr(module, "_ONE_GO", timedelta(seconds=-1))
    await tidy_case(world)
    one = sweeper(world)
    goes = 0
    ended: list[str] = []
    while "strays" not in ended:
        report = await one.run_once()
        ended += report.ended
        goes += 1
        assert goes < 30
    assert goes > 4


async def test_what_it_found_and_did_is_shown(world: World) -> None:
    case = await tidy_case(world)
    await world.put_object(case)
    files, _ = await world.records.tree.files(case.number)
    await world.store.delete([files[0].object_key])
    meter = PrometheusMeter()
    one = sweeper(world, meter=meter)
    await one.run_once()
    shown = lines(meter)
    assert shown['transfer_store_findings{kind="stray"}'] == 1
    assert shown['transfer_store_findings{kind="missing"}'] == 1
    assert shown['transfer_store_findings{kind="damaged"}'] == 0
    assert shown['transfer_sweeper_deleted_total{kind="version"}'] == 0
    assert shown["transfer_sweeper_withheld"] == 0
    now = world.clock.now().timestamp()
    assert shown['transfer_sweeper_last_walk_timestamp_seconds{walk="losses"}'] == now
    world.clock.advance(timedelta(days=1))
    await one.run_once()
    shown = lines(meter)
    assert shown['transfer_store_findings{kind="stray"}'] == 0
    assert shown['transfer_sweeper_deleted_total{kind="version"}'] == 1


async def test_a_failure_of_one_walk_is_counted_and_does_not_stop_the_other(
    world: World,
) -> None:
    await tidy_case(world)
    meter = PrometheusMeter()
    world.store.fail_next("list_page", RecordsUnavailableError("away"))
    report = await sweeper(world, meter=meter).run_once()
    assert (report.ended, report.failures) == (["losses"], ["strays: records-unavailable"])
    assert lines(meter)['transfer_sweeper_failures_total{walk="strays"}'] == 1
