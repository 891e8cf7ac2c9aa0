"""Cases that wait for their customer, what has changed, and what a change takes with it."""

from dataclasses import replace
from datetime import datetime

import pytest

from tests.contract.records.scenario import (
    NOW,
    NUMBER,
    after,
    begin,
    finished,
    new_case,
    open_case,
    receive,
)
from transfer.core.cases import Case, CaseNumber, CaseUpdate, CustomerWait, Priority, UpdateKind
from transfer.core.errors import CaseStateError
from transfer.core.uploads import Direction
from transfer.ports import CaseEvent, Records

ENTRY = CaseUpdate(at=after(1), author="analyst", text="Something happened.")
COMMENT = CaseUpdate(at=after(1), author="ada", text="Two\nlines", kind=UpdateKind.COMMENT)


def number(n: int) -> CaseNumber:
    return CaseNumber(f"{n:010}")


def event(event_id: str) -> CaseEvent:
    return CaseEvent(
        id=event_id, type="case.follow-up", case_number=NUMBER, at=NOW, data={"number": 1}
    )


async def waiting_since(records: Records, n: int, since: float, notices: int = 0) -> None:
    wait = CustomerWait(since=after(since), notices=notices, noticed_at=after(since + 1))
    case = replace(new_case(number(n)), wait=wait)
    await records.cases.insert(case, ENTRY)
    assert await records.cases.case(case.number) == case


async def waits(records: Records, *since: float, limit: int = 9) -> list[int]:
    found = await records.cases.waiting(
        [after(one) for one in since], sending_since=after(50), limit=limit
    )
    return [int(case.number) for case in found]


async def test_what_the_embedded_core_knows_comes_back(records: Records) -> None:
    case = await open_case(records)
    changed = replace(
        case,
        version=2,
        priority=Priority.PRODUCTION_DOWN,
        sold_to="Reseller",
        close_reason="Duplicate of another case",
        wait=CustomerWait(since=after(2)),
    )
    assert await records.cases.save(changed, expected_version=1)
    assert await records.cases.case(NUMBER) == changed
    over = replace(changed, version=3, wait=None)
    assert await records.cases.save(over, expected_version=2)
    assert await records.cases.case(NUMBER) == over


async def test_waits_are_found_by_how_often_the_customer_was_reminded(records: Records) -> None:
    await waiting_since(records, 1, since=30)
    await waiting_since(records, 2, since=20)
    await waiting_since(records, 3, since=10, notices=1)
    await waiting_since(records, 4, since=5, notices=2)
    await records.cases.insert(new_case(number(5)), ENTRY)
    assert await waits(records, 99) == [2, 1]
    assert await waits(records, 20, 10) == [3, 2]
    assert await waits(records, 19, 9) == []
    assert await waits(records, 99, 99, 99, limit=2) == [4, 3]
    assert await waits(records) == []


async def test_waits_are_paged_also_those_of_one_moment(records: Records) -> None:
    for n in range(1, 6):
        await waiting_since(records, n, since=10 if n < 4 else 11)
    place: tuple[datetime, CaseNumber] | None = None
    found: list[int] = []
    for _ in range(3):
        page = await records.cases.waiting([after(99)], sending_since=NOW, after=place, limit=2)
        found += [int(case.number) for case in page]
        last = page[-1]
        assert last.wait is not None
        place = (last.wait.since, last.number)
    assert found == [1, 2, 3, 4, 5]


async def test_a_case_to_which_the_customer_has_sent_something_does_not_wait(
    records: Records,
) -> None:
    for n in range(1, 6):
        await waiting_since(records, n, since=10)
    await receive(records, case_number=number(1), done=finished(now=after(11)))
    await receive(records, case_number=number(2), done=finished(now=after(9)))
    shared = {"direction": Direction.SHARED_WITH_CUSTOMER, "case_number": number(3)}
    await receive(records, "shared/fix.zip", done=finished(now=after(11)), **shared)
    await begin(records, case_number=number(4), now=after(51))
    await begin(records, case_number=number(5), now=after(49))
    assert await waits(records, 99) == [2, 3, 5]


async def test_a_change_takes_its_entries_and_events_with_it(records: Records) -> None:
    case = await open_case(records)
    changed = replace(case, version=2)
    assert await records.cases.save(
        changed, expected_version=1, updates=[ENTRY, COMMENT], events=[event("e-1")]
    )
    assert (await records.cases.updates(NUMBER))[1:] == [ENTRY, COMMENT]
    page, _ = await records.cases.history(NUMBER, after=None, limit=9)
    assert page[1:] == [ENTRY, COMMENT]
    claimed = await records.outbox.claim("test", after(9), after(10), 9)
    assert [(one.id, one.data) for one in claimed] == [("e-1", {"number": 1})]


async def test_a_change_that_comes_too_late_tells_nothing(records: Records) -> None:
    case = await open_case(records)
    changed = replace(case, version=3)
    assert not await records.cases.save(
        changed, expected_version=2, updates=[ENTRY, COMMENT], events=[event("e-1")]
    )
    assert len(await records.cases.updates(NUMBER)) == 1
    assert await records.outbox.claim("test", after(9), after(10), 9) == []


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_changes_are_gone_through_in_pages(records: Records, limit: int) -> None:
    first = await open_case(records, number(1))
    second = await open_case(records, number(2))
    first = await _changed(records, first)
    seen, more, found = 0, True, list[Case]()
    while more:
        page, seen, more = await records.cases.changed(seen, limit)
        assert 1 <= len(page) <= limit
        found += page
    assert {case.number: case for case in found} == {first.number: first, second.number: second}
    assert await records.cases.changed(seen, limit) == ([], seen, False)
    second = await _changed(records, second)
    assert (await records.cases.changed(seen, limit))[0] == [second]


async def _changed(records: Records, case: Case) -> Case:
    changed = replace(case, version=case.version + 1)
    assert await records.cases.save(changed, expected_version=case.version, updates=[ENTRY])
    return changed


async def test_a_case_is_not_saved_as_unanswered_once_its_customer_sends_something(
    records: Records,
) -> None:
    case = replace(await open_case(records), version=2, wait=CustomerWait(since=after(-5)))
    assert await records.cases.save(case, expected_version=1, sending_since=NOW)
    await receive(records)
    later = replace(case, version=3)
    with pytest.raises(CaseStateError):
        await records.cases.save(later, expected_version=2, updates=[ENTRY], sending_since=NOW)
    assert await records.cases.case(NUMBER) == case
    assert await records.cases.save(later, expected_version=2)
