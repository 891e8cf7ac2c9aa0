"""The SFTP door in this process, on real records and a store in memory, and clients for it."""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import cast

import asyncssh
import paramiko
from asyncssh import SFTPAttrs, SFTPClient, SFTPClientFile

from tests.engine_room import ANALYST, NUMBER, EngineRoom
from tests.ssh import connect_ssh
from transfer.clock import SystemClock
from transfer.core.names import CasePath
from transfer.core.uploads import StoredFile, Upload, UploadState
from transfer.engine.accounts import Credentials
from transfer.sftp.connection import Services
from transfer.sftp.hostkeys import HostKeys
from transfer.sftp.server import SftpPolicy, SftpServer
from transfer.storage.memory import MemoryObjectStore

HOST = "127.0.0.1"


@dataclass(kw_only=True)
class Gateway:
    """A running server, the engine behind it, and an account's user name and password."""

    room: EngineRoom
    server: SftpServer
    port: int
    credentials: Credentials

    @property
    def username(self) -> str:
        return self.credentials.account.username

    @property
    def password(self) -> str:
        assert self.credentials.password is not None
        return self.credentials.password

    @property
    def store(self) -> MemoryObjectStore:
        assert isinstance(self.room.store, MemoryObjectStore)
        return self.room.store

    # ── Clients ──────────────────────────────────────────────────────────────────────────────

    @asynccontextmanager
    async def connect(
        self,
        *,
        port: int | None = None,
        username: str | None = None,
        password: str | None = None,
        method: str = "password",
        **options: object,
    ) -> AsyncIterator[asyncssh.SSHClientConnection]:
        """asyncssh's own client, signed in by `method`."""
        async with connect_ssh(
            HOST,
            port or self.port,
            username=username or self.username,
            password=password or self.password,
            preferred_auth=method,
            **options,
        ) as connection:
            yield connection

    @asynccontextmanager
    async def client(self, *, port: int | None = None) -> AsyncIterator[SFTPClient]:
        """An SFTP session of asyncssh's own client."""
        async with self.connect(port=port) as connection, connection.start_sftp_client() as client:
            yield client

    @asynccontextmanager
    async def opened(
        self, path: str, flags: int | str, attributes: SFTPAttrs | None = None
    ) -> AsyncIterator[SFTPClientFile]:
        """A file that is open in a session of its own; it is closed at the end."""
        async with (
            self.client() as client,
            client.open(path, flags, attributes or SFTPAttrs(), encoding=None) as file,
        ):
            yield file

    @contextmanager
    def paramiko_client(self, port: int | None = None) -> Iterator[paramiko.SFTPClient]:
        """An SFTP session of paramiko's client; for use in a thread."""
        with paramiko.Transport((HOST, port or self.port)) as transport:
            transport.connect(username=self.username, password=self.password)
            yield paramiko.SFTPClient.from_transport(transport)

    # ── What is there ────────────────────────────────────────────────────────────────────────

    async def entry(self, path: str) -> StoredFile | Upload:
        entry = await self.room.files.entry(ANALYST, NUMBER, CasePath(path))
        assert isinstance(entry, StoredFile | Upload), f"{path} is a folder"
        return entry

    async def file(self, path: str) -> StoredFile:
        entry = await self.entry(path)
        assert isinstance(entry, StoredFile), f"{path} is {entry}"
        return entry

    async def upload(self, path: str) -> Upload:
        entry = await self.entry(path)
        assert isinstance(entry, Upload), f"{path} is {entry}"
        return entry

    async def is_interrupted(self, path: str) -> bool:
        entry = await self.entry(path)
        return isinstance(entry, Upload) and entry.state is UploadState.INTERRUPTED

    async def content(self, path: str) -> bytes:
        return await self.room.content(path)

    def calls(self, operation: str) -> int:
        """How many such calls the store got."""
        return sum(call.operation == operation for call in self.store.calls)


def data_of(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def services_of(room: EngineRoom) -> Services:
    """What a server on `room` works with."""
    return Services(
        accounts=room.accounts,
        uploads=room.uploads,
        files=room.files,
        visits=room.visits,
        bans=room.bans,
        clock=room.clock,
    )


@asynccontextmanager
async def gateway_of(
    room: EngineRoom,
    host_keys: HostKeys,
    policy: SftpPolicy | None = None,
    *,
    services: Services | None = None,
) -> AsyncIterator[Gateway]:
    """Start a server on `room`, with the watchers that the service runs beside it."""
    server = SftpServer(services or services_of(room), host_keys, policy)
    await server.start(HOST)
    watchers = [
        asyncio.create_task(room.leases.watch()),
        asyncio.create_task(room.accounts.watch()),
    ]
    try:
        yield Gateway(
            room=room,
            server=server,
            port=server.addresses[0][1],
            credentials=await room.accounts.issue(ANALYST, NUMBER),
        )
    finally:
        await server.stop()
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)


async def size_of(asked: SFTPClient | SFTPClientFile, path: str | None = None) -> int:
    """Return the size that a client is told."""
    told = await (asked.stat() if isinstance(asked, SFTPClientFile) else asked.stat(path or "."))
    assert told.size is not None
    return told.size


async def bytes_of(file: SFTPClientFile, size: int = -1, offset: int | None = None) -> bytes:
    """Read from a file that is open for bytes; asyncssh's types know only text."""
    return cast(bytes, await file.read(size, offset))


async def eventually(is_so: Callable[[], Awaitable[bool]], real_seconds: float = 15) -> None:
    """Wait until something is so that another task brings about."""
    clock = SystemClock()
    async with asyncio.timeout(real_seconds):
        while not await is_so():
            await clock.sleep(0.02)
