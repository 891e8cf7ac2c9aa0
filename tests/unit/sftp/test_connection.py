"""What a connection keeps of who signed in; the rest is seen with real clients in tests/e2e."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
from asyncssh import SSHServerConnection

from tests.engine_room import ANALYST, NUMBER, engine_room
from transfer.engine.accounts import Credentials
from transfer.sftp.connection import Live, Services, SftpConnection
from transfer.sftp.session import SftpSession


class _Wire:
    """The little of an SSH connection that is asked for."""

    def __init__(self) -> None:
        self.username = ""
        self.farewell: str | None = None

    def get_extra_info(self, name: str) -> object:
        return {"peername": ("192.0.2.7", 50_000), "username": self.username}[name]

    def disconnect(self, _code: int, reason: str) -> None:
        self.farewell = reason


class _Door:
    def __init__(self, connection: SftpConnection, issued: Credentials) -> None:
        self.wire = _Wire()
        self.connection = connection
        self.connection.connection_made(cast(SSHServerConnection, self.wire))
        self.username = issued.account.username
        self.password = issued.password or ""


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[_Door]:
    async with engine_room(tmp_path) as room:
        services = Services(
            accounts=room.accounts, uploads=room.uploads, files=room.files, clock=room.clock
        )
        issued = await room.accounts.issue(ANALYST, NUMBER)
        yield _Door(SftpConnection(services, Live()), issued)


async def test_who_signed_in_gets_a_session(door: _Door) -> None:
    door.connection.begin_auth(door.username)
    assert await door.connection.validate_password(door.username, door.password)
    door.wire.username = door.username
    assert isinstance(door.connection.session_requested(), SftpSession)


async def test_a_session_needs_a_sign_in(door: _Door) -> None:
    door.connection.begin_auth(door.username)
    door.wire.username = door.username
    assert door.connection.session_requested() is False
    door.connection.auth_completed()
    assert door.wire.farewell is not None


async def test_another_user_name_starts_over(door: _Door) -> None:
    door.connection.begin_auth(door.username)
    assert await door.connection.validate_password(door.username, door.password)
    door.connection.begin_auth("another")
    for accepted in ("another", door.username):
        door.wire.username = accepted
        assert door.connection.session_requested() is False
    door.connection.auth_completed()
    assert door.wire.farewell is not None


async def test_who_was_accepted_under_another_name_gets_nothing(door: _Door) -> None:
    assert await door.connection.validate_password(door.username, door.password)
    door.wire.username = "another"
    assert door.connection.session_requested() is False


async def test_a_wrong_password_undoes_a_right_one(door: _Door) -> None:
    assert await door.connection.validate_password(door.username, door.password)
    assert not await door.connection.validate_password(door.username, "wrong")
    door.wire.username = door.username
    assert door.connection.session_requested() is False


async def test_there_is_no_session_after_the_end(door: _Door) -> None:
    assert await door.connection.validate_password(door.username, door.password)
    door.wire.username = door.username
    door.connection.end("Enough.")
    assert door.wire.farewell == "Enough."
    assert door.connection.session_requested() is False
