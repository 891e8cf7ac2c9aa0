"""The real service as senders reach it by SFTP, and as analysts see it by the API."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import asyncssh
from asyncssh import SFTPAttrs, SFTPClient, SFTPClientFile

from tests.e2e.sftp.gateway import bytes_of
from tests.fault.big_file import CaseApi
from tests.fault.sftp_sender import Found, LostError, OpenFile, Session
from tests.ssh import connect_ssh

HOST = "127.0.0.1"
_PATIENCE_SECONDS = 60.0
LOST = (asyncssh.Error, OSError, TimeoutError)


class ServiceWorld:
    """A service behind `port`, and its API about a case; plays the role `World`.

    `api` is asked for each time: another start of the service may have another token.
    """

    def __init__(
        self, api: Callable[[], CaseApi], case: str, account: dict[str, Any], port: int
    ) -> None:
        self._api = api
        self._case = case
        self._account = account
        self._port = port

    def behind(self, port: int) -> "ServiceWorld":
        """Return the same, but for where clients connect to."""
        return ServiceWorld(self._api, self._case, self._account, port)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        with _answers():
            connection = await connect_ssh(
                HOST,
                self._port,
                username=self._account["username"],
                password=self._account["password"],
                preferred_auth="password",
                connect_timeout=_PATIENCE_SECONDS,
            )
        try:
            with _answers():
                client = await connection.start_sftp_client()
            yield _ServiceSession(client)
        finally:
            connection.abort()
            await connection.wait_closed()

    async def found(self, path: str) -> list[Found]:
        return await asyncio.to_thread(self._found, path)

    async def sha256_of(self, file: Found) -> str:
        return await asyncio.to_thread(self._api().sha256_of, file.id)

    def _found(self, path: str) -> list[Found]:
        listing = self._api().get(f"cases/{self._case}/files")
        return [
            *(
                Found(id=one["id"], is_received=True, size=one["size"], sha256=one["sha256"])
                for one in listing["files"]
                if one["path"] == path
            ),
            *(
                Found(id=one["id"], is_received=False, size=one["offset"])
                for one in listing["uploads"]
                if one["path"] == path
            ),
        ]


class _ServiceSession:
    def __init__(self, client: SFTPClient) -> None:
        self._client = client

    async def open(self, path: str, flags: int, size: int | None) -> OpenFile:
        attributes = SFTPAttrs() if size is None else SFTPAttrs(size=size)
        with _answers():
            return _ServiceFile(await self._client.open(path, flags, attributes, encoding=None))

    async def size(self, path: str) -> int:
        with _answers():
            return (await self._client.stat(path)).size or 0

    async def rename(self, source: str, target: str) -> None:
        with _answers():
            await self._client.rename(source, target)

    async def remove(self, path: str) -> None:
        with _answers():
            await self._client.remove(path)


class _ServiceFile:
    def __init__(self, file: SFTPClientFile) -> None:
        self._file = file

    async def write(self, offset: int, data: bytes) -> None:
        with _answers():
            await self._file.write(data, offset)

    async def read(self, offset: int, size: int) -> bytes:
        with _answers():
            return await bytes_of(self._file, size, offset)

    async def sync(self) -> None:
        with _answers():
            await self._file.fsync()

    async def set_size(self, size: int) -> None:
        with _answers():
            await self._file.truncate(size)

    async def close(self) -> None:
        with _answers():
            await self._file.close()


@contextmanager
def _answers() -> Iterator[None]:
    """Tell a client's doubt by one name, whatever brings it about."""
    try:
        yield
    except LOST as exc:
        raise LostError(f"{type(exc).__name__}: {exc}") from exc
