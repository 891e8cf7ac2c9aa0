"""paramiko, as Python programs use it."""

import asyncio
import shutil
from collections.abc import Callable
from importlib.metadata import version as version_of_package
from typing import Any, ClassVar

import paramiko

from tests.clients.client import HOST, Client, Outcome
from tests.clients.works import Work

Session = Any
"""paramiko ships no types."""

_CHUNK_BYTES = 1 << 20


class Paramiko(Client):
    """paramiko's `SFTPClient`; it blocks, so it works in a thread."""

    name = "paramiko"
    ways: ClassVar = {
        Work.PUT: "put()",
        Work.RESUME: 'stat(), open("ab")',
        Work.RENAME: "rename()",
        Work.TREE: "mkdir(), put()",
        Work.TIME: "put(), utime()",
        Work.GET: "get()",
        Work.GET_RESUME: "open(), seek(), read()",
    }

    @classmethod
    def version(cls) -> str:
        return version_of_package("paramiko")

    async def _do(self, work: Callable[[Session], None]) -> Outcome:
        try:
            await asyncio.to_thread(self._in_session, work)
        except (paramiko.SSHException, OSError, EOFError) as exc:
            return Outcome(1, repr(exc))
        return Outcome(0, "")

    def _in_session(self, work: Callable[[Session], None]) -> None:
        with paramiko.Transport((HOST, self.login.port)) as transport:
            transport.connect(username=self.login.username, password=self.login.password)
            with paramiko.SFTPClient.from_transport(transport) as session:
                work(session)

    async def put(self, local: str, remote: str) -> Outcome:
        return await self._do(lambda session: session.put(str(self.folder / local), remote))

    async def resume(self, local: str, remote: str) -> Outcome:
        def work(session: Session) -> None:
            with (self.folder / local).open("rb") as source, session.open(remote, "ab") as target:
                target.set_pipelined(True)
                source.seek(session.stat(remote).st_size)
                shutil.copyfileobj(source, target, _CHUNK_BYTES)

        return await self._do(work)

    async def rename(self, old: str, new: str) -> Outcome:
        return await self._do(lambda session: session.rename(old, new))

    async def put_tree(self, folder: str) -> Outcome:
        def work(session: Session) -> None:
            session.mkdir(folder)
            for path in sorted((self.folder / folder).rglob("*")):
                there = str(path.relative_to(self.folder))
                if path.is_dir():
                    session.mkdir(there)
                else:
                    session.put(str(path), there)

        return await self._do(work)

    async def put_with_time(self, local: str, remote: str) -> Outcome:
        seconds = (self.folder / local).stat().st_mtime

        def work(session: Session) -> None:
            session.put(str(self.folder / local), remote)
            session.utime(remote, (seconds, seconds))

        return await self._do(work)

    async def get(self, remote: str, local: str) -> Outcome:
        return await self._do(lambda session: session.get(remote, str(self.folder / local)))

    async def resume_get(self, remote: str, local: str) -> Outcome:
        def work(session: Session) -> None:
            with session.open(remote) as source, (self.folder / local).open("ab") as target:
                source.seek(target.tell())
                shutil.copyfileobj(source, target, _CHUNK_BYTES)

        return await self._do(work)
