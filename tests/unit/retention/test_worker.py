"""Rounds of taking away what is over."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.unit.retention.world import CUSTOMER, World
from transfer.core.accounts import LIFETIME, AccountEnd
from transfer.core.audit_entries import ERASED
from transfer.core.cases import Case, CaseNumber
from transfer.core.errors import RecordsUnavailableError, StoreUnavailableError
from transfer.core.retention import AFTERWARDS, PERIOD
from transfer.ports import AuditEvent, CaseEvent
from transfer.retention.policy import RetentionPolicy
from transfer.retention.worker import RetentionWorker
from transfer.storage.memory import Call

TICK = timedelta(microseconds=1)


class CoreWithTrouble:
    """The embedded core, but for some cases that it fails to tell about."""

    def __init__(self, world: World, troubles: dict[CaseNumber, Exception]) -> None:
        self._world = world
        self.troubles = troubles

    async def case(self, number: CaseNumber, **_: object) -> Case:
        if number in self.troubles:
            raise self.troubles[number]
        return await self._world.core.case(number)

    async def tell(self, *events: CaseEvent) -> None:
        await self._world.core.tell(*events)


async def closed_cases(world: World, count: int) -> list[Case]:
    closed = []
    for n in range(count):
        case = await world.core.open(f"Case {n}", "ACME", "ada")
        closed.append(await world.core.close(case.number, None, "ada"))
    return closed


async def gone(world: World, case: Case) -> bool:
    return (await world.present(case)).purged_at is not None


@asynccontextmanager
async def running(worker: RetentionWorker) -> AsyncIterator[None]:
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.stop()
        await asyncio.wait_for(task, 5)


async def test_a_round_takes_away_all_that_is_over_and_reports_it(world: World) -> None:
    case = await world.a_closed_case()
    other = await world.a_case()
    files, _ = await world.records.tree.files(other.number)
    await world.records.tree.remove_file(files[0].id, CUSTOMER, world.clock.now())
    world.clock.advance(PERIOD)

    async def overdue() -> int:
        return 7

    report = await world.worker(overdue=overdue).run_once()
    assert json.loads(json.dumps(report.to_json())) == {
        "cases": {"finished": 1},
        "objects": {"versions": 4, "delete_markers": 1, "multiparts": 1, "size_bytes": 4096},
        "accounts_ended": 1,
        "uploads_seen_to": 7,
        "discards_done": 1,
        "discards_failed": 0,
        "notices": 0,
        "failures": [],
        "more": False,
    }
    assert await gone(world, case)
    assert not await gone(world, other)


async def test_a_round_with_nothing_to_do_does_nothing(world: World) -> None:
    case = await world.a_case()
    before = world.store.objects
    report = await world.worker().run_once()
    assert (report.cases, report.accounts_ended, report.failures) == ({}, 0, [])
    assert world.store.objects == before
    assert await world.actions(case.number) == []


async def test_an_account_ends_at_its_time_and_its_password_goes(world: World) -> None:
    case = await world.a_case()
    [account] = await world.records.accounts.of_case(case.number, active_at=None)
    world.clock.advance(LIFETIME - TICK)
    assert (await world.worker().run_once()).accounts_ended == 0
    world.clock.advance(TICK)
    assert (await world.worker().run_once()).accounts_ended == 1
    ended = await world.records.accounts.account(account.id)
    assert (ended.end, ended.ended_at, ended.sealed_password) == (
        AccountEnd.EXPIRED,
        account.expires_at,
        None,
    )


async def test_after_an_outage_of_ninety_days_one_round_catches_up(world: World) -> None:
    at_once = await world.a_closed_case()
    world.clock.advance(timedelta(days=20))
    later = await world.a_closed_case()
    held = await world.a_closed_case()
    await world.core.hold(held.number, "Litigation", "root")
    reopened = await world.a_closed_case()
    await world.core.reopen(reopened.number, "grace")
    world.clock.advance(timedelta(days=90))
    young = await world.a_closed_case()
    report = await world.worker().run_once()
    assert report.cases == {"finished": 2}
    assert await gone(world, at_once)
    assert await gone(world, later)
    for case in (held, reopened, young):
        assert not await gone(world, case)
        assert len(await world.left_of(case)) == 6


async def test_a_failing_case_does_not_stop_the_others(world: World) -> None:
    cases = await closed_cases(world, 4)
    world.clock.advance(PERIOD)
    core = CoreWithTrouble(
        world,
        {cases[0].number: RecordsUnavailableError("away"), cases[2].number: KeyError("a bug")},
    )
    with capture_logs() as logs:
        report = await world.worker(core=core).run_once()
    assert report.cases == {"failed": 2, "finished": 2}
    assert set(report.failures) == {
        f"case {cases[0].number}: records-unavailable",
        f"case {cases[2].number}: KeyError",
    }
    assert [await gone(world, case) for case in cases] == [False, True, False, True]
    assert {"retention.failed", "retention.crashed"} <= {entry["event"] for entry in logs}


async def test_a_failing_case_is_tried_again_later_and_less_often(world: World) -> None:
    [case] = await closed_cases(world, 1)
    world.clock.advance(PERIOD)
    core = CoreWithTrouble(world, {case.number: RecordsUnavailableError("away")})
    worker = world.worker(core=core)
    for minutes in (1, 2, 4):
        assert (await worker.run_once()).cases == {"failed": 1}
        world.clock.advance(timedelta(minutes=minutes) - timedelta(seconds=1))
        assert (await worker.run_once()).cases == {}
        world.clock.advance(1)
    core.troubles.clear()
    assert (await worker.run_once()).cases == {"finished": 1}


async def test_a_stuck_case_is_left_alone_for_a_while_and_counted(world: World) -> None:
    case = await world.a_due_case()
    key = await world.put_object(case)

    async def refuse(call: Call) -> None:
        if call.operation == "delete_items" and call.key == key:
            raise StoreUnavailableError("The object store did not delete: AccessDenied")

    world.store.before = refuse
    worker = world.worker()
    report = await worker.run_once()
    assert report.cases == {"stuck": 1}
    assert report.failures == [f"case {case.number}: stuck, 1 objects left"]
    assert (await worker.run_once()).cases == {}
    world.store.before = None
    world.clock.advance(timedelta(minutes=1))
    assert (await worker.run_once()).cases == {"finished": 1}
    assert await world.left_of(case) == []


async def test_nothing_is_deleted_while_the_case_core_is_away(world: World) -> None:
    case = await world.a_due_case()
    core = CoreWithTrouble(world, {case.number: RecordsUnavailableError("away")})
    report = await world.worker(core=core).run_once()
    assert report.failures == [f"case {case.number}: records-unavailable"]
    assert len(await world.left_of(case)) == 6
    assert await world.actions(case.number) == []


async def test_a_case_that_another_core_has_reopened_is_kept_and_asked_about_less_often(
    world: World,
) -> None:
    case = await world.a_due_case()
    open_case = await world.a_case()

    asked: list[CaseNumber] = []

    class Elsewhere(CoreWithTrouble):
        async def case(self, number: CaseNumber, **_: object) -> Case:
            asked.append(number)
            return await super().case(open_case.number)

    core = Elsewhere(world, {})
    worker = world.worker(core=core)
    assert (await worker.run_once()).cases == {"kept": 1}
    assert (await worker.run_once()).cases == {}
    assert asked == [case.number]
    assert len(await world.left_of(case)) == 6


async def test_a_part_that_fails_does_not_stop_the_others(world: World) -> None:
    case = await world.a_due_case()

    async def overdue() -> int:
        raise StoreUnavailableError("away")

    report = await world.worker(overdue=overdue).run_once()
    assert report.failures == ["uploads: store-unavailable"]
    assert report.cases == {"finished": 1}
    assert await gone(world, case)


async def test_two_workers_at_once_finish_every_case(world: World) -> None:
    cases = [await world.a_closed_case() for _ in range(6)]
    world.clock.advance(PERIOD)
    reports = await asyncio.gather(*(world.worker().run_once() for _ in range(2)))
    assert [report.failures for report in reports] == [[], []]
    for case in cases:
        assert await gone(world, case)
        assert await world.left_of(case) == []


async def test_a_round_takes_a_bounded_number_of_cases_and_says_that_there_is_more(
    world: World,
) -> None:
    await closed_cases(world, 27)
    world.clock.advance(PERIOD)
    worker = world.worker()
    first = await worker.run_once()
    assert (first.cases, first.more) == ({"finished": 25}, True)
    second = await worker.run_once()
    assert (second.cases, second.more) == ({"finished": 2}, False)


async def test_a_round_that_takes_long_leaves_the_rest_to_the_next(world: World) -> None:
    await closed_cases(world, 3)
    world.clock.advance(PERIOD)

    async def dawdle(call: Call) -> None:
        if call.operation == "list_everything":
            world.clock.advance(20)

    world.store.before = dawdle
    worker = world.worker()
    report = await worker.run_once()
    assert (report.cases, report.more) == ({"finished": 1}, True)


async def test_the_loop_goes_on_at_once_while_there_is_more(world: World) -> None:
    cases = await closed_cases(world, 27)
    world.clock.advance(PERIOD)
    worker = world.worker()
    async with running(worker):
        await world.clock.wait_for_sleepers()
        assert [await gone(world, case) for case in cases] == [True] * 27


async def test_the_loop_looks_now_and_then_and_at_once_when_woken(world: World) -> None:
    rounds = 0
    third = asyncio.Event()

    async def overdue() -> int:
        nonlocal rounds
        rounds += 1
        if rounds == 3:
            third.set()
        return 0

    worker = world.worker(overdue=overdue)
    async with running(worker):
        await world.clock.wait_for_sleepers()
        assert rounds == 1
        world.clock.advance(timedelta(seconds=15))
        await world.clock.wait_for_sleepers()
        assert rounds == 2
        world.clock.advance(1)
        worker.wake()
        await asyncio.wait_for(third.wait(), 5)


async def test_the_loop_survives_an_outage_of_the_records(world: World) -> None:
    case = await world.a_due_case()
    away: Any = _Away()
    worker = world.worker(records=away, overdue=_raise)
    report = await worker.run_once()
    assert [failure.split(":")[0] for failure in report.failures] == [
        "accounts",
        "uploads",
        "discards",
        "notices",
        "cases",
        "names",
    ]
    assert len(await world.left_of(case)) == 6


async def test_stopped_in_the_middle_of_a_case_it_leaves_and_another_goes_on(
    world: World,
) -> None:
    case = await world.a_due_case()
    worker = world.worker()

    async def stop(call: Call) -> None:
        if call.operation == "list_everything":
            worker.stop()

    world.store.before = stop
    await asyncio.wait_for(worker.run(), 5)
    world.store.before = None
    assert len(await world.left_of(case)) == 6
    assert (await world.present(case)).purge_started_at is not None
    assert (await world.worker().run_once()).cases == {"finished": 1}


async def test_stopped_between_two_cases_it_begins_no_other(world: World) -> None:
    cases = await closed_cases(world, 3)
    world.clock.advance(PERIOD)
    worker = world.worker()
    listings = 0

    async def stop(call: Call) -> None:
        nonlocal listings
        listings += call.operation == "list_everything"
        if listings == 2:
            worker.stop()

    world.store.before = stop
    await asyncio.wait_for(worker.run(), 5)
    begun = [(await world.present(case)).purge_started_at is not None for case in cases]
    assert sum(begun) == 1


async def test_a_stopped_worker_does_nothing(world: World) -> None:
    await world.a_due_case()
    worker = world.worker()
    worker.stop()
    await asyncio.wait_for(worker.run(), 5)
    assert (await worker.run_once()).cases == {}


@pytest.mark.parametrize("days", [1, 60])
async def test_the_period_is_the_one_that_was_set(world: World, days: int) -> None:
    case = await world.a_closed_case()
    worker = world.worker(policy=RetentionPolicy(period=timedelta(days=days)))
    world.clock.advance(timedelta(days=days) - TICK)
    assert (await worker.run_once()).cases == {}
    world.clock.advance(TICK)
    assert (await worker.run_once()).cases == {"finished": 1}
    assert await gone(world, case)


class _Away:
    """Records whose every role is away."""

    def __getattr__(self, name: str) -> "_Away":
        return self

    async def __call__(self, *_: object, **__: object) -> None:
        await _raise()


async def _raise() -> int:
    raise RecordsUnavailableError("away")


async def test_who_knocks_after_the_data_is_gone_is_not_remembered_for_long(world: World) -> None:
    case = await world.a_due_case()
    worker = world.worker()
    await worker.run_once()
    [account] = await world.records.accounts.of_case(case.number, active_at=None)

    async def known() -> list[tuple[str, str, str | None]]:
        events = await world.records.audit.events(case.number)
        found = [(one.action, one.actor, one.address) for one in events]
        return [one for one in found if one[0].startswith("sftp.")]

    for action, later in (
        ("sftp.refused", AFTERWARDS),
        ("sftp.signed-out", timedelta(days=1)),
        ("sftp.refused", timedelta(days=7)),
    ):
        event = AuditEvent(
            at=world.clock.now(),
            action=action,
            actor=account.username,
            case_number=case.number,
            address="192.0.2.7",
            details={"reason": "case-closed"},
        )
        await world.records.audit.record(event)
        world.clock.advance(later)
        assert (await worker.run_once()).failures == []
        assert {one[1:] for one in await known()} == {(ERASED, None)}
