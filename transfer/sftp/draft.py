"""What a client has written of a file so far: in order to one upload, or else as a revision."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from transfer.core.errors import ConflictError, OffsetMismatchError
from transfer.core.names import CasePath
from transfer.core.uploads import Entry, StoredFile, Upload, UploadId
from transfer.engine.beginnings import FileToSend
from transfer.engine.revisable import RevisableWriter
from transfer.ports import Buffer
from transfer.sftp.patching import PatchedFile
from transfer.sftp.readahead import MAX_READ_BYTES, FileReader, Source
from transfer.sftp.reordering import HELD_BYTES, Reordering
from transfer.sftp.repeating import Repeating, Told
from transfer.sftp.revision import Desk, Revision


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What an OPEN for writing found.

    `writer` is at work on a fresh or unfinished upload; without one, `file` is a received file
    that stays as it is until the first WRITE. `reader` reads it, if the OPEN `reads`. `announced`
    is the upload's final size, if known. `told` is what this session's client was last told of the
    unfinished upload. `is_edited` says that what is left out is meant as zeros.
    `block` is there for a client that closes what it was stopped in, always at a multiple of it;
    `before` is then what it had sent of this file before.
    """

    path: CasePath
    appends: bool
    reads: bool = False
    writer: RevisableWriter | None = None
    file: StoredFile | None = None
    reader: FileReader | None = None
    resumes: bool = False
    announced: int | None = None
    told: Told | None = None
    is_edited: bool = False
    block: int | None = None
    before: Upload | None = None


class Draft:
    """The bytes of one open file: a received `file` at first, or one `writer`, or a `revision`.

    WRITEs that come a little too early wait for those before them. What goes back to bytes that
    have left for the store, or far ahead, makes it a revision. `must_reach` is how long it has to
    be to take the place of the file that it writes over.
    """

    def __init__(self, desk: Desk, opened: Opened) -> None:
        self.file = opened.file
        self.writer = opened.writer
        self.revision: Revision | None = None
        self.announced = opened.announced
        self.must_reach = 0
        self.is_untouched = opened.resumes
        self._desk = desk
        self._opened = opened
        self._ahead = Reordering(desk.space.ahead)
        self._base = opened.writer.position if opened.writer else 0
        self._is_blind = False
        self._resumes_from = opened.told.size if opened.told else None
        self._repeating: Repeating | None = None
        if opened.writer is not None:
            self._repeating = Repeating(opened.told, opened.writer.upload)

    @property
    def upload_id(self) -> UploadId | None:
        """The upload that is being written, None as long as there is none."""
        if self.revision is not None:
            return self.revision.upload_id
        return self.writer.upload.id if self.writer else None

    @property
    def received(self) -> StoredFile | None:
        """The received file that it is, as long as nothing was written."""
        return self.file if self.writer is None and self.revision is None else None

    @property
    def entry(self) -> StoredFile | Upload:
        """What the file was when it was opened, or first written."""
        entry = self._opened.writer.upload if self._opened.writer else self.file
        if entry is None:
            raise AssertionError
        return entry

    @property
    def position(self) -> int:
        """Up to where it has its bytes, durable or taken."""
        if self.revision is not None:
            hole = None if self._opened.is_edited else self.revision.content.first_hole()
            return self.revision.content.size if hole is None else hole
        if self.writer is not None:
            return self.writer.position
        return self.file.size if self.file else 0

    @property
    def end(self) -> int:
        """Where its last byte is, whatever is missing before."""
        if self.revision is not None:
            return self.revision.content.size
        return max(self.position, self._ahead.end)

    def is_of(self, entry: Entry) -> bool:
        """Whether this is a draft of `entry`."""
        if isinstance(entry, Upload):
            return entry.id == self.upload_id
        if self.writer is not None or self.file is None:
            return False
        return isinstance(entry, StoredFile) and entry.id == self.file.id

    # ── Reading ──────────────────────────────────────────────────────────────────────────────

    async def read(self, offset: int, size: int) -> bytes:
        """Return bytes as they are by now, none at the end.

        Raises:
            TransferError: they can't be read now.
        """
        writer = self.writer
        if writer is not None:
            if not self._ahead and offset >= writer.bytes_in_parts:
                return await writer.peek(offset, min(size, MAX_READ_BYTES))
            await self.revise()
        if self.revision is not None:
            return await self.revision.content.read(offset, size)
        if self._opened.reader is None:
            raise AssertionError
        return await self._opened.reader.read(offset, size)

    def read_now(self, offset: int, size: int) -> Buffer | None:
        """Return bytes that are in memory, None if `read` has to see to it."""
        if self.received is None or self._opened.reader is None:
            return None
        return self._opened.reader.read_now(offset, size)

    # ── Writing ──────────────────────────────────────────────────────────────────────────────

    def write_now(self, offset: int, data: memoryview) -> bool:
        """Take `data` if it goes on where the file ends and needs no waiting; else take nothing."""
        writer = self.writer
        if writer is None or offset != writer.position or self._ahead:
            return False
        if not writer.write_now(data):
            return False
        self.is_untouched, self._repeating = False, None
        return True

    async def write(self, offset: int, data: bytes) -> None:
        """Take `data`, for its place in the file; see `WriteHandle.write`."""
        if self.received is not None:
            await self._begin(offset)
        if self.revision is not None:
            place = self.revision.content.size if self._opened.appends else offset
            await self.revision.write(place, data)
        elif self.writer is not None:
            await self._stream(self.writer, offset, data)
        self.is_untouched = False

    async def copy_whole(self, file: StoredFile) -> bool:
        """Begin with all of `file`, copied inside the store; False where that can't be done."""
        writer = self.writer
        if writer is None or writer.position or self._ahead:
            return False
        if self.announced is not None and self.announced < file.size:
            return False
        self.writer = await self._desk.uploads.copy(self._desk.principal, writer, file)
        self.is_untouched = False
        return True

    async def flush(self) -> None:
        """Make durable what was taken.

        Raises:
            ConflictError: bytes in between haven't come; those before them are durable.
        """
        if self.writer is not None and self._ahead and self._opened.is_edited:
            await self.revise()
        if self.revision is not None:
            await self.revision.save(self.position)
        elif self.writer is not None:
            await self.writer.flush()
        if self.position < self.end:
            raise ConflictError(f"Only {self.position} bytes came without a gap: these are kept.")

    async def resize(self, size: int) -> None:
        """Cut it off at `size`, or have it end there with zeros.

        Raises:
            TransferError: it can't be done now.
        """
        if self.received is not None and size < self.received.size:
            self.writer = await self._extend(self.received, size)
            await self.end_reading()
            return
        revision = self._revise_file(self.received) if self.received else await self.revise()
        revision.resize(size)

    async def revise(self) -> Revision:
        """Make it a revision of what was sent so far.

        Raises:
            TransferError: it can't be done now.
        """
        writer = self.writer
        if self.revision is not None:
            return self.revision
        if writer is None:
            raise AssertionError
        content = await self._content_of(writer)
        revision = Revision(self._desk, content, writer.upload, writer)
        try:
            for offset, block in self._ahead:
                await revision.write(offset, block)
        except BaseException:
            await content.close()
            raise
        self._ahead.clear()
        self.revision, self.writer = revision, None
        return revision

    def tell(self) -> None:
        """Take note that the client is told the position: from there it may go on."""
        if self._resumes_from is None:
            self._resumes_from = self.position

    def check_repeated(self) -> None:
        """Raise if what the client sent again ended before what is here.

        Raises:
            ConflictError: then it has another file in mind.
        """
        if self._repeating is not None:
            self._repeating.check_whole()

    def forget(self) -> None:
        """Drop what has waited for bytes that never came."""
        self._ahead.clear()

    async def end_reading(self) -> None:
        """Let go of the received file."""
        if self._opened.reader is not None:
            await self._opened.reader.close()

    # ── In order ─────────────────────────────────────────────────────────────────────────────

    async def _stream(self, writer: RevisableWriter, offset: int, data: bytes) -> None:
        skipped = self._repeating.skip(offset, data) if self._repeating else 0
        offset, rest = offset + skipped, memoryview(data)[skipped:]
        if not rest:
            return
        if self._goes_on(writer, offset):
            await self._feed(writer, rest)
        elif self._opened.appends or self._is_astray(writer, offset, len(rest)):
            raise OffsetMismatchError(writer.position)
        elif self.is_untouched and not self._opened.is_edited and not offset:
            await self._feed(await self._start_over(writer), rest)
        elif offset < writer.position:
            await self._rewrite(writer, offset, rest)
        elif not self._ahead.hold(offset, bytes(rest)):
            await (await self.revise()).write(offset, rest)

    async def _feed(self, writer: RevisableWriter, data: memoryview) -> None:
        """Write what goes on where the file ends, and then what has waited for that."""
        self._ahead.forget(writer.position, writer.position + len(data))
        await writer.write(data)
        while block := self._ahead.take(writer.position):
            await writer.write(block)

    async def _rewrite(self, writer: RevisableWriter, offset: int, data: memoryview) -> None:
        """Put bytes over some that were taken before."""
        here = min(len(data), writer.position - offset)
        if not await writer.rewrite(offset, data[:here]):
            await (await self.revise()).write(offset, data)
        elif here < len(data):
            await self._feed(writer, data[here:])

    def _goes_on(self, writer: RevisableWriter, offset: int) -> bool:
        """Whether a WRITE at `offset` is meant for the end of the file.

        With APPEND the offset is the server's to choose: clients that know it send the right one,
        others count from where they began, or send 0 each time.
        """
        if offset == writer.position:
            return True
        # Who begins each time at 0 may send some of it in several WRITEs, as asyncssh does.
        self._is_blind = self._is_blind or offset == 0
        return self._opened.appends and (self._is_blind or offset == writer.position - self._base)

    def _is_astray(self, writer: RevisableWriter, offset: int, size: int) -> bool:
        """Whether a client that resumes has another file in mind than what is here.

        Who was told where to go on does so there, but may send what comes next a little mixed.
        """
        if not self.is_untouched or self._opened.is_edited or not offset:
            return False
        if self._resumes_from is None or offset < self._resumes_from:
            return True
        return offset + size > writer.position + HELD_BYTES

    # ── Beginnings ───────────────────────────────────────────────────────────────────────────

    async def _begin(self, offset: int) -> None:
        """Begin what takes the place of the received file, now that something is written."""
        if self.file is None:
            raise AssertionError
        desk = self._desk
        file = await desk.files.file(desk.principal, self.file.id)
        if self._opened.appends or offset == file.size:
            self.writer = await self._extend(file, file.size)
        elif offset == 0 and not self._opened.is_edited:
            new = FileToSend(
                case_number=file.case_number, path=file.path, replaces=True, make_folders=False
            )
            self.writer = await desk.uploads.create_writer(desk.principal, new)
            self.must_reach = file.size
        elif offset < file.size or self._opened.is_edited:
            self._revise_file(file)
            return
        else:
            raise OffsetMismatchError(file.size)
        await self.end_reading()
        try:
            if file.modified_at != self.file.modified_at:  # set since it was opened
                at = file.modified_at
                await desk.files.touch(desk.principal, file.case_number, file.path, at)
            if self.announced is not None:
                await self.writer.announce(self.announced)
        except BaseException:
            writer, self.writer = self.writer, None
            await desk.uploads.give_up_writer(desk.principal, writer)
            raise

    async def _start_over(self, writer: RevisableWriter) -> RevisableWriter:
        """Begin an unfinished upload anew, as scp does, which never resumes: it writes byte 0."""
        uploads, principal = self._desk.uploads, self._desk.principal
        upload = await uploads.show(principal, writer.upload.id)
        new = FileToSend(
            case_number=upload.case_number,
            path=upload.path,
            replaces=True,
            make_folders=False,
            modified_at=upload.modified_at,
        )
        self.writer = await uploads.create_writer(principal, new)
        self.must_reach, self.announced, self._base = writer.position, None, 0
        await uploads.give_up_writer(principal, writer)
        return self.writer

    async def _extend(self, file: StoredFile, size: int) -> RevisableWriter:
        writer = await self._desk.uploads.extend(self._desk.principal, file, size)
        self._base = writer.position
        return writer

    async def _content_of(self, writer: RevisableWriter) -> PatchedFile:
        """Return what was sent so far, to be read; the writer keeps it as it is."""
        size = writer.position
        if writer.bytes_in_parts:
            await writer.set_aside()
            return self._patched(writer.read_aside, size)
        content = PatchedFile(self._desk.space)
        try:
            while content.size < size:
                await content.write(content.size, await writer.peek(content.size, MAX_READ_BYTES))
        except BaseException:
            await content.close()
            raise
        return content

    def _revise_file(self, file: StoredFile) -> Revision:
        """Begin a revision of the received file."""

        def stored(start: int, size: int) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
            return self._desk.files.stream(file, start, size)

        self.revision = Revision(self._desk, self._patched(stored, file.size), self.entry)
        return self.revision

    def _patched(self, source: Source, size: int) -> PatchedFile:
        space = self._desk.space
        return PatchedFile(space, FileReader(source, size, space.reading), size)
