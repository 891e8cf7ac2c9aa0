"""FileZilla: its engine `fzsftp`, driven as the program drives it.

The window, the queue and the local disk are FileZilla's own; all that is said to a server is said
by `fzsftp`, which is told line by line what to do. It tells of events by a letter and lines of
text, and hands over the bytes of files in memory that both share.
"""

import asyncio
import mmap
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import BinaryIO, ClassVar

from tests.clients.client import Client, Outcome
from tests.clients.commands import version_of
from tests.clients.works import Work
from tests.programs import program
from tests.service import environment

_MEMORY_BYTES = 1 << 20
_BUFFER_BYTES = 256 << 10


class _Event(IntEnum):
    """What it tells of, as far as anything is to be done about it; a letter counts from "0"."""

    REPLY = 0
    DONE = 1
    ERROR = 2
    LIST_ENTRY = 8
    ASK_HOST_KEY = 9
    ASK_CHANGED_HOST_KEY = 10
    ASK_BETTER_HOST_KEY = 11
    ASK_PASSWORD = 12
    QUOTA_RECEIVED = 16
    QUOTA_SENT = 17
    FILE_SIZE = 26
    FILE_OPEN = 27
    FILE_NEXT_BUFFER = 28
    FILE_FINALIZE = 29


_LINES: dict[int, int] = {
    _Event.QUOTA_RECEIVED: 0,
    _Event.QUOTA_SENT: 0,
    _Event.FILE_SIZE: 0,
    _Event.ASK_HOST_KEY: 2,
    _Event.ASK_CHANGED_HOST_KEY: 2,
    _Event.ASK_BETTER_HOST_KEY: 2,
    _Event.LIST_ENTRY: 3,
}
"""How many lines follow the letter, where it isn't one."""


class _FailedError(Exception):
    """A command that came to nothing."""


class FileZilla(Client):
    """FileZilla, with its timestamps preserved where that is the work; they aren't by default."""

    name = "FileZilla"
    ways: ClassVar = {
        Work.PUT: "Upload",
        Work.RESUME: "Upload, Resume",
        Work.RENAME: "Rename",
        Work.TREE: "Upload",
        Work.TIME: "Upload, with Preserve timestamps",
        Work.GET: "Download",
        Work.GET_RESUME: "Download, Resume",
    }

    @classmethod
    def version(cls) -> str:
        protocol = version_of("fzsftp", "-v", pattern=r"protocol_version=(\d+)")
        if shutil.which("dpkg-query") is None:  # the program itself tells it on a screen only
            return f"of protocol {protocol}"
        shown = ("--show", "--showformat=${Version}", "filezilla")
        return version_of("dpkg-query", *shown, pattern=r"(\d[^-]*)")

    async def put(self, local: str, remote: str) -> Outcome:
        return await self._do([_put("put", self.folder / local, remote)])

    async def resume(self, local: str, remote: str) -> Outcome:
        return await self._do([_put("reput", self.folder / local, remote)])

    async def rename(self, old: str, new: str) -> Outcome:
        return await self._do([_Step(f'mv "{old}" "{new}"')])

    async def put_tree(self, folder: str) -> Outcome:
        steps = []
        for path in [self.folder / folder, *sorted((self.folder / folder).rglob("*"))]:
            there = str(path.relative_to(self.folder))
            steps.append(_Step(f'mkdir "{there}"') if path.is_dir() else _put("put", path, there))
        return await self._do(steps)

    async def put_with_time(self, local: str, remote: str) -> Outcome:
        here = self.folder / local
        seconds = int(here.stat().st_mtime)
        return await self._do([_put("put", here, remote), _Step(f'chmtime {seconds} "{remote}"')])

    async def get(self, remote: str, local: str) -> Outcome:
        here = self.folder / local
        return await self._do([_Step(f'get "{remote}" "{here}"', written=here)])

    async def resume_get(self, remote: str, local: str) -> Outcome:
        here = self.folder / local
        return await self._do([_Step(f'reget "{remote}" "{here}"', written=here, appends=True)])

    async def _do(self, steps: list["_Step"]) -> Outcome:
        async with _engine(self.login.password, self.folder) as engine:
            try:
                async with asyncio.timeout(self.seconds):
                    await engine.started()
                    await engine.do(_Step(f'open "{self.login.address}" {self.login.port}'))
                    await engine.do(_Step("pwd"))
                    await engine.do(_Step("ls"))
                    for step in steps:
                        await engine.do(step)
            except (_FailedError, EOFError, ConnectionError):
                return Outcome(1, "\n".join(engine.errors))
        return Outcome(0, "")


@dataclass(frozen=True, slots=True)
class _Step:
    """A command, and the local file that it is about."""

    command: str
    read: Path | None = None
    written: Path | None = None
    appends: bool = False


def _put(verb: str, here: Path, there: str) -> _Step:
    return _Step(f'{verb} "{here}" "{there}"', read=here)


@dataclass(kw_only=True)
class _Engine:
    """A running `fzsftp`."""

    process: asyncio.subprocess.Process
    memory: mmap.mmap
    descriptor: int
    password: str
    errors: list[str] = field(default_factory=list)
    _file: BinaryIO | None = None

    async def started(self) -> None:
        """Wait for its first word."""
        await self._until_done(_Step(""))

    async def do(self, step: _Step) -> None:
        """Have it do a command, and serve it meanwhile."""
        self._answer(step.command)
        try:
            await self._until_done(step)
        finally:
            if self._file is not None:
                self._file.close()
            self._file = None

    async def _until_done(self, step: _Step) -> None:
        while True:
            kind, lines = await self._event()
            match kind:
                case _Event.REPLY:
                    return
                case _Event.DONE:
                    if lines[0] != "1":
                        raise _FailedError
                    return
                case _Event.ERROR:
                    self.errors.append(lines[0])
                case _Event.ASK_HOST_KEY:
                    self._answer("y")
                case _Event.ASK_PASSWORD:
                    self._answer(self.password)
                case _Event.QUOTA_RECEIVED | _Event.QUOTA_SENT:
                    self._answer(f"-{kind - _Event.QUOTA_RECEIVED}-")
                case _:
                    self._serve(kind, lines, step)

    def _serve(self, kind: int, lines: list[str], step: _Step) -> None:
        """Do what it asks of the local file."""
        if kind == _Event.FILE_OPEN:
            self._answer(self._opened(step, int(lines[0])))
        elif kind == _Event.FILE_SIZE:
            assert step.read is not None
            self._answer(f"-{step.read.stat().st_size}")
        elif kind == _Event.FILE_NEXT_BUFFER and step.read is not None:
            assert self._file is not None
            data = self._file.read(_BUFFER_BYTES)
            self.memory[: len(data)] = data
            self._answer(f"-0 {len(data)}" if data else "-0")
        elif kind in (_Event.FILE_NEXT_BUFFER, _Event.FILE_FINALIZE) and step.written is not None:
            assert self._file is not None
            self._file.write(self.memory[: int(lines[0])])
            self._answer("-1" if kind == _Event.FILE_FINALIZE else f"-0 {_BUFFER_BYTES}")

    def _opened(self, step: _Step, offset: int) -> str:
        """Open the local file, and return how it is told of that."""
        if step.read is not None:
            self._file = step.read.open("rb")
            self._file.seek(offset)
        else:
            assert step.written is not None
            self._file = step.written.open("ab" if step.appends else "wb")
            offset = self._file.tell()
        return f"-{self.descriptor} {_MEMORY_BYTES} {offset}"

    async def _event(self) -> tuple[int, list[str]]:
        assert self.process.stdout is not None
        kind = (await self.process.stdout.readexactly(1))[0] - ord("0")
        lines = []
        for _ in range(_LINES.get(kind, 1)):
            line = await self.process.stdout.readuntil(b"\n")
            lines.append(line.decode(errors="replace").rstrip("\r\n"))
        return kind, lines

    def _answer(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())


@asynccontextmanager
async def _engine(password: str, folder: Path) -> AsyncIterator[_Engine]:
    descriptor = os.memfd_create("buffers")
    try:
        os.ftruncate(descriptor, _MEMORY_BYTES)
        with mmap.mmap(descriptor, _MEMORY_BYTES) as memory:
            process = await asyncio.create_subprocess_exec(
                program("fzsftp"),
                "-v",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                cwd=folder,
                env={**environment(), "HOME": str(folder)},
                pass_fds=[descriptor],
            )
            try:
                yield _Engine(
                    process=process, memory=memory, descriptor=descriptor, password=password
                )
            finally:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
    finally:
        os.close(descriptor)
