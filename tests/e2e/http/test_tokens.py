"""Bearer tokens by the API: issued, listed, shown, revoked; and what a limited one opens."""

from datetime import timedelta

import pytest

from tests.e2e.http.http_room import OTHER_NUMBER, TUS, HttpRoom, Parsed, metadata
from tests.engine_room import NUMBER

TOKENS = "/api/v1/tokens"
CASE = f"/api/v1/cases/{NUMBER}"


async def issue(room: HttpRoom, **wanted: Parsed) -> Parsed:
    """Issue a token as the admin, and let `who=wanted["name"]` be whom it is of."""
    asked = {"role": "designated", "name": "jo", "cases": [NUMBER], **wanted}
    answer = await room.ask("POST", TOKENS, who="admin", json=asked)
    assert answer.status == 201, answer.body
    issued = answer.json()
    assert answer.headers["Location"] == f"{TOKENS}/{issued['id']}"
    assert answer.headers["Cache-Control"] == "no-store"
    room.tokens[issued["name"]] = issued["token"]
    return issued


async def test_a_token_is_issued_and_its_secret_never_shown_again(room: HttpRoom) -> None:
    issued = await issue(room, actions=["upload"], lifetime_seconds=3600)
    secret = issued.pop("token")
    assert issued == {
        "id": issued["id"],
        "name": "jo",
        "role": "designated",
        "cases": [NUMBER],
        "actions": ["see", "upload"],
        "issued_by": "admin",
        "issued_at": "2026-03-02T09:00:00Z",
        "expires_at": "2026-03-02T10:00:00Z",
        "last_used_at": None,
        "revoked_at": None,
        "active": True,
    }
    shown = await room.ask("GET", f"{TOKENS}/{issued['id']}", who="admin")
    assert shown.json() == issued
    listed = await room.ask("GET", TOKENS, who="admin")
    assert issued in listed.json()["tokens"]
    assert secret.encode() not in shown.body + listed.body


async def test_a_limited_token_does_what_it_is_for_and_nothing_else(room: HttpRoom) -> None:
    file = await room.send(b"content", "file.log", who="designated")
    await issue(room, actions=["upload"])
    warning = (await room.ask("GET", f"{CASE}/acknowledgement", who="jo")).json()
    read = {"version": warning["version"]}
    assert (await room.ask("POST", f"{CASE}/acknowledgement", who="jo", json=read)).status == 200
    location = await room.begin(3, "new.log", who="jo")
    assert (await room.head(location, who="jo")).status == 200
    assert (await room.patch(location, 0, b"abc", who="jo")).status == 204
    refused = await room.ask("GET", f"/api/v1/files/{file['id']}/content", who="jo")
    assert (refused.status, refused.code) == (403, "forbidden")
    assert (await room.ask("DELETE", f"/api/v1/files/{file['id']}", who="jo")).status == 403
    case = (await room.ask("GET", CASE, who="jo")).json()
    assert case["may"] == ["see", "upload"]


async def test_a_token_for_downloads_sends_nothing(room: HttpRoom) -> None:
    file = await room.send(b"content", "file.log")
    await issue(room, actions=["download"])
    content = await room.ask("GET", f"/api/v1/files/{file['id']}/content", who="jo")
    assert content.body == b"content"
    refused = await room.create(3, who="jo")
    assert (refused.status, refused.code) == (403, "forbidden")
    assert (await room.uploads()) == []


async def test_a_token_for_several_cases_opens_these_alone(room: HttpRoom) -> None:
    third = await room.engine.core.open("A third", "Third Ltd", "analyst")
    await issue(room, cases=[NUMBER, OTHER_NUMBER])
    cases = (await room.ask("GET", "/api/v1/cases", who="jo")).json()["cases"]
    assert {case["number"] for case in cases} == {NUMBER, OTHER_NUMBER}
    for number, status in ((NUMBER, 200), (OTHER_NUMBER, 200), (third.number, 404)):
        assert (await room.ask("GET", f"/api/v1/cases/{number}", who="jo")).status == status


async def test_a_token_that_manages_tokens_alone_sees_no_case(room: HttpRoom) -> None:
    await issue(room, role="admin", cases=None, actions=["manage-tokens"])
    assert (await room.ask("GET", "/api/v1/cases", who="jo")).json() == {"cases": [], "next": None}
    assert (await room.ask("GET", CASE, who="jo")).status == 403
    opened = await room.ask(
        "POST", "/api/v1/cases", who="jo", json={"subject": "s", "account": "a"}
    )
    assert opened.status == 403
    wider = {"role": "admin", "name": "wider"}
    assert (await room.ask("POST", TOKENS, who="jo", json=wider)).status == 403
    same = {**wider, "actions": ["manage-tokens"]}
    assert (await room.ask("POST", TOKENS, who="jo", json=same)).status == 201


async def test_only_admins_issue_tokens(room: HttpRoom) -> None:
    before = (await room.ask("GET", TOKENS, who="admin")).json()
    wanted = {"role": "read-only", "name": "jo", "cases": [NUMBER]}
    for who in ("designated", "read-only", "analyst", "stranger"):
        answer = await room.ask("POST", TOKENS, who=who, json=wanted)
        assert (answer.status, answer.code) == (403, "forbidden")
    assert (await room.ask("POST", TOKENS, who=None, json=wanted)).status == 401
    after = (await room.ask("GET", TOKENS, who="admin")).json()
    assert [one["id"] for one in after["tokens"]] == [one["id"] for one in before["tokens"]]


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"role": "king", "name": "jo"},
        {"role": "analyst"},
        {"role": "analyst", "name": ""},
        {"role": "analyst", "name": "a\u0007b"},
        {"role": "analyst", "name": "x" * 501},
        {"role": "analyst", "name": "jo", "secret": "mine"},
        {"role": "analyst", "name": "jo", "actions": []},
        {"role": "analyst", "name": "jo", "actions": ["fly"]},
        {"role": "analyst", "name": "jo", "actions": ["manage-tokens"]},
        {"role": "designated", "name": "jo"},
        {"role": "designated", "name": "jo", "cases": []},
        {"role": "designated", "name": "jo", "cases": ["12"]},
        {"role": "designated", "name": "jo", "cases": NUMBER},
        {"role": "analyst", "name": "jo", "lifetime_seconds": 0},
        {"role": "analyst", "name": "jo", "lifetime_seconds": -1},
        {"role": "analyst", "name": "jo", "lifetime_seconds": "3600"},
        {"role": "analyst", "name": "jo", "lifetime_seconds": 90 * 86400 + 1},
        {"role": "analyst", "name": "jo", "lifetime_seconds": 2**63},
        [],
    ],
    ids=str,
)
async def test_a_token_that_makes_no_sense_is_not_issued(room: HttpRoom, wanted: Parsed) -> None:
    before = (await room.ask("GET", TOKENS, who="admin")).json()
    answer = await room.ask("POST", TOKENS, who="admin", json=wanted)
    assert (answer.status, answer.code) == (400, "invalid-request"), answer
    assert (await room.ask("GET", TOKENS, who="admin")).json() == before


async def test_a_token_for_a_case_that_is_not_there_is_not_issued(room: HttpRoom) -> None:
    wanted = {"role": "designated", "name": "jo", "cases": ["0000000404"]}
    answer = await room.ask("POST", TOKENS, who="admin", json=wanted)
    assert (answer.status, answer.code) == (404, "case-not-found")


async def test_a_revoked_token_opens_nothing_from_the_next_request_on(room: HttpRoom) -> None:
    issued = await issue(room)
    assert (await room.ask("GET", CASE, who="jo")).status == 200
    for _ in range(2):  # the second time changes nothing
        revoked = await room.ask("DELETE", f"{TOKENS}/{issued['id']}", who="admin")
        assert (revoked.status, revoked.body) == (204, b"")
    answer = await room.ask("GET", CASE, who="jo")
    assert (answer.status, answer.code) == (401, "not-signed-in")
    shown = (await room.ask("GET", f"{TOKENS}/{issued['id']}", who="admin")).json()
    assert (shown["revoked_at"], shown["active"]) == ("2026-03-02T09:00:00Z", False)
    assert shown["last_used_at"] == "2026-03-02T09:00:00Z"


async def test_an_expired_token_is_listed_as_such(room: HttpRoom) -> None:
    issued = await issue(room, lifetime_seconds=60)
    room.engine.clock.advance(timedelta(seconds=60))
    assert (await room.ask("GET", CASE, who="jo")).status == 401
    assert (await room.ask("GET", f"{TOKENS}/{issued['id']}", who="admin")).json()[
        "active"
    ] is False


async def test_others_see_and_revoke_the_token_that_they_came_with_and_no_other(
    room: HttpRoom,
) -> None:
    mine, other = await issue(room), await issue(room, name="al")
    listed = (await room.ask("GET", TOKENS, who="jo")).json()
    assert ([one["id"] for one in listed["tokens"]], listed["next"]) == ([mine["id"]], None)
    assert (await room.ask("GET", f"{TOKENS}/{mine['id']}", who="jo")).status == 200
    for method in ("GET", "DELETE"):
        answer = await room.ask(method, f"{TOKENS}/{other['id']}", who="jo")
        missing = await room.ask(method, f"{TOKENS}/{'0' * 32}", who="jo")
        assert (answer.status, answer.code) == (404, "token-not-found")
        assert answer.json()["detail"] == missing.json()["detail"]
    assert (await room.ask("DELETE", f"{TOKENS}/{mine['id']}", who="jo")).status == 204
    assert (await room.ask("GET", TOKENS, who="jo")).status == 401
    assert (await room.ask("GET", TOKENS, who="al")).status == 200


async def test_tokens_are_listed_page_by_page(room: HttpRoom) -> None:
    for name in "abc":
        room.engine.clock.advance(1)
        await issue(room, name=name)
    names: list[str] = []
    after = ""
    while True:
        page = (await room.ask("GET", f"{TOKENS}?limit=3{after}", who="admin")).json()
        names += [one["name"] for one in page["tokens"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert names[:3] == ["c", "b", "a"]
    assert len(names) == len(set(names)) == 3 + 5


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "limit=-1", "after=nonsense", "after=%00"]
)
async def test_a_page_that_makes_no_sense_is_refused(room: HttpRoom, query: str) -> None:
    answer = await room.ask("GET", f"{TOKENS}?{query}", who="admin")
    assert (answer.status, answer.code) == (400, "invalid-request")


async def test_an_upload_begun_with_a_token_is_not_continued_with_a_narrower_one(
    room: HttpRoom,
) -> None:
    location = await room.begin(3, "trace.log")
    await issue(room, actions=["see"])
    answer = await room.patch(location, 0, b"abc", who="jo")
    assert (answer.status, answer.code) == (403, "forbidden")
    created = await room.ask(
        "POST",
        f"{CASE}/uploads",
        who="jo",
        headers={**TUS, "Upload-Length": "3", "Upload-Metadata": metadata(filename="x")},
    )
    assert created.status == 403
    assert await room.offset(location) == 0
