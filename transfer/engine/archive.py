"""Archives of a case's files: planned to the last byte, then read in any range.

Nothing is kept between two requests: the same files make the same archive again. What is sent is
read from the store while it is sent, small files a few ahead, and never more than that.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass

from transfer.core.access import Action, Principal, authorise
from transfer.core.archive import Piece, PieceKind
from transfer.core.archive_contents import ArchivedFile, ArchivePlan, Selection, plan_archive
from transfer.core.cases import CaseNumber
from transfer.core.errors import ArchiveChangedError, UnavailableError
from transfer.engine.digest import crc32
from transfer.engine.download_notes import note_download
from transfer.engine.policy import Tools

KIB = 1 << 10
MIB = 1 << 20

MAX_FILES = 100_000
_MEMBERS_AT_ONCE = 4 * MAX_FILES
"""What all archives that are being sent have together: a member takes about 1 KiB of memory."""

_CHUNK_BYTES = 256 * KIB
_SMALL_BYTES = 512 * KIB
_AHEAD_BYTES = 2 * MIB
_AHEAD_PIECES = 12
"""That is four small files: each has a header before it, and may have one behind it."""

_DOWNLOADED = "archive.downloaded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """An archive of one case; `size` in bytes, `etag` without quotes."""

    case_number: CaseNumber
    selection: Selection
    plan: ArchivePlan

    @property
    def size(self) -> int:
        """Its length."""
        return self.plan.layout.size

    @property
    def etag(self) -> str:
        """What tells its bytes from any others."""
        return self.plan.etag


class Archives:
    """Zip archives of what a case holds, for whoever may download it."""

    def __init__(self, tools: Tools, *, members_at_once: int = _MEMBERS_AT_ONCE) -> None:
        """Send archives of at most `members_at_once` in all, but one of any size."""
        self._tools = tools
        self._members_at_once = members_at_once
        self._members = 0

    @asynccontextmanager
    async def open(
        self, principal: Principal, case_number: CaseNumber, selection: Selection
    ) -> AsyncIterator[Archive]:
        """Plan an archive, and keep the plan while it is sent.

        Raises:
            CaseMissingError, ForbiddenError: not here, or not for you.
            EntryMissingError: what is selected isn't there.
            UnsupportedError: more files than an archive is made of.
            UnavailableError: too many archives at once; try again.
        """
        authorise(principal, Action.DOWNLOAD, await self._tools.core.case(case_number))
        contents = await self._tools.records.tree.contents(case_number, selection, MAX_FILES)
        plan = await asyncio.to_thread(plan_archive, contents)
        count = len(plan.files)
        if self._members and self._members + count > self._members_at_once:
            raise UnavailableError("Too many archives are being sent: try again later.")
        self._members += count
        try:
            yield Archive(case_number=case_number, selection=selection, plan=plan)
        finally:
            self._members -= count

    async def begin(
        self, principal: Principal, archive: Archive, *, start: int, known: bool
    ) -> None:
        """Note a download from `start` on in the audit log, once for all that continues it.

        Who continues without saying of what (`known`) must have begun this very archive last:
        bytes of two archives never end up in one file.

        Raises:
            ArchiveChangedError: they have begun another one, of other files.
        """
        audit, subject = self._tools.records.audit, archive.selection.key()
        if start:
            last = await audit.latest(archive.case_number, _DOWNLOADED, principal.name, subject)
            same = last is not None and last.details.get("etag") == archive.etag
            if last is not None and not same and not known:
                raise ArchiveChangedError(
                    "The case's files have changed since the archive was begun: start it again."
                )
            if last is not None and same and last.address == principal.address:
                return
        details = {
            "etag": archive.etag,
            "files": archive.plan.file_count,
            "size": archive.size,
            "start": start,
        }
        await note_download(
            self._tools,
            principal,
            action=_DOWNLOADED,
            case_number=archive.case_number,
            subject=subject,
            details=details,
            told={"files": archive.plan.file_count, "size": archive.size},
        )

    @asynccontextmanager
    async def read(
        self, archive: Archive, start: int, size: int
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Stream `size` bytes of an archive from `start`.

        Shape: chunks of at most 1 MiB.

        Raises:
            StoreUnavailableError, EntryMissingError: also in the middle; plan it anew, then go on.
        """
        reader = _Reader(self._tools, archive.plan)
        async with aclosing(reader.chunks(start, size)) as chunks:
            yield chunks


class _Reader:
    """Reads one range of an archive."""

    def __init__(self, tools: Tools, plan: ArchivePlan) -> None:
        self._tools = tools
        self._plan = plan
        self._ahead: deque[tuple[Piece, asyncio.Task[bytes] | None]] = deque()
        self._ahead_bytes = 0
        self._crcs: dict[int, int] = {}

    async def chunks(self, start: int, size: int) -> AsyncGenerator[bytes]:
        """Yield the range; small pieces are put together."""
        pieces = self._plan.layout.pieces(start, size)
        gathered = bytearray()
        try:
            while self._look_ahead(pieces):
                piece, task = self._ahead.popleft()
                self._ahead_bytes -= piece.size
                file = self._plan.files[piece.index]
                if task is not None:
                    gathered += await task
                elif file is None or piece.kind is not PieceKind.DATA:
                    gathered += self._made(piece)
                else:
                    if gathered:
                        yield _taken(gathered, len(gathered))
                    async with self._stream(file, piece) as stream:
                        async for chunk in stream:
                            yield chunk
                while len(gathered) >= _CHUNK_BYTES:
                    yield _taken(gathered, _CHUNK_BYTES)
            if gathered:
                yield bytes(gathered)
        finally:
            await self._stop()

    def _look_ahead(self, pieces: Iterator[Piece]) -> bool:
        """Begin to fetch what comes next; False when there is nothing more."""
        while len(self._ahead) < _AHEAD_PIECES and self._ahead_bytes < _AHEAD_BYTES:
            piece = next(pieces, None)
            if piece is None:
                break
            self._ahead.append((piece, self._begun(piece)))
            self._ahead_bytes += piece.size
        return bool(self._ahead)

    def _begun(self, piece: Piece) -> asyncio.Task[bytes] | None:
        """Begin to fetch a piece that takes a while and little memory."""
        file = self._plan.files[piece.index]
        if file is None:
            return None
        if piece.kind is PieceKind.DATA:
            small = piece.size <= _SMALL_BYTES
            return asyncio.create_task(self._content(file, piece)) if small else None
        if self._crc(piece.index) is None:
            return asyncio.create_task(self._first_record(file, piece))
        return None

    def _made(self, piece: Piece) -> bytes:
        """Return a piece for which everything is known; the data is that of the list of digests."""
        if piece.kind is PieceKind.DATA:
            return self._plan.manifest[piece.start : piece.start + piece.size]
        return self._plan.layout.record(piece, self._crc(piece.index) or 0)

    async def _first_record(self, file: ArchivedFile, piece: Piece) -> bytes:
        """Return a record after finding its file's CRC-32, which is kept for the next time."""
        crc = 0
        async with self._tools.store.read(file.object_key, 0, file.size) as chunks:
            async for chunk in chunks:
                crc = crc32(chunk, crc)
        self._crcs[piece.index] = crc
        await self._tools.records.tree.note_crc32(file.id, crc)
        return self._plan.layout.record(piece, crc)

    async def _content(self, file: ArchivedFile, piece: Piece) -> bytes:
        async with self._stream(file, piece) as chunks:
            return b"".join([chunk async for chunk in chunks])

    def _stream(
        self, file: ArchivedFile, piece: Piece
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return self._tools.store.read(file.object_key, piece.start, piece.size)

    def _crc(self, index: int) -> int | None:
        """Return what is known of a member's CRC-32; folders have no bytes."""
        file = self._plan.files[index]
        if file is None:
            return self._plan.manifest_crc32 if index == 0 else 0
        return file.crc32 if file.crc32 is not None else self._crcs.get(index)

    async def _stop(self) -> None:
        tasks = [task for _, task in self._ahead if task is not None]
        self._ahead.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _taken(gathered: bytearray, size: int) -> bytes:
    """Take `size` bytes off the front."""
    chunk = bytes(gathered[:size])
    del gathered[:size]
    return chunk
