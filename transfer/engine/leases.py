"""The leases that this process holds: renewed, watched, and handed over when another asks."""

import asyncio
from collections.abc import Coroutine, Mapping
from datetime import datetime

import structlog

from transfer.core.errors import (
    ShuttingDownError,
    TransferError,
    UploadBusyError,
    WriterReplacedError,
)
from transfer.core.uploads import Upload, UploadId, UploadState
from transfer.engine.policy import Tools
from transfer.engine.writer import UploadWriter
from transfer.ports import Lease, LeaseStanding

_log = structlog.get_logger(__name__)
_POLL_SECONDS = 0.1
_RENEWALS = 6
"""How often a lease is renewed within its life."""
_PAUSE_SECONDS = 0.1
"""How long nothing comes before a sender counts as one that pauses."""
_PATIENCE = 5
"""What part of the grace a writer that is replaced still takes what keeps coming: one of five."""
_REPLACED = "Another request has taken over this upload."


class Leases:
    """Acquires leases for this process, and keeps those of its writers.

    `owner` names this process among all nodes.
    """

    def __init__(self, tools: Tools, owner: str) -> None:
        self._tools = tools
        self._owner = owner
        self._writers: dict[UploadId, UploadWriter] = {}
        self._companions: set[asyncio.Task[None]] = set()
        self._handovers: dict[UploadId, asyncio.Task[None]] = {}
        self._closing = False
        self._renewed = tools.clock.monotonic()

    @property
    def writers(self) -> list[UploadWriter]:
        """The writers at work."""
        return list(self._writers.values())

    def lease(self) -> Lease:
        """Return a lease from now on, for an upload that is being created."""
        if self._closing:
            raise ShuttingDownError("The service is stopping: try again in a moment.")
        return Lease(self._owner, self._until())

    async def acquire(self, upload_id: UploadId) -> Upload:
        """Lease an upload. Its present writer is asked to let go, then, after a grace, replaced.

        Raises:
            UploadBusyError: it was taken by yet another one meanwhile; or its writer, in this
                process, is still storing what it took, which a replacement would throw away.
        """
        lease = self.lease()
        ledger, clock = self._tools.records.uploads, self._tools.clock
        grace_seconds = self._tools.policy.takeover_grace.total_seconds()
        deadline = clock.monotonic() + grace_seconds
        upload = await ledger.acquire(upload_id, lease, clock.now())
        while upload is None and clock.monotonic() < deadline:
            holder = self._writers.get(upload_id)
            if holder is not None:
                left = max(0, deadline - clock.monotonic())
                await asyncio.wait([self._handing_over(holder)], timeout=left)
                upload = await ledger.acquire(upload_id, lease, clock.now())
            if upload is None:
                await clock.sleep(_POLL_SECONDS)
                upload = await ledger.acquire(upload_id, lease, clock.now())
        holder = self._writers.get(upload_id)
        if upload is None and holder is not None and not holder.ended.done():
            raise UploadBusyError("What was sent is still being stored: try again in a moment.")
        if upload is None:
            upload = await ledger.acquire(upload_id, self.lease(), clock.now(), force=True)
        if upload is None:
            raise UploadBusyError("Another request holds this upload: try again in a moment.")
        return upload

    async def take_away(self, upload_id: UploadId) -> None:
        """Have whoever writes an upload make durable what they hold, and let go of it.

        Raises:
            UploadMissingError, UploadGoneError: nobody can write it any more.
            UploadBusyError: it was taken by yet another one meanwhile.
        """
        upload = await self.acquire(upload_id)
        await self._tools.records.uploads.release(
            upload_id, upload.fence, UploadState.INTERRUPTED, self._tools.clock.now()
        )

    def end(self, upload_id: UploadId, reason: TransferError) -> None:
        """End the writer of an upload that is over, at once; another node's sees it by itself."""
        writer = self._writers.get(upload_id)
        if writer is not None:
            writer.end(reason)

    def keep(self, writer: UploadWriter) -> None:
        """Keep the lease of `writer` until `forget`."""
        self._writers[writer.upload.id] = writer

    def forget(self, writer: UploadWriter) -> None:
        """No longer keep the lease of `writer`."""
        if self._writers.get(writer.upload.id) is writer:
            del self._writers[writer.upload.id]

    def accompany(self, task: "asyncio.Task[None]") -> None:
        """Have `close` end `task` too, which writes for nobody who waits for it."""
        self._companions.add(task)
        task.add_done_callback(self._companions.discard)

    async def watch(self) -> None:
        """Renew, hand over and flush, round after round, until cancelled."""
        while True:
            await self._tools.clock.sleep(self._tools.policy.takeover_interval.total_seconds())
            try:
                await self.watch_once()
            except TransferError as exc:
                _log.warning("leases-not-renewed", problem=exc.code)

    async def watch_once(self) -> None:
        """Do one round: renew the leases if due, hand over what is wanted, flush what is idle."""
        held = {
            writer.upload.id: writer.upload.fence
            for writer in self.writers
            if not writer.ended.done()
        }
        if not held:
            return
        standings = await self._standings(held)
        async with asyncio.TaskGroup() as group:
            for upload_id, fence in held.items():
                writer = self._writers.get(upload_id)
                if writer is None or writer.upload.fence != fence:
                    continue
                standing = standings.get(upload_id, LeaseStanding.LOST)
                if standing is LeaseStanding.LOST:
                    writer.end(WriterReplacedError(_REPLACED))
                elif standing is LeaseStanding.WANTED:
                    self._handing_over(writer)
                else:
                    group.create_task(self._tend(writer, writer.flush_if_idle()))

    async def close(self) -> None:
        """Take no new lease; make durable what the writers hold, and let go of them all."""
        self._closing = True
        reason = ShuttingDownError("The service is stopping: continue in a moment.")
        results = await asyncio.gather(
            *(writer.hand_over(reason) for writer in self.writers), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException):
                _log.warning("lease-not-released", problem=type(result).__name__)
        companions = tuple(self._companions)
        for task in companions:
            task.cancel()
        await asyncio.gather(*companions, return_exceptions=True)

    async def _standings(self, held: Mapping[UploadId, int]) -> dict[UploadId, LeaseStanding]:
        """Return how the leases stand; most rounds only look, so that they cost no write."""
        ledger, now = self._tools.records.uploads, self._tools.clock.monotonic()
        if now - self._renewed < self._tools.policy.lease.total_seconds() / _RENEWALS:
            return await ledger.standings(held)
        standings = await ledger.renew(held, self._until())
        self._renewed = now
        return standings

    async def _tend(self, writer: UploadWriter, step: Coroutine[None, None, None]) -> None:
        """Do `step`, without letting one slow or failing writer keep the others from renewing."""
        try:
            async with asyncio.timeout(self._tools.policy.lease.total_seconds() / 3):
                await step
        except (TransferError, TimeoutError) as exc:
            _log.warning("upload-not-flushed", upload=writer.upload.id, problem=type(exc).__name__)

    def _handing_over(self, writer: UploadWriter) -> "asyncio.Task[None]":
        """Return the task in which `writer` lets go: one, however many newcomers wait for it."""
        upload_id = writer.upload.id
        task = self._handovers.get(upload_id)
        if task is None:
            task = asyncio.create_task(self._hand_over(writer))
            self._handovers[upload_id] = task
            task.add_done_callback(lambda _: self._handovers.pop(upload_id, None))
            self.accompany(task)
        return task

    async def _hand_over(self, writer: UploadWriter) -> None:
        try:
            async with asyncio.timeout(self._tools.policy.lease.total_seconds()):
                await self._come_to_rest(writer)
                await writer.hand_over(WriterReplacedError(_REPLACED))
        except (TransferError, TimeoutError) as exc:
            writer.end(WriterReplacedError(_REPLACED))  # who comes next replaces it by force
            _log.warning("upload-not-flushed", upload=writer.upload.id, problem=type(exc).__name__)

    async def _come_to_rest(self, writer: UploadWriter) -> None:
        """Wait, not for long, until a writer's sender pauses: what was sent is on its way.

        A request whose client has left and asks again at once may have all of its bytes in this
        machine already, and have had no chance to take one of them.
        """
        clock = self._tools.clock
        patience_seconds = self._tools.policy.takeover_grace.total_seconds() / _PATIENCE
        deadline = clock.monotonic() + patience_seconds
        while (
            not writer.ended.done()
            and writer.idle_seconds < _PAUSE_SECONDS
            and clock.monotonic() < deadline
        ):
            await clock.sleep(_PAUSE_SECONDS)

    def _until(self) -> datetime:
        return self._tools.clock.now() + self._tools.policy.lease
