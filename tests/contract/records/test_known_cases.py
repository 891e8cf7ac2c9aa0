"""What another case core has told, in rows of both databases."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.clock import START
from transfer.core.cases import NO_ID, Case, CaseId, CaseNumber, CaseUpdate, Status
from transfer.core.errors import CaseContradictionError, CaseMissingError
from transfer.ports import Learned, Records

NUMBER = CaseNumber("0003256109")
TOLD = Case(
    number=NUMBER,
    id=NO_ID,
    subject="Crash",
    account="Example Ltd",
    status=Status.OPEN,
    substatus="New",
    opened_at=START - timedelta(hours=1, microseconds=7),
    version=2**40,
)
DOCUMENT: dict[str, Any] = {"subject": "Crash", "contacts": [{"person": "eve"}], "nothing": None}


@pytest.fixture
async def row(records: Records) -> Case:
    case = replace(TOLD, id=CaseId("here"), version=1)
    await records.cases.insert(case, CaseUpdate(at=START, author="test", text="Known."))
    return case


async def learn(
    records: Records, case: Case, *, answered: bool = True, later: float = 0
) -> Learned:
    now = START + timedelta(seconds=later)
    outcome, _ = await records.known_cases.learn(case, DOCUMENT, now, answered=answered)
    return outcome


async def test_nothing_is_known_of_a_case_without_a_row(records: Records) -> None:
    assert await records.known_cases.find(NUMBER) is None
    with pytest.raises(CaseMissingError):
        await learn(records, TOLD)


async def test_a_row_of_which_nothing_was_told_says_so(records: Records, row: Case) -> None:
    known = await records.known_cases.find(NUMBER)
    assert known is not None
    assert (known.case, known.told_at, known.document) == (row, None, None)


async def test_many_are_found_at_once_each_as_alone(records: Records, row: Case) -> None:
    another = replace(TOLD, id=CaseId("there"), number=CaseNumber("0000000007"), version=1)
    await records.cases.insert(another, CaseUpdate(at=START, author="test", text="Known."))
    await learn(records, TOLD)
    missing = CaseNumber("0000000008")
    assert await records.known_cases.find_all([NUMBER, another.number, missing]) == {
        number: await records.known_cases.find(number) for number in (NUMBER, another.number)
    }


async def test_what_is_told_first_is_kept_whole(records: Records, row: Case) -> None:
    assert await learn(records, TOLD) is Learned.SAME
    known = await records.known_cases.find(NUMBER)
    assert known is not None
    assert (known.case, known.told_at, known.document) == (row, START, DOCUMENT)


async def test_a_change_makes_the_row_another_version(records: Records, row: Case) -> None:
    await learn(records, TOLD)
    closed = replace(
        TOLD, status=Status.CLOSED, substatus="Resolved", closed_at=START, version=TOLD.version + 1
    )
    assert await learn(records, closed, later=5) is Learned.CHANGED
    known = await records.known_cases.find(NUMBER)
    assert known is not None
    assert (known.case.is_closed, known.case.closed_at, known.case.version) == (True, START, 2)
    assert known.told_at == START + timedelta(seconds=5)


async def test_an_earlier_version_is_never_written(records: Records, row: Case) -> None:
    await learn(records, TOLD)
    earlier = replace(TOLD, subject="Of before", version=TOLD.version - 1)
    for answered in (True, False):
        assert await learn(records, earlier, answered=answered, later=5) is Learned.OUTDATED
    known = await records.known_cases.find(NUMBER)
    assert known is not None
    assert (known.case, known.told_at) == (row, START)


async def test_the_same_version_counts_only_when_it_was_asked_for(
    records: Records, row: Case
) -> None:
    await learn(records, TOLD)
    other = replace(TOLD, subject="Other")
    assert await learn(records, other, answered=False) is Learned.OUTDATED
    assert await learn(records, other) is Learned.CHANGED


async def test_another_case_of_the_same_number_is_refused(records: Records, row: Case) -> None:
    await learn(records, TOLD)
    other = replace(TOLD, opened_at=START, version=TOLD.version + 1)
    with pytest.raises(CaseContradictionError):
        await learn(records, other)
    assert await records.cases.case(NUMBER) == row


async def test_of_many_who_learn_at_once_the_latest_version_stays(
    records: Records, row: Case
) -> None:
    versions = [replace(TOLD, subject=f"Crash {n}", version=n) for n in range(1, 21)]
    await asyncio.gather(*(learn(records, one, answered=False) for one in versions))
    assert (await records.cases.case(NUMBER)).subject == "Crash 20"


async def test_a_closure_of_long_ago_counts_from_when_the_case_was_last_open(
    records: Records, row: Case
) -> None:
    at, long_ago = START + timedelta(days=2), TOLD.opened_at
    closed: dict[str, Any] = {
        "status": Status.CLOSED,
        "substatus": "Resolved",
        "closed_at": long_ago,
    }
    await learn(records, replace(TOLD, version=1))
    # News of its reopening that nobody asked for count as well as an answer does.
    await learn(records, replace(TOLD, version=2, **closed), later=1)
    await learn(records, replace(TOLD, version=3), later=2 * 86_400, answered=False)
    await learn(records, replace(TOLD, version=4, **closed), later=3 * 86_400)
    assert (await records.cases.case(NUMBER)).closed_at == at


async def test_a_closure_does_not_move_to_the_past(records: Records, row: Case) -> None:
    closed = replace(TOLD, status=Status.CLOSED, substatus="Resolved", closed_at=START)
    await learn(records, closed)
    earlier = replace(closed, closed_at=TOLD.opened_at, version=TOLD.version + 1)
    assert await learn(records, earlier, later=5) is Learned.SAME
    assert (await records.cases.case(NUMBER)).closed_at == START


async def test_a_case_of_before_that_was_open_here_counts_from_now(
    records: Records, row: Case
) -> None:
    closed = replace(TOLD, status=Status.CLOSED, closed_at=TOLD.opened_at)
    await learn(records, closed, later=5 * 86_400)
    assert (await records.cases.case(NUMBER)).closed_at == START + timedelta(days=5)


# ── Asked for again ──────────────────────────────────────────────────────────────────────────


async def test_open_cases_are_found_that_were_asked_for_long_ago(
    records: Records, row: Case
) -> None:
    other = replace(TOLD, number=CaseNumber("0000000002"))
    shut = replace(
        TOLD,
        number=CaseNumber("0000000003"),
        status=Status.CLOSED,
        substatus="Resolved",
        closed_at=START,
    )
    for told in (other, shut):
        case = replace(told, id=CaseId(told.number), version=1)
        await records.cases.insert(case, CaseUpdate(at=START, author="test", text="Known."))
    await learn(records, TOLD, later=2)
    await learn(records, other, later=1)
    await learn(records, shut)
    then = START + timedelta(seconds=3)
    assert await records.known_cases.unheard(then, 9) == [other.number, NUMBER]
    assert await records.known_cases.unheard(then, 1) == [other.number]
    assert await records.known_cases.unheard(START + timedelta(seconds=2), 9) == [other.number]
    await records.inbox.ask([other.number], then)
    assert await records.known_cases.unheard(then, 9) == [NUMBER]


async def test_a_case_is_asked_for_once_until_that_is_done_and_then_anew(records: Records) -> None:
    later = START + timedelta(minutes=1)
    await records.inbox.ask([NUMBER], START)
    await records.inbox.ask([NUMBER], later)
    (asked,) = await records.inbox.claim(START, later)
    assert (asked.case_number, asked.version, asked.received_at) == (NUMBER, None, START)
    await records.inbox.retry([asked.id], later, "away")
    await records.inbox.done([asked.id], later)
    assert await records.inbox.waiting() == 0
    await records.inbox.ask([NUMBER], later)
    (again,) = await records.inbox.claim(later, later)
    assert (again.received_at, again.failures) == (later, 0)
