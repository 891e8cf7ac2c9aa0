"""Uploads, as both doors see them: create, write, finish, abandon, whoever began and by what."""

import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

import structlog

from transfer.core.access import Action, Principal, may
from transfer.core.concatenation import check_takes_bytes
from transfer.core.errors import (
    CaseClosedError,
    ChecksumMismatchError,
    ForbiddenError,
    LengthMismatchError,
    OffsetMismatchError,
    TooLargeError,
    TransferError,
    UploadGoneError,
)
from transfer.core.uploads import (
    Concat,
    StoredFile,
    Upload,
    UploadId,
    UploadState,
    check_continuable,
    check_length,
)
from transfer.engine.arrivals import Arrivals
from transfer.engine.beginnings import FileToSend
from transfer.engine.checksums import ChunkChecksum
from transfer.engine.completion import complete
from transfer.engine.concatenation import Concatenations
from transfer.engine.deliveries import Delivery
from transfer.engine.leases import Leases
from transfer.engine.policy import Tools
from transfer.engine.promises import promise
from transfer.engine.staging import take_up
from transfer.engine.streams import nothing, while_writing
from transfer.engine.writers import Writers
from transfer.ports import Buffer, NewUpload

_log = structlog.get_logger(__name__)


class Uploads(Writers):
    """All that happens to an upload, authorised at every verb and again at its completion."""

    def __init__(self, tools: Tools, leases: Leases) -> None:
        super().__init__(tools, leases)
        self._arrivals = Arrivals(tools)
        self._concatenations = Concatenations(tools, leases)

    @property
    def lifetime(self) -> timedelta:
        """For how long an upload can be continued from its last bytes on."""
        return self._tools.policy.lifetime

    # ── Begin, look, end ─────────────────────────────────────────────────────────────────────

    async def create(self, principal: Principal, file: FileToSend) -> Upload:
        """Begin an upload; one of length 0 is received at once, and so is one of whole pieces.

        Raises:
            CaseMissingError, ForbiddenError, CaseClosedError: not here, not you, not any more.
            AcknowledgementRequiredError: the warning comes first.
            InvalidNameError, TooLargeError: this file can't be stored.
            IsAFolderError, NotAFolderError, EntryMissingError: its path is taken or isn't there.
        """
        if file.length == 0:
            return await self.receive(principal, file, nothing())
        upload = await self._create(principal, file, None)
        if upload.concat is Concat.FINAL:
            return await self._concatenations.begin(principal, upload)
        return upload

    async def receive(
        self,
        principal: Principal,
        file: FileToSend,
        chunks: AsyncIterator[Buffer],
        checksum: ChunkChecksum | None = None,
    ) -> Upload:
        """Begin an upload with its first bytes; see `create` and `append`.

        A small file that comes whole is received by one transaction.
        """
        self._leases.lease()  # none is given while stopping
        case, new = await self._beginnings.plan(principal, file)
        arrival = self._arrivals.begin(new, chunks)
        if arrival is None:
            return await self._begin(principal, new, Delivery.of(chunks, checksum))
        try:
            if await arrival.is_whole():
                arrival.check(checksum)
                received = await self._arrivals.receive(principal, case, new, arrival)
                if received is not None:
                    return received
                checksum = None
            return await self._begin(principal, new, Delivery.of(arrival.go_on(), checksum))
        finally:
            arrival.give_back()

    async def begin(self, principal: Principal, file: FileToSend, delivery: Delivery) -> Upload:
        """Begin an upload with what is delivered of it; see `create` and `take`.

        One whose first bytes were damaged, or not as many as announced, is over at once.
        """
        _, new = await self._beginnings.plan(principal, file)
        return await self._begin(principal, new, delivery)

    async def _begin(self, principal: Principal, new: NewUpload, delivery: Delivery) -> Upload:
        upload = await self._ledger.create(new, principal, self._leases.lease())
        try:
            await self._write(principal, upload, delivery)
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
        if upload.concat is not None:
            return await self._concatenations.show(principal, upload)
        if upload.state is UploadState.RECEIVED:
            return upload
        if upload.state is UploadState.COMPLETING:
            await complete(self._tools, upload_id, principal)
            return await self._ledger.upload(upload_id)
        check_continuable(upload, self._tools.clock.now())
        if not upload.is_whole or upload_id in self._at_work():
            return upload
        # A closed case receives nothing any more; how far the upload is can be seen all the same.
        with contextlib.suppress(ForbiddenError, CaseClosedError):
            await self.finish(principal, upload_id)
        return await self._ledger.upload(upload_id)

    async def settle(self, principal: Principal, upload_id: UploadId) -> Upload:
        """Return an upload as `show` does, once nobody is writing it any more.

        Who may write it ends a request that hangs, and learns the offset that it came to.
        """
        upload, case = await self._find(principal, upload_id, Action.SEE)
        is_taken_over = upload.held and upload.concat is not Concat.FINAL
        if is_taken_over and may(principal, Action.UPLOAD, case):
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
        check_takes_bytes(upload)
        check_continuable(upload, self._tools.clock.now())
        check_length(length, self._tools.policy.max_file_bytes)
        now = self._tools.clock.now()
        return await self._ledger.announce(upload_id, length, expected_sha256, now)

    async def promise(self, principal: Principal, upload_id: UploadId, sha256: str) -> Upload:
        """Take the SHA-256 of the whole file, in lower-case hex, whenever its sender gives it.

        Of an upload under way it becomes a promise: only a file that keeps it is received. A file
        that was received already is compared at once; it stays, as verified or as not. Repeatable.

        Raises:
            UploadMissingError, UploadGoneError: none of that id, or over without a file.
            DigestChangedError: another one was promised before.
            DigestMismatchError: the file that was received is another one.
        """
        upload, _ = await self._find(principal, upload_id, Action.UPLOAD)
        return await promise(self._tools, principal, upload, sha256)

    async def abandon(self, principal: Principal, upload_id: UploadId) -> None:
        """End an unfinished upload for good; its bytes are discarded.

        Raises:
            UploadGoneError: it is a file by now, or was ended before.
        """
        upload, _ = await self._find(principal, upload_id, Action.UPLOAD)
        if upload.state is UploadState.ABANDONED:
            raise UploadGoneError("The upload was cancelled before.")
        now = self._tools.clock.now()
        await self._ledger.abandon(upload_id, principal, "cancelled", now)
        self._leases.end(upload_id, UploadGoneError("The upload was cancelled meanwhile."))
        self._tools.wake_worker()

    # ── Bytes ────────────────────────────────────────────────────────────────────────────────

    async def take(
        self, principal: Principal, upload_id: UploadId, offset: int, delivery: Delivery
    ) -> Upload:
        """Write what is delivered at `offset`, finish the file if it ends there; return the upload.

        Raises:
            OffsetMismatchError: nothing was written.
            ChecksumMismatchError: nothing of the delivery counts.
            LengthMismatchError: more than was announced, or not all at the file's end; without a
                checksum, what fits is kept.
            TooLargeError: more than can be stored.
            DigestMismatchError: whole, and not what was promised; the upload is over.
            WriterReplacedError: another request has taken over; read the offset.
            StoreUnavailableError: a prefix may be stored; read the offset, then resume.
        """
        upload, _ = await self._find(principal, upload_id, Action.UPLOAD)
        check_takes_bytes(upload)
        check_continuable(upload, self._tools.clock.now())
        if delivery.length is not None:
            check_length(delivery.length, self._tools.policy.max_file_bytes)
        if offset != upload.offset and upload_id not in self._at_work():
            raise OffsetMismatchError(upload.offset)
        upload = await take_up(self._tools, await self._leases.acquire(upload_id))
        if offset != upload.offset:
            now = self._tools.clock.now()
            await self._ledger.release(upload_id, upload.fence, UploadState.RECEIVING, now)
            raise OffsetMismatchError(upload.offset)
        await self._write(principal, upload, delivery)
        return await self._ledger.upload(upload_id)

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

    # ── For the worker ───────────────────────────────────────────────────────────────────────

    async def tend_overdue(self) -> int:
        """Abandon what has expired, finish what a lost process left half finished; count them."""
        now = self._tools.clock.now()
        overdue = await self._ledger.overdue(now)
        for upload in overdue:
            try:
                if upload.concat is not None:
                    await self._concatenations.tend(upload)
                elif upload.state is UploadState.COMPLETING:
                    await complete(self._tools, upload.id, None)
                else:
                    await self._ledger.abandon(upload.id, None, "expired", now)
            except TransferError as exc:
                _log.warning("upload-still-overdue", upload=upload.id, problem=exc.code)
        return len(overdue)

    # ── Steps ────────────────────────────────────────────────────────────────────────────────

    async def _write(self, principal: Principal, upload: Upload, delivery: Delivery) -> None:
        """Write under a lease that was just acquired, and let go of it, whatever happens."""
        checksum = delivery.checksum
        writer = self._writer(upload, withhold=checksum is not None)
        state, drop = UploadState.RECEIVING, checksum is not None
        try:
            await self._quota.bound(principal, writer)
            await delivery.announce(writer)
            state = UploadState.INTERRUPTED
            async with while_writing(writer):
                async for chunk in delivery.source(writer):
                    if checksum is not None:
                        checksum.update(chunk)
                    await writer.write(chunk)
            if checksum is not None:
                state = UploadState.RECEIVING
                checksum.verify()
                await writer.vouch()
                drop = False
            state = UploadState.RECEIVING
            if delivery.completes(writer) and upload.concat is not None:
                await self._concatenations.keep(principal, writer)
            elif delivery.completes(writer):
                await self.finish_writer(principal, writer)
        finally:
            await self.close_writer(writer, state, drop=drop)

    def _at_work(self) -> set[UploadId]:
        return {writer.upload.id for writer in self._leases.writers}
