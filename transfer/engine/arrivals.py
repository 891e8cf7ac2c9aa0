"""Small files that come whole with their creation: one object, one transaction.

Nothing is written before every byte is here. Whatever is not as simple as that goes the way of all
other uploads, with the bytes that were taken already.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

from transfer.core.access import Principal
from transfer.core.cases import Case
from transfer.core.uploads import FileId, Upload
from transfer.engine.buffers import as_view
from transfer.engine.checksums import ChunkChecksum
from transfer.engine.digest import StreamDigest
from transfer.engine.policy import Tools
from transfer.engine.reservations import Reservations
from transfer.ports import Buffer, Finished, NewUpload

_LARGEST_BYTES = 256 * 1024
_LONGEST_SECONDS = 1.0
"""A sender who takes longer for so little is slow: what comes has to be made durable meanwhile, and
whether they may send it is asked again at its completion. For a moment, once is enough."""

_HASH_ON_LOOP_BYTES = 64 * 1024


class Arrival:
    """The bytes of one small file: taken as long as they come without trouble."""

    def __init__(self, length: int, chunks: AsyncIterator[Buffer], tools: Tools) -> None:
        self.length = length
        self._chunks = chunks
        self._tools = tools
        self._buffer = tools.pool.buffer(length)
        self._excess: Buffer | None = None
        self._failure: Exception | None = None

    async def is_whole(self) -> bool:
        """Take what comes; whether that is the file, no more and no less."""
        clock, began = self._tools.clock, self._tools.clock.monotonic()
        try:
            async for chunk in self._chunks:
                view = as_view(chunk)
                size = self._buffer.size + len(view)
                if size > self.length or not self._tools.pool.try_charge(self._buffer, size):
                    self._excess = chunk
                    return False
                self._buffer.fill(view)
                if clock.monotonic() - began > _LONGEST_SECONDS:
                    return False
        except Exception as exc:  # noqa: BLE001 -- the sender's trouble: raised again in `go_on`
            self._failure = exc
            return False
        return self._buffer.size == self.length

    def check(self, checksum: ChunkChecksum | None) -> None:
        """Raise if the bytes are not those that `checksum` is of.

        Raises:
            ChecksumMismatchError: they were damaged; nothing was written.
        """
        if checksum is not None:
            checksum.update(self.view())
            checksum.verify()

    def view(self) -> memoryview:
        """Return the bytes that were taken."""
        return self._buffer.view()

    async def go_on(self) -> AsyncIterator[Buffer]:
        """Yield everything from the start: what was taken, and what follows."""
        yield bytes(self._buffer.view())
        self.give_back()
        if self._excess is not None:
            yield self._excess
        if self._failure is not None:
            raise self._failure
        async for chunk in self._chunks:
            yield chunk

    def give_back(self) -> None:
        """Give back the memory."""
        if self._buffer.charged:
            # Those that are kept for the next one are for parts.
            self._tools.pool.give_back(self._buffer, reuse=False)


class Arrivals:
    """Receives them."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._reservations = Reservations(tools)

    def begin(self, new: NewUpload, chunks: AsyncIterator[Buffer]) -> Arrival | None:
        """Return the arrival of an upload that is small enough; None for all others."""
        if new.length is None or new.length > _LARGEST_BYTES or new.concatenation is not None:
            return None
        return Arrival(new.length, chunks, self._tools)

    async def receive(
        self, principal: Principal, case: Case, new: NewUpload, arrival: Arrival
    ) -> Upload | None:
        """Make a file of an arrival; None, with nothing written, if it isn't the one promised.

        Raises:
            CaseMissingError, CaseClosedError: not here, not any more.
            IsAFolderError, NotAFolderError, EntryMissingError: its path is taken or isn't there.
            StoreUnavailableError: it couldn't be stored.
        """
        view, digest = arrival.view(), StreamDigest()
        if len(view) > _HASH_ON_LOOP_BYTES:
            await asyncio.to_thread(digest.update, view)
        else:
            digest.update(view)
        sha256 = digest.sha256()
        if sha256 is None or new.expected_sha256 not in (None, sha256):
            return None
        state = digest.state()
        reserved = await self._reservations.take(case.id)
        await self._tools.store.put(reserved.key, view, crc64nvme=state.crc64nvme)
        finished = Finished(
            file_id=FileId(self._tools.new_id()),
            object_key=reserved.key,
            size=arrival.length,
            sha256=sha256,
            digest=state,
            verified=new.expected_sha256 is not None,
            now=self._tools.clock.now(),
        )
        upload = await self._tools.records.uploads.receive(
            replace(new, id=reserved.upload_id), finished, principal, reserved.reservation
        )
        self._tools.wake_worker()
        return upload
