"""A file open for writing: WRITEs in order go to one upload, which CLOSE makes a file.

    opened                        first WRITE                     a clean CLOSE
    new, or with TRUNC            appends to a fresh upload       finishes it
    an unfinished upload          goes on at its offset           finishes it, if anything came
    a received file, at its end   appends to a copy of it         finishes it
    a received file, at byte 0    starts over, as scp does        finishes it, once the old size
                                                                  is reached or a size is set

An announced size goes before all that: the upload is finished when it is reached, and not before.
Without a CLOSE - a lost connection, an account that ends - the upload is interrupted.
"""

from dataclasses import dataclass

import structlog
from asyncssh import SFTPAttrs, SFTPFailure

from transfer.core.access import Principal
from transfer.core.errors import OffsetMismatchError, TransferError, UnsupportedError
from transfer.core.names import CasePath
from transfer.core.uploads import StoredFile, UploadId, UploadState
from transfer.engine.beginnings import FileToSend
from transfer.engine.uploads import Uploads
from transfer.engine.writer import UploadWriter
from transfer.sftp.attributes import attributes_of
from transfer.sftp.reading import FileReader

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What an OPEN for writing found.

    `writer` is at work on a fresh or unfinished upload; without one, `file` is a received file
    that stays as it is until the first WRITE. `reader` reads it until then. `announced` is the
    upload's final size, if known. `told` is the size that this session's client was last told of
    the unfinished upload.
    """

    path: CasePath
    appends: bool
    writer: UploadWriter | None = None
    file: StoredFile | None = None
    reader: FileReader | None = None
    resumes: bool = False
    announced: int | None = None
    told: int | None = None


class WriteHandle:
    """A file that is open for writing, for one caller at a time."""

    def __init__(self, uploads: Uploads, principal: Principal, opened: Opened) -> None:
        self.path = opened.path
        self._uploads = uploads
        self._principal = principal
        self._opened = opened
        self._file = opened.file
        self._writer = opened.writer
        self._base = opened.writer.position if opened.writer else 0
        self._repeats_from = opened.told
        self._announced = opened.announced
        self._failure: Exception | None = None
        self._is_stopped = False
        self._is_untouched = opened.resumes
        self._must_reach = 0

    @property
    def upload_id(self) -> UploadId | None:
        """The upload that is being written, None as long as there is none."""
        return self._writer.upload.id if self._writer else None

    @property
    def position(self) -> int:
        """Up to where this file has its bytes, durable or taken."""
        if self._writer is not None:
            return self._writer.position
        return self._file.size if self._file else 0

    def attributes(self) -> SFTPAttrs:
        """Return the attributes; the size is where an append goes on."""
        entry = self._writer.upload if self._writer else self._file
        if entry is None:
            raise AssertionError
        return attributes_of(entry, self.position)

    async def read(self, offset: int, size: int) -> bytes:
        """Return bytes of a received file that nothing was written to yet.

        Raises:
            UnsupportedError: it wasn't opened for reading, or is being written.
        """
        if self._writer is not None or self._opened.reader is None:
            raise UnsupportedError("A file that is being written is read once it is closed.")
        return await self._opened.reader.read(offset, size)

    # ── Writing ──────────────────────────────────────────────────────────────────────────────

    async def write(self, offset: int, data: bytes) -> None:
        """Take `data`, which goes on where the file ends so far.

        After one WRITE was refused all are, so that no file has a hole that its client was told of
        and nobody else.

        Raises:
            OffsetMismatchError: it doesn't go on there; nothing was taken.
            LengthMismatchError: more than the announced size.
            WriterReplacedError: another session, or another door, has taken over.
        """
        if self._failure is not None:
            raise self._failure
        if not data:
            return  # as write(2) does, wherever it is meant for
        try:
            await self._write(offset, data)
        except Exception as exc:
            self._failure = exc
            raise

    async def _write(self, offset: int, data: bytes) -> None:
        writer = self._writer or await self._begin(offset)
        skipped = self._repeated(writer, offset, len(data))
        if not skipped and not self._goes_on(writer, offset):
            raise OffsetMismatchError(writer.position)
        if skipped < len(data):
            await writer.write(memoryview(data)[skipped:])
        self._is_untouched = self._is_stopped = False

    def _goes_on(self, writer: UploadWriter, offset: int) -> bool:
        """Whether a WRITE at `offset` is meant for the end of the file.

        With APPEND the offset is the server's to choose: clients that know it send the right one,
        others count from where they began, or send 0 each time.
        """
        if offset == writer.position:
            return True
        return self._opened.appends and offset in (0, writer.position - self._base)

    def _repeated(self, writer: UploadWriter, offset: int, size: int) -> int:
        """Return how many bytes of a WRITE are here already, since more arrived than was told.

        A client asks for the size, then opens the file, which has the writer before it hand over
        what it still held. What the client sends again of that is passed over: it trusts what is
        here, as every resume does.
        """
        if offset != self._repeats_from or offset >= writer.position:
            return 0
        skipped = min(size, writer.position - offset)
        self._repeats_from = offset + skipped
        return skipped

    async def _begin(self, offset: int) -> UploadWriter:
        """Begin the upload that takes the place of the received file."""
        file = self._file
        if file is None:
            raise AssertionError
        if self._opened.appends or offset == file.size:
            writer = await self._extend(file, file.size)
        elif offset == 0:
            new = FileToSend(
                case_number=file.case_number, path=self.path, replaces=True, make_folders=False
            )
            writer = await self._uploads.create_writer(self._principal, new)
            self._must_reach = file.size
        else:
            raise OffsetMismatchError(file.size)
        self._writer = writer
        await self._end_reading()
        if self._announced is not None:
            await writer.announce(self._announced)
        return writer

    async def _extend(self, file: StoredFile, size: int) -> UploadWriter:
        writer = await self._uploads.extend(self._principal, file, size)
        self._base = writer.position
        return writer

    # ── Size ─────────────────────────────────────────────────────────────────────────────────

    async def resize(self, size: int) -> None:
        """Set the size: announce what is to come, shorten a received file, or confirm.

        Raises:
            UnsupportedError: bytes that were just sent can't be taken back.
            LengthMismatchError: another size was announced before.
        """
        if self._writer is not None:
            await self._resize_upload(self._writer, size)
        elif self._file is not None and size < self._file.size:
            if self._opened.appends:  # see _resize_upload: nobody means this
                raise UnsupportedError("A file that is open for appending isn't shortened.")
            self._writer = await self._extend(self._file, size)
            await self._end_reading()
        elif size > self.position:
            self._announced = size

    async def _resize_upload(self, writer: UploadWriter, size: int) -> None:
        if size > writer.position:
            await writer.announce(size)
            self._announced = size
            return
        # What OpenSSH does when it was stopped while it resumed, and only then. Some versions ask
        # for 0 bytes, which would undo what was sent before.
        is_begun_here = not self._opened.resumes and self._file is None
        self._is_stopped = self._opened.appends and not is_begun_here
        if size < writer.position:
            raise UnsupportedError("What was just sent can't be shortened: send the file again.")
        self._must_reach = 0

    async def flush(self) -> None:
        """Make durable what was taken."""
        if self._writer is not None:
            await self._writer.flush()

    # ── The end ──────────────────────────────────────────────────────────────────────────────

    async def close(self) -> None:
        """End the writing as its client wants it: the file is whole and checked on return.

        Raises:
            SFTPFailure: announced bytes are missing; what is here stays, and can be continued.
            TransferError: it could not be finished, or had failed before.
        """
        writer = self._writer
        failure = self._failure
        if writer is not None and writer.ended.done():
            failure = writer.ended.result()
        if failure is not None:
            await self.interrupt()
            raise failure
        await self._end_reading()
        if writer is None:
            if self._announced is not None:
                raise _incomplete(self.position, self._announced)
            return
        expected = self._expected(writer)
        if writer.position == expected:
            await self._uploads.finish_writer(self._principal, writer)
        else:
            await self._uploads.close_writer(writer, UploadState.INTERRUPTED)
        if expected is not None and writer.position < expected:
            raise _incomplete(writer.position, expected)

    def _expected(self, writer: UploadWriter) -> int | None:
        """Return how many bytes a CLOSE now stands for; None if it says nothing of the file."""
        if writer.is_whole:
            return writer.position
        if self._announced is not None:
            return self._announced
        if self._is_untouched or self._is_stopped:
            return None
        return max(self._must_reach, writer.position)

    async def interrupt(self) -> None:
        """End the writing without a CLOSE: what is here is made durable, and can be continued."""
        await self._end_reading()
        if self._writer is None:
            return
        try:
            await self._uploads.close_writer(self._writer, UploadState.INTERRUPTED)
        except TransferError as exc:
            _log.warning("sftp-bytes-not-kept", upload=self._writer.upload.id, problem=exc.code)

    async def _end_reading(self) -> None:
        if self._opened.reader is not None:
            await self._opened.reader.close()


def _incomplete(position: int, expected: int) -> SFTPFailure:
    return SFTPFailure(
        f"{expected - position} bytes are missing of {expected}: resume at byte {position}, "
        "or send the file again."
    )
