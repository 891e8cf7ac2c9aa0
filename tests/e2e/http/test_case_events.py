"""POST /api/v1/case-events: who gets in by a signature, and what is answered."""

import base64
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.e2e.http.http_room import HttpRoom, http_room
from tests.engine_room import NUMBER, EngineRoom
from transfer.casebridge.inbox import SignedInbox
from transfer.casebridge.signatures import SigningKeys
from transfer.ports import CaseInbox

PATH = "/api/v1/case-events"
OLD, NEW, OTHER = (
    SigningKeys([f"whsec_{base64.b64encode(letter * 32).decode()}"])
    for letter in (b"o", b"n", b"x")
)
BOTH = SigningKeys([f"whsec_{base64.b64encode(letter * 32).decode()}" for letter in (b"n", b"o")])
EVENT = {
    "specversion": "1.0",
    "id": "e1",
    "source": "urn:cases",
    "type": "case.closed",
    "subject": NUMBER,
    "data": {"version": 2},
}
JSON = {"Content-Type": "application/cloudevents+json"}


def an_inbox(room: EngineRoom) -> CaseInbox:
    return SignedInbox(records=room.records, keys=BOTH, clock=room.clock, wake=lambda: None)


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[HttpRoom]:
    async with http_room(tmp_path, inbox=an_inbox) as room:
        yield room


def signed(room: HttpRoom, keys: SigningKeys, name: str = "m1", body: str = "") -> dict[str, str]:
    return {**JSON, **keys.sign(name, body or json.dumps(EVENT), room.engine.clock.now())}


async def send(room: HttpRoom, headers: dict[str, str], body: bytes | None = None) -> int:
    data = json.dumps(EVENT).encode() if body is None else body
    return (await room.ask("POST", PATH, who=None, headers=headers, data=data)).status


@pytest.mark.parametrize("keys", [OLD, NEW, BOTH])
async def test_whoever_has_one_of_the_keys_gets_in_without_a_token(
    room: HttpRoom, keys: SigningKeys
) -> None:
    assert await send(room, signed(room, keys)) == 204
    assert await room.engine.records.inbox.waiting() == 1


async def test_an_event_that_comes_again_is_answered_the_same(room: HttpRoom) -> None:
    headers = signed(room, NEW)
    assert [await send(room, headers) for _ in range(3)] == [204, 204, 204]
    assert await room.engine.records.inbox.waiting() == 1


async def test_a_token_is_no_signature(room: HttpRoom) -> None:
    data = json.dumps(EVENT).encode()
    answer = await room.ask("POST", PATH, who="admin", headers=JSON, data=data)
    assert (answer.status, answer.code) == (401, "not-signed-in")
    assert await send(room, signed(room, OTHER)) == 401
    assert await room.engine.records.inbox.waiting() == 0


async def test_an_old_signature_lets_nobody_in(room: HttpRoom) -> None:
    headers = signed(room, NEW)
    room.engine.clock.advance(timedelta(seconds=301))
    assert await send(room, headers) == 401


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": "text/plain"}, None, 415),
        ({"Content-Encoding": "gzip"}, None, 415),
        ({}, b" " * (256 * 1024 + 1), 413),
        ({}, b"\xff" * 100, 401),
    ],
)
async def test_what_is_no_event_is_refused_before_its_signature_is_looked_at(
    room: HttpRoom, headers: dict[str, str], body: bytes | None, status: int
) -> None:
    assert await send(room, {**signed(room, NEW), **headers}, body) == status


async def test_a_signed_body_that_is_no_event_is_told_where_it_is_wrong(room: HttpRoom) -> None:
    body = json.dumps({**EVENT, "subject": "3256109"})
    data = body.encode()
    answer = await room.ask("POST", PATH, who=None, headers=signed(room, NEW, body=body), data=data)
    assert (answer.status, answer.code) == (400, "invalid-request")
    assert "subject" in answer.json()["detail"]
    assert "3256109" not in answer.json()["detail"]


async def test_other_methods_are_not_there(room: HttpRoom) -> None:
    assert (await room.ask("GET", PATH, who=None)).status == 405


async def test_where_no_core_sends_events_there_is_no_such_path(tmp_path: Path) -> None:
    async with http_room(tmp_path) as room:
        assert await send(room, signed(room, NEW)) == 404


async def test_the_description_has_it_with_its_headers(room: HttpRoom) -> None:
    described = (await room.ask("GET", "/api/v1/openapi.json", who=None)).json()
    told = described["paths"][PATH]["post"]
    assert told["security"] == []
    names = [parameter["name"] for parameter in told["parameters"]]
    assert names == ["webhook-id", "webhook-timestamp", "webhook-signature"]
    assert {"204", "400", "401", "413", "415"} <= set(told["responses"])
