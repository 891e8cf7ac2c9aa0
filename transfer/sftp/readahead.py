"""Reading a stored file in order: one stream of the store, a few chunks ahead of its reader."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

from transfer.core.errors import StoreUnavailableError
from transfer.core.parts import MIB
from transfer.ports import Buffer
from transfer.sftp.reading_room import ReadingRoom

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

_STREAM_BYTES = 6 * MIB
"""What one stream holds at most: the chunks ahead, and up to three that were given."""


class FileReader:
    """Serves the READs of one open file, for one caller at a time.

    The bytes in memory are a window of the file: a little of what was asked for last, and up to
    four chunks (4 MiB) ahead. A READ outside of reach starts another stream. Chunks are kept as
    they came, and READs are views of them: bytes are copied only where a READ lies across two.
    While there is no room for a stream, a READ gets its own bytes from the store, and no others.
    """

    def __init__(self, source: Source, size_bytes: int, room: ReadingRoom) -> None:
        self._source = source
        self._size_bytes = size_bytes
        self._room = room
        self._is_reading = False
        self._read_at = 0.0
        self._stream: _Stream | None = None
        self._chunks: deque[tuple[int, bytes]] = deque()
        self._end = 0

    @property
    def window_bytes(self) -> int:
        """How much of the file is in memory here."""
        return sum(len(chunk) for _, chunk in self._chunks)

    @property
    def rests_since(self) -> float | None:
        """When the last READ was answered, by the loop's time; None while one is."""
        return None if self._is_reading else self._read_at

    async def read(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset`, fewer only at the end of the file or above the limit.

        Raises:
            StoreUnavailableError: not now; the same READ may be sent again.
        """
        size = self._within(offset, size)
        if size <= 0:
            return b""
        self._is_reading = True
        try:
            stream = await self._stream_at(offset)
            if stream is None:
                return await self._read_alone(offset, size)
            while self._end < offset + size:
                self._keep(await stream.next(), offset)
            return bytes(self._cut(offset, size))
        except BaseException:
            await self.close()
            raise
        finally:
            self._is_reading = False

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
        self._room.leave(self)
        if stream is not None:
            await stream.close()

    def _within(self, offset: int, size: int) -> int:
        return min(size, MAX_READ_BYTES, self._size_bytes - offset)

    def _reaches(self, offset: int) -> bool:
        start = self._chunks[0][0] if self._chunks else self._end
        return start <= offset <= self._end + _SKIPPED_BYTES

    async def _stream_at(self, offset: int) -> "_Stream | None":
        """Return the stream that comes to `offset`; None if there is no room for one."""
        if self._stream is not None and self._reaches(offset):
            return self._stream
        await self.close()
        if not await self._room.enter(self, min(_STREAM_BYTES, self._size_bytes - offset)):
            return None
        self._end = offset
        self._stream = _Stream(self._source, offset, self._size_bytes - offset)
        return self._stream

    async def _read_alone(self, offset: int, size: int) -> bytes:
        async with self._source(offset, size) as chunks:
            data = b"".join([chunk async for chunk in chunks])
        if len(data) < size:
            raise _ended_early()
        return data

    def _keep(self, chunk: bytes, offset: int) -> None:
        """Add the next chunk, and forget those that were passed."""
        self._chunks.append((self._end, chunk))
        self._end += len(chunk)
        while len(self._chunks) > 1 and self._chunks[1][0] <= offset - _KEPT_BYTES:
            self._chunks.popleft()

    def _cut(self, offset: int, size: int) -> Buffer:
        """Return bytes that are all in memory."""
        self._read_at = asyncio.get_running_loop().time()
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
            self._end = _ended_early()
        except Exception as exc:  # noqa: BLE001 - raised by `next`, in the task that asks
            self._end = exc
        self._came.set()


def _ended_early() -> StoreUnavailableError:
    return StoreUnavailableError("The stored file ended early: try again.")
