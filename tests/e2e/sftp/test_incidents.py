"""What has happened to others, tried on this server: one section an incident.

Sign-in of its own kinds, expiry and refusals are in test_accounts and test_protection.
"""

import ast
import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import paramiko
import pytest

import transfer
from tests.e2e.sftp.gateway import HOST, Gateway
from tests.e2e.sftp.raw_ssh import (
    CHANNEL_OPEN,
    EXT_INFO,
    GLOBAL_REQUEST,
    IGNORE,
    KEXINIT,
    MODERN,
    SERVICE_REQUEST,
    STRICT,
    USERAUTH_REQUEST,
    USERAUTH_SUCCESS,
    kexinit,
    raw_ssh,
    text,
)
from tests.e2e.sftp.signing_in import (
    FAILURE,
    SUCCESS,
    asked,
    gets_a_session,
    key_offer,
    password_of,
    send,
)
from tests.engine_room import ADMIN, ANALYST, NUMBER
from transfer.clock import SystemClock
from transfer.core.accounts import SftpAccount
from transfer.core.errors import RecordsUnavailableError

REFUSED = (asyncssh.Error, OSError)
INJECTIONS = (
    "'; DROP TABLE files; --",
    '"; DELETE FROM sftp_accounts; --',
    "x' OR '1'='1",
    "%s%s%n",
    "{0}",
    "$(id)",
    "`id`",
    "; id",
    "| id",
)


async def is_well(gateway: Gateway) -> None:
    """Somebody with an account gets in, and finds their case."""
    async with gateway.client() as client:
        assert "shared" in await client.listdir()


# ── MOVEit 2023: SQL in what a client sends ──────────────────────────────────────────────────


@pytest.mark.parametrize("name", INJECTIONS)
async def test_sql_in_a_file_name_is_a_file_name(gateway: Gateway, name: str) -> None:
    async with gateway.client() as client:
        async with client.open(name, "wb") as file:
            await file.write(b"some")
        assert set(await client.listdir()) == {"shared", name}
        await client.rename(name, f"{name}2")
        await client.remove(f"{name}2")
    await is_well(gateway)


@pytest.mark.parametrize("name", INJECTIONS)
async def test_sql_in_a_user_name_or_password_opens_nothing(gateway: Gateway, name: str) -> None:
    for username, password in (
        (name, name),
        (f"{gateway.username}{name}", "x"),
        (gateway.username, name),
    ):
        with pytest.raises(REFUSED):
            async with gateway.connect(username=username, password=password):
                pass
    await is_well(gateway)


@pytest.mark.parametrize("name", INJECTIONS)
async def test_sql_in_the_number_of_a_case_is_no_case(gateway: Gateway, name: str) -> None:
    with pytest.raises(Exception, match="No such case"):
        await gateway.room.accounts.issue(ADMIN, name)  # type: ignore[arg-type] # what it is about
    await is_well(gateway)


# ── MOVEit 2024: a key as a path, and errors that let in ─────────────────────────────────────


class _OpenedPaths:
    """The paths that this process has opened while it is asked to look."""

    def __init__(self) -> None:
        self.paths: list[str] | None = None
        sys.addaudithook(self._note)

    def _note(self, event: str, given: tuple[Any, ...]) -> None:
        if self.paths is not None and event == "open":
            self.paths.append(str(given[0]))


_OPENED = _OpenedPaths()


@pytest.fixture
def opened() -> Iterator[list[str]]:
    _OPENED.paths = []
    yield _OPENED.paths
    _OPENED.paths = None


async def test_a_key_is_never_a_path(gateway: Gateway, tmp_path: Path, opened: list[str]) -> None:
    own = tmp_path / "their-own-key"
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(own)
    key.write_public_key(f"{own}.pub")
    opened.clear()
    paths = [str(own), f"{own}.pub", "/etc/passwd", "../../etc/ssh/ssh_host_rsa_key", "\\\\host\\x"]

    def offer() -> None:
        with paramiko.Transport((HOST, gateway.port)) as transport:
            asked(transport)
            for path in paths:
                for algorithm in ("ssh-ed25519", "rsa-sha2-256", path):
                    for blob in (path.encode(), text("ssh-ed25519") + text(path), text(path)):
                        send(transport, key_offer(path, algorithm, blob))
            assert not gets_a_session(transport)

    await asyncio.to_thread(offer)
    touched = [path for path in opened if any(one.strip("./\\") in path for one in paths)]
    assert touched == []
    await is_well(gateway)


_BROKEN: dict[str, Callable[[Gateway], tuple[object, str]]] = {
    "finding the account": lambda it: (it.room.records.accounts, "by_username"),
    "asking for the case": lambda it: (it.room.core, "case"),
    "noting the sign-in": lambda it: (it.room.records.audit, "record"),
    "looking for failures": lambda it: (it.room.records.attempts, "failures"),
}


@pytest.mark.parametrize("error", [RecordsUnavailableError("away"), ValueError("a mistake")])
@pytest.mark.parametrize("step", _BROKEN)
@pytest.mark.parametrize("method", ["password", "keyboard-interactive"])
async def test_whatever_fails_while_somebody_signs_in_lets_nobody_in(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, method: str, step: str, error: Exception
) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise error

    owner, name = _BROKEN[step](gateway)
    monkeypatch.setattr(owner, name, fails)
    with pytest.raises(REFUSED):
        async with gateway.connect(method=method) as connection:
            await connection.start_sftp_client()
    monkeypatch.undo()
    await is_well(gateway)


# ── GoAnywhere 2024 and 2025: objects out of requests, and set-up on the public side ─────────


def test_nothing_makes_objects_of_what_it_reads() -> None:
    unsafe = {"pickle", "marshal", "shelve", "dill", "jsonpickle", "yaml"}
    found = []
    for path in Path(transfer.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                names = [node.func.id] if node.func.id in ("eval", "exec", "compile") else []
                unsafe |= set(names)
            else:
                continue
            found += [f"{path.name}: {name}" for name in names if name.partition(".")[0] in unsafe]
    assert found == []


async def test_an_account_reaches_nothing_but_the_files_of_its_case(gateway: Gateway) -> None:
    async with gateway.connect() as connection:
        for subsystem in ("admin", "netconf", "sftp-server", "shell", "", "sftp\x00"):
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.create_process(subsystem=subsystem or None)
    await is_well(gateway)


# ── CrushFTP 2025: races while signing in ────────────────────────────────────────────────────


async def test_names_sent_at_once_do_not_get_in_for_each_other(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The right password of one, and another's name behind it before that is decided."""
    other = await gateway.room.accounts.issue(ANALYST, NUMBER)
    find = gateway.room.records.accounts.by_username

    async def slowly(username: str) -> SftpAccount | None:
        await SystemClock().sleep(0.05)
        return await find(username)

    monkeypatch.setattr(gateway.room.records.accounts, "by_username", slowly)

    def race(first: tuple[str, str], second: tuple[str, str]) -> int:
        with paramiko.Transport((HOST, gateway.port)) as transport:
            answers = asked(transport)
            for username, password in (first, second):
                send(transport, password_of(username, password))
            answer = answers.get(timeout=10)
            assert gets_a_session(transport) == (answer == SUCCESS)
            return answer

    one, two = gateway.username, other.account.username
    good, wrong = (one, gateway.password), (two, gateway.password)
    assert await asyncio.to_thread(race, good, wrong) == FAILURE  # the later request counts
    assert await asyncio.to_thread(race, wrong, (one, other.password or "")) == FAILURE
    assert await asyncio.to_thread(race, wrong, good) == SUCCESS
    assert await _signed_in(gateway) == {one}


async def _signed_in(gateway: Gateway) -> set[str]:
    events = await gateway.room.records.audit.events()
    return {one.actor for one in events if one.action == "sftp.signed-in"}


# ── Terrapin, and asyncssh's own of 2023: packets out of their state ─────────────────────────

_BEFORE_KEYS: dict[str, bytes] = {
    "a packet to be ignored": bytes([IGNORE]) + text(""),
    "an extension": bytes([EXT_INFO, 0, 0, 0, 0]),
    "a request for a service": bytes([SERVICE_REQUEST]) + text("ssh-userauth"),
    "somebody who signs in": bytes([USERAUTH_REQUEST])
    + text("root")
    + text("ssh-connection")
    + text("none"),
    "a success": bytes([USERAUTH_SUCCESS]),
    "a request at large": bytes([GLOBAL_REQUEST]) + text("keepalive@openssh.com") + b"\1",
    "a channel": bytes([CHANNEL_OPEN]) + text("session") + bytes(12),
    "the end of an exchange that wasn't": b"\x15",
}


@pytest.mark.parametrize("packet", _BEFORE_KEYS.values(), ids=_BEFORE_KEYS)
async def test_nothing_is_slipped_in_before_the_first_keys(gateway: Gateway, packet: bytes) -> None:
    for sent in ((packet, kexinit()), (kexinit(), packet)):
        async with raw_ssh(gateway.port) as raw:
            await raw.send(*sent)
            seen = await raw.farewell()
            assert 51 not in seen
            assert 52 not in seen
    await is_well(gateway)


async def test_without_strict_exchange_a_client_is_served_but_not_before_its_keys(
    gateway: Gateway,
) -> None:
    lax = {**MODERN, "kex": tuple(one for one in MODERN["kex"] if one != STRICT)}
    async with raw_ssh(gateway.port) as raw:
        assert (await raw.receive())[0] == KEXINIT
        await raw.send(
            bytes([IGNORE]) + text("x"), kexinit(lax), _BEFORE_KEYS["somebody who signs in"]
        )
        assert 51 not in await raw.farewell()


# ── libssh 2018: a client that says that it got in ───────────────────────────────────────────


async def test_a_clients_own_success_does_not_sign_it_in(gateway: Gateway) -> None:
    def claim() -> None:
        with paramiko.Transport((HOST, gateway.port)) as transport:
            asked(transport)
            message = paramiko.Message()
            message.add_byte(bytes([USERAUTH_SUCCESS]))
            send(transport, message)
            assert not gets_a_session(transport)

    await asyncio.to_thread(claim)
    await is_well(gateway)


# ── russh 2026: a state that outlives the user name it is of ─────────────────────────────────


async def test_a_name_does_not_inherit_what_another_proved(gateway: Gateway) -> None:
    other = await gateway.room.accounts.issue(ANALYST, NUMBER)

    def switch() -> list[int]:
        with paramiko.Transport((HOST, gateway.port)) as transport:
            answers, heard = asked(transport), []
            for username, password in (
                (gateway.username, "wrong"),
                (other.account.username, gateway.password),
                (gateway.username, other.password or ""),
                (other.account.username, other.password or ""),
            ):
                send(transport, password_of(username, password))
                heard.append(answers.get(timeout=10))
            assert gets_a_session(transport)
            return heard

    assert await asyncio.to_thread(switch) == [FAILURE, FAILURE, FAILURE, SUCCESS]
    assert await _signed_in(gateway) == {other.account.username}


# ── ProFTPD mod_copy: another way to the same files without the same rules ───────────────────


async def test_every_way_to_put_a_file_somewhere_asks_the_same_question(gateway: Gateway) -> None:
    other = await gateway.room.core.open("Another", "Other Ltd", "analyst")
    await gateway.room.send("trace.log", b"some")
    async with gateway.client() as client:
        assert client.supports_remote_copy
        targets = ("shared/ours.log", f"../{other.number}/trace.log/x", "/shared/ours.log")
        for target in targets:
            ways: list[Awaitable[object]] = [
                client.rename("trace.log", target),
                client.posix_rename("trace.log", target),
                client.mkdir(target),
                client.put(__file__, target),
                client.symlink("trace.log", target),
                client.link("trace.log", target),
                client.remote_copy("trace.log", target),
            ]
            for way in ways:
                with pytest.raises((asyncssh.SFTPError, OSError)):
                    await way
        assert sorted(await client.listdir()) == ["shared", "trace.log"]
        assert await client.listdir("shared") == []


# ── asyncssh 2.23.1: paths of the old scp; and commands at large ─────────────────────────────


@pytest.mark.parametrize(
    "command",
    [
        "scp -t ../../etc",
        "scp -f /etc/passwd",
        "scp -r -t /",
        "id",
        "sh -c id",
        "md5sum /etc/passwd; id",
        "sha256sum $(id)",
        "sha256sum ../../../etc/passwd",
        "rsync --server . /",
        "sftp-server -d /",
        "",
    ],
)
async def test_no_command_leaves_the_case(gateway: Gateway, command: str) -> None:
    async with gateway.connect() as connection:
        try:
            done = await connection.run(command, timeout=10)
        except asyncssh.ChannelOpenError:
            return
        said = f"{done.stdout!s}{done.stderr!s}"
        assert done.exit_status != 0, said
        assert "uid=" not in said
        assert "root:" not in said
    await is_well(gateway)
