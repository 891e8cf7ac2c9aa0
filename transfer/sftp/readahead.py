"""Reading a stored file in order: one stream of the store, a few chunks ahead of its reader."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

from transfer.core.errors import StoreUnavailableError
from transfer.core.parts import MIB
from transfer.ports import Buffer

Source = Callable[[int, int], AbstractAsyncContextManager[AsyncIterator[bytes]]]
"""Opens a stream of bytes from a start, so many of them."""

MAX_READ_BYTES = 255 * 1024
"""What one READ gives at most: what sshd gives, and enough for any client at full speed."""

_KEPT_BYTES = MIB
"""How far back a READ may go without a new stream: for clients that send them a little mixed."""

_SKIPPED_BYTES = 4 * MIB
"""How far ahead a READ may go: reading on is cheaper than a new request to the store."""

_CHUNKS_AHEAD = 2
"""How many chunks of 1 MiB wait in memory; the store's reader has one more at hand."""


class FileReader:
    """Serves the READs of one open file, for one caller at a time.

    The bytes in memory are a window of the file: a little of what was asked for last, and up to
    four chunks (4 MiB) ahead. A READ outside of reach starts another stream. Chunks are kept as
    they came, and READs are views of them: bytes are copied only where a READ lies across two.
    """

    def __init__(self, source: Source, size_bytes: int) -> None:
        self._source = source
        self._size_bytes = size_bytes
        self._stream: _Stream | None = None
        self._chunks: deque[tuple[int, bytes]] = deque()
        self._end = 0

    @property
    def window_bytes(self) -> int:
        """How much of the file is in memory here."""
        return sum(len(chunk) for _, chunk in self._chunks)

    async def read(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset`, fewer only at the end of the file or above the limit.

        Raises:
            StoreUnavailableError: not now; the same READ may be sent again.
        """
        size = self._within(offset, size)
        if size <= 0:
            return b""
        stream = await self._stream_at(offset)
        try:
            while self._end < offset + size:
                self._keep(await stream.next(), offset)
        except BaseException:
            await self.close()
            raise
        return bytes(self._cut(offset, size))

    def read_now(self, offset: int, size: int) -> Buffer | None:
        """Return the same if it is in memory; None if it has to be waited for."""
        size = self._within(offset, size)
        stream = self._stream
        if stream is None or size <= 0 or not self._reaches(offset):
            return None
        while self._end < offset + size:
            chunk = stream.next_now()
            if chunk is None:
                return None
            self._keep(chunk, offset)
        return self._cut(offset, size)

    async def close(self) -> None:
        """End the stream, if there is one."""
        stream, self._stream = self._stream, None
        self._chunks.clear()
        if stream is not None:
            await stream.close()

    def _within(self, offset: int, size: int) -> int:
        return min(size, MAX_READ_BYTES, self._size_bytes - offset)

    def _reaches(self, offset: int) -> bool:
        start = self._chunks[0][0] if self._chunks else self._end
        return start <= offset <= self._end + _SKIPPED_BYTES

    async def _stream_at(self, offset: int) -> "_Stream":
        if self._stream is not None and self._reaches(offset):
            return self._stream
        await self.close()
        self._end = offset
        self._stream = _Stream(self._source, offset, self._size_bytes - offset)
        return self._stream

    def _keep(self, chunk: bytes, offset: int) -> None:
        """Add the next chunk, and forget those that were passed."""
        self._chunks.append((self._end, chunk))
        self._end += len(chunk)
        while len(self._chunks) > 1 and self._chunks[1][0] <= offset - _KEPT_BYTES:
            self._chunks.popleft()

    def _cut(self, offset: int, size: int) -> Buffer:
        """Return bytes that are all in memory."""
        pieces: list[memoryview] = []
        for start, chunk in self._chunks:
            if start + len(chunk) > offset:
                piece = memoryview(chunk)[offset - start : offset - start + size]
                if len(piece) == size and not pieces:
                    return piece
                pieces.append(piece)
                offset, size = offset + len(piece), size - len(piece)
                if not size:
                    break
        return b"".join(pieces)


class _Stream:
    """The rest of a file on its way from the store, some chunks ahead of its reader."""

    def __init__(self, source: Source, start: int, size_bytes: int) -> None:
        self._chunks: deque[bytes] = deque()
        self._end: Exception | None = None
        self._came = asyncio.Event()
        self._went = asyncio.Event()
        self._task = asyncio.create_task(self._pump(source, start, size_bytes))

    async def next(self) -> bytes:
        """Return the next chunk, or raise what ended the stream."""
        while (chunk := self.next_now()) is None:
            if self._end is not None:
                raise self._end
            self._came.clear()
            await self._came.wait()
        return chunk

    def next_now(self) -> bytes | None:
        """Return the next chunk if it is here."""
        if not self._chunks:
            return None
        self._went.set()
        return self._chunks.popleft()

    async def close(self) -> None:
        """Stop, and let go of the connection to the store."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _pump(self, source: Source, start: int, size_bytes: int) -> None:
        try:
            async with source(start, size_bytes) as chunks:
                async for chunk in chunks:
                    self._chunks.append(chunk)
                    self._came.set()
                    while len(self._chunks) >= _CHUNKS_AHEAD:
                        self._went.clear()
                        await self._went.wait()
            self._end = StoreUnavailableError("The stored file ended early: try again.")
        except Exception as exc:  # noqa: BLE001 - raised by `next`, in the task that asks
            self._end = exc
        self._came.set()
