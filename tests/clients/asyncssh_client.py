"""asyncssh's own client, as Python programs use it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import ClassVar, cast

import asyncssh
from asyncssh import SFTPClient

from tests.clients.client import HOST, Client, Login, Outcome
from tests.clients.works import Work
from tests.ssh import connect_ssh

_CHUNK_BYTES = 1 << 20


class AsyncSsh(Client):
    """asyncssh's `SFTPClient`."""

    name = "asyncssh"
    ways: ClassVar = {
        Work.PUT: "put()",
        Work.RESUME: 'stat(), open("ab")',
        Work.RENAME: "rename()",
        Work.TREE: "put(recurse=True)",
        Work.TIME: "put(preserve=True)",
        Work.GET: "get()",
        Work.GET_RESUME: "open(), seek(), read()",
    }

    @classmethod
    def version(cls) -> str:
        return asyncssh.__version__

    async def _do(self, work: Callable[[SFTPClient], Awaitable[object]]) -> Outcome:
        try:
            async with signed_in(self.login) as ssh, ssh.start_sftp_client() as session:
                await work(session)
        except (asyncssh.Error, OSError) as exc:
            return Outcome(1, repr(exc))
        return Outcome(0, "")

    async def put(self, local: str, remote: str) -> Outcome:
        return await self._do(lambda session: session.put(str(self.folder / local), remote))

    async def resume(self, local: str, remote: str) -> Outcome:
        async def work(session: SFTPClient) -> None:
            async with session.open(remote, "ab", encoding=None) as target:
                with (self.folder / local).open("rb") as source:
                    source.seek((await session.stat(remote)).size or 0)
                    while chunk := source.read(_CHUNK_BYTES):
                        await target.write(chunk)

        return await self._do(work)

    async def rename(self, old: str, new: str) -> Outcome:
        return await self._do(lambda session: session.rename(old, new))

    async def put_tree(self, folder: str) -> Outcome:
        here = str(self.folder / folder)
        return await self._do(lambda session: session.put(here, recurse=True))

    async def put_with_time(self, local: str, remote: str) -> Outcome:
        here = str(self.folder / local)
        return await self._do(lambda session: session.put(here, remote, preserve=True))

    async def get(self, remote: str, local: str) -> Outcome:
        return await self._do(lambda session: session.get(remote, str(self.folder / local)))

    async def resume_get(self, remote: str, local: str) -> Outcome:
        async def work(session: SFTPClient) -> None:
            async with session.open(remote, "rb", encoding=None) as source:
                with (self.folder / local).open("ab") as target:
                    await source.seek(target.tell())
                    while chunk := cast(bytes, await source.read(_CHUNK_BYTES)):
                        target.write(chunk)

        return await self._do(work)


@asynccontextmanager
async def signed_in(login: Login) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """Sign in, with nothing of this machine's own settings."""
    async with connect_ssh(
        HOST,
        login.port,
        username=login.username,
        password=login.password,
    ) as connection:
        yield connection
