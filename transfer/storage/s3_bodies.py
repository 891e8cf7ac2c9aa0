"""Bytes on their way to S3 and back, without copies and without blocking the loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from typing import TYPE_CHECKING, Self

from transfer.core.errors import StoreUnavailableError
from transfer.ports import Buffer
from transfer.storage.s3_errors import translated

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from types_boto3_s3.type_defs import GetObjectOutputTypeDef

CHUNK_BYTES = 1 << 20
SLICE_BYTES = 1 << 18
"""How much goes to the socket at once: each slice has a timeout of its own, and the HTTP client's
own 16 KiB would cost twice the CPU."""


class OutgoingBody:
    """A buffer as a file that gives slices of itself.

    Once abandoned it gives nothing more: a thread that is still sending stops at the next slice,
    so that a cancelled caller may use its buffer again.
    """

    def __init__(self, buffer: Buffer) -> None:
        self._view: memoryview | None = memoryview(buffer).cast("B")
        self._size = len(self._view)
        self._position = 0

    def __len__(self) -> int:
        return self._size

    def read(self, size: int | None = -1) -> memoryview:
        """Return the next slice; `size` is only a wish, unless it is larger than a slice."""
        if self._view is None:
            # The one exception that botocore lets through without a retry.
            raise CancelledError
        wanted = self._size if size is None or size < 0 else max(size, SLICE_BYTES)
        piece = self._view[self._position : self._position + wanted]
        self._position += len(piece)
        return piece

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move as files do; botocore goes back to the start to retry."""
        base = (0, self._position, self._size)[whence]
        self._position = min(max(base + offset, 0), self._size)
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def abandon(self) -> None:
        """Let go of the buffer."""
        self._view = None


class Download:
    """One GET of a range, read by a thread of `pool`, one chunk ahead of its consumer.

    Where the store breaks off, what is missing is asked for once more: botocore tries again only
    what has no answer yet, and of a download of hours a moment's trouble would leave nothing. Left
    early, the connection is cut: what the store has not sent yet is never read.
    """

    def __init__(
        self,
        pool: Executor,
        request: "Callable[[str], GetObjectOutputTypeDef]",
        start: int,
        size: int,
    ) -> None:
        """Take what to do with it; `request` is given the range as HTTP spells it."""
        self._pool = pool
        self._request = request
        self._start = start
        self._size = size
        self._unread = size
        self._is_left = False
        self._etag: str | None = None
        self._body: StreamingBody | None = None
        self._ahead: Future[bytes] | None = None

    async def __aenter__(self) -> Self:
        if self._size:
            opening = self._pool.submit(self._open)
            try:
                with translated():
                    await asyncio.wrap_future(opening)
            except BaseException:
                opening.add_done_callback(self._close)
                raise
            self._ahead = self._pool.submit(self._read)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._is_left = True
        ahead, self._ahead = self._ahead, None
        if ahead is None:
            self._close()
        else:
            # A thread may be in the middle of a read, and must not have its socket closed then.
            ahead.cancel()
            ahead.add_done_callback(self._close)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._ahead is None:
            raise StopAsyncIteration
        with translated():
            chunk = await asyncio.wrap_future(self._ahead)
        self._ahead = self._pool.submit(self._read) if self._unread else None
        return chunk

    def _open(self) -> None:
        """Ask for what is unread; of the very object that the rest was of."""
        end = self._start + self._size
        asked = f"{end - self._unread}-{end - 1}"
        answer = self._request(f"bytes={asked}")
        is_first, self._body = self._body is None, answer["Body"]
        if not answer.get("ContentRange", "").startswith(f"bytes {asked}/"):
            raise StoreUnavailableError("The object store has fewer bytes than were asked for.")
        etag = answer.get("ETag")
        if not is_first and etag != self._etag:
            raise StoreUnavailableError("The stored object is another one by now.")
        self._etag = etag

    def _read(self) -> bytes:
        try:
            with translated():
                return self._next()
        except StoreUnavailableError:
            if self._is_left:
                raise
        self._close()
        self._open()
        return self._next()

    def _next(self) -> bytes:
        wanted = min(CHUNK_BYTES, self._unread)
        chunk = self._body.read(wanted) if self._body else b""
        if len(chunk) < wanted:
            raise StoreUnavailableError("The object store ended its answer early.")
        self._unread -= wanted
        return chunk

    def _close(self, _: "Future[bytes] | Future[None] | None" = None) -> None:
        if self._body is not None:
            self._body.close()
