"""The service as a whole by the API: figures, holds, deletions, storage, sign-ins, sessions."""

from datetime import timedelta

import pytest

from tests.e2e.http.browser import signed_in
from tests.e2e.http.http_room import OTHER_NUMBER, HttpRoom, Parsed
from tests.engine_room import NUMBER
from transfer.core.access import Role
from transfer.core.notices import Notice
from transfer.core.retention import PERIOD

BASE = "/api/v1"
VERSION = Notice().version
WRONG = {"Authorization": "Bearer ctt_wrong"}
PATHS = (
    "/figures",
    "/holds",
    "/deletions",
    "/storage/cases",
    "/storage/accounts",
    "/failed-sign-ins",
    "/warnings",
    f"/warnings/{VERSION}/acknowledgements",
    "/sessions",
)


async def get(room: HttpRoom, path: str, who: str = "admin") -> Parsed:
    answer = await room.ask("GET", BASE + path, who=who)
    assert answer.status == 200, answer
    return answer.json()


@pytest.mark.parametrize("path", PATHS)
async def test_admins_see_it_and_nobody_else(room: HttpRoom, path: str) -> None:
    assert (await room.ask("GET", BASE + path, who="admin")).status == 200
    for who in ("designated", "read-only", "analyst", "stranger"):
        answer = await room.ask("GET", BASE + path, who=who)
        assert (answer.status, answer.code) == (403, "forbidden")
    assert (await room.ask("GET", BASE + path, who=None)).status == 401


@pytest.mark.parametrize("path", ["/holds", "/deletions", "/storage/cases", "/storage/accounts"])
@pytest.mark.parametrize("query", ["after=x", "after=W10=", "after=", "limit=0"])
async def test_what_is_no_page_is_refused(room: HttpRoom, path: str, query: str) -> None:
    answer = await room.ask("GET", f"{BASE}{path}?{query}", who="admin")
    assert (answer.status, answer.code) == (400, "invalid-request")


async def test_the_figures_count_what_there_is(room: HttpRoom) -> None:
    await room.send(b"12345")
    await room.begin(9, "later.log")
    await signed_in(room)
    await room.ask("POST", f"{BASE}/cases/{NUMBER}/hold", who="admin", json={"reason": "legal"})
    assert (await room.ask("GET", f"{BASE}/cases", headers=WRONG, who=None)).status == 401
    assert await get(room, "/figures") == {
        "cases": 2,
        "files": 1,
        "size": 5,
        "unfinished_size": 0,
        "held": 1,
        "due": 0,
        "sessions": 1,
        "tokens": 5,
        "failed_sign_ins": 1,
    }


async def test_what_is_held_is_listed_with_why(room: HttpRoom) -> None:
    await room.send(b"12345")
    await room.ask("POST", f"{BASE}/cases/{NUMBER}/hold", who="admin", json={"reason": "legal"})
    at = room.engine.clock.now().isoformat().replace("+00:00", "Z")
    held = {
        "number": NUMBER,
        "subject": "Contact centre down",
        "account": "Example Ltd",
        "status": "Open",
        "hold": {"reason": "legal", "placed_by": "admin", "placed_at": at},
        "files": 1,
        "size": 5,
        "unfinished_size": 0,
    }
    assert await get(room, "/holds") == {"cases": [held], "next": None}
    assert await get(room, "/storage/cases") == {"cases": [held], "next": None}


async def test_what_will_be_deleted_is_listed_with_when(room: HttpRoom) -> None:
    await room.ask("POST", f"{BASE}/cases/{NUMBER}/close", who="analyst")
    [one] = (await get(room, "/deletions"))["cases"]
    assert one["closed_at"] == "2026-03-02T09:00:00Z"
    assert one["deletion_due_at"] == "2026-04-01T09:00:00Z"
    assert (one["verdict"], one["begun"], one["hold"]) == ("not-due", False, None)
    for until, count in (
        ("2026-04-01T08:59:59Z", 0),
        ("2026-04-01T09:00:00Z", 1),
        ("2026-04-01T11:00:00+02:00", 1),
        ("2026-04-02", 1),
        ("", 1),
    ):
        assert len((await get(room, f"/deletions?until={until}"))["cases"]) == count, until
    room.engine.clock.advance(PERIOD)
    _, room.tokens["admin"] = await room.engine.tokens.issue(
        Role.ADMIN, "admin", None, issued_by="test"
    )
    [one] = (await get(room, "/deletions"))["cases"]
    assert one["verdict"] == "delete"


@pytest.mark.parametrize("until", ["x", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "%00"])
async def test_a_time_that_is_none_is_refused(room: HttpRoom, until: str) -> None:
    answer = await room.ask("GET", f"{BASE}/deletions?until={until}", who="admin")
    assert (answer.status, answer.code) == (400, "invalid-request")


async def test_accounts_are_listed_with_what_they_hold(room: HttpRoom) -> None:
    await room.send(b"12345")
    await room.create(3, "theirs.log", who="stranger", number=OTHER_NUMBER, data=b"abc")
    listed = await get(room, "/storage/accounts")
    assert listed == {
        "accounts": [
            {"account": account, "cases": 1, "files": 1, "size": size, "unfinished_size": 0}
            for account, size in (("Example Ltd", 5), ("Other Ltd", 3))
        ],
        "next": None,
    }


async def test_who_failed_is_listed_and_who_has_to_wait(room: HttpRoom) -> None:
    for _ in range(12):
        await room.ask("GET", f"{BASE}/cases", headers=WRONG, who=None)
    await room.ask("GET", f"{BASE}/cases/{NUMBER}", who="stranger")
    listed = await get(room, "/failed-sign-ins")
    [hidden, last, *_] = listed["failures"]
    assert hidden == {
        "at": "2026-03-02T09:00:00Z",
        "kind": "case",
        "reason": "not-theirs",
        "who": "stranger",
        "subject": hidden["subject"],
        "case": NUMBER,
        "door": "http",
        "address": "127.0.0.1",
        "failures": 1,
    }
    assert (last["kind"], last["reason"], last["failures"]) == ("token", "unknown-or-over", 11)
    assert listed["waiting"] == [
        {
            "kind": "token",
            "source": "127.0.0.1",
            "failures": 11,
            "last_at": "2026-03-02T09:00:00Z",
            "wait_until": "2026-03-02T09:00:01Z",
        }
    ]


async def test_the_warning_is_listed_with_who_has_acknowledged_it(room: HttpRoom) -> None:
    [warning] = (await get(room, "/warnings"))["warnings"]
    assert (warning["version"], warning["text"]) == (VERSION, Notice().text)
    assert (warning["current"], warning["since"]) == (True, "2026-03-02T09:00:00Z")
    listed = await get(room, f"/warnings/{VERSION}/acknowledgements")
    assert warning["acknowledgements"] == len(listed["acknowledgements"]) == 3
    assert {(one["case"], one["person"]) for one in listed["acknowledgements"]} == {
        (NUMBER, "customer"),
        (NUMBER, "designated"),
        (OTHER_NUMBER, "stranger"),
    }
    nothing: Parsed = {"acknowledgements": [], "next": None}
    assert await get(room, "/warnings/none/acknowledgements") == nothing


async def test_a_session_is_found_and_ended(room: HttpRoom) -> None:
    jo = await signed_in(room)
    ada = await signed_in(room, Role.ADMIN, None, "Ada")
    listed = (await ada.ask("GET", f"{BASE}/sessions")).json()
    assert [(one["name"], one["own"]) for one in listed["sessions"]] in (
        [("Jo Smith", False), ("Ada", True)],
        [("Ada", True), ("Jo Smith", False)],
    )
    [found] = (await get(room, f"/sessions?case={NUMBER}"))["sessions"]
    assert found == {
        "id": found["id"],
        "name": "Jo Smith",
        "role": "designated",
        "cases": [NUMBER],
        "subject": "subject of Jo Smith",
        "method": "launch",
        "address": "127.0.0.1",
        "began_at": "2026-03-02T09:00:00Z",
        "seen_at": "2026-03-02T09:00:00Z",
        "expires_at": "2026-03-02T21:00:00Z",
        "own": False,
    }
    assert (await get(room, "/sessions?subject=subject of Ada"))["sessions"][0]["name"] == "Ada"
    assert jo.secret is not None
    assert jo.secret not in str(listed)
    for who, status in (("analyst", 403), ("designated", 403), ("admin", 204)):
        ended = await room.ask("DELETE", f"{BASE}/sessions/{found['id']}", who=who)
        assert ended.status == status
    assert (await jo.ask("GET", f"{BASE}/session")).status == 401
    missing = await room.ask("DELETE", f"{BASE}/sessions/none", who="admin")
    assert (missing.status, missing.code) == (404, "session-not-found")


@pytest.mark.parametrize("case", ["1", "x", "%00"])
async def test_sessions_of_what_is_no_case_are_not_looked_for(room: HttpRoom, case: str) -> None:
    answer = await room.ask("GET", f"{BASE}/sessions?case={case}", who="admin")
    assert (answer.status, answer.code) == (400, "invalid-request")


async def test_an_admin_s_session_that_is_long_unused_is_not_listed(room: HttpRoom) -> None:
    await signed_in(room)
    room.engine.clock.advance(timedelta(hours=1))
    assert (await get(room, "/sessions"))["sessions"] == []
