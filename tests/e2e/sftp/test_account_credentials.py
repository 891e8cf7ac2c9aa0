"""What signs somebody in besides a password, and what becomes of sessions when that changes."""

from pathlib import Path

import asyncssh
import pytest
from asyncssh import SSHKey

from tests.e2e.sftp.gateway import HOST, Gateway, eventually
from tests.engine_room import ANALYST, NUMBER
from tests.openssh import OpenSsh
from tests.ssh import connect_ssh
from transfer.clock import SystemClock
from transfer.core.accounts import AccountId, AccountUse
from transfer.engine.account_requests import AccountRequest
from transfer.engine.accounts import Credentials

LOST = (asyncssh.Error, OSError)
ALGORITHMS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ssh-rsa")


@pytest.fixture(scope="module", params=ALGORITHMS)
def key(request: pytest.FixtureRequest) -> SSHKey:
    if request.param == "ssh-rsa":
        return asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    return asyncssh.generate_private_key(request.param)


@pytest.fixture(scope="module")
def ed25519() -> SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519")


def line_of(key: SSHKey) -> str:
    return key.export_public_key("openssh").decode()


async def issued(gateway: Gateway, *keys: SSHKey, **asked: object) -> Credentials:
    request = AccountRequest(keys=[line_of(key) for key in keys], **asked)  # type: ignore[arg-type]  # as the caller says
    return await gateway.room.accounts.issue(ANALYST, NUMBER, request)


async def connected(
    gateway: Gateway, username: str, *keys: SSHKey, **options: object
) -> asyncssh.SSHClientConnection:
    return await connect_ssh(
        HOST,
        gateway.port,
        username=username,
        client_keys=list(keys),
        **options,
    )


async def use(gateway: Gateway, credentials: Credentials) -> AccountUse:
    return (await gateway.room.records.accounts.account(credentials.account.id)).use


# ── Keys ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_key_of_the_account_signs_in(gateway: Gateway, key: SSHKey) -> None:
    account = (await issued(gateway, key, with_password=False)).account
    connection = await connected(gateway, account.username, key)
    async with connection, connection.start_sftp_client() as client:
        assert await client.listdir() == ["shared"]

    async def is_noted() -> bool:
        events = await gateway.room.records.audit.events()
        told = [(one.actor, one.details) for one in events if one.action == "sftp.signed-in"]
        return told == [(account.username, {"method": "publickey"})]

    await eventually(is_noted)


async def test_no_other_key_signs_in_nor_one_of_another_account(
    gateway: Gateway, key: SSHKey, ed25519: SSHKey
) -> None:
    account = (await issued(gateway, key, with_password=False)).account
    others = (await issued(gateway, ed25519)).account
    for username, offered in (
        (account.username, ed25519),
        (others.username, key),
        (gateway.username, key),
        ("root", key),
        ("../../.ssh/authorized_keys", key),
    ):
        with pytest.raises(asyncssh.PermissionDenied):
            await connected(gateway, username, offered, password=None)


async def test_a_key_and_a_password_are_each_enough(gateway: Gateway, ed25519: SSHKey) -> None:
    credentials = await issued(gateway, ed25519)
    username = credentials.account.username
    async with await connected(gateway, username, ed25519):
        pass
    async with gateway.connect(username=username, password=credentials.password):
        pass
    other = asyncssh.generate_private_key("ssh-ed25519")
    tries = await connected(gateway, username, other, password=credentials.password)
    async with tries:  # a client that offers what it has, and then asks for the password
        assert tries.get_extra_info("username") == username


async def test_who_has_many_keys_gets_to_the_right_one(gateway: Gateway, ed25519: SSHKey) -> None:
    account = (await issued(gateway, ed25519, with_password=False)).account
    strangers = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(12)]
    async with await connected(gateway, account.username, *strangers, ed25519):
        pass


async def test_nobody_may_offer_keys_for_ever(gateway: Gateway, ed25519: SSHKey) -> None:
    account = (await issued(gateway, ed25519, with_password=False)).account
    strangers = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(30)]
    with pytest.raises(LOST) as caught:
        await connected(gateway, account.username, *strangers, ed25519)
    assert not isinstance(caught.value, asyncssh.PermissionDenied)


async def test_a_recognised_key_without_its_signature_signs_nobody_in(
    gateway: Gateway, ed25519: SSHKey
) -> None:
    """Its public half is no secret: whoever only has that is told that it would do, and no more."""
    account = (await issued(gateway, ed25519, with_password=False)).account
    forger = asyncssh.generate_private_key("ssh-ed25519")
    keypair = asyncssh.load_keypairs([forger])[0]
    keypair.public_data = ed25519.public_data
    with pytest.raises(asyncssh.PermissionDenied):
        await connected(gateway, account.username, keypair)  # type: ignore[arg-type]  # a pair does as well
    events = await gateway.room.records.audit.events()
    assert not [one for one in events if one.action == "sftp.signed-in"]


async def test_rsa_keys_sign_with_sha_2_alone(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    account = (await issued(gateway, key, with_password=False)).account
    algorithm = b""

    def choose(_: object, keypair: asyncssh.SSHKeyPair) -> bool:
        """In place of the client's own choice, which heeds what the server has told it."""
        keypair.set_sig_algorithm(algorithm)
        return True

    monkeypatch.setattr(asyncssh.SSHClientConnection, "_choose_signature_alg", choose)
    for good in (b"rsa-sha2-256", b"rsa-sha2-512"):
        algorithm = good
        async with await connected(gateway, account.username, key):
            pass
    algorithm = b"ssh-rsa"
    with pytest.raises(asyncssh.PermissionDenied):
        await connected(gateway, account.username, key)


async def test_openssh_signs_in_with_a_key(gateway: Gateway, tmp_path: Path, key: SSHKey) -> None:
    account = (await issued(gateway, key, with_password=False)).account
    identity = tmp_path / "identity"
    key.write_private_key(identity)
    identity.chmod(0o600)
    (tmp_path / "trace.log").write_bytes(b"by key")
    client = OpenSsh(account.username, "none", gateway.port, tmp_path)
    options = f"-oPreferredAuthentications=publickey -oIdentityFile={identity} -oIdentitiesOnly=yes"
    outcome = await client.sftp("put trace.log", before=options)
    assert outcome.code == 0, outcome
    assert await gateway.content("trace.log") == b"by key"


# ── From where ───────────────────────────────────────────────────────────────────────────────


async def test_an_account_of_other_networks_does_not_sign_in_from_here(
    gateway: Gateway, ed25519: SSHKey
) -> None:
    elsewhere = await issued(gateway, ed25519, networks=["192.0.2.0/24"])
    here = await issued(gateway, ed25519, networks=["192.0.2.0/24", "127.0.0.0/8"])
    with pytest.raises(asyncssh.PermissionDenied):
        await connected(gateway, elsewhere.account.username, ed25519)
    with pytest.raises(asyncssh.PermissionDenied):
        async with gateway.connect(
            username=elsewhere.account.username, password=elsewhere.password
        ):
            pass
    async with await connected(gateway, here.account.username, ed25519):
        pass


# ── Another issue, and what was used ─────────────────────────────────────────────────────────


async def test_another_issue_ends_sessions_and_what_arrived_is_kept(gateway: Gateway) -> None:
    account_id = gateway.credentials.account.id
    async with gateway.client() as client:
        file = await client.open("trace.log", "wb")
        await file.write(b"some")
        again = await gateway.room.accounts.reissue(ANALYST, account_id, NUMBER)

        async def is_cut_off() -> bool:
            try:
                await client.stat("trace.log")
            except LOST:
                return True
            return False

        await eventually(is_cut_off, 5)
    with pytest.raises(asyncssh.PermissionDenied):
        async with gateway.connect():
            pass
    await eventually(lambda: gateway.is_interrupted("trace.log"))
    assert (await gateway.upload("trace.log")).offset == 4
    async with gateway.connect(password=again.password) as connection:
        assert connection.get_extra_info("username") == gateway.username


async def test_what_a_session_has_sent_and_fetched_is_known(gateway: Gateway) -> None:
    async with gateway.client() as client:
        async with client.open("trace.log", "wb") as file:
            await file.write(b"x" * 100_000)
        async with client.open("trace.log", "rb") as file:
            assert len(await file.read()) == 100_000

    async def is_noted() -> bool:
        noted = await use(gateway, gateway.credentials)
        return (noted.sessions, noted.bytes_received, noted.bytes_sent) == (1, 100_000, 100_000)

    await eventually(is_noted)
    assert (await use(gateway, gateway.credentials)).last_address == HOST


async def test_the_use_is_noted_before_a_server_has_stopped(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = gateway.room.records.accounts
    at_once = accounts.use

    async def slowly(account_id: AccountId, use: AccountUse) -> None:
        await SystemClock().sleep(0.3)
        await at_once(account_id, use)

    monkeypatch.setattr(accounts, "use", slowly)
    async with gateway.client() as client:
        async with client.open("trace.log", "wb") as file:
            await file.write(b"some")
        await gateway.server.stop()
        noted = await use(gateway, gateway.credentials)
    assert (noted.sessions, noted.bytes_received) == (1, 4)
