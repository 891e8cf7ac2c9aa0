"""What a connection keeps of who signed in; the rest is seen with real clients in tests/e2e."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
from asyncssh import SSHServerConnection, generate_private_key

from tests.e2e.sftp.gateway import eventually, services_of
from tests.engine_room import ANALYST, NUMBER, EngineRoom, engine_room
from transfer.engine.accounts import Credentials
from transfer.sftp.admission import Admission, AdmissionPolicy
from transfer.sftp.connection import Live, SftpConnection
from transfer.sftp.policy import SftpPolicy
from transfer.sftp.session import SftpSession


class _Wire:
    """The little of an SSH connection that is asked for."""

    def __init__(self) -> None:
        self.username = ""
        self.farewell: str | None = None
        self.banners: list[str] = []
        self.is_aborted = False

    def get_extra_info(self, name: str) -> object:
        return {
            "peername": ("192.0.2.7", 50_000),
            "username": self.username,
            "socket": None,
            "client_version": "SSH-2.0-Test\x07",
        }[name]

    def disconnect(self, _code: int, reason: str) -> None:
        self.farewell = reason

    def abort(self) -> None:
        self.is_aborted = True

    def send_auth_banner(self, text: str) -> None:
        self.banners.append(text)


class _Door:
    """A connection, and what its client would see."""

    def __init__(self, room: EngineRoom, issued: Credentials, seats: int = 10) -> None:
        admission = Admission(room.clock, AdmissionPolicy(connections=seats))
        self.room, self.issued = room, issued
        self.live = Live(admission=admission)
        self.wire = _Wire()
        policy = SftpPolicy(banner="Beware.\r\n")
        self.connection = SftpConnection(services_of(room), self.live, policy)
        self.connection.connection_made(cast(SSHServerConnection, self.wire))
        self.username = issued.account.username
        self.password = issued.password or ""

    def farewell(self) -> str | None:
        return self.wire.farewell

    async def sign_in(self) -> None:
        self.connection.begin_auth(self.username)
        assert await self.connection.validate_password(self.username, self.password)
        self.wire.username = self.username
        self.connection.auth_completed()


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[_Door]:
    async with engine_room(tmp_path) as room:
        made = _Door(room, await room.accounts.issue(ANALYST, NUMBER))
        yield made
        made.connection.connection_lost(None)
        await asyncio.gather(*made.live.tasks, return_exceptions=True)


async def test_who_signed_in_gets_a_session(door: _Door) -> None:
    await door.sign_in()
    assert isinstance(door.connection.session_requested(), SftpSession)
    assert door.live.admission.unsigned == 0


async def test_a_session_needs_a_sign_in(door: _Door) -> None:
    door.connection.begin_auth(door.username)
    door.wire.username = door.username
    assert door.connection.session_requested() is False
    door.connection.auth_completed()
    assert door.farewell() is not None


async def test_a_session_needs_the_sign_in_to_be_completed(door: _Door) -> None:
    door.connection.begin_auth(door.username)
    assert await door.connection.validate_password(door.username, door.password)
    door.wire.username = door.username
    assert door.connection.session_requested() is False


async def test_another_user_name_starts_over(door: _Door) -> None:
    door.connection.begin_auth(door.username)
    assert await door.connection.validate_password(door.username, door.password)
    door.connection.begin_auth("another")
    for accepted in ("another", door.username):
        door.wire.username = accepted
        assert door.connection.session_requested() is False
    door.connection.auth_completed()
    assert door.farewell() is not None


async def test_who_was_accepted_under_another_name_gets_nothing(door: _Door) -> None:
    assert await door.connection.validate_password(door.username, door.password)
    door.wire.username = "another"
    door.connection.auth_completed()
    assert door.farewell() is not None
    assert door.connection.session_requested() is False


async def test_a_wrong_password_or_key_undoes_a_right_password(door: _Door) -> None:
    key = generate_private_key("ssh-ed25519").convert_to_public()
    door.wire.username = door.username
    for credential in ("wrong", key):
        assert await door.connection.validate_password(door.username, door.password)
        if isinstance(credential, str):
            assert not await door.connection.validate_password(door.username, credential)
        else:
            assert not await door.connection.validate_public_key(door.username, credential)
        assert door.connection._principal() is None
    door.connection.auth_completed()
    assert door.farewell() is not None


async def test_there_is_no_session_after_the_end(door: _Door) -> None:
    await door.sign_in()
    door.connection.end("Enough.")
    assert door.farewell() == "Enough."
    assert door.connection.session_requested() is False


async def test_the_banner_is_shown_once_whatever_names_are_tried(door: _Door) -> None:
    for name in ("one", "two", door.username):
        door.connection.begin_auth(name)
    assert door.wire.banners == ["Beware.\r\n"]


async def test_who_goes_on_trying_names_is_let_go(door: _Door) -> None:
    for n in range(10):
        door.connection.begin_auth(f"name-{n}")
    assert door.farewell() is None
    door.connection.begin_auth("one more")
    assert door.farewell() is not None
    assert not await door.connection.validate_password(door.username, door.password)


async def test_who_asks_and_asks_and_tries_nothing_is_let_go(door: _Door) -> None:
    for _ in range(100):
        assert door.connection.password_auth_supported()
    assert door.farewell() is None
    door.connection.password_auth_supported()
    assert door.farewell() is not None


async def test_who_offers_key_after_key_is_let_go(door: _Door) -> None:
    key = generate_private_key("ssh-ed25519").convert_to_public()
    for _ in range(20):
        assert not await door.connection.validate_public_key(door.username, key)
    assert door.farewell() is None
    assert not await door.connection.validate_public_key(door.username, key)
    assert door.farewell() is not None


async def test_there_is_no_connection_without_a_seat(tmp_path: Path) -> None:
    async with engine_room(tmp_path) as room:
        issued = await room.accounts.issue(ANALYST, NUMBER)
        refused = _Door(room, issued, seats=0)
        assert refused.wire.is_aborted
        assert not refused.live.connections
        assert not await refused.connection.validate_password(refused.username, refused.password)
        refused.connection.connection_lost(None)


async def test_a_failure_to_ban_lets_nobody_in(
    door: _Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: object) -> bool:
        raise ValueError("broken")

    monkeypatch.setattr(door.room.bans, "insisted", broken)
    for _ in range(6):
        assert not await door.connection.validate_password(door.username, "wrong")
    again = _Door(door.room, door.issued)
    for _ in range(5):
        assert not await again.connection.validate_password(door.username, "wrong")
    assert "Too many" in (again.farewell() or "")
    again.connection.connection_lost(None)


async def test_an_end_is_noted_with_what_the_client_calls_itself(door: _Door) -> None:
    await door.sign_in()
    door.connection.connection_lost(ConnectionResetError())

    async def is_noted() -> bool:
        return (await door.room.records.audit.events())[-1].action == "sftp.signed-out"

    await eventually(is_noted)
    details = (await door.room.records.audit.events())[-1].details
    assert (details["end"], details["client"]) == ("lost", "SSH-2.0-Test")


async def test_nothing_asked_for_many_rounds_is_the_end(door: _Door) -> None:
    door.connection.look(1)
    await door.sign_in()
    for _ in range(2):
        door.connection.look(3)
    assert door.farewell() is None
    door.connection.look(3)
    assert "asked" in (door.farewell() or "")
    door.connection.look(3)


async def test_when_a_refusal_comes_tells_nothing_of_its_reason(door: _Door) -> None:
    """All take the same time: longer than it takes to find any of them out."""
    key = generate_private_key("ssh-ed25519").convert_to_public()
    loop = asyncio.get_running_loop()
    for username in (door.username, "nobody"):
        for refused in (
            door.connection.validate_password(username, "wrong"),
            door.connection.validate_public_key(username, key),
        ):
            began = loop.time()
            assert not await refused
            assert loop.time() - began >= 0.05
