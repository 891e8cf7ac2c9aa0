"""The one writer of an upload: bytes in order in, durable parts and an honest offset out.

Bytes fill a buffer; a full buffer becomes a part. What is left at the end of a request, or has
waited too long, becomes a short part or a tail object; the tail's predecessor is discarded only by
the commit that names the new one, so no crash in between lowers an offset.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress

from transfer.core.access import Principal
from transfer.core.digests import check_kept
from transfer.core.errors import (
    DigestMismatchError,
    LengthMismatchError,
    StoreUnavailableError,
    TooLargeError,
    TransferError,
    UnavailableError,
)
from transfer.core.parts import may_be_short_part, part_size
from transfer.core.uploads import (
    Concat,
    FileId,
    StoredFile,
    Upload,
    UploadState,
)
from transfer.engine.aside import Aside
from transfer.engine.buffers import PartBuffer, as_view
from transfer.engine.digest import StreamDigest
from transfer.engine.pipeline import PartPipeline
from transfer.engine.policy import Tools
from transfer.ports import Buffer, Finished, Kept

_AHEAD_BYTES = 512 * 1024
"""For how many bytes memory is taken before it is known how many come."""

_SLOW_SECONDS = 1.0
"""Under memory pressure, who hasn't filled a part in this time gives back what they hold."""


class UploadWriter:
    """Writes one upload under one fence.

    `position` counts the bytes taken, durable or not; `offset` those that are durable. With
    `withhold` nothing that is taken counts before `vouch()`, so that it can be checked as a whole.

    The first failure is kept and raised by every later call; `ended` tells it at once. Not for
    concurrent callers, but for `hand_over` and `flush_if_idle`, which a watcher may call any time.
    """

    def __init__(self, upload: Upload, tools: Tools, *, withhold: bool = False) -> None:
        self.upload = upload
        self.position = upload.offset
        self.ended: asyncio.Future[TransferError] = asyncio.get_running_loop().create_future()
        self._tools = tools
        self._pipeline = PartPipeline(upload, tools, withhold=withhold)
        self._length = upload.length
        self._buffer: PartBuffer | None = None
        self._hashed = 0
        self._aside = Aside(upload, tools)
        self._leased = True
        self._lock = asyncio.Lock()
        self._flush_seconds = tools.policy.flush_interval.total_seconds()
        self._touched = self._flushed = tools.clock.monotonic()

    @property
    def offset(self) -> int:
        """The durable prefix in bytes."""
        return self._pipeline.offset

    @property
    def is_whole(self) -> bool:
        """Whether every announced byte was taken."""
        return self._length is not None and self.position == self._length

    @property
    def idle_seconds(self) -> float:
        """For how long nothing was taken; none while what comes is being taken."""
        return 0 if self._lock.locked() else self._tools.clock.monotonic() - self._touched

    def watch(self, advanced: Callable[[int], None]) -> None:
        """Have `advanced` called with each offset as soon as it is durable."""
        self._pipeline.advanced = advanced

    def hash_beside(self, algorithms: Collection[str]) -> None:
        """Find these digests of the file too; nothing was taken yet."""
        if algorithms and not self.position:
            self._pipeline.digest.hash_beside(algorithms)

    def note_digests(self, file: StoredFile) -> None:
        """Have what was found beside the SHA-256 known of the file that this has become."""
        digest = self._pipeline.digest
        for algorithm, found in digest.beside.items():
            if digest.sha256() == file.sha256:  # else others have sent a part of it
                self._tools.known_digests.keep(file.id, algorithm, found)

    async def write(self, data: Buffer) -> None:
        """Take `data`, at `position`; waits while memory or the store can't follow.

        Raises:
            LengthMismatchError, TooLargeError: beyond the announced length, or what is allowed;
                none of `data` was taken.
            WriterReplacedError: another request has taken over.
            StoreUnavailableError: this or an earlier part couldn't be stored.
        """
        view = as_view(data)
        async with self._lock:
            self._check_alive()
            self._check_fits(len(view))
            with self._keeping_failure():
                while len(view):
                    view = view[await self._take(view) :]
                await self._flush_if_due()
            self._touched = self._tools.clock.monotonic()

    def write_now(self, data: memoryview) -> bool:
        """Take `data`, at `position`, if it fills no part and needs no waiting; else take nothing.

        What it can't take, or must refuse, is for `write`.
        """
        buffer, size = self._buffer, len(data)
        now = self._tools.clock.monotonic()
        if buffer is None or size >= buffer.room or not self._is_free(now):
            return False
        limit, end = self._tools.policy.max_file_bytes, self.position + size
        if (
            (self._length is not None and end >= self._length)
            or (limit is not None and end > limit)
            or not self._tools.pool.try_charge(buffer, buffer.size + size)
        ):
            return False
        buffer.fill(data)
        self.position = end
        self._touched = now
        return True

    def room_now(self) -> memoryview | None:
        """Return where the next bytes, at `position`, may be read into at once.

        It is valid until the loop goes on: by then `filled_now` has been told. None if there is
        something to be done before, by `make_room` or `write`, or if they have to be checked.
        """
        buffer, now = self._buffer, self._tools.clock.monotonic()
        if buffer is None or self._pipeline.withhold or not self._is_free(now):
            return None
        left, limit = buffer.room, self._tools.policy.max_file_bytes
        if self._length is not None:
            left = min(left, self._length - self.position)
        if limit is not None:
            left = min(left, limit - self.position)
        ahead = min(left, _AHEAD_BYTES)
        if ahead <= 0 or not self._tools.pool.try_charge(buffer, buffer.size + ahead):
            return None
        return buffer.place[:left]

    def filled_now(self, size: int) -> bool:
        """Take the `size` bytes that were just read into what `room_now` returned.

        Return whether the part has room for more.
        """
        buffer = self._buffer
        if buffer is None:
            return False
        buffer.size += size
        self.position += size
        self._touched = self._tools.clock.monotonic()
        return buffer.size < buffer.capacity

    async def make_room(self) -> None:
        """Do what `room_now` may be waiting for; waits while memory or the store can't follow.

        Raises: see `write`.
        """
        async with self._lock:
            self._check_alive()
            with self._keeping_failure():
                await self._send_if_full()
                if not self.is_whole:
                    await self._room()
                await self._flush_if_due()
            self._touched = self._tools.clock.monotonic()

    async def flush(self) -> int:
        """Make everything taken durable, and return the offset; nothing while withholding."""
        async with self._lock:
            self._check_alive()
            with self._keeping_failure():
                await self._make_durable(keep_buffer=True)
        return self.offset

    async def flush_if_idle(self) -> None:
        """Make durable what waits while its sender pauses; for a watcher."""
        if (
            self.ended.done()
            or self._lock.locked()
            or self._buffer is None
            or self.idle_seconds < self._tools.policy.idle_flush.total_seconds()
        ):
            return
        async with self._lock:
            if not self.ended.done():
                with self._keeping_failure():
                    await self._make_durable(keep_buffer=False)

    async def vouch(self) -> None:
        """Let what was withheld count: its checksum was right."""
        async with self._lock:
            self._check_alive()
            with self._keeping_failure():
                await self._pipeline.vouch()

    async def announce(self, length: int) -> None:
        """Set the length, now that it is known; see `core.uploads.check_announcement`."""
        async with self._lock:
            self._check_alive()
            if length < self.position:
                raise LengthMismatchError(f"{self.position} bytes are here already.")
            await self._announce(length)

    async def finish_whole(self, principal: Principal | None) -> StoredFile | None:
        """Store the rest, all bytes being here; return the file if it never needed parts.

        An upload without a length has the one that it came to. None means that every part is
        durable and the upload can be completed. A partial upload becomes no file: without parts it
        is complete then.

        Raises:
            LengthMismatchError: another length was announced.
            DigestMismatchError: not what its sender promised; nothing became a file.
        """
        async with self._lock:
            self._check_alive()
            if self._length not in (None, self.position):
                raise LengthMismatchError(f"The file was announced with {self._length} bytes.")
            with self._keeping_failure():
                file = await self._finish_whole(principal)
        self.end(UnavailableError("The upload is finished."))
        return file

    async def hand_over(self, reason: TransferError) -> None:
        """Make durable what is here, let go of the lease, and raise `reason` from now on.

        One that has ended holds nothing that could be made durable: it just lets go.
        """
        async with self._lock:
            if self.ended.done():
                await self._let_go(UploadState.INTERRUPTED)
                return
            try:
                await self._make_durable(keep_buffer=False)
            except TransferError as exc:
                reason = exc
            finally:
                # Also when cancelled in the middle: the digest may be ahead of the offset by then.
                self.end(reason)
            await self._let_go(UploadState.INTERRUPTED)

    async def release(self, state: UploadState, *, drop: bool = False) -> None:
        """Let go of the lease, leaving `state`; what was taken is made durable unless `drop`.

        Raises:
            StoreUnavailableError: some of it couldn't be; the offset doesn't count it.
        """
        async with self._lock:
            try:
                if not drop and not self.ended.done():
                    await self._make_durable(keep_buffer=False)
            except TransferError:
                state = UploadState.INTERRUPTED
                raise
            finally:
                self.end(UnavailableError("The writer has let go."))
                await self._let_go(state)

    def end(self, reason: TransferError) -> None:
        """Take nothing more, at once; the memory is given back."""
        if not self.ended.done():
            self.ended.set_result(reason)
        if self._buffer is not None:
            self._tools.pool.give_back(self._buffer, reuse=False)
            self._buffer = None

    # ── Filling ──────────────────────────────────────────────────────────────────────────────

    async def _take(self, view: memoryview) -> int:
        """Take some of `view` into the buffer; return how many bytes."""
        buffer = await self._room()
        size = min(len(view), buffer.room)
        if not self._tools.pool.try_charge(buffer, buffer.size + size):
            await self._give_way()
            buffer = await self._room(more=size)
            size = min(size, buffer.room)
        buffer.fill(view[:size])
        self.position += size
        await self._send_if_full()
        return size

    async def _send_if_full(self) -> None:
        if self._buffer is not None and not self._buffer.room and not self.is_whole:
            await self._send()

    def _is_free(self, now: float) -> bool:
        """Whether nothing has to be waited for, or is due."""
        if self._lock.locked() or self.ended.done() or self._tools.pool.is_pressed:
            return False
        return now - self._flushed <= self._flush_seconds

    async def _room(self, more: int = 1) -> PartBuffer:
        """Return the buffer that fills at present; a new one begins with the tail, if any."""
        if self._buffer is not None:
            return self._buffer
        head = self._aside.kept or self._pipeline.tail
        head_bytes = head.size if head else 0
        capacity = part_size(self._tools.policy.plan, self._pipeline.progress(self._length))
        if self._length is not None:
            capacity = min(capacity, self._length - self._pipeline.parts_offset)
        buffer = self._tools.pool.buffer(max(capacity, head_bytes + 1))
        await self._tools.pool.charge(buffer, min(head_bytes + more, buffer.capacity))
        self._buffer = buffer
        if head is not None:
            async with self._tools.store.read(head.key, 0, head.size) as chunks:
                async for chunk in chunks:
                    buffer.fill(as_view(chunk))
        if self._aside.kept is None:
            self._hashed = head_bytes
        return buffer

    async def _send(self) -> None:
        if self._buffer is None:
            return
        buffer, hashed = self._buffer, self._hashed
        await self._pipeline.send(buffer, hashed)
        self._buffer, self._hashed = None, 0
        await self._aside.forget()
        self._flushed = self._tools.clock.monotonic()
        await self._pipeline.settle(self._tools.policy.parallel_parts)

    async def _give_way(self) -> None:
        """Give back the memory that is held, before waiting for more."""
        if self._pipeline.withhold:
            await self._spill()
        else:
            await self._make_durable(keep_buffer=False)

    async def _spill(self) -> None:
        """Put aside, in the store, bytes that don't count yet."""
        await self._pipeline.settle()
        if self._buffer is not None:
            end = self._pipeline.parts_offset + self._buffer.size
            await self._aside.keep(self._buffer, end=end)
            self._drop_buffer()

    async def _flush_if_due(self) -> None:
        waited = self._tools.clock.monotonic() - self._flushed
        pressed = self._tools.pool.is_pressed and waited > _SLOW_SECONDS
        if pressed:
            await self._give_way()
        elif waited > self._tools.policy.flush_interval.total_seconds():
            await self._make_durable(keep_buffer=True)

    # ── Making durable ───────────────────────────────────────────────────────────────────────

    async def _make_durable(self, *, keep_buffer: bool) -> None:
        if self._pipeline.withhold:
            return
        await self._pipeline.settle()
        buffer = await self._room() if self._aside.kept else self._buffer
        if buffer is None:
            return
        progress = self._pipeline.progress(self._length)
        if buffer.size > self._hashed:
            is_full = not buffer.room and not self.is_whole
            if is_full or may_be_short_part(self._tools.policy.plan, progress, buffer.size):
                await self._send()
                await self._pipeline.settle()
                return
            start = self._pipeline.parts_offset
            await self._pipeline.keep_tail(buffer, self._hashed, start=start)
            self._hashed = buffer.size
            await self._aside.forget()
        self._flushed = self._tools.clock.monotonic()
        if not keep_buffer:
            self._drop_buffer()

    def _drop_buffer(self) -> None:
        if self._buffer is not None:
            self._tools.pool.give_back(self._buffer)
            self._buffer = None

    async def _finish_whole(self, principal: Principal | None) -> StoredFile | None:
        await self._pipeline.settle()
        if self._pipeline.tail is not None or self._aside.kept is not None:
            await self._room()
        if self._pipeline.has_parts:
            await self._announce(self.position)
            if self._buffer is not None and self._buffer.size:
                await self._send()
            await self._pipeline.settle()
            if self._pipeline.digest.known:
                check_digest(self.upload, self._pipeline.digest)
            return None
        return await self._store_whole(principal)

    async def _store_whole(self, principal: Principal | None) -> StoredFile | None:
        digest = await self._pipeline.digest_whole(self._buffer, self._hashed)
        sha256 = check_digest(self.upload, digest)
        key = await self._pipeline.put_whole(self._buffer)
        await self._aside.forget()
        if self.upload.concat is Concat.PARTIAL:
            now = self._tools.clock.now()
            kept = Kept(object_key=key, size=self.position, digest=digest.state(), now=now)
            ledger = self._tools.records.uploads
            await ledger.keep(self.upload.id, kept, fence=self.upload.fence)
            self._leased = False
            return None
        finished = Finished(
            file_id=FileId(self._tools.new_id()),
            object_key=key,
            size=self.position,
            sha256=sha256,
            digest=digest.state(),
            verified=self.upload.expected_sha256 is not None,
            now=self._tools.clock.now(),
        )
        try:
            file = await self._tools.records.uploads.finish(
                self.upload.id, finished, principal, fence=self.upload.fence
            )
        except (DigestMismatchError, LengthMismatchError):  # told while it was being stored
            with suppress(StoreUnavailableError):  # then it goes with its case
                await self._tools.store.delete([key])
            raise
        self._leased = False
        return file

    async def _let_go(self, state: UploadState) -> None:
        if not self._leased:
            return
        self._leased = False
        await self._pipeline.stop(self._tools.policy.takeover_grace.total_seconds())
        ledger = self._tools.records.uploads
        await ledger.release(self.upload.id, self.upload.fence, state, self._tools.clock.now())

    async def _announce(self, length: int) -> None:
        if self._length != length:
            now = self._tools.clock.now()
            await self._tools.records.uploads.announce(self.upload.id, length, None, now)
            self._length = length

    # ── Failing ──────────────────────────────────────────────────────────────────────────────

    def _check_fits(self, more: int) -> None:
        limit = self._tools.policy.max_file_bytes
        if self._length is not None and self.position + more > self._length:
            raise LengthMismatchError(
                f"The file was announced with {self._length} bytes: this is more."
            )
        if limit is not None and self.position + more > limit:
            raise TooLargeError(f"A file has at most {limit} bytes here.")

    def _check_alive(self) -> None:
        if self.ended.done():
            raise self.ended.result()

    @contextmanager
    def _keeping_failure(self) -> Iterator[None]:
        """End the writer on a failure: what it holds in memory is in doubt from then on."""
        try:
            yield
        except TransferError as exc:
            self.end(exc)
            raise
        except BaseException:
            self.end(UnavailableError("The upload was stopped: read its offset, then go on."))
            raise


def check_digest(upload: Upload, digest: StreamDigest) -> str:
    """Return the SHA-256 of the whole file, if it is what its sender promised.

    Raises:
        DigestMismatchError: it is another file.
        UnavailableError: it isn't known.
    """
    sha256 = digest.sha256()
    if sha256 is None:
        raise UnavailableError("The file's SHA-256 isn't known yet: try again.")
    check_kept(upload.expected_sha256, sha256)
    return sha256
