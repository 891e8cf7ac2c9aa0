"""A writer whose bytes can be read and replaced before they are a file."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

from transfer.core.errors import TooLargeError, UnavailableError
from transfer.engine.buffers import as_view
from transfer.engine.writer import UploadWriter
from transfer.ports import Buffer


class RevisableWriter(UploadWriter):
    """Writes one upload under one fence, for a sender who comes back to what it has sent.

    The bytes behind the last part are at hand. Parts that the store has can be read only once they
    are put together: `set_aside` does so, and ends the writing here.
    """

    _object_key: str | None = None
    _bound: tuple[int, TooLargeError] | None = None

    def bound(self, end: int, refusal: TooLargeError) -> None:
        """Take nothing behind `end`: `refusal` says why."""
        self._bound = (end, refusal)

    def write_now(self, data: memoryview) -> bool:
        """Take `data` if that needs no waiting; see `UploadWriter.write_now`."""
        if self._bound is not None and self.position + len(data) > self._bound[0]:
            return False
        return super().write_now(data)

    def check_fits(self, more: int) -> None:
        """Raise unless `more` bytes may follow.

        Raises:
            LengthMismatchError, TooLargeError: they may not.
        """
        self._check_fits(more)

    @property
    def bytes_in_parts(self) -> int:
        """How many bytes have left as parts, or were set aside; those behind are at hand."""
        return self._pipeline.parts_offset

    async def peek(self, start: int, size: int) -> bytes:
        """Return bytes that were taken, fewer at `position`; `start` isn't below `bytes_in_parts`.

        Raises:
            WriterReplacedError, StoreUnavailableError: see `write`.
        """
        async with self._lock:
            self._check_alive()
            first = start - self._pipeline.parts_offset
            if start >= self.position or first < 0:
                return b""
            with self._keeping_failure():
                buffer = await self._room()
            return bytes(buffer.view(first)[:size])

    async def rewrite(self, offset: int, data: Buffer) -> bool:
        """Put `data` over bytes that were taken, if nothing but memory has them; tell whether.

        Raises:
            WriterReplacedError, StoreUnavailableError: see `write`.
        """
        view = as_view(data)
        async with self._lock:
            self._check_alive()
            first, buffer = offset - self._pipeline.parts_offset, self._buffer
            if buffer is None or first < self._hashed or first + len(view) > buffer.size:
                return False
            buffer.overwrite(first, view)
            self._touched = self._tools.clock.monotonic()
            return True

    async def set_aside(self) -> None:
        """Make one object of all that was taken, to be read; nothing more is written here.

        The upload stays, with all its bytes: whoever opens it for writing goes on with it.

        Raises:
            WriterReplacedError, StoreUnavailableError: see `write`.
        """
        async with self._lock:
            self._check_alive()
            with self._keeping_failure():
                await self._make_durable(keep_buffer=True)
                rest = await self._room() if self._pipeline.tail is not None else None
                self._object_key = await self._pipeline.set_aside(rest)
                self._drop_buffer()

    def read_aside(
        self, start: int, size: int
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Stream bytes of what was set aside.

        Raises:
            StoreUnavailableError: also in the middle; go on from there later.
        """
        return self._tools.store.read(self._object_key or "", start, size)

    def _check_fits(self, more: int) -> None:
        super()._check_fits(more)
        if self._bound is not None and self.position + more > self._bound[0]:
            raise self._bound[1]

    def _check_alive(self) -> None:
        super()._check_alive()
        if self._object_key is not None:
            raise UnavailableError("What was sent so far was set aside: open the file again.")
