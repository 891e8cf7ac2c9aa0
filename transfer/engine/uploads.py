"""Uploads, as both doors see them: create, write, finish, abandon, whoever began and by what."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

import structlog

from transfer.core.access import Action, Principal, authorise, may
from transfer.core.cases import Case, CaseNumber
from transfer.core.errors import (
    CaseMissingError,
    ChecksumMismatchError,
    DigestMismatchError,
    ForbiddenError,
    LengthMismatchError,
    OffsetMismatchError,
    TooLargeError,
    TransferError,
    UploadGoneError,
    UploadMissingError,
)
from transfer.core.names import SHARED_FOLDER, CasePath, check_writable, is_shared, join, split
from transfer.core.uploads import (
    Direction,
    StoredFile,
    Upload,
    UploadId,
    UploadState,
    check_continuable,
    check_length,
)
from transfer.engine.checksums import ChunkChecksum
from transfer.engine.completion import complete
from transfer.engine.extension import copy_into
from transfer.engine.leases import Leases
from transfer.engine.policy import Tools
from transfer.engine.streams import nothing, while_writing
from transfer.engine.writer import UploadWriter
from transfer.ports import Buffer, Lease, NewUpload

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileToSend:
    """What a sender tells of a file before its bytes.

    `replaces`: once whole it takes the place of a file of that path, as in a file system;
    otherwise it is numbered beside it. `make_folders`: the folders of its path come with it.
    """

    case_number: CaseNumber
    path: CasePath
    length: int | None = None
    replaces: bool = False
    make_folders: bool = True
    metadata: str | None = None
    content_type: str | None = None
    modified_at: datetime | None = None
    expected_sha256: str | None = None


class Uploads:
    """All that happens to an upload, authorised at every verb and again at its completion."""

    def __init__(self, tools: Tools, leases: Leases) -> None:
        self._tools = tools
        self._leases = leases
        self._ledger = tools.records.uploads

    # ── Begin, look, end ─────────────────────────────────────────────────────────────────────

    async def create(self, principal: Principal, file: FileToSend) -> Upload:
        """Begin an upload; one of length 0 is received at once.

        Raises:
            CaseMissingError, ForbiddenError, CaseClosedError: not here, not you, not any more.
            InvalidNameError, TooLargeError: this file can't be stored.
            IsAFolderError, NotAFolderError, EntryMissingError: its path is taken or isn't there.
        """
        if file.length == 0:
            return await self.receive(principal, file, nothing())
        return await self._create(principal, file, None)

    async def receive(
        self,
        principal: Principal,
        file: FileToSend,
        chunks: AsyncIterator[Buffer],
        checksum: ChunkChecksum | None = None,
    ) -> Upload:
        """Begin an upload with its first bytes; see `create` and `append`.

        One whose first bytes were damaged or too many is not begun: its sender never learns its id.
        """
        upload = await self._create(principal, file, self._leases.lease())
        try:
            await self._write(principal, upload, chunks, checksum)
        except (ChecksumMismatchError, LengthMismatchError, TooLargeError) as exc:
            await self._ledger.abandon(upload.id, principal, exc.code, self._tools.clock.now())
            raise
        return await self._ledger.upload(upload.id)

    async def show(self, principal: Principal, upload_id: UploadId) -> Upload:
        """Return an upload; one whose bytes are all here is finished first, by who may.

        Raises:
            UploadMissingError, UploadGoneError: none of that id, or it is over without a file.
            StoreUnavailableError: it couldn't be finished now; try again.
        """
        upload, _ = await self._find(principal, upload_id, Action.SEE)
        if upload.state is UploadState.RECEIVED:
            return upload
        if upload.state is UploadState.COMPLETING:
            await complete(self._tools, upload_id, principal)
            return await self._ledger.upload(upload_id)
        check_continuable(upload, self._tools.clock.now())
        if not upload.is_whole or upload_id in self._at_work():
            return upload
        with contextlib.suppress(ForbiddenError):
            await self.finish(principal, upload_id)
        return await self._ledger.upload(upload_id)

    async def settle(self, principal: Principal, upload_id: UploadId) -> Upload:
        """Return an upload as `show` does, once nobody is writing it any more.

        Who may write it ends a request that hangs, and learns the offset that it came to.
        """
        upload, case = await self._find(principal, upload_id, Action.SEE)
        if upload.held and may(principal, Action.UPLOAD, case):
            with contextlib.suppress(UploadGoneError):  # it is becoming a file: `show` tells
                await self._leases.take_away(upload_id)
        return await self.show(principal, upload_id)

    async def announce(
        self,
        principal: Principal,
        upload_id: UploadId,
        length: int,
        expected_sha256: str | None = None,
    ) -> Upload:
        """Tell the length of an upload that was begun without one; it never changes again.

        Raises:
            LengthMismatchError: it has another one, or more bytes are here.
            TooLargeError: more than can be stored.
        """
        upload, _ = await self._find(principal, upload_id, Action.UPLOAD)
        check_continuable(upload, self._tools.clock.now())
        check_length(length, self._tools.policy.max_file_bytes)
        now = self._tools.clock.now()
        return await self._ledger.announce(upload_id, length, expected_sha256, now)

    async def abandon(self, principal: Principal, upload_id: UploadId) -> None:
        """End an unfinished upload for good; its bytes are discarded.

        Raises:
            UploadGoneError: it is a file by now.
        """
        await self._find(principal, upload_id, Action.UPLOAD)
        now = self._tools.clock.now()
        await self._ledger.abandon(upload_id, principal, "cancelled", now)
        self._tools.wake_worker()

    # ── Bytes ────────────────────────────────────────────────────────────────────────────────

    async def append(
        self,
        principal: Principal,
        upload_id: UploadId,
        offset: int,
        chunks: AsyncIterator[Buffer],
        checksum: ChunkChecksum | None = None,
    ) -> Upload:
        """Write `chunks` at `offset`, finish the file if it is whole then, and return the upload.

        With `checksum`, either all of the chunks count or none. Without, what came before an
        error of the sender is kept.

        Shape: chunks of any length, in order.
        Units: bytes from the start of the file.

        Raises:
            OffsetMismatchError: nothing was written.
            ChecksumMismatchError: nothing of the chunks counts.
            LengthMismatchError: more than was announced; what fits is kept, without `checksum`.
            DigestMismatchError: whole, and not what was promised; the upload is over.
            WriterReplacedError: another request has taken over; read the offset.
            StoreUnavailableError: a prefix may be stored; read the offset, then resume.

        Source: tus 1.0.0, PATCH.
        """
        upload, _ = await self._find(principal, upload_id, Action.UPLOAD)
        check_continuable(upload, self._tools.clock.now())
        if offset != upload.offset and upload_id not in self._at_work():
            raise OffsetMismatchError(upload.offset)
        upload = await self._leases.acquire(upload_id)
        if offset != upload.offset:
            now = self._tools.clock.now()
            await self._ledger.release(upload_id, upload.fence, UploadState.RECEIVING, now)
            raise OffsetMismatchError(upload.offset)
        await self._write(principal, upload, chunks, checksum)
        return await self._ledger.upload(upload_id)

    async def open_writer(self, principal: Principal, upload_id: UploadId) -> UploadWriter:
        """Take over an upload for writing at its offset; end it with `close_writer`.

        Raises:
            UploadMissingError, UploadGoneError, UploadBusyError: it can't be written.
        """
        upload, _ = await self._find(principal, upload_id, Action.UPLOAD)
        check_continuable(upload, self._tools.clock.now())
        return self._writer(await self._leases.acquire(upload_id))

    async def create_writer(self, principal: Principal, file: FileToSend) -> UploadWriter:
        """Begin an upload and its writer; end it with `close_writer`. See `create`."""
        return self._writer(await self._create(principal, file, self._leases.lease()))

    async def extend(self, principal: Principal, file: StoredFile, size: int) -> UploadWriter:
        """Begin an upload that takes the place of `file` and starts with its first `size` bytes.

        Inside the store they are copied; only to shorten a file they are read, for their digest.
        """
        new = FileToSend(
            case_number=file.case_number,
            path=file.path,
            replaces=True,
            content_type=file.content_type,
        )
        writer = await self.create_writer(principal, new)
        try:
            upload = await copy_into(self._tools, writer, file, size)
        except BaseException:
            await self.close_writer(writer, UploadState.INTERRUPTED, drop=True)
            await self._ledger.abandon(
                writer.upload.id, principal, "copy-failed", self._tools.clock.now()
            )
            raise
        if upload is writer.upload:
            return writer
        self._leases.forget(writer)
        return self._writer(upload)

    async def finish(self, principal: Principal, upload_id: UploadId) -> StoredFile:
        """Make a file of an upload whose announced bytes are all durable. Repeatable.

        Raises:
            OffsetMismatchError: bytes are missing.
            UploadGoneError: it is over without a file.
            DigestMismatchError: not what its sender promised; the upload is over.
        """
        upload, _ = await self._find(principal, upload_id, Action.SEE)
        if upload.state is UploadState.RECEIVED and upload.file_id is not None:
            return await self._tools.records.tree.file(upload.file_id)
        if upload.state is UploadState.COMPLETING:
            return await complete(self._tools, upload_id, principal)
        if not upload.is_whole:
            raise OffsetMismatchError(upload.offset)
        writer = await self.open_writer(principal, upload_id)
        return await self.finish_writer(principal, writer)

    async def finish_writer(self, principal: Principal, writer: UploadWriter) -> StoredFile:
        """Make a file of all that `writer` took, and end the writer; see `finish`."""
        try:
            _, case = await self._find(principal, writer.upload.id, Action.UPLOAD)
            authorise(principal, Action.UPLOAD, case)
            if not writer.is_whole:
                await writer.announce(writer.position)
            file = await writer.finish_whole(principal)
            if file is None:
                file = await complete(self._tools, writer.upload.id, principal)
        except DigestMismatchError:
            await self._ledger.abandon(
                writer.upload.id, principal, "digest-mismatch", self._tools.clock.now()
            )
            raise
        finally:
            await self.close_writer(writer, UploadState.INTERRUPTED)
        self._tools.wake_worker()
        return file

    async def close_writer(
        self, writer: UploadWriter, state: UploadState, *, drop: bool = False
    ) -> None:
        """Make durable what `writer` took, unless `drop`, and let the upload go in `state`."""
        try:
            await writer.release(state, drop=drop)
        finally:
            self._leases.forget(writer)

    # ── For the worker ───────────────────────────────────────────────────────────────────────

    async def tend_overdue(self) -> int:
        """Abandon what has expired, finish what a lost process left half finished; count them."""
        now = self._tools.clock.now()
        overdue = await self._ledger.overdue(now)
        for upload in overdue:
            try:
                if upload.state is UploadState.COMPLETING:
                    await complete(self._tools, upload.id, None)
                else:
                    await self._ledger.abandon(upload.id, None, "expired", now)
            except TransferError as exc:
                _log.warning("upload-still-overdue", upload=upload.id, problem=exc.code)
        return len(overdue)

    # ── Steps ────────────────────────────────────────────────────────────────────────────────

    async def _create(self, principal: Principal, file: FileToSend, lease: Lease | None) -> Upload:
        case = await self._tools.core.case(file.case_number)
        authorise(principal, Action.UPLOAD, case)
        path = file.path
        if principal.is_staff and not is_shared(path):
            path = join(CasePath(SHARED_FOLDER), path)
        split(path)
        check_writable(path, is_staff=principal.is_staff)
        if file.length is not None:
            check_length(file.length, self._tools.policy.max_file_bytes)
        now = self._tools.clock.now()
        new = NewUpload(
            id=UploadId(self._tools.new_id()),
            case_number=case.number,
            path=path,
            direction=(
                Direction.SHARED_WITH_CUSTOMER if is_shared(path) else Direction.FROM_CUSTOMER
            ),
            length=file.length,
            now=now,
            expires_at=now + self._tools.policy.lifetime,
            replaces=file.replaces,
            make_folders=file.make_folders,
            metadata=file.metadata,
            content_type=file.content_type,
            modified_at=file.modified_at,
            expected_sha256=file.expected_sha256,
        )
        return await self._ledger.create(new, principal, lease)

    async def _write(
        self,
        principal: Principal,
        upload: Upload,
        chunks: AsyncIterator[Buffer],
        checksum: ChunkChecksum | None,
    ) -> None:
        """Write under a lease that was just acquired, and let go of it, whatever happens."""
        writer = self._writer(upload, withhold=checksum is not None)
        state, drop = UploadState.INTERRUPTED, checksum is not None
        try:
            async with while_writing(writer):
                async for chunk in chunks:
                    if checksum is not None:
                        checksum.update(chunk)
                    await writer.write(chunk)
            if checksum is not None:
                state = UploadState.RECEIVING
                checksum.verify()
                await writer.vouch()
                drop = False
            state = UploadState.RECEIVING
            if writer.is_whole:
                await self.finish_writer(principal, writer)
        finally:
            await self.close_writer(writer, state, drop=drop)

    async def _find(
        self, principal: Principal, upload_id: UploadId, action: Action
    ) -> tuple[Upload, Case]:
        upload = await self._ledger.upload(upload_id)
        try:
            case = await self._tools.core.case(upload.case_number)
            authorise(principal, action, case)
        except CaseMissingError as exc:
            raise UploadMissingError("No such upload.") from exc
        if action is Action.UPLOAD:
            check_writable(upload.path, is_staff=principal.is_staff)
        return upload, case

    def _writer(self, upload: Upload, *, withhold: bool = False) -> UploadWriter:
        writer = UploadWriter(upload, self._tools, withhold=withhold)
        self._leases.keep(writer)
        return writer

    def _at_work(self) -> set[UploadId]:
        return {writer.upload.id for writer in self._leases.writers}
