"""Who may do what: every verb, for every role, and for whom the case doesn't exist."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from tests.e2e.http.http_room import OFFSET_TYPE, TUS, Answer, HttpRoom, Parsed, metadata
from tests.engine_room import ADMIN, NUMBER
from transfer.core.notices import Notice

CASE = f"/api/v1/cases/{NUMBER}"
CREATION = {**TUS, "Upload-Length": "3", "Upload-Metadata": metadata(filename="new.log")}
APPEND = {**TUS, **OFFSET_TYPE, "Upload-Offset": "0"}
RUFH = {"Upload-Complete": "?1"}
RUFH_APPEND = {**RUFH, "Content-Type": "application/partial-upload", "Upload-Offset": "0"}
SHA256_OF_ABC = {"sha256": hashlib.sha256(b"abc").hexdigest()}
VERSION = {"version": Notice().version}
CLOSING = {"reason": "No longer needed", "comment": "We have moved on."}
EVERYBODY = frozenset({"designated", "read-only", "analyst", "admin"})
STAFF = frozenset({"analyst", "admin"})
SENDERS = EVERYBODY - {"read-only"}
FROM_CUSTOMER = frozenset({"designated"})
REFUSED = 403


@dataclass(frozen=True, kw_only=True)
class Verb:
    """A request, and who may make it; `{upload}` and so on are filled in with what is there.

    `status` is what those who may are answered while the case is open; `closed`, once it is closed,
    if that is another one: 403 then says so.
    """

    method: str
    path: str
    allowed: frozenset[str]
    status: int = 200
    closed: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    data: bytes | None = None
    json: Parsed = None
    endless: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def seen(method: str, path: str, **more: Any) -> Verb:  # noqa: ANN401 - the rest of a verb
    """Return a verb that is everybody's, whether the case is open or closed."""
    return Verb(method=method, path=path, allowed=EVERYBODY, **more)


def sent(method: str, path: str, allowed: frozenset[str], status: int, **more: Any) -> Verb:  # noqa: ANN401 - the rest of a verb
    """Return a verb that a closed case refuses."""
    return Verb(method=method, path=path, allowed=allowed, status=status, closed=REFUSED, **more)


VERBS = [
    seen("GET", CASE),
    seen("GET", f"{CASE}/files"),
    seen("GET", f"{CASE}/updates"),
    Verb(method="GET", path=f"{CASE}/timeline", allowed=STAFF),
    seen("GET", f"{CASE}/archive"),
    seen("GET", f"{CASE}/receipts"),
    seen("GET", f"{CASE}/deletion-receipts"),
    seen("GET", f"{CASE}/events", endless=True),
    sent("POST", f"{CASE}/uploads", SENDERS, 201, headers=CREATION),
    sent("POST", f"{CASE}/uploads", SENDERS, 201, headers={**CREATION, **OFFSET_TYPE}, data=b"abc"),
    sent("POST", f"{CASE}/uploads", SENDERS, 201, headers=RUFH, data=b"abc"),
    seen("HEAD", "{upload}", headers=TUS),
    seen("HEAD", "{received}", headers=TUS),
    seen("HEAD", "{received}", status=204),
    sent("PATCH", "{upload}", FROM_CUSTOMER, 204, headers=APPEND, data=b"abc"),
    sent("PATCH", "{upload}", FROM_CUSTOMER, 201, headers=RUFH_APPEND, data=b"abc"),
    sent("PATCH", "{sharing}", STAFF, 204, headers=APPEND, data=b"abc"),
    sent(
        "PATCH",
        "{deferred}",
        FROM_CUSTOMER,
        204,
        headers={**APPEND, "Upload-Length": "3"},
        data=b"abc",
    ),
    sent("DELETE", "{upload}", FROM_CUSTOMER, 204, headers=TUS),
    sent("DELETE", "{upload}", FROM_CUSTOMER, 204),
    sent("DELETE", "{sharing}", STAFF, 204, headers=TUS),
    sent("PUT", "{upload}/digest", FROM_CUSTOMER, 200, json=SHA256_OF_ABC),
    sent("PUT", "{received}/digest", FROM_CUSTOMER, 200, json=SHA256_OF_ABC),
    seen("GET", "{received}/receipt"),
    seen("GET", "{file}/receipt"),
    seen("GET", "{file}/content"),
    seen("HEAD", "{file}/content"),
    seen("GET", "{file}/content", status=206, headers={"Range": "bytes=0-0"}),
    seen("GET", "{shared}/content"),
    seen("GET", "{file}/preview"),
    seen("GET", "{file}/search?find=b"),
    sent("DELETE", "{file}", FROM_CUSTOMER, 204),
    sent("DELETE", "{shared}", STAFF, 204),
    seen("GET", f"{CASE}/acknowledgement"),
    sent("POST", f"{CASE}/acknowledgement", EVERYBODY, 200, json=VERSION),
    sent("POST", f"{CASE}/sftp-accounts", STAFF, 201),
    Verb(method="GET", path=f"{CASE}/sftp-accounts", allowed=SENDERS),
    Verb(method="GET", path="{account}", allowed=SENDERS, closed=404),
    Verb(method="DELETE", path="{account}", allowed=STAFF, status=204),
    sent("POST", "{account}/reissue", STAFF, 200),
    Verb(
        method="POST",
        path=f"{CASE}/status",
        allowed=STAFF,
        closed=409,
        json={"status": "Solution Proposed"},
    ),
    Verb(method="POST", path=f"{CASE}/close", allowed=SENDERS, closed=409, json=CLOSING),
    Verb(
        method="POST",
        path=f"{CASE}/reopen",
        allowed=SENDERS,
        status=409,
        closed=200,
        json={"information": "It happened again."},
    ),
    Verb(
        method="POST", path=f"{CASE}/priority", allowed=STAFF, closed=409, json={"priority": "Low"}
    ),
    Verb(
        method="POST",
        path=f"{CASE}/updates",
        allowed=SENDERS,
        closed=409,
        json={"text": "A word."},
    ),
    Verb(method="POST", path=f"{CASE}/hold", allowed=frozenset({"admin"}), json={"reason": "r"}),
    Verb(method="POST", path=f"{CASE}/unhold", allowed=frozenset({"admin"}), status=409),
]


@pytest.fixture(params=["open", "closed"])
def state(request: pytest.FixtureRequest) -> str:
    """Whether the case is open or closed when the verb comes."""
    return str(request.param)


async def things(room: HttpRoom, verb: Verb, state: str = "open") -> dict[str, str]:
    """Put what the verb is about into the case, and leave it in `state`."""
    makers: dict[str, Callable[[], Awaitable[str]]] = {
        "upload": lambda: room.begin(3, "upload.log"),
        "deferred": lambda: room.begin(None, "deferred.log"),
        "sharing": lambda: room.begin(3, "sharing.log", who="analyst"),
        "received": lambda: _received(room),
        "file": lambda: _file(room, "designated"),
        "shared": lambda: _file(room, "analyst"),
        "account": lambda: _account(room),
    }
    there = {name: await make() for name, make in makers.items() if f"{{{name}}}" in verb.path}
    if state == "closed":
        await room.ask("POST", f"{CASE}/close", who="analyst")
    return there


async def _received(room: HttpRoom) -> str:
    return (await room.create(3, "received.log", data=b"abc")).headers["Location"]


async def _file(room: HttpRoom, who: str) -> str:
    return f"/api/v1/files/{(await room.send(b'abc', 'file.log', who=who))['id']}"


async def _account(room: HttpRoom) -> str:
    account = (await room.ask("POST", f"{CASE}/sftp-accounts", who="analyst")).json()
    return f"{CASE}/sftp-accounts/{account['id']}"


async def attempt(room: HttpRoom, verb: Verb, there: dict[str, str], who: str | None) -> Answer:
    return await room.ask(
        verb.method,
        verb.path.format(**there),
        who=who,
        headers=verb.headers,
        data=verb.data,
        json=verb.json,
        endless=verb.endless,
    )


async def state_of(room: HttpRoom) -> Parsed:
    listing = await room.listing()
    case = (await room.ask("GET", CASE, who="analyst")).json()
    accounts = (await room.ask("GET", f"{CASE}/sftp-accounts", who="analyst")).json()
    return listing, case, accounts


@pytest.mark.parametrize("verb", VERBS, ids=str)
async def test_only_those_who_may_do_it(room: HttpRoom, verb: Verb, state: str) -> None:
    there = await things(room, verb, state)
    before = await state_of(room)
    for who in sorted(EVERYBODY - verb.allowed):
        answer = await attempt(room, verb, there, who)
        assert answer.status == 403, f"{who}: {answer}"
        if verb.method != "HEAD":
            # Both may be the reason, where the role would do and the side of the case doesn't.
            reasons = ("forbidden", "case-closed") if state == "closed" else ("forbidden",)
            assert answer.code in reasons
    assert await state_of(room) == before


@pytest.mark.parametrize("verb", VERBS, ids=str)
async def test_those_who_may_do_it_can(room: HttpRoom, verb: Verb) -> None:
    for who in sorted(verb.allowed):
        answer = await attempt(room, verb, await things(room, verb), who)
        assert answer.status == verb.status, f"{who}: {answer}"
        await room.ask("POST", f"{CASE}/reopen", who="analyst")
        await room.ask("POST", f"{CASE}/unhold", who="admin")


@pytest.mark.parametrize("verb", VERBS, ids=str)
async def test_a_closed_case_is_seen_and_takes_nothing(room: HttpRoom, verb: Verb) -> None:
    for who in sorted(verb.allowed):
        there = await things(room, verb, "closed")
        before = await state_of(room)
        answer = await attempt(room, verb, there, who)
        assert answer.status == (verb.closed or verb.status), f"{who}: {answer}"
        if verb.closed == REFUSED:
            assert answer.code == "case-closed"
            assert await state_of(room) == before
        await room.ask("POST", f"{CASE}/unhold", who="admin")
        await room.ask("POST", f"{CASE}/reopen", who="analyst")


@pytest.mark.parametrize("verb", VERBS, ids=str)
async def test_another_case_s_customer_finds_nothing(
    room: HttpRoom, verb: Verb, state: str
) -> None:
    there = await things(room, verb, state)
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


async def test_every_route_of_a_case_and_what_it_holds_is_among_the_verbs(room: HttpRoom) -> None:
    names = {
        CASE: "/api/v1/cases/{number}",
        "{upload}": "/api/v1/uploads/{id}",
        "{received}": "/api/v1/uploads/{id}",
        "{file}": "/api/v1/files/{id}",
        "{account}": "/api/v1/cases/{number}/sftp-accounts/{id}",
    }
    tried = set()
    for verb in VERBS:
        head, slash, tail = verb.path.partition("?")[0].removeprefix(CASE).partition("/")
        path = CASE + head if verb.path.startswith(CASE) else head
        tried.add((verb.method, names.get(path, path) + slash + tail))
    routes = {
        (route.method, route.resource.canonical)
        for route in room.server._runner.app.router.routes()
        if route.resource is not None and route.method not in ("HEAD", "*")
    }
    of_cases = ("/api/v1/cases/{number}", "/api/v1/uploads/{id}", "/api/v1/files/{id}")
    assert {one for one in routes if one[1].startswith(of_cases)} <= tried


@pytest.mark.parametrize("verb", VERBS, ids=str)
async def test_without_a_good_token_there_is_nothing(room: HttpRoom, verb: Verb) -> None:
    there = await things(room, verb)
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
    tokens, _ = await room.engine.tokens.page(ADMIN)
    (token,) = [one for one in tokens if one.name == "analyst"]
    await room.engine.tokens.revoke(ADMIN, token.id)
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
