"""Pieces that are kept, and final uploads that are put together of them.

Whoever comes first puts a final upload together: its creation, the last of its pieces, a look at
it, or the worker after a crash. In one process only one turn is under way for it, and among
processes its lease sees to that; all others wait for that turn.
"""

import asyncio
import contextlib
from dataclasses import replace

import structlog

from transfer.core.access import Action, Principal, authorise
from transfer.core.concatenation import are_whole, final_expires_at, total_length
from transfer.core.errors import (
    CaseClosedError,
    DigestMismatchError,
    ForbiddenError,
    ShuttingDownError,
    TransferError,
    UploadGoneError,
    WriterReplacedError,
)
from transfer.core.uploads import Concat, Upload, UploadId, UploadState, check_continuable
from transfer.engine.completion import complete, keep
from transfer.engine.composition import Composition
from transfer.engine.leases import Leases
from transfer.engine.policy import Tools
from transfer.engine.writer import UploadWriter

_log = structlog.get_logger(__name__)

_POLL_SECONDS = 0.5
_LOOK_SECONDS = 1.0
"""How long a look at a final upload waits for it: enough for a small one."""


class Concatenations:
    """Partial and final uploads, as `Uploads` hands them over: they were found and authorised."""

    def __init__(self, tools: Tools, leases: Leases) -> None:
        self._tools = tools
        self._leases = leases
        self._ledger = tools.records.uploads
        self._turns: dict[UploadId, asyncio.Task[None]] = {}

    async def begin(self, principal: Principal, final: Upload) -> Upload:
        """Return a final upload that was just created: as a file, if its pieces are whole.

        Raises:
            TooLargeError, DigestMismatchError: it can't be a file; the upload is over.
            StoreUnavailableError: it couldn't be put together now; ask for the same again.
        """
        if final.state is UploadState.RECEIVED:
            return final
        pieces = await self._ledger.pieces(final.id)
        if final.state is not UploadState.COMPLETING and not are_whole(pieces):
            return _as_it_waits(final, pieces)
        turn = self._turn(final.id, principal)
        await asyncio.wait({turn})
        if turn.cancelled():
            raise ShuttingDownError("The service is stopping: ask for the same again.")
        turn.result()
        return await self._ledger.upload(final.id)

    async def show(self, principal: Principal, upload: Upload) -> Upload:
        """Return how an upload stands; what could be finished is, or soon will be.

        Raises:
            UploadGoneError: it expired, or was cancelled.
        """
        if upload.concat is Concat.PARTIAL:
            return await self._show_partial(principal, upload)
        return await self._show_final(upload)

    async def keep(self, principal: Principal, writer: UploadWriter) -> None:
        """Make an object of a partial upload that is whole, and end its writer.

        Final uploads that waited for it are put together from now on.
        """
        upload = writer.upload
        try:
            case = await self._tools.core.case(upload.case_number)
            authorise(principal, Action.UPLOAD, case)
            if not writer.is_whole:
                await writer.announce(writer.position)
            await writer.finish_whole(principal)
            await keep(self._tools, upload.id, principal)
        except DigestMismatchError as exc:
            await self._ledger.abandon(upload.id, principal, exc.code, self._tools.clock.now())
            raise
        finally:
            try:
                await writer.release(UploadState.INTERRUPTED)
            finally:
                self._leases.forget(writer)
        await self._wake_finals(upload.id, principal)

    async def tend(self, upload: Upload) -> None:
        """See to an upload that is overdue; a final one is put together in the background."""
        now = self._tools.clock.now()
        if upload.state is UploadState.COMPLETING:
            if upload.concat is Concat.FINAL:
                await complete(self._tools, upload.id, None)
            else:
                await keep(self._tools, upload.id, None)
                await self._wake_finals(upload.id, None)
            return
        if upload.concat is Concat.FINAL:
            pieces = await self._ledger.pieces(upload.id)
            if now < final_expires_at(upload, pieces):
                self._turn(upload.id, None)
                return
        await self._ledger.abandon(upload.id, None, "expired", now)

    # ── Looking ──────────────────────────────────────────────────────────────────────────────

    async def _show_partial(self, principal: Principal, upload: Upload) -> Upload:
        now = self._tools.clock.now()
        if upload.state is UploadState.RECEIVED:
            if now >= upload.expires_at:
                raise UploadGoneError("The partial upload has expired: start a new one.")
            return upload
        if upload.state is UploadState.COMPLETING:
            await keep(self._tools, upload.id, principal)
            await self._wake_finals(upload.id, principal)
            return await self._ledger.upload(upload.id)
        check_continuable(upload, now)
        at_work = {writer.upload.id for writer in self._leases.writers}
        if not upload.is_whole or upload.id in at_work:
            return upload
        with contextlib.suppress(ForbiddenError, CaseClosedError):
            case = await self._tools.core.case(upload.case_number)
            authorise(principal, Action.UPLOAD, case)
            writer = UploadWriter(await self._leases.acquire(upload.id), self._tools)
            self._leases.keep(writer)
            await self.keep(principal, writer)
        return await self._ledger.upload(upload.id)

    async def _show_final(self, final: Upload) -> Upload:
        if final.state is UploadState.RECEIVED:
            return final
        pieces = await self._ledger.pieces(final.id)
        if final.state is not UploadState.COMPLETING:
            check_continuable(_as_it_waits(final, pieces), self._tools.clock.now())
        if final.state is UploadState.COMPLETING or are_whole(pieces):
            turn = self._turn(final.id, None)
            await asyncio.wait({turn}, timeout=_LOOK_SECONDS)
            if turn.done() and not turn.cancelled():
                # A closed case receives nothing any more; what waits can be seen all the same.
                with contextlib.suppress(CaseClosedError):
                    turn.result()
            final = await self._ledger.upload(final.id)
        return _as_it_waits(final, pieces)

    # ── Turns ────────────────────────────────────────────────────────────────────────────────

    async def _wake_finals(self, piece_id: UploadId, principal: Principal | None) -> None:
        for final_id in await self._ledger.finals(piece_id):
            self._turn(final_id, principal)

    def _turn(self, final_id: UploadId, principal: Principal | None) -> "asyncio.Task[None]":
        """Return the turn at a final upload that is under way in this process, or begin one."""
        turn = self._turns.get(final_id)
        if turn is None:
            turn = asyncio.create_task(self._compose(final_id, principal))
            self._turns[final_id] = turn
            self._leases.accompany(turn)
            turn.add_done_callback(lambda ended: self._note_end(final_id, ended))
        return turn

    async def _compose(self, final_id: UploadId, principal: Principal | None) -> None:
        """Put a final upload together, or see that another process does, if its pieces are whole.

        Raises:
            UploadGoneError: it was abandoned meanwhile.
        """
        clock = self._tools.clock
        while True:
            final = await self._ledger.upload(final_id)
            if final.state is UploadState.RECEIVED:
                return
            if final.state is UploadState.ABANDONED:
                raise UploadGoneError("The upload was cancelled: start a new one.")
            if final.state is UploadState.COMPLETING:
                await complete(self._tools, final_id, principal)
                break
            pieces = await self._ledger.pieces(final_id)
            if not are_whole(pieces):
                return
            leased = await self._ledger.acquire_final(final_id, self._leases.lease(), clock.now())
            if leased is None:
                await clock.sleep(_POLL_SECONDS)
                continue
            with contextlib.suppress(WriterReplacedError):
                await Composition(self._tools, self._leases, leased, pieces).run(principal)
                break
        self._tools.wake_worker()

    def _note_end(self, final_id: UploadId, turn: "asyncio.Task[None]") -> None:
        del self._turns[final_id]
        if turn.cancelled():
            return
        problem = turn.exception()
        if isinstance(problem, TransferError):
            _log.warning("final-not-put-together", upload=final_id, problem=problem.code)
        elif problem is not None:
            _log.error("final-failed", upload=final_id, exc_info=problem)


def _as_it_waits(final: Upload, pieces: list[Upload]) -> Upload:
    """Return a final upload with the length and the expiry that its pieces give it."""
    if final.state is UploadState.RECEIVED:
        return final
    length = final.length if final.length is not None else total_length(pieces)
    return replace(final, length=length, expires_at=final_expires_at(final, pieces))
