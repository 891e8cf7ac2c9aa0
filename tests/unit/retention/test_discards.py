"""Bytes that nobody needs any more."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from structlog.testing import capture_logs

from tests.unit.retention.world import CUSTOMER, World
from transfer.core.cases import Case
from transfer.core.errors import StoreUnavailableError
from transfer.ports import Job, JobKind, JobQueue
from transfer.retention.discards import Discards
from transfer.storage.memory import Call


class RememberedJobs:
    """A queue in memory; plays the role `transfer.ports.JobQueue`."""

    def __init__(self, jobs: list[Job]) -> None:
        self.waiting = list(jobs)
        self.claims: list[tuple[str, timedelta]] = []
        self.finished: list[int] = []
        self.handed_back: dict[int, tuple[datetime, str]] = {}

    async def claim(
        self,
        worker: str,
        now: datetime,
        until: datetime,
        limit: int = 20,
        *,
        kind: JobKind = JobKind.DISCARD,
    ) -> list[Job]:
        self.claims.append((worker, until - now))
        claimed = [job for job in self.waiting if job.kind is kind][:limit]
        self.waiting = [job for job in self.waiting if job not in claimed]
        return claimed

    async def done(self, jobs: Sequence[Job]) -> None:
        self.finished += [job.id for job in jobs]

    async def retry(self, job: Job, run_at: datetime, error: str) -> None:
        self.handed_back[job.id] = (run_at, error)

    async def put_off(self, job: Job, run_at: datetime, payload: Mapping[str, Any]) -> None:
        raise AssertionError((job, run_at, payload))


def discards(
    world: World,
    *,
    jobs: JobQueue | None = None,
    stopping: Callable[[], bool] = lambda: False,
    chance: float = 0.0,
) -> Discards:
    return Discards(
        jobs=jobs or world.records.jobs,
        store=world.store,
        clock=world.clock,
        stopping=stopping,
        chance=lambda: chance,
    )


def some_jobs(count: int) -> list[Job]:
    return [
        Job(id=n, kind=JobKind.DISCARD, payload={"keys": [f"k{n}"]}, attempts=1)
        for n in range(count)
    ]


async def refuse(_: Call) -> None:
    raise StoreUnavailableError("The object store was told to refuse.")


async def remove_files(world: World, case: Case) -> set[str]:
    """Remove all files of a case, one job each; return their keys."""
    files, _ = await world.records.tree.files(case.number)
    for file in files:
        await world.records.tree.remove_file(file.id, CUSTOMER, world.clock.now())
    return {file.object_key for file in files}


async def test_the_bytes_of_removed_files_and_abandoned_uploads_go(world: World) -> None:
    case = await world.a_case()
    [upload] = await world.records.uploads.unfinished(case.number)
    await world.records.uploads.abandon(upload.id, CUSTOMER, "cancelled", world.clock.now())
    keys = await remove_files(world, case)
    assert len(keys) == 2
    report = await discards(world).run()
    assert (report.done, report.failed, report.more) == (3, 0, False)
    assert world.store.objects == {}
    assert world.store.multiparts == {}
    world.clock.advance(timedelta(days=1))
    assert (await discards(world).run()).done == 0


async def test_with_nothing_to_do_nothing_is_done(world: World) -> None:
    report = await discards(world).run()
    assert (report.done, report.failed, report.more) == (0, 0, False)
    assert world.store.calls == []


async def test_many_jobs_are_done_in_few_calls(world: World) -> None:
    calls: list[int] = []

    class Counting:
        async def delete(self, keys: Sequence[str]) -> None:
            calls.append(len(keys))

    store: Any = Counting()
    jobs = RememberedJobs(some_jobs(70))
    big = Job(id=70, kind=JobKind.DISCARD, payload={"keys": ["k"] * 2400}, attempts=1)
    jobs.waiting.append(big)
    report = await Discards(jobs=jobs, store=store, clock=world.clock).run()
    assert (report.done, calls) == (71, [1000, 1000, 470])


async def test_one_job_that_fails_is_handed_back_and_the_others_are_done(world: World) -> None:
    case = await world.a_case()
    keys = await remove_files(world, case)
    unlucky = min(keys)

    async def refuse_one(call: Call) -> None:
        if call.key == unlucky:
            await refuse(call)

    world.store.before = refuse_one
    report = await discards(world).run()
    assert (report.done, report.failed) == (1, 1)
    assert unlucky in world.store.objects
    assert keys.isdisjoint(set(world.store.objects) - {unlucky})
    assert (await discards(world).run()).failed == 0
    world.store.before = None
    world.clock.advance(timedelta(seconds=10))
    assert (await discards(world).run()).done == 1
    assert unlucky not in world.store.objects


async def test_a_failing_job_waits_twice_as_long_each_time_up_to_an_hour(world: World) -> None:
    case = await world.a_case()
    keys = await remove_files(world, case)
    world.store.before = refuse
    for seconds in (10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600):
        assert (await discards(world).run()).failed == 2
        world.clock.advance(timedelta(seconds=seconds) - timedelta(milliseconds=1))
        assert (await discards(world).run()).failed == 0
        world.clock.advance(timedelta(milliseconds=1))
    world.store.before = None
    assert (await discards(world).run()).done == 2
    assert keys.isdisjoint(world.store.objects)


async def test_jitter_shortens_a_wait_by_up_to_half(world: World) -> None:
    case = await world.a_case()
    await remove_files(world, case)
    world.store.before = refuse
    assert (await discards(world, chance=0.5).run()).failed == 2
    world.clock.advance(timedelta(seconds=7.5))
    assert (await discards(world).run()).failed == 2


async def test_in_an_outage_a_few_jobs_are_tried_and_all_are_handed_back(world: World) -> None:
    jobs = RememberedJobs(some_jobs(50))
    world.store.before = refuse
    report = await discards(world, jobs=jobs).run()
    assert (report.done, report.failed) == (0, 50)
    run_at = world.clock.now() + timedelta(seconds=10)
    assert jobs.handed_back == dict.fromkeys(range(50), (run_at, "store-unavailable"))
    assert len(world.store.calls) == 4


async def test_as_long_as_some_succeed_all_are_tried(world: World) -> None:
    jobs = RememberedJobs(some_jobs(9))

    async def refuse_most(call: Call) -> None:
        if call.key not in ("k2", "k5", "k8"):
            await refuse(call)

    world.store.before = refuse_most
    report = await discards(world, jobs=jobs).run()
    assert (report.done, report.failed) == (3, 6)
    assert jobs.finished == [2, 5, 8]


async def test_a_fault_in_one_job_does_not_stop_the_others(world: World) -> None:
    jobs = RememberedJobs(
        [
            Job(id=1, kind=JobKind.DISCARD, payload={"multiparts": ["not a pair"]}, attempts=1),
            Job(id=2, kind=JobKind.DISCARD, payload={"keys": ["k2"]}, attempts=1),
            Job(id=3, kind=JobKind.DISCARD, payload={}, attempts=1),
        ]
    )
    with capture_logs() as logs:
        report = await discards(world, jobs=jobs).run()
    assert (report.done, report.failed) == (2, 1)
    assert (list(jobs.handed_back), jobs.finished) == ([1], [2, 3])
    assert "retention.crashed" in {entry["event"] for entry in logs}


async def test_told_to_stop_it_leaves_the_rest_until_its_claim_runs_out(world: World) -> None:
    jobs = RememberedJobs(some_jobs(9))
    world.store.fail_next("delete")
    report = await discards(world, jobs=jobs, stopping=lambda: len(world.store.calls) > 2).run()
    assert (report.done, report.failed, report.more) == (2, 0, True)
    assert jobs.finished == [0, 1]
    assert [length for _, length in jobs.claims] == [timedelta(minutes=5)]


async def test_one_run_is_bounded_and_says_that_there_is_more(world: World) -> None:
    jobs = RememberedJobs(some_jobs(2500))
    report = await discards(world, jobs=jobs).run()
    assert (report.done, report.more) == (2000, True)


async def test_two_workers_at_once_share_the_jobs(world: World) -> None:
    case = await world.a_case()
    keys = await remove_files(world, case)
    reports = await asyncio.gather(*(discards(world).run() for _ in range(2)))
    assert sum(report.done for report in reports) == 2
    assert keys.isdisjoint(world.store.objects)


async def test_workers_have_names_of_their_own(world: World) -> None:
    jobs = RememberedJobs([])
    await discards(world, jobs=jobs).run()
    await discards(world, jobs=jobs).run()
    assert len({worker for worker, _ in jobs.claims}) == 2
