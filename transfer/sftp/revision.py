"""A file that is worked on out of order: kept at hand until it is sent to the store anew."""

import contextlib
from dataclasses import dataclass
from datetime import datetime

import structlog

from transfer.core.access import Principal
from transfer.core.errors import TooLargeError, TransferError, WriterReplacedError
from transfer.core.names import CasePath
from transfer.core.uploads import FileId, StoredFile, Upload, UploadId, UploadState
from transfer.engine.beginnings import FileToSend
from transfer.engine.files import Files
from transfer.engine.revisable import RevisableWriter
from transfer.engine.uploads import Uploads
from transfer.sftp.patching import PatchedFile
from transfer.sftp.spool import SpoolSpace

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What open files are worked on with, by whom, and where there is room for it."""

    uploads: Uploads
    files: Files
    principal: Principal
    space: SpoolSpace


@dataclass(frozen=True, slots=True)
class _Place:
    """What the file is by now: another session may have moved it."""

    path: CasePath
    modified_at: datetime | None
    content_type: str | None


class Revision:
    """What a client makes of a received file, or of an upload that it goes back in.

    `stale` is the writer of that upload, if it is one. It keeps what it has until a fresh upload
    has taken its place, so that nothing that was made durable is lost on the way.
    """

    def __init__(
        self,
        desk: Desk,
        content: PatchedFile,
        origin: StoredFile | Upload,
        stale: RevisableWriter | None = None,
    ) -> None:
        self.content = content
        self._desk = desk
        self._origin = origin
        self._stale = stale
        self._saved: RevisableWriter | None = None
        self._is_changed = False

    @property
    def upload_id(self) -> UploadId | None:
        """The upload that has the place of the file at present, if one has."""
        latest = self._saved or self._stale
        return latest.upload.id if latest else None

    @property
    def end(self) -> TransferError | None:
        """Why nothing can become of it any more, if so."""
        for writer in (self._stale, self._saved):
            if writer is not None and writer.ended.done():
                return writer.ended.result()
        return None

    async def write(self, offset: int, data: bytes | memoryview) -> None:
        """Put `data` at `offset`; see `PatchedFile.write`."""
        self._is_changed = True
        await self.content.write(offset, data)

    def resize(self, size: int) -> None:
        """Set the size.

        Raises:
            TooLargeError: more zeros than there is room for.
        """
        self.content.resize(size)
        self._is_changed = True
        self._check_holes()

    async def save(self, size: int) -> None:
        """Make durable the first `size` bytes, as an upload that isn't finished.

        Raises:
            TransferError: it can't be; what was durable before still is.
        """
        if self.end is not None:
            raise self.end
        if not self._is_changed:
            return
        fresh = await self._sent(size)
        saved, self._saved = self._saved, fresh
        self._is_changed = False
        await self._drop(saved)

    async def finish(self) -> None:
        """Make a file of what is here, in the place of what was before.

        Raises:
            TransferError: it can't be; what was durable before can be gone on with.
        """
        try:
            fresh = self._saved
            if fresh is None and self._stale is None and not self._is_changed:
                return  # the received file is as it was
            if fresh is None or self._is_changed:
                fresh = await self._sent(self.content.size)
            await self._desk.uploads.finish_writer(self._desk.principal, fresh)
            for old in {self._stale, self._saved} - {fresh}:
                await self._drop(old)
        except BaseException:
            await self._let_go()
            raise
        finally:
            await self.content.close()

    async def interrupt(self) -> None:
        """Leave an upload that can be gone on with, as far as it has no hole.

        Of a received file nothing is left but what was saved: it stays as it was.
        """
        try:
            if self._stale is not None and self._is_changed and self.end is None:
                hole = self.content.first_hole()
                saved = self._saved
                self._saved = await self._sent(self.content.size if hole is None else hole)
                await self._drop(saved)
        except TransferError as exc:
            _log.warning("sftp-revision-not-kept", upload=self.upload_id, problem=exc.code)
        finally:
            await self._let_go()
            await self.content.close()
        if self._saved is not None and self._saved.offset == self._saved.position:
            await self._drop(self._stale)

    async def discard(self) -> None:
        """Leave nothing: the file was removed."""
        for writer in (self._stale, self._saved):
            await self._drop(writer)
        await self.content.close()

    # ── Steps ────────────────────────────────────────────────────────────────────────────────

    async def _sent(self, size: int) -> RevisableWriter:
        """Return the writer of a fresh upload whose first `size` bytes are durable.

        It is a draft till then: after a crash on the way, what was durable before is shown.
        """
        self._check_holes()
        place = await self._place()
        file = FileToSend(
            case_number=self._origin.case_number,
            path=place.path,
            make_folders=False,
            modified_at=place.modified_at,
            content_type=place.content_type,
        )
        fresh = await self._desk.uploads.create_writer(self._desk.principal, file)
        try:
            await self.content.pour(fresh, size)
            await fresh.flush()
        except BaseException:
            await self._drop(fresh)
            raise
        await self._reveal(fresh)
        return fresh

    async def _reveal(self, fresh: RevisableWriter) -> None:
        before = [writer for writer in (self._stale, self._saved) if writer]
        try:
            await self._desk.uploads.reveal(fresh, before)
        except WriterReplacedError:
            await self._drop(fresh)
            raise
        except BaseException:
            # It may be done, and only the answer lost: then nobody is shown what was there before.
            with contextlib.suppress(TransferError):
                await self._desk.uploads.close_writer(fresh, UploadState.INTERRUPTED)
            raise

    async def _place(self) -> _Place:
        desk, upload_id = self._desk, self.upload_id
        if upload_id is not None:
            upload = await desk.uploads.show(desk.principal, upload_id)
            return _Place(upload.path, upload.modified_at, upload.content_type)
        file = await desk.files.file(desk.principal, FileId(self._origin.id))
        is_touched = file.modified_at != self._origin.modified_at
        return _Place(file.path, file.modified_at if is_touched else None, file.content_type)

    async def _drop(self, writer: RevisableWriter | None) -> None:
        """Give up an upload that another one has the bytes of, if nobody goes on with it."""
        if writer is not None:
            await self._desk.uploads.give_up_writer(self._desk.principal, writer)

    async def _let_go(self) -> None:
        for writer in (self._stale, self._saved):
            if writer is not None:
                with contextlib.suppress(TransferError):
                    await self._desk.uploads.close_writer(writer, UploadState.INTERRUPTED)

    def _check_holes(self) -> None:
        limit = self._desk.space.limit_bytes
        if self.content.hole_bytes > limit:
            raise TooLargeError(f"A file has at most {limit} bytes that weren't sent.")
