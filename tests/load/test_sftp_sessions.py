"""What SFTP sessions cost in memory: idle, writing, not reading, and of how many files."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import asyncssh
import pytest
from asyncssh import SFTPClient, SSHClientConnection, SSHReader

from tests.fault.big_file import MIB, CaseApi, peak_memory
from tests.fault.sftp_sender import digest_of
from tests.service import Service
from tests.ssh import connect_ssh
from transfer.clock import SystemClock

pytestmark = [pytest.mark.load, pytest.mark.timeout(400)]

KIB = 1024
SESSIONS, WRITING = 300, 20
READS, READ_BYTES = 300, 4 * MIB
FILES, FIRST_FILES = 3000, 600
SIGNING_IN = 8
"""At once: a server may refuse some of those that haven't signed in, if they are many."""

_clock = SystemClock()
Connect = Callable[[], Awaitable[SSHClientConnection]]


@asynccontextmanager
async def connecting(service: Service) -> AsyncIterator[Connect]:
    """Yield what connects one more client, signed in; all leave at the end."""
    account = await asyncio.to_thread(service.account)
    host, port = service.sftp
    turns = asyncio.Semaphore(SIGNING_IN)
    async with AsyncExitStack() as stack:

        async def connect() -> SSHClientConnection:
            async with turns:
                connection = await connect_ssh(
                    host,
                    port,
                    username=account["username"],
                    password=account["password"],
                    preferred_auth="password",
                    connect_timeout=120,
                )
            stack.callback(connection.abort)
            return connection

        yield connect


def memory_of(service: Service) -> int:
    """Return the RSS of the service's processes, the embedded store apart."""
    return sum(one.memory_info().rss for one in service.family() if "weed" not in one.name())


async def settled(service: Service) -> int:
    """Return the service's memory once it has had nothing to do for a second."""

    def used() -> float:
        times = [one.cpu_times() for one in service.family() if "weed" not in one.name()]
        return sum(time.user + time.system for time in times)

    async with asyncio.timeout(180):
        quiet = 0
        while quiet < 4:
            before = used()
            await _clock.sleep(0.25)
            quiet = quiet + 1 if used() - before < 0.06 else 0
    return memory_of(service)


async def listed(service: Service) -> dict[str, str]:
    """Return the digests of the demo case's received files, by path."""
    api, files, page = CaseApi(service), {}, ""
    while True:
        listing = await asyncio.to_thread(api.get, f"cases/{service.case}/files{page}")
        assert not listing["uploads"]
        files.update({one["path"]: one["sha256"] for one in listing["files"]})
        if not listing["next"]:
            return files
        page = f"?after={listing['next']}"


async def test_300_sessions_of_which_20_write_stay_below_600_mib(
    start_service: Callable[..., Service],
) -> None:
    service = await asyncio.to_thread(start_service)
    data = random.Random(1).randbytes(20 * MIB)
    with peak_memory(service) as peak:
        async with connecting(service) as connect:

            async def session() -> SFTPClient:
                return await (await connect()).start_sftp_client()

            clients = await asyncio.gather(*(session() for _ in range(SESSIONS)))

            async def send(number: int) -> None:
                async with clients[number].open(f"{number}.log", "wb") as file:
                    await file.write(data)

            await asyncio.gather(*(send(number) for number in range(WRITING)))
            for client in clients:  # the idle ones are all still there
                await client.stat(".")
    assert peak() < 600 * MIB, f"peak RSS {peak() / MIB:.0f} MiB"
    files = await listed(service)
    assert files == {f"{number}.log": digest_of(data) for number in range(WRITING)}


async def test_reads_that_nobody_takes_cost_less_than_32_mib(
    start_service: Callable[..., Service],
) -> None:
    service = await asyncio.to_thread(start_service)
    data = random.Random(1).randbytes(4 * READ_BYTES)
    async with connecting(service) as connect:
        connection = await connect()
        async with connection.start_sftp_client() as client:
            async with client.open("trace.log", "wb") as file:
                await file.write(data)
            async with client.open("trace.log", "rb") as file:
                await file.read()  # what reading costs at all isn't what is measured
        before = await settled(service)
        writer, reader, _ = await connection.open_session(subsystem="sftp", encoding=None)
        writer.write(packet(b"\1\0\0\0\3"))
        writer.write(packet(b"\3\0\0\0\0" + string(b"trace.log") + number(1) + number(0)))
        assert (await reply(reader))[0] == 2, "its version"
        opened = await reply(reader)
        assert opened[0] == 102, "a handle"
        for one in range(READS):
            start = one % 4 * READ_BYTES
            read = b"\5" + number(one) + opened[5:] + start.to_bytes(8, "big")
            writer.write(packet(read + number(READ_BYTES)))
        grown = await settled(service) - before
        assert (await reply(reader))[0] == 103, "data"
    assert grown < 32 * MIB, f"RSS grew by {grown / MIB:.0f} MiB"


@pytest.mark.timeout(900)
async def test_3000_files_in_one_session_cost_no_more_memory_than_600(
    start_service: Callable[..., Service],
) -> None:
    service = await asyncio.to_thread(start_service)
    chance = random.Random(1)
    sent: dict[str, str] = {}

    async def send(client: SFTPClient, up_to: int) -> None:
        while len(sent) < up_to:
            path, data = f"{len(sent)}.log", chance.randbytes(chance.randint(0, 10 * KIB))
            sent[path] = digest_of(data)
            async with client.open(path, "wb") as file:
                await file.write(data)
                await file.setstat(asyncssh.SFTPAttrs(atime=10**9, mtime=10**9))

    async with connecting(service) as connect, (await connect()).start_sftp_client() as client:
        await asyncio.gather(*(send(client, FIRST_FILES) for _ in range(8)))
        before = await settled(service)
        await asyncio.gather(*(send(client, FILES) for _ in range(8)))
        grown = await settled(service) - before
    assert await listed(service) == sent
    assert grown < 24 * MIB, f"RSS grew by {grown / MIB:.0f} MiB"


async def reply(reader: "SSHReader[bytes]") -> bytes:
    """Return the next reply: its type, and what follows."""
    async with asyncio.timeout(60):
        return await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))


def packet(payload: bytes) -> bytes:
    return number(len(payload)) + payload


def string(value: bytes) -> bytes:
    return number(len(value)) + value


def number(value: int) -> bytes:
    return value.to_bytes(4, "big")
