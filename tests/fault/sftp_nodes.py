"""Nodes of the engine that senders reach through the SFTP door's files, and that can die."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any, cast

from asyncssh import SFTPAttrs, SFTPError

from tests.engine_room import ANALYST, NUMBER, EngineRoom, customer
from tests.fault.sftp_sender import Found, LostError, OpenFile, Session
from transfer.core.access import Door
from transfer.core.errors import TransferError, UnavailableError
from transfer.core.uploads import FileId
from transfer.ports import FileTree, ObjectStore, UploadLedger
from transfer.sftp.filesystem import CaseFileSystem, FileHandle
from transfer.sftp.revision import Desk
from transfer.sftp.spool import SpoolSpace

_log = logging.getLogger(__name__)

_READING = frozenset(
    {
        *("upload", "parts", "pieces", "finals", "standings", "unfinished", "overdue"),
        *("entry", "children", "files", "file", "usage", "contents", "selection"),
        *("read", "presign", "list_everything"),
    }
)
"""What leaves nothing changed: to die after one of these is to die after the effect before."""


class Life:
    """How many effects a node still has, on its records and its store, before it is dead."""

    def __init__(self, effects: int) -> None:
        self._left = effects

    @property
    def is_over(self) -> bool:
        return self._left <= 0

    def check(self) -> None:
        if self.is_over:
            raise UnavailableError("The node is dead.")

    def spend(self, name: str) -> None:
        """Take note of an effect; of the last one nobody learns any more."""
        self._left -= 1
        if self.is_over:
            _log.info("died after %s", name)


class _Mortal:
    """A role as one node plays it: nothing of it has an effect, or an answer, after its death."""

    def __init__(self, role: object, life: Life) -> None:
        self._role = role
        self._life = life

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the role has
        self._life.check()
        step = getattr(self._role, name)
        if name in {"read", "presign"}:
            return step

        async def mortal(*args: object, **options: object) -> object:
            self._life.check()
            answer = await step(*args, **options)
            if name not in _READING:
                self._life.spend(name)
            self._life.check()
            return answer

        return mortal


def mortal_node(room: EngineRoom, life: Life) -> EngineRoom:
    """Return one more node of `room`, which lives as long as `life`."""
    records = replace(
        room.records,
        uploads=cast(UploadLedger, _Mortal(room.records.uploads, life)),
        tree=cast(FileTree, _Mortal(room.records.tree, life)),
    )
    return room.another_node(records=records, store=cast(ObjectStore, _Mortal(room.store, life)))


class NodeWorld:
    """One node as senders and analysts see it; plays the role `World`."""

    def __init__(self, node: EngineRoom) -> None:
        self._node = node

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        desk = Desk(
            uploads=self._node.uploads,
            files=self._node.files,
            principal=replace(customer(), door=Door.SFTP),
            space=SpoolSpace(),
        )
        filesystem = CaseFileSystem(desk, self._node.clock, case_number=NUMBER)
        session = _NodeSession(filesystem)
        try:
            yield session
        finally:
            await session.end()

    async def found(self, path: str) -> list[Found]:
        listing = await self._node.files.listing(ANALYST, NUMBER)
        return [
            *(
                Found(id=file.id, is_received=True, size=file.size, sha256=file.sha256)
                for file in listing.files
                if file.path == path
            ),
            *(
                Found(id=upload.id, is_received=False, size=upload.offset)
                for upload in listing.uploads
                if upload.path == path
            ),
        ]

    async def sha256_of(self, file: Found) -> str:
        stored = await self._node.files.file(ANALYST, FileId(file.id))
        await self._node.content_of(stored)  # it compares
        return stored.sha256


class _NodeSession:
    """A session without its packets; as in one, a request waits for the one before it."""

    def __init__(self, filesystem: CaseFileSystem) -> None:
        self.filesystem = filesystem
        self.turn = asyncio.Lock()
        self._files: list[_NodeFile] = []

    async def open(self, path: str, flags: int, size: int | None) -> OpenFile:
        attributes = SFTPAttrs() if size is None else SFTPAttrs(size=size)
        with _answers():
            handle = await self.filesystem.open(path.encode(), flags, attributes)
        self._files.append(_NodeFile(self, handle))
        return self._files[-1]

    async def size(self, path: str) -> int:
        with _answers():
            return (await self.filesystem.stat(path.encode())).size or 0

    async def rename(self, source: str, target: str) -> None:
        with _answers():
            await self.filesystem.rename(source.encode(), target.encode())

    async def remove(self, path: str) -> None:
        with _answers():
            await self.filesystem.remove(path.encode())

    async def end(self) -> None:
        """End as a session does whose client is gone."""
        for file in self._files:
            await file.interrupt()


class _NodeFile:
    def __init__(self, session: _NodeSession, handle: FileHandle) -> None:
        self._session = session
        self._handle: FileHandle | None = handle

    async def write(self, offset: int, data: bytes) -> None:
        async with self._session.turn:
            with _answers():
                await self._session.filesystem.write(self._open, offset, data)

    async def read(self, offset: int, size: int) -> bytes:
        with _answers():
            return bytes(await self._session.filesystem.read(self._open, offset, size))

    async def sync(self) -> None:
        with _answers():
            await self._session.filesystem.fsync(self._open)

    async def set_size(self, size: int) -> None:
        with _answers():
            await self._session.filesystem.fsetstat(self._open, SFTPAttrs(size=size))

    async def close(self) -> None:
        handle, self._handle = self._open, None
        with _answers():
            await self._session.filesystem.close(handle)

    async def interrupt(self) -> None:
        if self._handle is not None:
            await self._handle.interrupt()

    @property
    def _open(self) -> FileHandle:
        assert self._handle is not None
        return self._handle


@contextmanager
def _answers() -> Iterator[None]:
    """Tell a client's doubt by one name, whatever brings it about."""
    try:
        yield
    except (TransferError, SFTPError) as exc:
        raise LostError(str(exc)) from exc
