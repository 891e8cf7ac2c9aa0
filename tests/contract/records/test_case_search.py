"""Cases found by what is known of them and by what has arrived."""

from dataclasses import replace

import pytest

from tests.contract.records.scenario import (
    CUSTOMER,
    NOW,
    NUMBER,
    OTHER_NUMBER,
    after,
    begin,
    close_case,
    finished,
    new_case,
    open_case,
    receive,
)
from transfer.core.case_search import CaseSearch, FoundCase
from transfer.core.cases import CaseNumber, CaseUpdate, Status
from transfer.core.concatenation import Concatenation
from transfer.core.errors import InvalidRequestError
from transfer.core.uploads import Concat, Direction
from transfer.ports import Records


async def a_case(records: Records, number: str, subject: str, account: str, at: float) -> None:
    case = replace(
        new_case(CaseNumber(number)), subject=subject, account=account, opened_at=after(at)
    )
    await records.cases.insert(case, CaseUpdate(at=NOW, author="a", text="Case opened."))


async def some_cases(records: Records) -> None:
    await a_case(records, "0000000001", "No sound on node 7", "ACME", 1)
    await a_case(records, "0000000002", "Trace of a hang", "Grüße & Söhne 50%", 2)
    await a_case(records, "0000000017", "Sound is back", "acme corp_1", 3)


async def found(records: Records, **wanted: object) -> list[str]:
    search = CaseSearch(**wanted)  # type: ignore[arg-type] # each test gives the right ones
    cases, following = await records.cases.search(search, after=None, limit=9)
    assert following is None
    return [one.case.number[-2:] for one in cases]


async def overview(records: Records, number: CaseNumber, **wanted: object) -> FoundCase:
    search = CaseSearch(numbers=frozenset({number}), **wanted)  # type: ignore[arg-type] # as above
    [one], _ = await records.cases.search(search, after=None, limit=9)
    return one


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ((), ["17", "02", "01"]),
        (("17",), ["17"]),
        (("000000",), ["17", "02", "01"]),
        (("acme",), ["17", "01"]),
        (("sound", "acme"), ["17", "01"]),
        (("sound", "hang"), []),
        (("SOUND", "node"), ["01"]),
        (("%",), ["02"]),
        (("_",), ["17"]),
        (("\\",), []),
        (("Söhne",), ["02"]),
        (("'; --",), []),
    ],
)
async def test_each_word_is_in_number_account_or_subject(
    records: Records, words: tuple[str, ...], numbers: list[str]
) -> None:
    await some_cases(records)
    assert await found(records, words=words) == numbers


async def test_an_account_is_spelled_as_it_is(records: Records) -> None:
    await some_cases(records)
    assert await found(records, account="ACME") == ["01"]
    assert await found(records, account="acme") == []


async def test_a_status_and_a_choice_of_numbers_limit_what_is_found(records: Records) -> None:
    await some_cases(records)
    await close_case(records, await records.cases.case(CaseNumber("0000000001")))
    assert await found(records, status=Status.CLOSED) == ["01"]
    assert await found(records, status=Status.OPEN, words=("acme",)) == ["17"]
    assert await found(records, numbers=frozenset({CaseNumber("0000000002")})) == ["02"]
    assert await found(records, numbers=frozenset()) == []


async def test_what_a_case_holds_is_told_of_it(records: Records) -> None:
    case = await open_case(records)
    empty = FoundCase(case=case, files=0, uploads=0, last_arrival_at=None, arrived=None)
    assert await overview(records, NUMBER) == empty
    await open_case(records, OTHER_NUMBER)
    await receive(records, "other", case_number=OTHER_NUMBER)
    await receive(records, "a.log", done=finished(now=after(5)))
    await receive(records, "b.log", done=finished(now=after(9)))
    shared = finished(now=after(20))
    await receive(records, "fix", done=shared, direction=Direction.SHARED_WITH_CUSTOMER)
    await begin(records, "c.log")
    piece = Concatenation(role=Concat.PARTIAL, header="partial")
    await begin(records, "piece", concatenation=piece)
    one = await overview(records, NUMBER)
    assert (one.files, one.uploads, one.last_arrival_at) == (3, 1, after(9))
    assert one.arrived is None
    assert (await overview(records, NUMBER, arrived_since=after(6))).arrived == 1
    assert (await overview(records, NUMBER, arrived_since=after(5))).arrived == 2


async def test_what_has_arrived_since_is_found_the_latest_first(records: Records) -> None:
    await some_cases(records)
    for number, at in (("01", 30), ("01", 10), ("02", 20), ("17", 5)):
        case_number = CaseNumber(f"00000000{number}")
        done = finished(now=after(at))
        await receive(records, f"{at}.log", done=done, case_number=case_number)
    shared = finished(now=after(40))
    await receive(
        records,
        "fix.zip",
        done=shared,
        case_number=CaseNumber("0000000017"),
        direction=Direction.SHARED_WITH_CUSTOMER,
    )
    assert await found(records, arrived_since=after(0)) == ["01", "02", "17"]
    assert await found(records, arrived_since=after(20)) == ["01", "02"]
    assert await found(records, arrived_since=after(31)) == []
    assert await found(records, arrived_since=after(0), words=("hang",)) == ["02"]


async def test_a_file_that_was_removed_has_not_arrived(records: Records) -> None:
    await open_case(records)
    file = await receive(records, "a.log")
    await records.tree.remove_file(file.id, CUSTOMER, after(1))
    assert await found(records, arrived_since=NOW) == []


@pytest.mark.parametrize("since", [None, NOW])
async def test_what_is_found_comes_in_pages(records: Records, since: object) -> None:
    for n in range(5):
        number = f"000000000{n}"
        await a_case(records, number, "s", "a", n // 2)  # two in the same moment
        done = finished(now=after(n // 2))
        await receive(records, "a.log", done=done, case_number=CaseNumber(number))
    wanted = CaseSearch(arrived_since=since)  # type: ignore[arg-type] # either
    seen, following = [], None
    while True:
        page, following = await records.cases.search(wanted, after=following, limit=2)
        seen += [one.case.number[-1] for one in page]
        if following is None:
            break
    assert seen == ["4", "3", "2", "1", "0"]


async def test_no_cursor_but_our_own_leads_anywhere(records: Records) -> None:
    with pytest.raises(InvalidRequestError):
        await records.cases.search(CaseSearch(), after="nonsense", limit=2)
