"""Every list comes in pages of the same shape, by the same two parameters."""

import pytest

from tests.e2e.http.browser import signed_in
from tests.e2e.http.http_room import HttpRoom
from tests.engine_room import NUMBER
from transfer.core.access import Role
from transfer.core.notices import Notice

CASE = f"/api/v1/cases/{NUMBER}"
LISTS = {
    "cases": "/api/v1/cases",
    "updates": f"{CASE}/updates",
    "entries": f"{CASE}/timeline",
    "files": f"{CASE}/files",
    "receipts": f"{CASE}/receipts",
    "accounts": f"{CASE}/sftp-accounts",
    "tokens": "/api/v1/tokens",
    "sessions": "/api/v1/sessions",
    "failures": "/api/v1/failed-sign-ins",
    "acknowledgements": f"/api/v1/warnings/{Notice().version}/acknowledgements",
}


async def fill(room: HttpRoom) -> None:
    for n in range(3):
        await room.send(b"abc", f"{n}.log")
        await room.ask("POST", LISTS["accounts"], who="analyst")
        await room.ask("POST", f"{CASE}/hold", who="admin", json={"reason": "r"})
        await room.ask("POST", f"{CASE}/unhold", who="admin")
        await signed_in(room, Role.READ_ONLY)
        await room.ask("GET", CASE, who=None, headers={"Authorization": "Bearer ctt_wrong"})
        await room.ask(
            "POST", "/api/v1/cases", who="analyst", json={"subject": "s", "account": "a"}
        )


@pytest.mark.parametrize("name", LISTS)
async def test_pages_together_are_the_list(room: HttpRoom, name: str) -> None:
    await fill(room)
    whole = (await room.ask("GET", LISTS[name], who="admin")).json()
    assert whole["next"] is None
    assert len(whole[name]) >= 3
    pages, after = [], ""
    while True:
        page = (await room.ask("GET", f"{LISTS[name]}?limit=2{after}", who="admin")).json()
        assert 1 <= len(page[name]) <= 2
        pages += page[name]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert pages == whole[name]


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=x",
        "limit=",
        "limit=1e2",
        "limit=%D9%A3",
        "after=",
        "after=x",
        "after=W10=",
        "after=%00",
        f"after={'x' * 501}",
    ],
)
async def test_what_is_no_page_is_refused(room: HttpRoom, name: str, query: str) -> None:
    answer = await room.ask("GET", f"{LISTS[name]}?{query}", who="admin")
    assert (answer.status, answer.code) == (400, "invalid-request")


async def test_a_customer_s_list_of_cases_has_theirs_alone(room: HttpRoom) -> None:
    await fill(room)
    listed = (await room.ask("GET", "/api/v1/cases?limit=1")).json()
    assert [case["number"] for case in listed["cases"]] == [NUMBER]
    assert listed["next"] is None
