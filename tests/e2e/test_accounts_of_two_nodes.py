"""Accounts end on time for sessions on each of two nodes: revoked, renewed, expired, closed."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import asyncssh
import pytest

from tests.service import Service
from transfer.clock import SystemClock
from transfer.core.accounts import AccountEnd, AccountId
from transfer.records.assembly import open_records
from transfer.records.database import Database

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

Start = Callable[..., Service]
Account = dict[str, Any]

_log = logging.getLogger(__name__)
_clock = SystemClock()
_LATEST = timedelta(seconds=2)


class _Session(asyncssh.SSHClient):
    """A live session that knows when it was ended, and with what words."""

    def __init__(self) -> None:
        self.ended: asyncio.Future[tuple[datetime, str]] = (
            asyncio.get_running_loop().create_future()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set_result((_clock.now(), str(exc)))


@pytest.fixture
def nodes(start_service: Start, operator: Service, settings: dict[str, str]) -> list[Service]:
    """Two processes of the SFTP door on one database."""
    operator.cli("migrate")
    return [start_service(command="sftp", **settings) for _ in range(2)]


@pytest.fixture
def case(nodes: list[Service], operator: Service) -> str:
    opened = operator.cli_json("case", "open", "--subject", "Crash", "--account", "Example")
    return str(opened["number"])


@asynccontextmanager
async def sessions(nodes: list[Service], account: Account) -> AsyncIterator[list[_Session]]:
    """A session on each node, each of which has seen its case."""
    made = [await _session(node, account) for node in nodes]
    try:
        yield [session for _, session in made]
    finally:
        for connection, _ in made:
            connection.abort()
            await connection.wait_closed()


async def _session(
    node: Service, account: Account
) -> tuple[asyncssh.SSHClientConnection, _Session]:
    host, port = node.sftp
    connection, session = await asyncssh.create_connection(
        _Session,
        host,
        port,
        username=account["username"],
        password=account["password"],
        known_hosts=None,
        client_keys=None,
        agent_path=None,
        config=None,
    )
    assert isinstance(session, _Session)
    client = await connection.start_sftp_client()
    assert await client.listdir() == ["shared"]
    return connection, session


async def ends(waited: list[_Session]) -> list[tuple[datetime, str]]:
    async with asyncio.timeout(30):
        return list(await asyncio.gather(*(session.ended for session in waited)))


def tells(words: str, why: str) -> bool:
    """Whether a session heard why it ended, or lost its connection before it had read that."""
    return why in words or "Broken pipe" in words or "reset" in words


async def shut_out(nodes: list[Service], account: Account) -> None:
    for node in nodes:
        with pytest.raises(asyncssh.PermissionDenied):
            await _session(node, account)


async def test_what_ends_an_account_ends_its_sessions_on_every_node(
    nodes: list[Service], operator: Service, settings: dict[str, str], case: str
) -> None:
    """Each in turn; the nodes take long to start."""
    other = operator.account(case)
    async with sessions(nodes, other) as others:
        await _revoke(nodes, operator, settings["database_url"], case)
        await _reissue(nodes, operator, case)
        await _let_expire(nodes, operator, case)
        assert not any(session.ended.done() for session in others)
        await _close_case(nodes, operator, case, others)
    operator.cli("case", "reopen", case)
    await shut_out(nodes, other)


async def _revoke(nodes: list[Service], operator: Service, url: str, case: str) -> None:
    account = operator.account(case)
    database = await Database.open(url)
    try:
        async with sessions(nodes, account) as here:
            accounts, now = open_records(database).accounts, _clock.now()
            await accounts.end(AccountId(account["id"]), AccountEnd.REVOKED, None, now)
            for at, words in await ends(here):
                _log.info("ended %s after the revocation", at - now)
                assert tells(words, "revoked")
                assert at - now <= _LATEST
    finally:
        await database.close()
    await shut_out(nodes, account)


async def _reissue(nodes: list[Service], operator: Service, case: str) -> None:
    account = operator.account(case)
    async with sessions(nodes, account) as here:
        words = ("account", "reissue", account["id"], "--case", case)
        again = await asyncio.to_thread(operator.cli_json, *words)
        issued = _clock.now()
        for at, said in await ends(here):
            assert tells(said, "new password")
            assert at - issued <= _LATEST
    await shut_out(nodes, account)
    assert again["username"] == account["username"]
    async with sessions(nodes, again) as here:
        assert not any(session.ended.done() for session in here)


async def _let_expire(nodes: list[Service], operator: Service, case: str) -> None:
    """With real time, so not for 120 hours: tests with a clock of their own do that."""
    account = operator.cli_json("account", "issue", "--case", case, "--lifetime", "15s")
    expiry = datetime.fromisoformat(account["expires_at"])
    async with sessions(nodes, account) as here:
        for at, words in await ends(here):
            _log.info("ended %s after the expiry", at - expiry)
            assert tells(words, "expired")
            assert timedelta(0) <= at - expiry <= timedelta(seconds=1)
    await shut_out(nodes, account)


async def _close_case(
    nodes: list[Service], operator: Service, case: str, live: list[_Session]
) -> None:
    await asyncio.to_thread(operator.cli, "case", "close", case)
    closed = _clock.now()
    for at, words in await ends(live):
        assert tells(words, "closed")
        assert at - closed <= _LATEST
