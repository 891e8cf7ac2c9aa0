"""Cases found over the API: by words, account, status, and by what has arrived."""

from datetime import timedelta

import pytest

from tests.e2e.http.http_room import OTHER_NUMBER, HttpRoom
from tests.engine_room import NUMBER

CASES = "/api/v1/cases"


async def found(room: HttpRoom, query: str, who: str = "analyst") -> list[str]:
    answer = await room.ask("GET", f"{CASES}{query}", who=who)
    assert answer.status == 200, answer
    return [case["number"] for case in answer.json()["cases"]]


async def test_a_case_in_the_list_tells_what_it_holds(room: HttpRoom) -> None:
    await room.send(b"abc")
    await room.begin(10, "big.log")
    answer = await room.ask("GET", f"{CASES}?q={NUMBER}", who="analyst")
    assert answer.json()["cases"] == [
        {
            "number": NUMBER,
            "status": "Open",
            "substatus": "New",
            "subject": "Contact centre down",
            "account": "Example Ltd",
            "opened_at": "2026-03-02T09:00:00Z",
            "closed_at": None,
            "deletion_due_at": None,
            "priority": "Medium",
            "close_reason": None,
            "waiting_since": None,
            "files": 1,
            "uploads": 1,
            "last_arrival_at": "2026-03-02T09:00:01Z",
            "arrived": None,
        }
    ]


async def test_cases_are_found_by_words_account_and_status(room: HttpRoom) -> None:
    assert await found(room, "?q=centre+example") == [NUMBER]
    assert await found(room, "?q=9999") == [OTHER_NUMBER]
    assert await found(room, "?q=nothing+of+this") == []
    assert await found(room, "?account=Other+Ltd") == [OTHER_NUMBER]
    assert await found(room, "?status=OPEN&q=&account=&arrived_since=") == [OTHER_NUMBER, NUMBER]
    assert await found(room, "?status=closed") == []
    assert await found(room, "?q=centre", who="stranger") == []


async def test_cases_are_found_by_what_has_arrived(room: HttpRoom) -> None:
    await room.send(b"abc")
    room.engine.clock.advance(timedelta(hours=1))
    assert await found(room, "?arrived_since=2026-03-02T09:00:01Z") == [NUMBER]
    assert await found(room, "?arrived_since=2026-03-02T10:00:01%2B01:00") == [NUMBER]
    assert await found(room, "?arrived_since=2026-03-02T10:00:01+01:00") == [NUMBER]
    assert await found(room, "?arrived_since=2026-03-02T09:00:02Z") == []
    await room.send(b"abc", "fix.zip", who="analyst")
    assert await found(room, "?arrived_since=2026-03-02T09:00:02Z") == []


@pytest.mark.parametrize(
    "query",
    [
        "q=%00",
        f"q={'x' * 201}",
        f"q={'a+' * 9}",
        "account=%00",
        "status=lost",
        "arrived_since=yesterday",
        "arrived_since=2026-03-02T09:00:00",
        "arrived_since=0001-01-01T00:00:00Z",
    ],
)
async def test_what_nothing_can_be_found_by_is_refused(room: HttpRoom, query: str) -> None:
    answer = await room.ask("GET", f"{CASES}?{query}", who="analyst")
    assert (answer.status, answer.code) == (400, "invalid-request")
