import asyncio

from sqlalchemy import Connection

from tests.contract.records.scenario import NOW, NUMBER, OTHER_NUMBER, after
from transfer.core.cases import CaseNumber
from transfer.ports import CaseEvent, Records
from transfer.records import outbox
from transfer.records.database import Database


def _add(connection: Connection, number: CaseNumber, *ids: str) -> None:
    for event_id in ids:
        outbox.add(
            connection,
            CaseEvent(id=event_id, type="t", case_number=number, at=NOW, data={"naïve": "☃"}),
        )


async def _claimed(records: Records, at: float = 0, limit: int = 20) -> list[str]:
    events = await records.outbox.claim("worker", after(at), after(at + 60), limit)
    return [event.id for event in events]


async def test_an_event_comes_back_as_it_was_added(records: Records, database: Database) -> None:
    await database.write(_add, NUMBER, "a1")
    assert await records.outbox.claim("worker", NOW, after(60)) == [
        CaseEvent(id="a1", type="t", case_number=NUMBER, at=NOW, data={"naïve": "☃"})
    ]


async def test_the_events_of_each_case_are_claimed_in_their_order(
    records: Records, database: Database
) -> None:
    await database.write(_add, NUMBER, "a1", "a2")
    await database.write(_add, OTHER_NUMBER, "b1")
    await database.write(_add, NUMBER, "a3")
    assert await _claimed(records) == ["a1", "a2", "b1", "a3"]
    assert await _claimed(records) == []


async def test_what_is_added_behind_a_claimed_event_waits_for_it(
    records: Records, database: Database
) -> None:
    await database.write(_add, NUMBER, "a1")
    assert await _claimed(records) == ["a1"]
    await database.write(_add, NUMBER, "a2")
    assert await _claimed(records) == []
    await records.outbox.delivered(["a1"], NOW)
    assert await _claimed(records) == ["a2"]


async def test_an_event_is_not_due_before_its_time(records: Records, database: Database) -> None:
    await database.write(_add, NUMBER, "a1")
    assert await _claimed(records, at=-1) == []
    assert await _claimed(records) == ["a1"]


async def test_no_event_overtakes_one_that_waits_for_another_try(
    records: Records, database: Database
) -> None:
    await database.write(_add, NUMBER, "a1", "a2")
    assert await _claimed(records) == ["a1", "a2"]
    await records.outbox.retry("a1", after(30), "the case core is away")
    assert await _claimed(records, at=29) == []
    assert await _claimed(records, at=30) == ["a1", "a2"]


async def test_what_follows_an_event_that_was_told_can_be_handed_back_alone(
    records: Records, database: Database
) -> None:
    await database.write(_add, NUMBER, "a1", "a2", "a3")
    await database.write(_add, OTHER_NUMBER, "b1")
    assert await _claimed(records) == ["a1", "a2", "a3", "b1"]
    await records.outbox.delivered(["a1"], NOW)
    await records.outbox.retry("a2", NOW, "not together")
    assert await _claimed(records) == ["a2", "a3"]


async def test_what_was_handed_back_together_can_be_claimed_one_by_one(
    records: Records, database: Database
) -> None:
    await database.write(_add, NUMBER, "a1", "a2", "a3")
    assert await _claimed(records) == ["a1", "a2", "a3"]
    await records.outbox.retry("a1", NOW, "the case core is away")
    assert await _claimed(records, limit=1) == ["a1"]
    await records.outbox.delivered(["a1"], NOW)
    assert await _claimed(records) == ["a2", "a3"]


async def test_a_claim_that_ran_out_is_anybodys(records: Records, database: Database) -> None:
    await database.write(_add, NUMBER, "a1")
    assert await _claimed(records) == ["a1"]
    assert await _claimed(records, at=59.9) == []
    assert await _claimed(records, at=60) == ["a1"]


async def test_a_delivered_event_does_not_come_back(records: Records, database: Database) -> None:
    await database.write(_add, NUMBER, "a1")
    await records.outbox.delivered(["a1"], NOW)
    await records.outbox.delivered(["a1"], after(1))
    await records.outbox.retry("a1", NOW, "someone was slow")
    assert await _claimed(records, at=999) == []


async def test_the_limit_bounds_a_claim(records: Records, database: Database) -> None:
    for n in range(5):
        await database.write(_add, CaseNumber(f"{n:010}"), f"{n}")
    assert await _claimed(records, limit=2) == ["0", "1"]
    assert await _claimed(records) == ["2", "3", "4"]


async def test_many_workers_tell_the_events_of_a_case_in_order_and_once(
    records: Records, database: Database
) -> None:
    ids = [f"{n:02}" for n in range(12)]
    await database.write(_add, NUMBER, *ids)
    told: list[str] = []

    async def work() -> None:
        while len(told) < len(ids):
            events = await records.outbox.claim("worker", NOW, after(60), 5)
            told.extend(event.id for event in events)
            await records.outbox.delivered([event.id for event in events], NOW)

    await asyncio.gather(*(work() for _ in range(4)))
    assert told == ids
