"""WinSCP, whose packets are sent one for one as its source has it send them.

Of version 6.3, at its defaults, with every question answered by its first button. Files above
100 KiB are sent under a name of their own, `FILE.filepart`, which tells where to go on.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

import asyncssh
from asyncssh import FXF_CREAT, FXF_EXCL, FXF_READ, FXF_TRUNC, FXF_WRITE
from asyncssh.constants import (
    FX_EOF,
    FX_NO_SUCH_FILE,
    FXP_CLOSE,
    FXP_EXTENDED,
    FXP_FSTAT,
    FXP_LSTAT,
    FXP_MKDIR,
    FXP_OPEN,
    FXP_OPENDIR,
    FXP_READ,
    FXP_READDIR,
    FXP_REALPATH,
    FXP_REMOVE,
    FXP_RENAME,
    FXP_SETSTAT,
    FXP_WRITE,
)

from tests.clients.client import Client, Outcome
from tests.clients.raw_sftp import (
    RawSftp,
    StatusError,
    attributes,
    number,
    offset_of,
    raw_session,
    string,
)
from tests.clients.works import Work

FILEPART = ".filepart"
RESUMABLE_BYTES = 100 * 1024
_QUEUED = 64
_BLOCK_BYTES = 32 * 1024
_LIMITS = b"limits@openssh.com"


class WinScp(Client):
    """WinSCP's sequences, of its upload, download and housekeeping."""

    name = "WinSCP (replayed)"
    ways: ClassVar = {
        Work.PUT: "Upload",
        Work.RESUME: "Upload, Resume",
        Work.RENAME: "Rename",
        Work.TREE: "Upload",
        Work.TIME: "Upload",
        Work.GET: "Download",
        Work.GET_RESUME: "Download, Resume",
    }

    @classmethod
    def version(cls) -> str:
        return "6.3"

    async def put(self, local: str, remote: str) -> Outcome:
        return await self._do(lambda session: upload(session, self.folder / local, f"/{remote}"))

    async def rename(self, old: str, new: str) -> Outcome:
        async def work(session: RawSftp) -> None:
            assert await _stat(session, f"/{new}") is None
            (await session.ask(FXP_RENAME, string(f"/{old}"), string(f"/{new}"))).succeeded()

        return await self._do(work)

    async def put_tree(self, folder: str) -> Outcome:
        async def work(session: RawSftp) -> None:
            for path in [self.folder / folder, *sorted((self.folder / folder).rglob("*"))]:
                there = f"/{path.relative_to(self.folder)}"
                if path.is_dir():
                    await _make_folder(session, there)
                else:
                    await upload(session, path, there)

        return await self._do(work)

    async def get(self, remote: str, local: str) -> Outcome:
        return await self._do(lambda session: download(session, f"/{remote}", self.folder / local))

    async def resume_get(self, remote: str, local: str) -> Outcome:
        (self.folder / local).rename(self.folder / (local + FILEPART))
        return await self.get(remote, local)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[RawSftp]:
        """Connect, and look at the first folder."""
        async with raw_session(self.login) as session:
            if _LIMITS in session.extensions:
                await session.ask(FXP_EXTENDED, string(_LIMITS))
            home = (await session.ask(FXP_REALPATH, string("."))).path
            await _list(session, home)
            yield session

    async def _do(self, work: Callable[[RawSftp], Awaitable[object]]) -> Outcome:
        try:
            async with self.session() as session:
                await work(session)
        except (asyncssh.Error, OSError, asyncio.IncompleteReadError, StatusError) as exc:
            return Outcome(1, repr(exc))
        return Outcome(0, "")


# ── Uploads ──────────────────────────────────────────────────────────────────────────────────


async def upload(session: RawSftp, source: Path, target: str) -> None:
    """Send a file as its size has it sent."""
    if size_and_time(source)[0] > RESUMABLE_BYTES:
        await _upload_by_part(session, source, target)
    else:
        await _upload_at_once(session, source, target)


async def open_part(session: RawSftp, target: str, size: int) -> bytes:
    """Open a new `.filepart`, telling how long it is to become."""
    flags = number(FXF_WRITE | FXF_CREAT | FXF_TRUNC)
    asked = (string(target + FILEPART), flags, attributes(size=size))
    return (await session.ask(FXP_OPEN, *asked)).handle


async def _upload_by_part(session: RawSftp, source: Path, target: str) -> None:
    size, mtime = size_and_time(source)
    part = target + FILEPART
    there = await _stat(session, target)
    begun = await _stat(session, part)
    if begun is not None and begun > size:
        (await session.ask(FXP_REMOVE, string(part))).succeeded()
        begun = None
    if begun is None:
        handle = await open_part(session, target, size)
    else:
        asked = (string(part), number(FXF_WRITE | FXF_CREAT), attributes())
        handle = (await session.ask(FXP_OPEN, *asked)).handle
    writes = await _write(session, handle, source, begun or 0)
    closing = await session.send(FXP_CLOSE, string(handle))
    for each in (*writes, closing):
        (await session.reply(each)).succeeded()
    if there is not None:
        (await session.ask(FXP_REMOVE, string(target))).succeeded()
    (await session.ask(FXP_RENAME, string(part), string(target))).succeeded()
    kept = attributes(permissions=None if there is None else 0o644, mtime=mtime)
    (await session.ask(FXP_SETSTAT, string(target), kept)).succeeded()


async def _upload_at_once(session: RawSftp, source: Path, target: str) -> None:
    (size, mtime), flags = size_and_time(source), FXF_WRITE | FXF_CREAT | FXF_TRUNC
    told = attributes(size=size)
    opened = await session.ask(FXP_OPEN, string(target), number(flags | FXF_EXCL), told)
    try:
        handle = opened.handle
    except StatusError:
        assert await _stat(session, target) is not None
        handle = (await session.ask(FXP_OPEN, string(target), number(flags), told)).handle
    writes = await _write(session, handle, source, 0)
    closing = await session.send(FXP_CLOSE, string(handle))
    timed = attributes(mtime=mtime)
    setting = await session.send(FXP_SETSTAT, string(target), timed)
    for each in (*writes, closing, setting):
        (await session.reply(each)).succeeded()


def size_and_time(source: Path) -> tuple[int, int]:
    """Return what is told of a file: its size, and when it was modified."""
    status = source.stat()
    return status.st_size, int(status.st_mtime)


async def _write(session: RawSftp, handle: bytes, source: Path, offset: int) -> list[int]:
    """Send the bytes from `offset` on, and return the requests that are still to be answered."""
    pending: list[int] = []
    with source.open("rb") as file:
        file.seek(offset)
        while block := file.read(_BLOCK_BYTES):
            if len(pending) >= _QUEUED:
                (await session.reply(pending.pop(0))).succeeded()
            pending.append(
                await session.send(FXP_WRITE, string(handle), offset_of(offset), string(block))
            )
            offset += len(block)
    return pending


async def _make_folder(session: RawSftp, path: str) -> None:
    if await _stat(session, path) is None:
        (await session.ask(FXP_MKDIR, string(path), attributes())).succeeded()


# ── Downloads ────────────────────────────────────────────────────────────────────────────────


async def download(session: RawSftp, source: str, target: Path) -> None:
    """Fetch a file, by a `.filepart` here; one that is there is gone on with."""
    part = target.with_name(target.name + FILEPART)
    opened = await session.ask(FXP_OPEN, string(source), number(FXF_READ), attributes())
    handle = opened.handle
    size = (await session.ask(FXP_FSTAT, string(handle))).size
    with part.open("ab") as file:
        offset, asked = file.tell(), file.tell()
        pending: list[int] = []
        while True:
            while len(pending) < _QUEUED and asked <= size + _BLOCK_BYTES:
                reading = (string(handle), offset_of(asked), number(_BLOCK_BYTES))
                pending.append(await session.send(FXP_READ, *reading))
                asked += _BLOCK_BYTES
            data = (await session.reply(pending.pop(0))).data
            if not data:
                break
            file.write(data)
            offset += len(data)
            assert len(data) == _BLOCK_BYTES or offset == size, "a short read in the middle"
    for each in pending:
        assert not (await session.reply(each)).data
    (await session.ask(FXP_CLOSE, string(handle))).succeeded()
    part.rename(target)


# ── Looking ──────────────────────────────────────────────────────────────────────────────────


async def _stat(session: RawSftp, path: str) -> int | None:
    """Return the size of a file, None if there is none."""
    try:
        return (await session.ask(FXP_LSTAT, string(path))).size
    except StatusError as exc:
        if exc.code != FX_NO_SUCH_FILE:
            raise
        return None


async def _list(session: RawSftp, path: bytes) -> None:
    handle = (await session.ask(FXP_OPENDIR, string(path))).handle
    try:
        while (await session.ask(FXP_READDIR, string(handle))).path:
            pass
    except StatusError as exc:
        if exc.code != FX_EOF:
            raise
    (await session.ask(FXP_CLOSE, string(handle))).succeeded()
