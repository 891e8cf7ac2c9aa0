import asyncio

from sqlalchemy import Connection

from tests.contract.records.scenario import NOW, after
from transfer.core.uploads import FileId
from transfer.ports import JobKind, Records
from transfer.records.assembly import open_records
from transfer.records.database import Database
from transfer.records.jobs import queue_discard, queue_side_file


def _queue(connection: Connection, count: int) -> None:
    for number in range(count):
        queue_discard(
            connection, after(number), keys=[f"key-{number}"], multiparts=[("k", f"{number}")]
        )


async def test_a_job_is_claimed_when_it_is_due_with_its_payload(
    records: Records, database: Database
) -> None:
    await database.write(_queue, 3)
    assert await records.jobs.claim("worker", after(-1), after(60)) == []
    (job,) = await records.jobs.claim("worker", NOW, after(60))
    assert (job.kind, job.attempts) == (JobKind.DISCARD, 1)
    assert job.payload == {"keys": ["key-0"], "multiparts": [["k", "0"]]}


async def test_jobs_are_claimed_oldest_first_up_to_the_limit(
    records: Records, database: Database
) -> None:
    await database.write(_queue, 5)
    jobs = await records.jobs.claim("worker", after(9), after(60), 3)
    assert [job.payload["keys"] for job in jobs] == [["key-0"], ["key-1"], ["key-2"]]


async def test_a_claimed_job_is_nobody_elses_until_the_claim_runs_out(
    records: Records, database: Database
) -> None:
    await database.write(_queue, 1)
    (first,) = await records.jobs.claim("one", NOW, after(60))
    assert await records.jobs.claim("two", after(59.9), after(99)) == []
    (second,) = await records.jobs.claim("two", after(60), after(99))
    assert (second.id, second.attempts) == (first.id, 2)


async def test_each_of_many_jobs_is_claimed_by_one_of_two_processes(
    records: Records, url: str, database: Database
) -> None:
    await database.write(_queue, 60)
    other = await Database.open(url)
    claimed: list[int] = []

    async def work(name: str, on: Records) -> None:
        while jobs := await on.jobs.claim(name, after(99), after(999), 4):
            claimed.extend(job.id for job in jobs)
            await on.jobs.done(jobs)

    try:
        others = open_records(other)
        await asyncio.gather(
            work("a", records), work("b", others), work("c", records), work("d", others)
        )
    finally:
        await other.close()
    assert len(claimed) == len(set(claimed)) == 60


async def test_a_done_job_is_gone(records: Records, database: Database) -> None:
    await database.write(_queue, 2)
    jobs = await records.jobs.claim("worker", after(9), after(60), 1)
    await records.jobs.done(jobs)
    await records.jobs.done(jobs)
    await records.jobs.done([])
    (left,) = await records.jobs.claim("worker", after(999), after(9999))
    assert left.payload["keys"] == ["key-1"]


async def test_a_failed_job_comes_back_at_its_time(records: Records, database: Database) -> None:
    await database.write(_queue, 1)
    (job,) = await records.jobs.claim("worker", NOW, after(60))
    await records.jobs.retry(job, after(30), "the store is away")
    assert await records.jobs.claim("worker", after(29), after(60)) == []
    (again,) = await records.jobs.claim("worker", after(30), after(60))
    assert (again.id, again.attempts) == (job.id, 2)


async def test_who_lost_a_job_does_not_hand_it_back(records: Records, database: Database) -> None:
    await database.write(_queue, 1)
    (stale,) = await records.jobs.claim("slow", NOW, after(10))
    await records.jobs.claim("quick", after(11), after(60))
    await records.jobs.retry(stale, NOW, "too late")
    assert await records.jobs.claim("third", after(12), after(60)) == []


def _queue_both(connection: Connection) -> None:
    queue_side_file(connection, NOW, FileId("side"))
    queue_discard(connection, NOW, keys=["key"])


async def test_jobs_of_one_kind_are_claimed_apart_from_the_others(
    records: Records, database: Database
) -> None:
    await database.write(_queue_both)
    (job,) = await records.jobs.claim("worker", NOW, after(60), kind=JobKind.SIDE_FILE)
    assert (job.kind, job.payload) == (JobKind.SIDE_FILE, {"file_id": "side", "judged": []})
    (other,) = await records.jobs.claim("worker", NOW, after(60))
    assert other.kind is JobKind.DISCARD


async def test_a_job_that_is_put_off_comes_back_with_what_is_left_of_it(
    records: Records, database: Database
) -> None:
    await database.write(_queue_both)
    (job,) = await records.jobs.claim("one", NOW, after(60), kind=JobKind.SIDE_FILE)
    payload = {"file_id": "side", "judged": ["file"]}
    await records.jobs.put_off(job, after(10), payload)
    assert await records.jobs.claim("one", after(9), after(60), kind=JobKind.SIDE_FILE) == []
    (again,) = await records.jobs.claim("two", after(10), after(60), kind=JobKind.SIDE_FILE)
    assert (again.id, again.payload, again.attempts) == (job.id, payload, 2)
    await records.jobs.put_off(job, after(99), {})  # a claim that ran out long ago
    await records.jobs.done([again])
    assert await records.jobs.claim("one", after(99), after(99), kind=JobKind.SIDE_FILE) == []


async def test_what_a_clock_days_ahead_has_put_off_or_claimed_is_done_when_it_is_right_again(
    records: Records, database: Database
) -> None:
    ahead = 3 * 86_400
    await database.write(_queue, 2)
    first, second = await records.jobs.claim("one", after(ahead), after(ahead + 300))
    await records.jobs.retry(first, after(ahead + 3600), "away")
    found = await records.jobs.claim("two", after(9), after(309))
    assert {job.id for job in found} == {first.id, second.id}
    assert await records.jobs.claim("three", after(10), after(310)) == []
