"""Events that are told as one: the files of one drop, when it is whole."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, select

from tests.contract.records.scenario import NOW, NUMBER, OTHER_NUMBER, after, begin, open_case
from transfer.core.cases import CaseNumber
from transfer.ports import CaseEvent, Destination, DropPolicy, LetterSearch, Records
from transfer.records import outbox
from transfer.records.assembly import open_records
from transfer.records.database import Database
from transfer.records.tables import outbox as outbox_table

DROPS = DropPolicy(quiet=timedelta(seconds=5), longest=timedelta(seconds=60))


def a_file(name: str, number: CaseNumber = NUMBER, at: float = 0, by: str = "Jo") -> CaseEvent:
    return CaseEvent(
        id=name,
        type="file.received",
        case_number=number,
        at=after(at),
        data={"path": name, "sent_by": by, "door": "http", "direction": "from_customer"},
    )


def something_else(name: str, number: CaseNumber = NUMBER, at: float = 0) -> CaseEvent:
    return CaseEvent(id=name, type="account.issued", case_number=number, at=after(at), data={})


def _add(connection: Connection, *events: CaseEvent) -> None:
    for event in events:
        outbox.add(connection, event)


async def claimed(
    records: Records, at: float, *, limit: int = 100, drops: DropPolicy | None = DROPS
) -> list[tuple[str, str | None]]:
    events = await records.outbox.claim("w", after(at), after(at + 60), limit, drops=drops)
    return [(event.id, event.drop) for event in events]


async def test_files_of_one_drop_are_claimed_together_once_it_is_quiet(
    records: Records, database: Database
) -> None:
    await database.write(_add, a_file("a1"), a_file("a2", at=3), a_file("a3", at=4))
    assert await claimed(records, 5) == []
    assert await claimed(records, 8.9) == []
    assert await claimed(records, 9) == [("a1", "a1"), ("a2", "a1"), ("a3", "a1")]


async def test_a_drop_that_goes_on_and_on_is_told_after_the_longest_wait(
    records: Records, database: Database
) -> None:
    await database.write(_add, *(a_file(f"a{n:02}", at=4 * n) for n in range(16)))
    assert await claimed(records, 59.9) == []
    drop = await claimed(records, 60)
    assert {shared for _, shared in drop} == {"a00"}
    assert len(drop) == 16


async def test_while_somebody_sends_to_the_case_its_drop_is_not_whole(
    records: Records, database: Database
) -> None:
    await open_case(records)
    await begin(records)  # leased for 30 seconds
    await database.write(_add, a_file("a1"))
    assert await claimed(records, 10) == []
    assert await claimed(records, 15) == []
    assert await claimed(records, 31) == [("a1", "a1")]


async def test_a_drop_that_is_being_told_stays_as_it_is_however_often_that_fails(
    records: Records, database: Database
) -> None:
    await database.write(_add, a_file("a1"), a_file("a2"))
    assert await claimed(records, 5) == [("a1", "a1"), ("a2", "a1")]
    await records.outbox.retry("a1", after(6), "away")
    await database.write(_add, a_file("a3", at=5))
    assert await claimed(records, 30) == [("a1", "a1"), ("a2", "a1"), ("a3", "a3")]


async def test_what_comes_in_between_ends_a_drop_and_stays_in_its_place(
    records: Records, database: Database
) -> None:
    await database.write(_add, a_file("a1"), a_file("a2"), something_else("x"), a_file("a3", at=1))
    assert await claimed(records, 1) == [("a1", "a1"), ("a2", "a1"), ("x", "x")]
    await records.outbox.delivered(["a1", "a2", "x"], NOW)
    assert await claimed(records, 6) == [("a3", "a3")]


async def test_what_others_send_is_a_drop_of_their_own(
    records: Records, database: Database
) -> None:
    await database.write(_add, a_file("a1"), a_file("a2", by="Al"), a_file("a3", by="Al"))
    assert await claimed(records, 5) == [("a1", "a1"), ("a2", "a2"), ("a3", "a2")]


async def test_cases_whose_drops_wait_hold_up_no_other(
    records: Records, database: Database
) -> None:
    for n in range(4):
        await database.write(_add, a_file(f"f{n}", CaseNumber(f"{n:010}"), at=10))
    await database.write(_add, something_else("x", OTHER_NUMBER, at=10))
    assert await claimed(records, 10, limit=2) == [("x", "x")]
    assert await claimed(records, 15, limit=2) == [("f0", "f0"), ("f1", "f1")]


async def test_of_the_last_case_of_a_full_claim_no_half_drop_is_taken(
    records: Records, database: Database
) -> None:
    first = [a_file(f"a{n:04}") for n in range(999)]
    await database.write(_add, *first, *(a_file(f"b{n}", OTHER_NUMBER) for n in range(5)))
    assert len(await claimed(records, 5)) == 999
    assert [name for name, _ in await claimed(records, 5)] == ["b0", "b1", "b2", "b3", "b4"]


async def test_a_drop_of_more_than_a_thousand_files_is_told_in_several(
    records: Records, database: Database
) -> None:
    await database.write(_add, *(a_file(f"a{n:04}") for n in range(1002)))
    drop = await claimed(records, 5)
    assert (len(drop), drop[0]) == (1000, ("a0000", "a0000"))
    await records.outbox.delivered([name for name, _ in drop], NOW)
    assert await claimed(records, 5) == [("a1000", "a1000"), ("a1001", "a1000")]


# ── Drops that were told before, and are told again ──────────────────────────────────────────


async def test_with_one_of_a_drop_all_of_it_is_replayed(
    records: Records, database: Database
) -> None:
    await database.write(_add, a_file("a1"), a_file("a2"), a_file("a3"), something_else("x"))
    await database.write(_add, a_file("a4", OTHER_NUMBER))
    assert len(await claimed(records, 5)) == 5
    await records.outbox.give_up(["a1", "a2", "a3", "x", "a4"], after(6), "refused")
    asked = LetterSearch(ids=frozenset({"a2"}))
    assert await records.outbox.replay(asked, after(7)) == 3
    assert await claimed(records, 7) == [("a1", "a1"), ("a2", "a1"), ("a3", "a1")]
    await records.outbox.delivered(["a1", "a2", "a3"], after(8))
    assert await records.outbox.replay(asked, after(9)) == 0
    assert await records.outbox.replay(LetterSearch(), after(9)) == 2


async def test_a_drop_that_is_told_again_is_whole_however_much_is_told_before_it(
    records: Records, database: Database
) -> None:
    before = [something_else(f"x{n:03}") for n in range(998)]
    await database.write(_add, *before, *(a_file(f"a{n}") for n in range(4)))
    await records.outbox.claim("w", after(1), after(2), 1000, drops=None)
    await records.outbox.give_up([event.id for event in before], after(2), "refused")
    drop = [(f"a{n}", "a0") for n in range(4)]
    assert await claimed(records, 10) == drop
    await records.outbox.give_up([name for name, _ in drop], after(11), "refused")
    await records.outbox.replay(LetterSearch(), after(12))
    assert (await claimed(records, 12))[998:] == drop


async def test_what_is_replayed_into_the_midst_of_a_drop_does_not_part_it(
    records: Records, database: Database
) -> None:
    await database.write(_add, a_file("a1"), something_else("x"), a_file("a2"))
    await database.write(_add, something_else("y", OTHER_NUMBER), a_file("a3", at=1))
    await records.outbox.give_up(["x"], NOW, "refused")
    assert await claimed(records, 6) == [("a1", "a1"), ("a2", "a1"), ("y", "y"), ("a3", "a1")]
    await records.outbox.retry("a1", after(7), "away")
    await records.outbox.delivered(["y"], after(7))
    await records.outbox.replay(LetterSearch(), after(7))
    again = [("a1", "a1"), ("a2", "a1"), ("a3", "a1"), ("x", "x")]
    assert await claimed(records, 7) == again


async def test_without_a_policy_nothing_waits_and_nothing_is_put_together(
    records: Records, database: Database
) -> None:
    await database.write(_add, a_file("a1"), a_file("a2"))
    assert await claimed(records, 0, drops=None) == [("a1", None), ("a2", None)]


async def test_what_was_claimed_without_a_policy_makes_drops_when_it_is_handed_back(
    records: Records, database: Database
) -> None:
    await database.write(_add, a_file("a1"), a_file("a2"))
    await claimed(records, 0, drops=None)
    await records.outbox.retry("a1", after(1), None)
    assert await claimed(records, 5) == [("a1", "a1"), ("a2", "a1")]


async def test_each_destination_has_its_own_copy_and_its_own_drops(url: str) -> None:
    database = await Database.open(url, told=[Destination.CORE, Destination.MAIL])
    records = open_records(database)
    try:
        await database.write(_add, a_file("a1"), a_file("a2"))
        assert await claimed(records, 5) == [("a1", "a1"), ("a2", "a1")]
        await records.outbox.delivered(["a1", "a2"], NOW)
        to_mail = await records.outbox.claim(
            "w", after(5), after(60), destination=Destination.MAIL, drops=None
        )
        assert [(event.id, event.drop) for event in to_mail] == [("a1", None), ("a2", None)]
        await records.outbox.delivered(["a1"], NOW, destination=Destination.MAIL)
        assert await _undelivered(database) == [("a2", Destination.MAIL)]
    finally:
        await database.close()


async def _undelivered(database: Database) -> list[tuple[str, Destination]]:
    def read(connection: Connection) -> list[tuple[str, Destination]]:
        query = select(outbox_table.c.id, outbox_table.c.destination).where(
            outbox_table.c.delivered_at.is_(None)
        )
        return [(row.id, row.destination) for row in connection.execute(query)]

    return await database.read(read)


@pytest.mark.parametrize("days", [3, 365])
async def test_after_the_clock_was_set_back_nothing_waits_for_the_old_time_to_come_again(
    records: Records, database: Database, days: int
) -> None:
    then = days * 86_400
    await database.write(_add, a_file("a1", at=then), something_else("b1", OTHER_NUMBER, at=then))
    assert await claimed(records, then) == [("b1", "b1")]
    assert await claimed(records, 0) == [("a1", "a1"), ("b1", "b1")]
