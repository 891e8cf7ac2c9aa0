"""A file open for reading: READs in order are served from one stream of the store."""

import asyncio

from asyncssh import SFTPAttrs

from transfer.core.access import Principal
from transfer.core.errors import StoreUnavailableError, UnsupportedError
from transfer.core.parts import MIB
from transfer.core.uploads import StoredFile
from transfer.engine.files import Files
from transfer.sftp.attributes import attributes_of

MAX_READ_BYTES = 255 * 1024
"""What one READ gives at most: what sshd gives, and enough for any client at full speed."""

_KEPT_BYTES = MIB
"""How far back a READ may go without a new stream: for clients that send them a little mixed."""

_SKIPPED_BYTES = 4 * MIB
"""How far ahead a READ may go: reading on is cheaper than a new request to the store."""


class FileReader:
    """Serves the READs of one open file, for one caller at a time.

    The bytes in memory are a window of the file: a little of what was asked for last, and up to
    three chunks (3 MiB) ahead. A READ outside of reach starts another stream.
    """

    def __init__(self, files: Files, principal: Principal, file: StoredFile) -> None:
        self._files = files
        self._principal = principal
        self._file = file
        self._stream: _Stream | None = None
        self._window = bytearray()
        self._start = 0

    @property
    def _end(self) -> int:
        return self._start + len(self._window)

    async def read(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset`, fewer only at the end of the file or above the limit.

        Raises:
            StoreUnavailableError: not now; the same READ may be sent again.
        """
        size = min(size, MAX_READ_BYTES, self._file.size - offset)
        if size <= 0:
            return b""
        stream = await self._stream_at(offset)
        try:
            while self._end < offset + size:
                self._window += await stream.next()
                self._forget_before(offset)
        except BaseException:
            await self.close()
            raise
        start = offset - self._start
        with memoryview(self._window) as view:
            data = bytes(view[start : start + size])
        self._forget_before(offset)
        return data

    async def close(self) -> None:
        """End the stream, if there is one."""
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.close()

    async def _stream_at(self, offset: int) -> "_Stream":
        if self._stream is not None and self._start <= offset <= self._end + _SKIPPED_BYTES:
            return self._stream
        await self.close()
        self._window, self._start = bytearray(), offset
        self._stream = _Stream(self._files, self._principal, self._file, offset)
        return self._stream

    def _forget_before(self, offset: int) -> None:
        passed = min(offset - _KEPT_BYTES - self._start, len(self._window))
        if passed > 0:
            del self._window[:passed]
            self._start += passed


class ReadHandle:
    """A received file that is open for reading only."""

    def __init__(self, file: StoredFile, reader: FileReader) -> None:
        self.path = file.path
        self._file = file
        self._reader = reader

    def attributes(self) -> SFTPAttrs:
        """Return the attributes of the file as it was opened."""
        return attributes_of(self._file)

    async def read(self, offset: int, size: int) -> bytes:
        """Return bytes; see `FileReader.read`."""
        return await self._reader.read(offset, size)

    async def write(self, _offset: int, _data: bytes) -> None:
        """Refuse: it wasn't opened for that."""
        raise UnsupportedError("The file was opened for reading only.")

    async def resize(self, size: int) -> None:
        """Refuse, unless `size` is what it has."""
        if size != self._file.size:
            raise UnsupportedError("The file was opened for reading only.")

    async def flush(self) -> None:
        """Do nothing: all of it is durable."""

    async def close(self) -> None:
        """End the reading."""
        await self._reader.close()

    async def interrupt(self) -> None:
        """End the reading."""
        await self._reader.close()


class _Stream:
    """The rest of a file on its way from the store, one chunk ahead of its reader."""

    def __init__(self, files: Files, principal: Principal, file: StoredFile, start: int) -> None:
        self._chunks: asyncio.Queue[bytes | BaseException] = asyncio.Queue(maxsize=1)
        self._task = asyncio.create_task(self._pump(files, principal, file, start))

    async def next(self) -> bytes:
        """Return the next chunk, or raise what ended the stream."""
        chunk = await self._chunks.get()
        if isinstance(chunk, BaseException):
            raise chunk
        return chunk

    async def close(self) -> None:
        """Stop, and let go of the connection to the store."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _pump(self, files: Files, principal: Principal, file: StoredFile, start: int) -> None:
        try:
            async with files.read(principal, file, start, file.size - start) as chunks:
                async for chunk in chunks:
                    await self._chunks.put(chunk)
            end: Exception = StoreUnavailableError("The stored file ended early: try again.")
        except Exception as exc:  # noqa: BLE001 - raised by `next`, in the task that asks
            end = exc
        await self._chunks.put(end)
