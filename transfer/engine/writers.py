"""Writers of uploads: begun, taken over, continued from what is there, and made files of."""

import contextlib
from collections.abc import Collection
from dataclasses import replace

from transfer.core.access import Action, Principal, authorise
from transfer.core.cases import Case
from transfer.core.concatenation import check_takes_bytes
from transfer.core.errors import (
    CaseMissingError,
    DigestMismatchError,
    TransferError,
    UnavailableError,
    UploadMissingError,
)
from transfer.core.names import check_writable
from transfer.core.uploads import StoredFile, Upload, UploadId, UploadState, check_continuable
from transfer.engine.beginnings import Beginnings, FileToSend
from transfer.engine.completion import complete
from transfer.engine.extension import authorise_copy, copy_into
from transfer.engine.leases import Leases
from transfer.engine.policy import Tools
from transfer.engine.quota import Quota
from transfer.engine.revisable import RevisableWriter
from transfer.engine.staging import take_up
from transfer.engine.tokens import check_still_good
from transfer.engine.writer import UploadWriter
from transfer.ports import Lease


class Writers:
    """What a door that keeps a file open does to its upload: SFTP, between OPEN and CLOSE."""

    def __init__(self, tools: Tools, leases: Leases) -> None:
        self._tools = tools
        self._leases = leases
        self._ledger = tools.records.uploads
        self._beginnings = Beginnings(tools)
        self._quota = Quota(tools)

    async def open_writer(self, principal: Principal, upload_id: UploadId) -> RevisableWriter:
        """Take over an upload for writing at its offset; end it with `close_writer`.

        Raises:
            UploadMissingError, UploadGoneError, UploadBusyError: it can't be written.
        """
        upload, _ = await self._find(principal, upload_id, Action.UPLOAD)
        check_takes_bytes(upload)
        check_continuable(upload, self._tools.clock.now())
        writer = self._writer(await take_up(self._tools, await self._leases.acquire(upload_id)))
        return await self._bound(principal, writer)

    async def create_writer(self, principal: Principal, file: FileToSend) -> RevisableWriter:
        """Begin an upload and its writer; end it with `close_writer`. See `create`."""
        writer = self._writer(await self._create(principal, file, self._leases.lease()))
        writer.hash_beside(self._tools.known_digests.wanted(principal.name))
        try:
            return await self._bound(principal, writer)
        except BaseException:
            await self.give_up_writer(principal, writer)
            raise

    async def extend(self, principal: Principal, file: StoredFile, size: int) -> RevisableWriter:
        """Begin an upload that takes the place of `file` and starts with its first `size` bytes.

        Inside the store they are copied; only to shorten a file they are read, for their digest.

        Raises:
            HeldError: a hold keeps the file.
        """
        (await self._tools.core.case(file.case_number)).check_not_held()
        new = FileToSend(
            case_number=file.case_number, path=file.path, content_type=file.content_type
        )
        writer = await self.create_writer(principal, new)
        try:
            upload = await copy_into(self._tools, writer, file, size)
            await self.reveal(writer)
        except BaseException:
            await self.close_writer(writer, UploadState.INTERRUPTED, drop=True)
            await self._ledger.abandon(
                writer.upload.id, principal, "copy-failed", self._tools.clock.now()
            )
            raise
        if upload is writer.upload:
            return writer
        self._leases.forget(writer)
        return await self._bound(principal, self._writer(replace(upload, replaces=True)))

    async def reveal(self, writer: UploadWriter, instead_of: Collection[UploadWriter] = ()) -> None:
        """Have a draft stand at its path, once all that it has taken is durable.

        `instead_of` are writers of the uploads that it takes the place of: nobody is shown these
        any more. See `UploadLedger.reveal`.

        Raises:
            WriterReplacedError: somebody else goes on with one of them by now.
        """
        await writer.flush()
        old = {writer.upload.id: writer.upload.fence for writer in instead_of}
        now = self._tools.clock.now()
        await self._ledger.reveal(writer.upload.id, writer.upload.fence, old, now)

    async def copy(
        self, principal: Principal, writer: RevisableWriter, file: StoredFile
    ) -> RevisableWriter:
        """Begin what `writer` has just begun with all of `file`; return the writer to go on with.

        Inside the store it is copied. Once this fails, `writer` takes nothing more.

        Raises:
            CaseMissingError, ForbiddenError, CaseClosedError: they may not read it, or write.
            TooLargeError: it has no room in the case.
        """
        try:
            await authorise_copy(self._tools, principal, writer.upload, file)
            writer.check_fits(file.size)
            upload = await copy_into(self._tools, writer, file, file.size)
            if upload is writer.upload:
                return writer
            upload = await self._ledger.upload(upload.id)
        except BaseException:
            writer.end(UnavailableError("The copy was stopped: begin it again."))
            raise
        writer.end(UnavailableError("What was copied goes on with a writer of its own."))
        self._leases.forget(writer)
        return await self._bound(principal, self._writer(upload))

    async def finish_writer(self, principal: Principal, writer: UploadWriter) -> StoredFile:
        """Make a file of all that `writer` took, and end the writer; see `finish`."""
        try:
            # Not read anew for this: whichever way an upload moves, it stays in its case, and on
            # the side of those who may write there.
            await self._authorised(principal, writer.upload, Action.UPLOAD)
            await check_still_good(self._tools, principal)
            file = await writer.finish_whole(principal)
            if file is None:
                file = await complete(self._tools, writer.upload.id, principal)
            writer.note_digests(file)
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

    async def give_up_writer(self, principal: Principal, writer: UploadWriter) -> None:
        """End `writer` and its upload for good, unless somebody goes on with that.

        If that can't be done now, the upload goes when it expires.
        """
        upload, now = writer.upload, self._tools.clock.now()
        with contextlib.suppress(TransferError):
            await self.close_writer(writer, UploadState.INTERRUPTED, drop=True)
            await self._ledger.abandon(upload.id, principal, "cancelled", now, fence=upload.fence)
            self._tools.wake_worker()

    # ── Steps ────────────────────────────────────────────────────────────────────────────────

    async def _create(self, principal: Principal, file: FileToSend, lease: Lease | None) -> Upload:
        _, new = await self._beginnings.plan(principal, file)
        return await self._ledger.create(new, principal, lease)

    async def _find(
        self, principal: Principal, upload_id: UploadId, action: Action
    ) -> tuple[Upload, Case]:
        upload = await self._ledger.upload(upload_id)
        return upload, await self._authorised(principal, upload, action)

    async def _authorised(self, principal: Principal, upload: Upload, action: Action) -> Case:
        try:
            case = await self._tools.core.case(upload.case_number)
            authorise(principal, action, case)
        except CaseMissingError as exc:
            raise UploadMissingError("No such upload.") from exc
        if action is Action.UPLOAD:
            check_writable(upload.path, is_staff=principal.is_staff)
        return case

    async def _bound(self, principal: Principal, writer: RevisableWriter) -> RevisableWriter:
        try:
            return await self._quota.bound(principal, writer)
        except BaseException:
            await self.close_writer(writer, UploadState.INTERRUPTED)
            raise

    def _writer(self, upload: Upload, *, withhold: bool = False) -> RevisableWriter:
        writer = RevisableWriter(upload, self._tools, withhold=withhold)
        self._leases.keep(writer)
        return writer
