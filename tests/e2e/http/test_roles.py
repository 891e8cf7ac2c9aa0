"""Who may do what: every verb, for every role, and for whom the case doesn't exist."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from tests.e2e.http.http_room import OFFSET_TYPE, TUS, Answer, HttpRoom, Parsed, metadata
from tests.engine_room import NUMBER

CASE = f"/api/v1/cases/{NUMBER}"
CREATION = {**TUS, "Upload-Length": "3", "Upload-Metadata": metadata(filename="new.log")}
APPEND = {**TUS, **OFFSET_TYPE, "Upload-Offset": "0"}
EVERYBODY = frozenset({"designated", "read-only", "analyst", "admin"})
STAFF = frozenset({"analyst", "admin"})
FROM_CUSTOMER = frozenset({"designated"})


@dataclass(frozen=True, kw_only=True)
class Verb:
    """A request, and who may make it; `{upload}` and so on are filled in with what is there."""

    method: str
    path: str
    allowed: frozenset[str]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    data: bytes | None = None
    json: Parsed = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


VERBS = [
    Verb(method="GET", path=CASE, allowed=EVERYBODY),
    Verb(method="GET", path=f"{CASE}/files", allowed=EVERYBODY),
    Verb(method="GET", path=f"{CASE}/updates", allowed=EVERYBODY),
    Verb(
        method="POST",
        path=f"{CASE}/uploads",
        allowed=EVERYBODY - {"read-only"},
        status=201,
        headers=CREATION,
    ),
    Verb(
        method="POST",
        path=f"{CASE}/uploads",
        allowed=EVERYBODY - {"read-only"},
        status=201,
        headers={**CREATION, **OFFSET_TYPE},
        data=b"abc",
    ),
    Verb(method="HEAD", path="{upload}", allowed=EVERYBODY, headers=TUS),
    Verb(
        method="PATCH",
        path="{upload}",
        allowed=FROM_CUSTOMER,
        status=204,
        headers=APPEND,
        data=b"abc",
    ),
    Verb(
        method="PATCH",
        path="{deferred}",
        allowed=FROM_CUSTOMER,
        status=204,
        headers={**APPEND, "Upload-Length": "3"},
        data=b"abc",
    ),
    Verb(method="DELETE", path="{upload}", allowed=FROM_CUSTOMER, status=204, headers=TUS),
    Verb(method="GET", path="{file}/content", allowed=EVERYBODY),
    Verb(method="HEAD", path="{file}/content", allowed=EVERYBODY),
    Verb(
        method="GET",
        path="{file}/content",
        allowed=EVERYBODY,
        status=206,
        headers={"Range": "bytes=0-0"},
    ),
    Verb(method="DELETE", path="{file}", allowed=FROM_CUSTOMER, status=204),
    Verb(method="POST", path=f"{CASE}/sftp-accounts", allowed=STAFF, status=201),
    Verb(method="GET", path=f"{CASE}/sftp-accounts", allowed=EVERYBODY - {"read-only"}),
    Verb(method="GET", path="{account}", allowed=EVERYBODY - {"read-only"}),
    Verb(method="DELETE", path="{account}", allowed=STAFF, status=204),
    Verb(
        method="POST",
        path=f"{CASE}/status",
        allowed=STAFF,
        json={"status": "Solution Proposed"},
    ),
    Verb(method="POST", path=f"{CASE}/close", allowed=STAFF),
    Verb(method="POST", path=f"{CASE}/hold", allowed=frozenset({"admin"}), json={"reason": "r"}),
]


async def things(room: HttpRoom) -> dict[str, str]:
    """Put something of each kind into the case."""
    file = await room.send(b"content", "file.log")
    account = (await room.ask("POST", f"{CASE}/sftp-accounts", who="analyst")).json()
    return {
        "upload": await room.begin(3, "upload.log"),
        "deferred": await room.begin(None, "deferred.log"),
        "file": f"/api/v1/files/{file['id']}",
        "account": f"{CASE}/sftp-accounts/{account['id']}",
    }


async def attempt(room: HttpRoom, verb: Verb, there: dict[str, str], who: str | None) -> Answer:
    return await room.ask(
        verb.method,
        verb.path.format(**there),
        who=who,
        headers=verb.headers,
        data=verb.data,
        json=verb.json,
    )


async def state_of(room: HttpRoom) -> Parsed:
    listing = await room.listing()
    case = (await room.ask("GET", CASE, who="analyst")).json()
    accounts = (await room.ask("GET", f"{CASE}/sftp-accounts", who="analyst")).json()
    return listing, case, accounts


@pytest.mark.parametrize("verb", VERBS, ids=str)
async def test_only_those_who_may_do_it(room: HttpRoom, verb: Verb) -> None:
    there = await things(room)
    before = await state_of(room)
    for who in sorted(EVERYBODY - verb.allowed):
        answer = await attempt(room, verb, there, who)
        assert answer.status == 403, f"{who}: {answer}"
        if verb.method != "HEAD":
            assert answer.code == "forbidden"
    assert await state_of(room) == before


@pytest.mark.parametrize("verb", VERBS, ids=str)
async def test_those_who_may_do_it_can(room: HttpRoom, verb: Verb) -> None:
    for who in sorted(verb.allowed):
        answer = await attempt(room, verb, await things(room), who)
        assert answer.status == verb.status, f"{who}: {answer}"
        await room.ask("POST", f"{CASE}/reopen", who="analyst")
        await room.ask("POST", f"{CASE}/unhold", who="admin")


@pytest.mark.parametrize("verb", VERBS, ids=str)
async def test_another_case_s_customer_finds_nothing(room: HttpRoom, verb: Verb) -> None:
    there = await things(room)
    before = await state_of(room)
    answer = await attempt(room, verb, there, "stranger")
    assert answer.status == 404
    nowhere = {name: path[:-4] + "beef" for name, path in there.items()}
    if "{" in verb.path and "account" not in verb.path:
        missing = await attempt(room, verb, nowhere, "designated")
        assert missing.status == 404
        if verb.method != "HEAD":
            assert answer.code == missing.code
            assert answer.json()["detail"] == missing.json()["detail"]
    assert await state_of(room) == before


@pytest.mark.parametrize("verb", VERBS, ids=str)
async def test_without_a_good_token_there_is_nothing(room: HttpRoom, verb: Verb) -> None:
    there = await things(room)
    before = await state_of(room)
    for authorization in (
        None,
        "",
        "Bearer",
        "Bearer wrong",
        "Basic dXNlcjpwYXNz",
        room.tokens["admin"],
    ):
        told = {} if authorization is None else {"Authorization": authorization}
        answer = await room.ask(
            verb.method,
            verb.path.format(**there),
            who=None,
            headers={**verb.headers, **told},
            data=verb.data,
            json=verb.json,
        )
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert await state_of(room) == before


async def test_a_token_that_has_expired_or_was_revoked_is_none(room: HttpRoom) -> None:
    (token,) = [one for one in await room.engine.tokens.tokens() if one.name == "analyst"]
    await room.engine.tokens.revoke(token.id, revoked_by="test")
    answer = await room.ask("GET", CASE, who="analyst")
    assert (answer.status, answer.code) == (401, "not-signed-in")
    room.engine.clock.advance(timedelta(days=30))
    assert (await room.ask("GET", CASE, who="admin")).status == 401


async def test_a_case_that_is_not_there_is_missing_for_staff_as_well(room: HttpRoom) -> None:
    for path in ("", "/files", "/updates", "/sftp-accounts"):
        answer = await room.ask("GET", f"/api/v1/cases/0000000404{path}", who="analyst")
        assert (answer.status, answer.code) == (404, "case-not-found")


async def test_a_path_that_is_not_there_is_missing(room: HttpRoom) -> None:
    answer = await room.ask("GET", "/api/v2/cases", who=None)
    assert (answer.status, answer.code) == (404, "not-found")
    wrong = await room.ask("PUT", f"{CASE}/files", who=None)
    assert (wrong.status, wrong.code) == (405, "method-not-allowed")
    assert "GET" in wrong.headers["Allow"]
