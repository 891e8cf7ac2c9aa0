"""A file open for writing: WRITEs in order go to one upload, which CLOSE makes a file.

    opened                        first WRITE                     a clean CLOSE
    new, or with TRUNC            appends to a fresh upload       finishes it
    an unfinished upload          goes on at its offset           finishes it, if anything came
    a received file, at its end   appends to a copy of it         finishes it
    a received file, at byte 0    starts over, as scp does        finishes it, once the old size
                                                                  is reached or a size is set
    a received file, in between   begins a revision of it         puts it in the file's place

An announced size goes before all that: the upload is finished when it is reached, and not before.
Without a CLOSE - a lost connection, an account that ends - the upload is interrupted. So it is by a
CLOSE when bytes in between never came, and when the client closes what it was stopped in.
"""

import structlog
from asyncssh import SFTPAttrs, SFTPFailure

from transfer.core.errors import (
    LengthMismatchError,
    TransferError,
    UnsupportedError,
    UploadGoneError,
)
from transfer.core.uploads import Entry, StoredFile, UploadId, UploadState
from transfer.engine.revisable import RevisableWriter
from transfer.ports import Buffer
from transfer.sftp.attributes import attributes_of
from transfer.sftp.draft import Draft, Opened
from transfer.sftp.revision import Desk, Revision

_log = structlog.get_logger(__name__)


class WriteHandle:
    """A file that is open for writing, for one caller at a time.

    `is_doubted` says that its CLOSE left it open whether the file is whole.
    """

    def __init__(self, desk: Desk, opened: Opened) -> None:
        self.path = opened.path
        self.is_doubted = False
        self._desk = desk
        self._opened = opened
        self._draft = Draft(desk, opened)
        self._failure: Exception | None = None
        self._is_removed = False
        self._is_stopped = False
        self._is_sized = False

    @property
    def upload_id(self) -> UploadId | None:
        """The upload that is being written, None as long as there is none."""
        return self._draft.upload_id

    @property
    def received(self) -> StoredFile | None:
        """The received file that it is, as long as nothing was written."""
        return self._draft.received

    @property
    def position(self) -> int:
        """Up to where this file has its bytes, durable or taken."""
        return self._draft.end if self._opened.is_edited else self._draft.position

    def attributes(self) -> SFTPAttrs:
        """Return the attributes; the size is where an append goes on."""
        return attributes_of(self._draft.entry, self.position)

    def tell(self) -> int:
        """Return the position for a client that asks for it, to go on from there."""
        self._draft.tell()
        return self.position

    def is_of(self, entry: Entry) -> bool:
        """Whether this is `entry`, open."""
        return self._draft.is_of(entry)

    # ── Bytes ────────────────────────────────────────────────────────────────────────────────

    async def read(self, offset: int, size: int) -> bytes:
        """Return bytes as they are by now, none at the end.

        Raises:
            UnsupportedError: it wasn't opened for reading.
            TransferError: they can't be read now.
        """
        if not self._opened.reads:
            raise UnsupportedError("The file was opened for writing only.")
        if self._failure is not None:
            raise self._failure
        return await self._draft.read(offset, size)

    def read_now(self, offset: int, size: int) -> Buffer | None:
        """Return bytes that are in memory, None if `read` has to see to it."""
        return self._draft.read_now(offset, size)

    def write_now(self, offset: int, data: memoryview) -> bool:
        """Take `data` if it goes on where the file ends and needs no waiting; else take nothing.

        What isn't taken is for `write`.
        """
        if self._failure is not None or not self._draft.write_now(offset, data):
            return False
        self._is_stopped = self._is_sized = False
        return True

    async def write(self, offset: int, data: bytes) -> None:
        """Take `data`, for its place in the file.

        After one WRITE was refused all are, so that no file has a hole that its client was told of
        and nobody else.

        Raises:
            OffsetMismatchError: it doesn't go on where the file ends; nothing was taken.
            LengthMismatchError: more than the announced size.
            TooLargeError: too much of it comes out of order.
            WriterReplacedError: another session, or another door, has taken over.
        """
        if self._failure is not None:
            raise self._failure
        if not data:
            return  # as write(2) does, wherever it is meant for
        try:
            await self._draft.write(offset, data)
        except Exception as exc:
            self._failure = exc
            raise
        self._is_stopped = self._is_sized = False

    def fail(self, reason: Exception) -> None:
        """Take nothing more, and let no CLOSE make a file of it."""
        self._failure = self._failure or reason

    async def copy_whole(self, file: StoredFile) -> bool:
        """Begin with all of `file`, copied inside the store; False where that can't be done."""
        return self._failure is None and await self._draft.copy_whole(file)

    def confirm(self) -> None:
        """Take note that the size is meant: what came was copied here, and not cut off."""
        self._is_stopped, self._is_sized = False, True

    async def flush(self) -> None:
        """Make durable what was taken.

        Raises:
            ConflictError: bytes in between haven't come; those before them are durable.
        """
        if self._failure is not None:
            raise self._failure
        await self._draft.flush()

    # ── Size ─────────────────────────────────────────────────────────────────────────────────

    async def resize(self, size: int) -> None:
        """Set the size: announce what is to come, cut off, or confirm.

        Of a file that is edited in place it is set as of any file: what is added is zeros.

        Raises:
            UnsupportedError: a client that appends means something else.
            LengthMismatchError: another size was announced before.
        """
        draft = self._draft
        if size > draft.end:
            await self._lengthen(size)
        elif draft.received is not None and size == draft.end:
            return
        elif self._opened.appends:
            # What OpenSSH does when it was stopped while it resumed, and only then. Some versions
            # ask for 0 bytes, which would undo what was sent before.
            self._is_stopped = self._opened.resumes or self._opened.file is not None
            if size < draft.end:
                raise UnsupportedError("A file that is open for appending isn't shortened.")
        else:
            if size < draft.end:
                await draft.resize(size)
            draft.must_reach = 0
            self._is_sized = True

    async def _lengthen(self, size: int) -> None:
        draft = self._draft
        if self._opened.is_edited:
            await draft.resize(size)
            self._is_sized = True
            return
        if draft.writer is not None:
            await draft.writer.announce(size)
        draft.announced = size

    # ── The end ──────────────────────────────────────────────────────────────────────────────

    async def close(self) -> None:
        """End the writing as its client wants it: the file is whole and checked on return.

        Raises:
            SFTPFailure: bytes are missing, or may be; what is here stays, and can be continued.
            TransferError: it could not be finished, or had failed before.
        """
        if self._is_removed:
            return
        failure = self._failure or self._taken_over()
        if failure is not None:
            await self.interrupt()
            raise failure
        try:
            await self._close(self._draft)
        finally:
            self._draft.forget()

    async def _close(self, draft: Draft) -> None:
        await draft.end_reading()
        if draft.writer is not None and draft.end > draft.position and self._opened.is_edited:
            try:
                await draft.revise()
            except TransferError:
                await self.interrupt()
                raise
        if draft.revision is not None:
            await self._close_revision(draft.revision)
        elif draft.writer is not None:
            await self._close_upload(draft.writer)
        elif draft.announced is not None:
            raise _incomplete(draft.position, draft.announced)

    async def _close_upload(self, writer: RevisableWriter) -> None:
        uploads, expected = self._desk.uploads, self._expected(writer)
        try:
            if expected == writer.position:
                self._draft.check_repeated()
                self.is_doubted = await self._may_be_stopped(writer)
        except BaseException:
            await uploads.close_writer(writer, UploadState.INTERRUPTED)
            raise
        if expected == writer.position and not self.is_doubted:
            await uploads.finish_writer(self._desk.principal, writer)
        else:
            await uploads.close_writer(writer, UploadState.INTERRUPTED)
        if self.is_doubted:
            raise SFTPFailure(
                "The sending may have been stopped here: resume it; or if this is all of the file, "
                "rename it, or send it once more."
            )
        if expected is not None and writer.position < expected:
            raise _incomplete(writer.position, expected)

    async def _close_revision(self, revision: Revision) -> None:
        draft, size = self._draft, revision.content.size
        position, expected = draft.position, max(draft.announced or 0, draft.must_reach, size)
        if draft.is_untouched:
            await revision.interrupt()
            return
        if position < expected:
            await revision.interrupt()
            raise _incomplete(position, expected)
        if draft.announced is not None and size > draft.announced:
            await revision.interrupt()
            raise LengthMismatchError(f"{draft.announced} bytes were announced: this is more.")
        await revision.finish()

    def _expected(self, writer: RevisableWriter) -> int | None:
        """Return how many bytes a CLOSE now stands for; None if it says nothing of the file."""
        draft = self._draft
        if draft.announced is not None or writer.is_whole:
            return draft.announced or writer.position
        if draft.is_untouched or self._is_stopped:
            return None
        return max(draft.must_reach, draft.end)

    async def _may_be_stopped(self, writer: RevisableWriter) -> bool:
        """Whether this is how the client would leave a file when it is stopped in the middle.

        Not so if the very same bytes came before: it would not be stopped twice at one place.
        """
        block, before = self._opened.block, self._opened.before
        if block is None or self._draft.announced is not None or self._is_sized:
            return False
        if not writer.position or writer.position % block:
            return False
        if before is None or before.length is not None or before.offset != writer.position:
            return True
        await writer.flush()
        now = await self._desk.uploads.show(self._desk.principal, writer.upload.id)
        return (now.offset, now.digest) != (before.offset, before.digest)

    async def interrupt(self) -> None:
        """End the writing without a CLOSE: what is here is made durable, and can be continued."""
        draft = self._draft
        await draft.end_reading()
        draft.forget()
        if self._is_removed:
            return
        if draft.revision is not None:
            await draft.revision.interrupt()
        elif draft.writer is not None:
            upload_id = draft.writer.upload.id
            try:
                await self._desk.uploads.close_writer(draft.writer, UploadState.INTERRUPTED)
            except TransferError as exc:
                _log.warning("sftp-bytes-not-kept", upload=upload_id, problem=exc.code)

    async def discard(self) -> None:
        """Take note that its client removed the file: nothing is left to be closed."""
        draft = self._draft
        self._is_removed = True
        self._failure = UploadGoneError("The file was removed while it was open.")
        await draft.end_reading()
        draft.forget()
        if draft.revision is not None:
            await draft.revision.discard()
        elif draft.writer is not None:
            writer = draft.writer
            await self._desk.uploads.close_writer(writer, UploadState.INTERRUPTED, drop=True)

    def _taken_over(self) -> Exception | None:
        if self._draft.revision is not None:
            return self._draft.revision.end
        writer = self._draft.writer
        return writer.ended.result() if writer is not None and writer.ended.done() else None


def _incomplete(position: int, expected: int) -> SFTPFailure:
    return SFTPFailure(
        f"{expected - position} bytes are missing of {expected}: resume at byte {position}, "
        "or send the file again."
    )
