"""Who gets in, who doesn't, what is told of it: the SFTP door under those who try it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import asyncssh
import pytest

from tests.clock import MovableClock
from tests.e2e.sftp.gateway import HOST, Gateway, data_of, eventually, gateway_of, sha256
from tests.e2e.sftp.raw_ssh import LISTS, lists_of, raw_ssh
from tests.engine_room import ADMIN, ANALYST, NUMBER, EngineRoom, engine_room
from tests.ssh import connect_ssh
from transfer.clock import SystemClock
from transfer.core.bans import parse_network
from transfer.engine.account_requests import AccountRequest
from transfer.engine.attempts import AttemptPolicy
from transfer.engine.bans import BanPolicy, Bans
from transfer.ports import AuditEvent, CredentialKind
from transfer.records.database import Database
from transfer.sftp.admission import AdmissionPolicy
from transfer.sftp.hostkeys import HostKeys, load_host_keys
from transfer.sftp.policy import SftpPolicy

FREE = AttemptPolicy().free
REFUSED = (asyncssh.Error, OSError)

CIPHERS = [
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "aes256-ctr",
    "aes192-ctr",
    "aes128-ctr",
]
MACS = ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256"]

_PUTTY_0_70 = {
    "kex": "curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,"
    "diffie-hellman-group-exchange-sha256,diffie-hellman-group-exchange-sha1,"
    "diffie-hellman-group14-sha256,diffie-hellman-group14-sha1,rsa2048-sha256,rsa1024-sha1,"
    "diffie-hellman-group1-sha1",
    "host key": "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,ssh-rsa,"
    "ssh-dss",
    "encryption": "aes256-ctr,aes256-cbc,rijndael-cbc@lysator.liu.se,aes192-ctr,aes192-cbc,"
    "aes128-ctr,aes128-cbc,chacha20-poly1305@openssh.com,3des-ctr,3des-cbc,blowfish-ctr,"
    "blowfish-cbc,arcfour256,arcfour128",
    "mac": "hmac-sha2-256,hmac-sha1,hmac-sha1-96,hmac-md5,hmac-sha2-256-etm@openssh.com,"
    "hmac-sha1-etm@openssh.com,hmac-sha1-96-etm@openssh.com,hmac-md5-etm@openssh.com",
}
_FILEZILLA_3_4X = {
    **_PUTTY_0_70,
    "kex": "curve25519-sha256," + _PUTTY_0_70["kex"],
    "encryption": "aes256-gcm@openssh.com," + _PUTTY_0_70["encryption"],
}
_OLD_CLIENTS = {
    "PuTTY 0.70 to 0.74, WinSCP of its time": _PUTTY_0_70,
    "the same, where it remembers an RSA key": {
        **_PUTTY_0_70,
        "host key": "rsa-sha2-512,rsa-sha2-256," + _PUTTY_0_70["host key"],
    },
    "FileZilla 3.4x, as PuTTY with AES-GCM": _FILEZILLA_3_4X,
}


@asynccontextmanager
async def gateway_with(
    folder: Path,
    host_keys: HostKeys,
    policy: SftpPolicy | None = None,
    *,
    bans: BanPolicy | None = None,
    running: bool = True,
) -> AsyncIterator[Gateway]:
    async with engine_room(folder, running=running) as room:
        if bans is not None:
            room.bans = Bans(room.tools, bans)
        async with gateway_of(room, host_keys, policy) as made:
            yield made


async def fail(gateway: Gateway, password: str | None = None) -> None:
    with pytest.raises(REFUSED):
        async with gateway.connect(password=password or "wrong"):
            pass


async def is_taken(gateway: Gateway) -> bool:
    """Whether the server greets somebody who connects."""
    try:
        async with raw_ssh(gateway.port) as raw:
            return raw.greeting.startswith(b"SSH-2.0-")
    except OSError:
        return False


async def noted(room: EngineRoom, action: str) -> list[AuditEvent]:
    return [one for one in await room.records.audit.events() if one.action == action]


# ── Algorithms ───────────────────────────────────────────────────────────────────────────────


async def test_only_what_is_named_is_offered_and_strict_key_exchange(gateway: Gateway) -> None:
    async with raw_ssh(gateway.port) as raw:
        offered = lists_of(await raw.receive())
    assert set(offered["kex"]) - {"mlkem768x25519-sha256"} == {
        "curve25519-sha256",
        "curve25519-sha256@libssh.org",
        "diffie-hellman-group16-sha512",
        "kex-strict-s-v00@openssh.com",
        "ext-info-s",
    }
    assert set(offered["host key"]) == {"ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256"}
    for direction in ("to server", "to client"):
        assert offered[f"encryption {direction}"] == CIPHERS
        assert offered[f"mac {direction}"] == MACS
        assert offered[f"compression {direction}"] == ["none"]
    assert set(offered) == set(LISTS)


@pytest.mark.parametrize("client", _OLD_CLIENTS.values(), ids=_OLD_CLIENTS)
async def test_old_clients_still_find_what_they_need(
    gateway: Gateway, client: Mapping[str, str]
) -> None:
    async with raw_ssh(gateway.port) as raw:
        offered = lists_of(await raw.receive())

    def chosen(kind: str, ours: Sequence[str]) -> str:
        return next(one for one in client[kind].split(",") if one in ours)

    cipher = chosen("encryption", offered["encryption to server"])
    async with (
        gateway.connect(
            kex_algs=[chosen("kex", offered["kex"])],
            server_host_key_algs=[chosen("host key", offered["host key"])],
            encryption_algs=[cipher],
            mac_algs=[chosen("mac", offered["mac to server"])],
        ) as connection,
        connection.start_sftp_client() as sftp,
    ):
        assert connection.get_extra_info("send_cipher") == cipher
        assert await sftp.listdir() == ["shared"]


def test_host_keys_are_made_once_and_kept(tmp_path: Path) -> None:
    made = load_host_keys(tmp_path)
    assert [key.get_algorithm() for key in made.keys] == ["ssh-ed25519", "ssh-rsa"]
    assert load_host_keys(tmp_path).fingerprints == made.fingerprints
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


# ── Before signing in ────────────────────────────────────────────────────────────────────────


async def test_who_connects_and_says_nothing_is_let_go(tmp_path: Path, host_keys: HostKeys) -> None:
    policy = SftpPolicy(greeting_timeout=timedelta(seconds=0.2))
    async with gateway_with(tmp_path, host_keys, policy) as gateway:
        reader, writer = await asyncio.open_connection(HOST, gateway.port)
        async with asyncio.timeout(10):
            while await reader.read(1000):
                pass
        writer.close()
        await writer.wait_closed()
        await eventually(lambda: _has(gateway, 0))
        async with gateway.client() as client:
            await SystemClock().sleep(0.4)
            assert await client.listdir() == ["shared"]


async def _has(gateway: Gateway, connections: int) -> bool:
    return gateway.server.connections == connections


async def test_one_client_may_have_so_many_connections(tmp_path: Path, host_keys: HostKeys) -> None:
    policy = SftpPolicy(admission=AdmissionPolicy(per_client=2))
    async with gateway_with(tmp_path, host_keys, policy) as gateway:
        async with gateway.connect(), gateway.connect():
            assert not await is_taken(gateway)
            assert gateway.server.connections == 2
        await eventually(lambda: is_taken(gateway))


async def test_strangers_leave_room_for_who_has_signed_in(
    tmp_path: Path, host_keys: HostKeys
) -> None:
    policy = SftpPolicy(admission=AdmissionPolicy(unsigned=4))
    async with gateway_with(tmp_path, host_keys, policy) as gateway, gateway.client() as client:
        strangers = [await asyncio.open_connection(HOST, gateway.port) for _ in range(40)]
        greetings = await asyncio.gather(*(_greeting(reader) for reader, _ in strangers))
        assert sum(line.startswith(b"SSH-2.0-") for line in greetings) <= 4
        assert await client.listdir() == ["shared"]
        for _, writer in strangers:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


async def _greeting(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readline()
    except ConnectionError:
        return b""


async def test_the_warning_is_shown_before_signing_in(tmp_path: Path, host_keys: HostKeys) -> None:
    class Client(asyncssh.SSHClient):
        banners: list[str] = []  # noqa: RUF012 - one for the test

        def auth_banner_received(self, msg: str, lang: str) -> None:  # noqa: ARG002 - asyncssh's
            self.banners.append(msg)

    async with gateway_with(
        tmp_path, host_keys, SftpPolicy(banner="Mind what you send.\r\n")
    ) as it:
        connection, _ = await asyncssh.create_connection(
            Client,
            HOST,
            it.port,
            username=it.username,
            password=it.password,
            known_hosts=None,
            client_keys=None,
            agent_path=None,
            config=None,
        )
        async with connection:
            assert Client.banners == ["Mind what you send.\r\n"]


# ── Guessing ─────────────────────────────────────────────────────────────────────────────────


async def test_who_guesses_on_is_told_to_wait_and_a_good_password_never_is(
    gateway: Gateway,
) -> None:
    for _ in range(FREE):
        await fail(gateway)
    with pytest.raises(asyncssh.DisconnectError, match="Too many attempts"):
        async with gateway.connect(password="wrong"):
            pass
    refusals = await noted(gateway.room, "sftp.refused")
    assert len(refusals) == FREE + 1
    await fail(gateway)
    assert len(await noted(gateway.room, "sftp.refused")) == FREE + 1
    async with gateway.client() as client:
        assert await client.listdir() == ["shared"]
    for _ in range(FREE):
        await fail(gateway)
    assert len(await noted(gateway.room, "sftp.refused")) == 2 * FREE + 1


async def test_guesses_at_one_account_count_together_wherever_they_come_from(
    gateway: Gateway,
) -> None:
    accounts = gateway.room.accounts
    for n in range(FREE):
        with pytest.raises(Exception, match="wrong"):
            await accounts.log_in(gateway.username, "wrong", f"192.0.2.{n}")
    with pytest.raises(Exception, match="Too many"):
        await accounts.log_in(gateway.username, "wrong", "198.51.100.1")


async def test_who_does_not_wait_is_banned_before_anything_is_said(
    tmp_path: Path, host_keys: HostKeys
) -> None:
    async with gateway_with(tmp_path, host_keys, bans=BanPolicy(after=3)) as gateway:
        for _ in range(FREE):
            await fail(gateway)
        for _ in range(3):
            assert await is_taken(gateway)
            await fail(gateway)
        assert not await is_taken(gateway)
        ([ban], _) = await gateway.room.bans.page(ADMIN)
        assert ban.network == parse_network(HOST)
        await gateway.room.bans.lift(ADMIN, ban.id)
        async with gateway.client() as client:
            assert await client.listdir() == ["shared"]


async def test_who_is_signed_in_stays_so_under_a_ban(gateway: Gateway) -> None:
    async with gateway.client() as client:
        await gateway.room.bans.place(ADMIN, parse_network(HOST), reason="test")
        assert not await is_taken(gateway)
        assert await client.listdir() == ["shared"]


async def test_an_unknown_user_and_a_wrong_password_can_not_be_told_apart(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither by what is said, nor by what is done, which is what takes time."""
    steps: list[str] = []
    for kind in ("read", "write"):
        monkeypatch.setattr(Database, kind, _spied(getattr(Database, kind), steps))
    seen = []
    for username in (gateway.username, "c0003256109-nobodyhere", "root"):
        for method in ("password", "keyboard-interactive"):
            await gateway.room.attempts.forgive(CredentialKind.SFTP, HOST, username)
            steps.clear()
            with pytest.raises(asyncssh.PermissionDenied) as told:
                async with gateway.connect(username=username, password="x", method=method):
                    pass
            shown = str(told.value).replace(username, "")
            seen.append((shown, [one for one in steps if one not in _OF_WATCHES]))
    assert len({str(one) for one in seen[::2]}) == 1, seen
    assert len({str(one) for one in seen[1::2]}) == 1, seen
    assert seen[0][1]


Step = Callable[..., Awaitable[object]]


def _spied(done: Step, steps: list[str]) -> Step:
    """Do as before, and note the name of each transaction."""

    async def spied(database: Database, work: Callable[..., object], *given: object) -> object:
        steps.append(work.__name__)
        return await done(database, work, *given)

    return spied


_OF_WATCHES = {"_holding", "_standing", "_wanted", "_renew", "_take_over"}


# ── Signed in ────────────────────────────────────────────────────────────────────────────────


async def test_who_asks_nothing_for_long_is_let_go_and_who_works_is_not(
    tmp_path: Path, host_keys: HostKeys
) -> None:
    policy = SftpPolicy(idle_timeout=timedelta(minutes=10))
    async with gateway_with(tmp_path, host_keys, policy, running=False) as gateway:
        clock = gateway.room.clock
        async with gateway.client() as client:
            for _ in range(30):
                await client.stat(".")
                await _pass_round(clock)
            file = await client.open("trace.log", "wb")
            for _ in range(30):
                await file.write(bytes(2000))
                await _pass_round(clock)
            for _ in range(21):
                await _pass_round(clock)
            with pytest.raises(REFUSED):
                await client.stat(".")
        await eventually(lambda: gateway.is_interrupted("trace.log"))
        assert (await gateway.upload("trace.log")).offset == 60_000

        async def is_noted() -> bool:
            ends = await noted(gateway.room, "sftp.signed-out")
            return [one.details["end"] for one in ends] == ["idle"]

        await eventually(is_noted)


async def _pass_round(clock: MovableClock) -> None:
    clock.advance(30)
    await SystemClock().sleep(0.01)


async def test_a_session_is_in_the_audit_log_from_its_begin_to_its_end(gateway: Gateway) -> None:
    sent = data_of(300_000)
    async with gateway.client() as client:
        async with client.open("trace.log", "wb") as file:
            await file.write(sent)
        async with client.open("trace.log", "rb") as file:
            assert sha256(await file.read(100_000, 0)) == sha256(sent[:100_000])
        await client.rename("trace.log", "traces.log")
        await client.mkdir("logs")
        await client.rmdir("logs")
        await client.remove("traces.log")
        for path in ("nothing.log", "elsewhere/nothing.log"):
            with pytest.raises(asyncssh.SFTPNoSuchFile):
                await client.stat(path)
        with pytest.raises(asyncssh.SFTPError):
            await client.mkdir("shared/ours")

    async def is_over() -> bool:
        return bool(await noted(gateway.room, "sftp.signed-out"))

    await eventually(is_over)
    events = await gateway.room.records.audit.events()
    begin = next(n for n, one in enumerate(events) if one.action == "sftp.signed-in")
    assert [one.action for one in events[begin:]] == [
        "sftp.signed-in",
        "file.received",
        "file.downloaded",
        "entry.moved",
        "folder.made",
        "folder.removed",
        "file.removed",
        "sftp.request-failed",
        "sftp.signed-out",
    ]
    failed, over = events[-2:]
    assert failed.details == {
        "operation": "mkdir",
        "problem": "forbidden",
        "paths": ["shared/ours"],
    }
    assert (over.details["received"], over.details["end"]) == (300_000, "left")
    assert over.details["sent"] >= 100_000
    assert over.details["client"].startswith("SSH-2.0-AsyncSSH")
    assert (over.details["failures"], over.details["requests"]["rename"]) == (1, 1)
    assert {one.subject for one in (failed, over)} == {gateway.credentials.account.id}
    assert {one.address for one in (failed, over)} == {HOST}


async def test_who_fails_on_and_on_does_not_fill_the_audit_log(gateway: Gateway) -> None:
    async with gateway.client() as client:
        for n in range(110):
            with pytest.raises(asyncssh.SFTPError):
                await client.mkdir(f"shared/{n}")
    assert len(await noted(gateway.room, "sftp.request-failed")) == 100


async def test_fingerprints_are_the_same_for_the_server_and_for_who_asks(
    gateway: Gateway, host_keys: HostKeys
) -> None:
    async with gateway.connect() as connection:
        key = connection.get_server_host_key()
        assert key is not None
        assert key.get_fingerprint("sha256") in host_keys.fingerprints


async def test_no_password_opens_an_account_that_has_keys_alone(gateway: Gateway) -> None:
    """The hash that stands in for one that isn't there is of no password whatever."""
    records = gateway.room.records.accounts
    account = gateway.credentials.account
    keyed = replace(account, password_hash=None)

    async def by_username(_: str) -> object:
        return keyed

    records.by_username = by_username  # type: ignore[method-assign, assignment]
    for password in ("nobody", " ", gateway.password):
        await fail(gateway, password=password)


async def test_an_rsa_key_signs_in_and_with_sha1_it_does_not(gateway: Gateway) -> None:
    key = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    public = key.export_public_key("openssh").decode()
    issued = await gateway.room.accounts.issue(ANALYST, NUMBER, AccountRequest(keys=[public]))

    async def sign_in(algorithm: str) -> None:
        async with connect_ssh(
            HOST,
            gateway.port,
            username=issued.account.username,
            client_keys=[key],
            signature_algs=[algorithm],
            server_host_key_algs=["ssh-ed25519"],
            preferred_auth="publickey",
        ):
            pass

    await sign_in("rsa-sha2-256")
    with pytest.raises(asyncssh.PermissionDenied):
        await sign_in("ssh-rsa")
