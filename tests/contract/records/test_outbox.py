import asyncio

from sqlalchemy import Connection

from tests.contract.records.scenario import (
    CUSTOMER,
    NOW,
    NUMBER,
    OTHER_NUMBER,
    after,
    begin,
    close_case,
    fill,
    open_case,
)
from transfer.core.access import Door
from transfer.core.cases import CaseNumber
from transfer.core.uploads import UploadState
from transfer.ports import (
    AuditEvent,
    Backlog,
    CaseEvent,
    Destination,
    LetterSearch,
    OutgoingEvent,
    Records,
)
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
        OutgoingEvent(id="a1", type="t", case_number=NUMBER, at=NOW, data={"naïve": "☃"})
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


async def test_an_event_that_was_added_before_is_not_added_again(
    records: Records, database: Database
) -> None:
    await database.write(_add, NUMBER, "a1", "a1")
    await database.write(_add, NUMBER, "a1")
    assert await _claimed(records) == ["a1"]


# ── Failures and dead letters ────────────────────────────────────────────────────────────────


async def test_only_what_failed_itself_counts_as_a_failure(
    records: Records, database: Database
) -> None:
    await database.write(_add, NUMBER, "a1", "a2")
    await _claimed(records)
    await records.outbox.retry("a1", NOW, "away")
    await _claimed(records)
    await records.outbox.retry("a1", NOW, None)
    first, second = await records.outbox.claim("worker", NOW, after(60))
    assert (first.failures, second.failures) == (1, 0)


async def test_refusals_are_counted_until_telling_fails_in_passing(
    records: Records, database: Database
) -> None:
    await database.write(_add, NUMBER, "a1")
    counts = []
    for refused in (True, True, False, True):
        await records.outbox.retry("a1", NOW, "no", refused=refused)
        (event,) = await records.outbox.claim("worker", NOW, after(60))
        counts.append((event.failures, event.refusals))
    assert counts == [(1, 1), (2, 2), (3, 0), (4, 1)]
    await records.outbox.retry("a1", NOW, None)
    assert [one.refusals for one in await records.outbox.claim("worker", NOW, after(60))] == [1]
    await records.outbox.give_up(["a1"], NOW, "no")
    await records.outbox.replay(LetterSearch(), NOW)
    assert [one.refusals for one in await records.outbox.claim("worker", NOW, after(60))] == [0]


async def test_what_was_claimed_behind_an_event_is_not_looked_at_before_it_is_due(
    records: Records, database: Database
) -> None:
    await database.write(_add, NUMBER, "a1", "a2")
    await _claimed(records)
    await database.write(_add, NUMBER, "a3")
    await records.outbox.retry("a1", after(30), "away")
    letters = await records.outbox.letters(LetterSearch())
    assert [one.run_at for one in letters] == [after(30), after(30), NOW]
    assert await _claimed(records, at=30) == ["a1", "a2", "a3"]


async def test_a_dead_letter_lets_those_pass_that_follow_it(
    records: Records, database: Database
) -> None:
    await database.write(_add, NUMBER, "a1", "a2", "a3")
    await _claimed(records)
    await records.outbox.give_up(["a1", "a2"], NOW, "refused")
    assert await _claimed(records) == ["a3"]
    dead = await records.outbox.letters(LetterSearch(dead=True))
    assert [(one.event.id, one.error, one.failures, one.dead_at) for one in dead] == [
        ("a1", "refused", 1, NOW),
        ("a2", "refused", 1, NOW),
    ]


async def test_a_dead_letter_that_is_replayed_is_told_as_if_it_were_new(
    records: Records, database: Database
) -> None:
    await database.write(_add, NUMBER, "a1")
    await database.write(_add, OTHER_NUMBER, "b1")
    await _claimed(records)
    await records.outbox.give_up(["a1"], NOW, "refused")
    await records.outbox.give_up(["b1"], NOW, "refused")
    assert await records.outbox.replay(LetterSearch(ids=frozenset({"a1", "z9"})), after(5)) == 1
    assert await _claimed(records, at=4) == []
    (again,) = await records.outbox.claim("worker", after(5), after(60))
    assert (again.id, again.failures) == ("a1", 0)
    assert await records.outbox.replay(LetterSearch(case_number=OTHER_NUMBER), after(5)) == 1
    assert await records.outbox.replay(LetterSearch(), after(5)) == 0


async def test_a_replay_is_audited_with_how_many_it_was_for(
    records: Records, database: Database
) -> None:
    await database.write(_add, NUMBER, "a1", "a2")
    await _claimed(records)
    audited = AuditEvent(at=NOW, action="outbox.replayed", actor="operator", details={"by": "me"})
    assert await records.outbox.replay(LetterSearch(), NOW, audited=audited) == 0
    assert await records.audit.events() == []
    await records.outbox.give_up(["a1", "a2"], NOW, "refused")
    assert await records.outbox.replay(LetterSearch(), NOW, audited=audited) == 2
    (event,) = await records.audit.events()
    assert (event.action, event.details) == ("outbox.replayed", {"by": "me", "events": 2})


async def test_what_is_delivered_is_neither_given_up_nor_replayed(
    records: Records, database: Database
) -> None:
    await database.write(_add, NUMBER, "a1")
    await records.outbox.delivered(["a1"], NOW)
    await records.outbox.give_up(["a1"], NOW, "someone was slow")
    assert await records.outbox.letters(LetterSearch()) == []
    assert await records.outbox.replay(LetterSearch(), NOW) == 0


async def test_letters_are_looked_for_by_what_they_are(
    records: Records, database: Database
) -> None:
    await database.write(_add, NUMBER, "a1", "a2")
    await database.write(_add, OTHER_NUMBER, "b1")
    await records.outbox.give_up(["a2"], NOW, "refused")
    found = {
        "all": LetterSearch(),
        "alive": LetterSearch(dead=False),
        "of the other": LetterSearch(case_number=OTHER_NUMBER),
        "mail": LetterSearch(destination=Destination.MAIL),
        "core": LetterSearch(destination=Destination.CORE, dead=True),
    }
    assert {
        name: [one.event.id for one in await records.outbox.letters(wanted)]
        for name, wanted in found.items()
    } == {
        "all": ["a1", "a2", "b1"],
        "alive": ["a1", "b1"],
        "of the other": ["b1"],
        "mail": [],
        "core": ["a2"],
    }
    assert len(await records.outbox.letters(LetterSearch(), 1)) == 1


async def test_the_backlog_of_a_destination_is_counted(
    records: Records, database: Database
) -> None:
    assert await records.outbox.backlogs() == {}
    await database.write(_add, NUMBER, "a1", "a2", "a3")
    await records.outbox.give_up(["a1"], NOW, "refused")
    await records.outbox.delivered(["a2"], NOW)
    assert await records.outbox.backlogs() == {
        Destination.CORE: Backlog(waiting=1, dead=1, oldest_at=NOW)
    }


# ── With the audit log, and of uploads that stand still ──────────────────────────────────────


async def test_what_is_noted_again_is_told_once(records: Records) -> None:
    await open_case(records)
    audited = AuditEvent(
        at=NOW, action="file.downloaded", actor="ada", case_number=NUMBER, door=Door.HTTP
    )
    told = CaseEvent(id="d1", type="file.downloaded", case_number=NUMBER, at=NOW, data={})
    await records.outbox.record(audited, told)
    await records.outbox.record(audited, told)
    assert await _claimed(records) == ["d1"]
    actions = [event.action for event in await records.audit.events(NUMBER)]
    assert actions.count("file.downloaded") == 2


async def test_an_upload_that_stands_still_is_told_once_where_it_stands(records: Records) -> None:
    await open_case(records)
    upload = await begin(records, "logs/trace.log", numbers=1)
    outbox = records.outbox
    assert await outbox.note_interruptions(NOW, after(29)) == []  # somebody holds it
    assert await outbox.note_interruptions(after(-1), after(31)) == []  # not for long enough
    assert await outbox.note_interruptions(NOW, after(31)) == [upload.id]
    assert await outbox.note_interruptions(after(5), after(40)) == []
    (event,) = await outbox.claim("w", after(40), after(99))
    assert event.type == "file.interrupted"
    assert event.data["path"] == "logs/trace.log"
    assert (event.data["offset"], event.data["length"]) == (0, 100)
    await fill(records, upload)
    await records.uploads.release(upload.id, upload.fence, UploadState.INTERRUPTED, after(50))
    assert await outbox.note_interruptions(after(50), after(51)) == [upload.id]


async def test_an_upload_that_is_over_or_of_a_case_that_is_deleted_does_not_stand_still(
    records: Records,
) -> None:
    case = await open_case(records)
    upload = await begin(records)
    await begin(records, "other.log")
    await records.uploads.abandon(upload.id, CUSTOMER, "removed", NOW)
    closed = await close_case(records, case)
    assert await records.cases.start_purge(NUMBER, expected_version=closed.version, now=NOW)
    assert await records.outbox.note_interruptions(after(31), after(31)) == []
