"""Bans of the SFTP door, by the API."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.e2e.http.http_room import HttpRoom, http_room

BANS = "/api/v1/bans"
NEW = {"network": "192.0.2.0/24", "reason": "guessing", "lifetime_seconds": 3600}


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[HttpRoom]:
    async with http_room(tmp_path) as made:
        yield made


async def test_an_admin_bans_lists_and_lifts(room: HttpRoom) -> None:
    placed = await room.ask("POST", BANS, json=NEW, who="admin")
    assert placed.status == 201, placed.body
    ban = placed.json()
    assert (ban["network"], ban["reason"], ban["banned_by"]) == (
        "192.0.2.0/24",
        "guessing",
        "admin",
    )
    assert ban["until"] is not None
    assert room.engine.bans.covers("192.0.2.7")
    listed = (await room.ask("GET", BANS, who="admin")).json()
    assert listed == {"bans": [ban], "next": None}
    assert (await room.ask("DELETE", f"{BANS}/{ban['id']}", who="admin")).status == 204
    assert not room.engine.bans.covers("192.0.2.7")
    again = await room.ask("DELETE", f"{BANS}/{ban['id']}", who="admin")
    assert (again.status, again.code) == (404, "not-found")


async def test_a_ban_without_an_end_holds_until_it_is_lifted(room: HttpRoom) -> None:
    endless = {"network": "2001:db8::/32", "reason": "theirs"}
    placed = await room.ask("POST", BANS, json=endless, who="admin")
    assert placed.json()["until"] is None
    room.engine.clock.advance(timedelta(hours=11))
    assert room.engine.bans.covers("2001:db8::1")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {**NEW, "network": "example.com"},
        {**NEW, "network": "192.0.2.7/24"},
        {**NEW, "reason": ""},
        {**NEW, "reason": "a\u2028b"},
        {**NEW, "lifetime_seconds": 0},
        {**NEW, "lifetime_seconds": 10**12},
        {**NEW, "surplus": 1},
    ],
)
async def test_what_can_not_be_banned_is_refused(room: HttpRoom, body: dict[str, object]) -> None:
    refused = await room.ask("POST", BANS, json=body, who="admin")
    assert (refused.status, refused.code) == (400, "invalid-request"), refused.body
    assert (await room.ask("GET", f"{BANS}?after=x", who="admin")).status == 400


@pytest.mark.parametrize("who", ["analyst", "designated", "read-only"])
async def test_bans_are_for_admins(room: HttpRoom, who: str) -> None:
    for method, path, json in (
        ("GET", BANS, None),
        ("POST", BANS, NEW),
        ("DELETE", f"{BANS}/some-id", None),
    ):
        assert (await room.ask(method, path, json=json, who=who)).status == 403
