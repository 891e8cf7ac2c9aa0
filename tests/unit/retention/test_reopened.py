"""Cases that another core reopens when their deletion has begun, or is done."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.unit.casebridge.scripted_core import ScriptedCore
from tests.unit.retention.world import World
from transfer.casebridge.known import KnownCases
from transfer.core.cases import NO_ID, Case, Status
from transfer.core.deletion_receipts import covers
from transfer.core.errors import CaseClosedError, CaseCoreUnavailableError
from transfer.core.names import CasePath
from transfer.core.retention import PERIOD
from transfer.ports import KeptKey, WrappedKey
from transfer.retention.purge_report import PurgeOutcome

NEW = CasePath("logs/new.log")


@dataclass
class Elsewhere:
    """A due case of another core, which can reopen it."""

    world: World
    core: ScriptedCore
    mirror: KnownCases
    case: Case

    def reopen(self) -> Case:
        told = self.core.cases[self.case.number]
        changed = {"status": Status.OPEN, "substatus": "Investigation", "closed_at": None}
        return self.core.put(replace(told, version=told.version + 1, **changed))  # type: ignore[arg-type]  # as it has them

    def close(self) -> None:
        told, now = self.core.cases[self.case.number], self.world.clock.now()
        changed = {"status": Status.CLOSED, "substatus": "Resolved", "closed_at": now}
        self.core.put(replace(told, version=told.version + 1, **changed))  # type: ignore[arg-type]  # as it has them

    async def begin(self) -> None:
        await self.world.purge(core=self.mirror, stopping=lambda: True).run(self.case.number)
        assert (await self.world.present(self.case)).purge_started_at is not None

    async def takes_files(self) -> str:
        """Add a file as its people do, and return its object's key."""
        file_id = await self.world.add_file(self.case, NEW)
        return (await self.world.records.tree.file(file_id)).object_key


@pytest.fixture
async def elsewhere(world: World) -> Elsewhere:
    case = await world.a_due_case()
    core = ScriptedCore(replace(case, id=NO_ID, version=1))
    mirror = KnownCases(core=core, records=world.records, clock=world.clock, new_id=lambda: "id")
    return Elsewhere(world, core, mirror, case)


@pytest.mark.parametrize(
    "heard", ["by the worker", "by news", "in the middle", "after the rows went", "after the end"]
)
async def test_it_takes_files_again_and_a_later_closure_deletes_anew(
    elsewhere: Elsewhere, heard: str
) -> None:
    world, case = elsewhere.world, elsewhere.case
    if heard == "in the middle":

        async def reopen_later() -> None:
            if len(elsewhere.core.asked) == 3:
                elsewhere.reopen()

        elsewhere.core.before = reopen_later
    else:
        await elsewhere.begin()
        if heard == "after the rows went":
            await world.records.cases.scrub(case.number)
        if heard == "after the end":
            await world.purge(core=elsewhere.mirror).run(case.number)
        told = elsewhere.reopen()
        if heard != "by the worker":
            await elsewhere.mirror.learn(told)
            with pytest.raises(CaseClosedError):
                await elsewhere.takes_files()
    worker = world.worker(core=elsewhere.mirror)
    assert (await worker.run_once()).failures == []
    assert (await world.actions(case.number)).count("retention.called-off") == 1
    key = await elsewhere.takes_files()
    assert (await world.worker(core=elsewhere.mirror).run_once()).cases == {}

    before = len(await world.receipts(case))
    assert before == (heard == "after the end")
    elsewhere.core.before = None
    elsewhere.close()
    await elsewhere.mirror.case(case.number, fresh=True)
    world.clock.advance(PERIOD)
    assert (await worker.run_once()).cases == {"finished": 1}
    receipts = await world.receipts(case)
    assert len(receipts) == before + 1
    assert covers(receipts[0].keys, key)
    assert await world.left_of(case) == []


async def test_while_its_core_is_away_it_waits(elsewhere: Elsewhere) -> None:
    world = elsewhere.world
    await elsewhere.begin()
    await elsewhere.mirror.learn(elsewhere.reopen())
    elsewhere.core.error = CaseCoreUnavailableError("away")
    worker = world.worker(core=elsewhere.mirror)
    assert (await worker.run_once()).cases == {"failed": 1}
    assert (await world.present(elsewhere.case)).purge_started_at is not None


async def test_while_another_worker_is_at_it_it_is_left_to_that(elsewhere: Elsewhere) -> None:
    world, number = elsewhere.world, elsewhere.case.number
    await elsewhere.begin()
    purge = world.purge(core=elsewhere.mirror)
    elsewhere.reopen()

    class Busy:
        def __getattr__(self, name: str) -> object:
            return getattr(world.records.deletions, name)

        async def claim(self, *_: object) -> bool:
            return False

    busy: Any = Busy()
    records = replace(world.records, deletions=busy)
    await world.purge(core=elsewhere.mirror, records=records).run(number)
    assert "retention.called-off" not in await world.actions(number)
    await purge.run(number)
    assert "retention.called-off" in await world.actions(number)


async def test_one_that_is_closed_again_in_time_is_deleted_all_the_same(
    elsewhere: Elsewhere,
) -> None:
    world, number = elsewhere.world, elsewhere.case.number
    await elsewhere.begin()
    elsewhere.reopen()

    async def close_again() -> None:
        if len(elsewhere.core.asked) == 3:
            elsewhere.close()

    elsewhere.core.before = close_again
    report = await world.purge(core=elsewhere.mirror).run(number)
    assert report.outcome is PurgeOutcome.KEPT
    assert "retention.called-off" not in await world.actions(number)
    world.clock.advance(PERIOD)
    report = await world.purge(core=elsewhere.mirror).run(number)
    assert report.outcome is PurgeOutcome.FINISHED


async def test_a_worker_that_falls_behind_destroys_no_key_of_a_case_that_is_open_again(
    elsewhere: Elsewhere,
) -> None:
    world, case = elsewhere.world, elsewhere.case
    wrapped = WrappedKey(master="file:one", sealed=b"sealed")
    now = world.clock.now()
    kept = KeptKey(case_id=case.id, fingerprint="f1", wrapped=wrapped, created_at=now)
    await world.records.case_keys.keep(kept, destroyed_before=now)
    keys: list[str] = []

    class SlowAudit:
        def __getattr__(self, name: str) -> object:
            return getattr(world.records.audit, name)

        async def erase_personal(self, *_: object) -> None:
            world.give_up_claims()
            await elsewhere.mirror.learn(elsewhere.reopen())
            await world.worker(core=elsewhere.mirror).run_once()
            keys.append(await elsewhere.takes_files())

    audit: Any = SlowAudit()
    records = replace(world.records, audit=audit)
    report = await world.purge(core=elsewhere.mirror, records=records).run(case.number)
    assert report.outcome is PurgeOutcome.KEPT
    assert [item.key for item in await world.left_of(case)] == keys
    assert await world.records.case_keys.find(case.id) == kept
    assert await world.receipts(case) == []
