import asyncio
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import asyncssh
import paramiko
import pytest

from tests.e2e.sftp.gateway import HOST, Gateway, eventually, gateway_of
from tests.engine_room import ADMIN, ANALYST, NUMBER, engine_room
from transfer.core.accounts import LIFETIME
from transfer.core.errors import RecordsUnavailableError
from transfer.sftp.hostkeys import HostKeys

LOST = (asyncssh.Error, OSError)
SECOND = timedelta(seconds=1)


@pytest.fixture
async def still_gateway(tmp_path: Path, host_keys: HostKeys) -> AsyncIterator[Gateway]:
    """A gateway whose time stands still until the test moves it."""
    async with engine_room(tmp_path) as room, gateway_of(room, host_keys) as made:
        yield made


class _Farewell(asyncssh.SSHClient):
    """Keeps the reason for which the server disconnected."""

    def __init__(self) -> None:
        self.reason: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def connection_lost(self, exc: Exception | None) -> None:
        self.reason.set_result(str(exc))


async def _signed_in(gateway: Gateway) -> tuple[asyncssh.SSHClientConnection, _Farewell]:
    connection, client = await asyncssh.create_connection(
        _Farewell,
        HOST,
        gateway.port,
        username=gateway.username,
        password=gateway.password,
        known_hosts=None,
        client_keys=None,
        agent_path=None,
        config=None,
    )
    assert isinstance(client, _Farewell)
    return connection, client


# ── The end of an account ────────────────────────────────────────────────────────────────────


async def test_a_session_ends_with_its_account_to_the_second(still_gateway: Gateway) -> None:
    gateway, clock = still_gateway, still_gateway.room.clock
    connection, farewell = await _signed_in(gateway)
    async with connection, connection.start_sftp_client() as client:
        issued = gateway.credentials.account.issued_at
        file = await client.open("trace.log", "wb")
        await file.write(b"sent in time")
        clock.set(issued + LIFETIME - SECOND)
        await file.write(b", and this too")
        assert not farewell.reason.done()
        clock.set(issued + LIFETIME)
        async with asyncio.timeout(5):
            assert "expired" in await farewell.reason
        with pytest.raises(LOST):
            await file.write(b", not this")
    await eventually(lambda: gateway.is_interrupted("trace.log"))
    assert (await gateway.upload("trace.log")).offset == len(b"sent in time, and this too")
    with pytest.raises(asyncssh.PermissionDenied):
        async with gateway.connect():
            pass


async def test_a_session_ends_when_its_account_is_revoked(gateway: Gateway) -> None:
    connection, farewell = await _signed_in(gateway)
    async with connection, connection.start_sftp_client() as client:
        file = await client.open("trace.log", "wb")
        await file.write(b"some")
        await gateway.room.accounts.revoke(ANALYST, gateway.credentials.account.id)
        async with asyncio.timeout(5):
            assert "revoked" in await farewell.reason
    await eventually(lambda: gateway.is_interrupted("trace.log"))
    assert (await gateway.upload("trace.log")).offset == 4


async def test_a_session_ends_when_its_case_is_closed(gateway: Gateway) -> None:
    connection, farewell = await _signed_in(gateway)
    async with connection, connection.start_sftp_client() as client:
        file = await client.open("trace.log", "wb")
        await file.write(b"some")
        await gateway.room.core.close(NUMBER, "Resolved", "analyst")
        async with asyncio.timeout(5):
            assert "closed" in await farewell.reason
    await eventually(lambda: gateway.is_interrupted("trace.log"))
    with pytest.raises(asyncssh.PermissionDenied):
        async with gateway.connect():
            pass
    await gateway.room.core.reopen(NUMBER, "analyst")
    with pytest.raises(asyncssh.PermissionDenied):
        async with gateway.connect():
            pass


async def test_what_a_client_asked_for_after_the_end_is_not_done(gateway: Gateway) -> None:
    """Requests wait their turn behind a slow one; the account ends; then their turn comes."""
    await gateway.room.send("trace.log", b"some")
    halfway, go_on = asyncio.Event(), asyncio.Event()

    async def hold(_: object) -> None:
        halfway.set()
        await go_on.wait()

    connection, farewell = await _signed_in(gateway)
    async with connection, connection.start_sftp_client() as client:
        file = await client.open("trace.log", "rb")
        gateway.store.before = hold
        reading = asyncio.create_task(file.read(4, 0))
        await halfway.wait()
        removing = asyncio.create_task(client.remove("trace.log"))
        await gateway.room.accounts.revoke(ANALYST, gateway.credentials.account.id)
        await farewell.reason
        go_on.set()
        results = await asyncio.gather(reading, removing, return_exceptions=True)
    assert all(isinstance(result, LOST) for result in results)
    await gateway.server.stop()
    assert await gateway.content("trace.log") == b"some"


async def test_other_accounts_of_the_case_go_on(gateway: Gateway) -> None:
    other = await gateway.room.accounts.issue(ANALYST, NUMBER)
    async with gateway.client() as client:
        await gateway.room.accounts.revoke(ANALYST, other.account.id)
        await gateway.room.accounts.watch_once()
        assert await client.listdir() == ["shared"]


async def test_an_account_sees_no_other_case(gateway: Gateway) -> None:
    other = await gateway.room.core.open("Another", "Other Ltd", "analyst")
    issued = await gateway.room.accounts.issue(ADMIN, other.number)
    async with gateway.opened("trace.log", "wb") as file:
        await file.write(b"ours")
    account, password = issued.account, issued.password
    async with (
        gateway.connect(username=account.username, password=password) as connection,
        connection.start_sftp_client() as client,
    ):
        assert await client.listdir() == ["shared"]


def _try_another(transport: paramiko.Transport, username: str, password: str | None) -> None:
    """Sign in on a connection where that has failed, without asking for the service again."""
    handler = paramiko.auth_handler.AuthHandler(transport)
    transport.auth_handler = handler
    handler.auth_event = threading.Event()
    handler.auth_method, handler.username, handler.password = "password", username, password
    accepted = paramiko.Message()
    accepted.add_string("ssh-userauth")
    accepted.rewind()
    handler._parse_service_accept(accepted)
    handler.wait_for_response(handler.auth_event)


# ── Signing in ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("method", ["password", "keyboard-interactive"])
async def test_the_right_password_signs_in_and_no_other(gateway: Gateway, method: str) -> None:
    async with gateway.connect(method=method) as connection:
        assert connection.get_extra_info("username") == gateway.username
    for username, password in (
        (gateway.username, "wrong"),
        (gateway.username, gateway.password.swapcase()),
        (gateway.username, " "),
        (gateway.username.upper(), gateway.password),
        ("root", gateway.password),
        ("' OR 1=1 --", "' OR 1=1 --"),
        ("../../etc/passwd", gateway.password),
    ):
        with pytest.raises(asyncssh.PermissionDenied):
            async with gateway.connect(method=method, username=username, password=password):
                pass


async def test_every_attempt_is_in_the_audit_log(gateway: Gateway) -> None:
    with pytest.raises(asyncssh.PermissionDenied):
        async with gateway.connect(password="wrong"):
            pass
    async with gateway.connect():
        pass
    events = await gateway.room.records.audit.events()
    signs = [one for one in events if one.action.startswith("sftp.")]
    assert [(one.action, one.address) for one in signs] == [
        ("sftp.refused", HOST),
        ("sftp.signed-in", HOST),
    ]


async def test_what_one_user_name_proved_does_not_count_for_another(gateway: Gateway) -> None:
    other = await gateway.room.accounts.issue(ANALYST, NUMBER)
    others = (other.account.username, other.password)

    def try_in_turn() -> str:
        with paramiko.Transport((HOST, gateway.port)) as transport:
            transport.start_client()
            with pytest.raises(paramiko.AuthenticationException):
                transport.auth_password(gateway.username, "wrong")
            for username, password in (
                (others[0], gateway.password),
                (gateway.username, others[1]),
                (others[0], ""),
            ):
                with pytest.raises(paramiko.AuthenticationException):
                    _try_another(transport, username, password)
            _try_another(transport, *others)
            return str(transport.get_username())

    assert await asyncio.to_thread(try_in_turn) == other.account.username


async def test_nobody_may_try_for_ever(gateway: Gateway) -> None:
    def try_on() -> int:
        with paramiko.Transport((HOST, gateway.port)) as transport:
            transport.start_client()
            with pytest.raises(paramiko.AuthenticationException):
                transport.auth_password(gateway.username, "wrong")
            for attempt in range(1, 20):
                try:
                    _try_another(transport, gateway.username, "wrong")
                except paramiko.AuthenticationException:
                    if not transport.is_active():
                        return attempt
                except (paramiko.SSHException, EOFError, OSError):
                    return attempt
        return 20

    assert await asyncio.to_thread(try_on) == 6


async def test_without_signing_in_there_is_nothing(gateway: Gateway) -> None:
    def ask_early() -> None:
        with paramiko.Transport((HOST, gateway.port)) as transport:
            transport.start_client()
            with pytest.raises(paramiko.SSHException):
                transport.open_session(timeout=5)

    await asyncio.to_thread(ask_early)
    for method in ("publickey", "hostbased", "gssapi-with-mic"):
        with pytest.raises(asyncssh.PermissionDenied):
            async with gateway.connect(method=method):
                pass


async def test_nobody_signs_in_while_the_records_are_away(
    gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise RecordsUnavailableError("The database does not answer.")

    monkeypatch.setattr(gateway.room.records.accounts, "by_username", away)
    with pytest.raises(asyncssh.PermissionDenied):
        async with gateway.connect():
            pass
    monkeypatch.undo()
    monkeypatch.setattr(gateway.room.records.accounts, "standing", away)
    connection, farewell = await _signed_in(gateway)
    async with connection:
        assert "can't be checked" in await farewell.reason
