"""Bytes on their way from S3: read ahead by threads, by pipes or the loop, and never in vain."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Self, cast

from transfer.core.errors import StoreUnavailableError
from transfer.ports import Piped
from transfer.storage.inlets import Inlet
from transfer.storage.pipes import Pipes, PipeSupply
from transfer.storage.s3_errors import translated

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from types_boto3_s3.type_defs import GetObjectOutputTypeDef
    from urllib3 import HTTPResponse

CHUNK_BYTES = 1 << 20
_WORTH_PIPES_BYTES = 4 * CHUNK_BYTES
"""And worth the connection: one that was read past its HTTP client isn't used again."""


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
        *,
        supply: PipeSupply | None = None,
        timeout_seconds: float = 60.0,
    ) -> None:
        """Take what to do with it; `request` is given the range as HTTP spells it.

        `supply` is of pipes, for a connection that isn't encrypted; `timeout_seconds` for those.
        """
        self._pool = pool
        self._request = request
        self._start = start
        self._size = size
        self._supply = supply if size >= _WORTH_PIPES_BYTES else None
        self._timeout_seconds = timeout_seconds
        self._unread = size
        self._is_left = False
        self._etag: str | None = None
        self._body: StreamingBody | None = None
        self._begins = True
        self._pipes: Pipes | None = None
        self._inlet: Inlet | None = None
        self._ahead: Future[bytes | Piped] | None = None

    async def __aenter__(self) -> Self:
        if self._size:
            opening = self._pool.submit(self._open)
            try:
                with translated():
                    await asyncio.wrap_future(opening)
            except BaseException:
                opening.add_done_callback(self._let_go)
                raise
            self._ahead = self._pool.submit(self._read)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._is_left = True
        ahead, self._ahead = self._ahead, None
        if ahead is None:
            self._let_go()
        else:
            # A thread may be in the middle of a read, and must not have its socket closed then.
            ahead.cancel()
            ahead.add_done_callback(self._let_go)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._ahead is None:
            raise StopAsyncIteration
        return cast(bytes, await self._take(self._ahead))

    async def piped(self) -> AsyncIterator[bytes | Piped]:
        """Yield the same from the beginning, most of it in pipes if there are any to be had."""
        if self._supply is not None:
            self._pipes = self._supply.lay()
        while self._ahead is not None:
            yield await self._take(self._ahead)

    async def lent(self) -> AsyncIterator[bytes | memoryview]:
        """Yield the same from the beginning; each chunk is valid until the next is asked for."""
        if self._supply is not None and self._ahead is not None:
            with translated():
                first = await asyncio.wrap_future(self._ahead)
            self._ahead = None
            yield cast(bytes, first)
            read = self._read
            if self._is_bare():
                async for chunk in self._taken_in():
                    yield chunk
                read = self._read_again
            self._ahead = self._pool.submit(read) if self._unread else None
        async for rest in self:
            yield rest

    async def _taken_in(self) -> AsyncIterator[memoryview]:
        """Yield what the loop takes in: all that is unread, unless the store breaks off."""
        fd, seconds = self._raw().fileno(), self._timeout_seconds
        try:
            self._inlet = Inlet(fd, CHUNK_BYTES, timeout_seconds=seconds)
        except OSError:  # threads need no file descriptor more
            return
        while self._unread:
            try:
                chunk = await self._inlet.take(min(CHUNK_BYTES, self._unread))
            except OSError:
                return
            if not chunk:
                return
            self._unread -= len(chunk)
            yield chunk

    async def _take(self, ahead: Future[bytes | Piped]) -> bytes | Piped:
        """Return the chunk that is read ahead, and begin the next; the last is done with."""
        with translated():
            chunk = await asyncio.wrap_future(ahead)
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

    def _read(self) -> bytes | Piped:
        try:
            with translated():
                return self._next()
        except StoreUnavailableError:
            if self._is_left:
                raise
        return self._read_again()

    def _read_again(self) -> bytes | Piped:
        """Ask for what is unread once more, and read on."""
        self._close()
        self._open()
        # A whole chunk, or none: by little ones a sick store would be asked for ever.
        self._supply = None
        return self._next()

    def _next(self) -> bytes | Piped:
        chunk = self._chunk(min(CHUNK_BYTES, self._unread))
        size = chunk.size if isinstance(chunk, Piped) else len(chunk)
        if not size:
            raise StoreUnavailableError("The object store ended its answer early.")
        self._unread -= size
        return chunk

    def _chunk(self, wanted: int) -> bytes | Piped:
        """Return up to `wanted` bytes, none if the store has ended its answer."""
        if self._supply is not None:
            raw = self._raw()
            if self._begins:
                # From now on it is the socket that is read: what came with the head goes before.
                self._begins = False
                return raw.read1(wanted)
            if self._pipes is not None and not raw.chunked:
                seconds = self._timeout_seconds
                return self._pipes.fill(raw.fileno(), wanted, timeout_seconds=seconds)
        chunk = cast("StreamingBody", self._body).read(wanted)
        return chunk if len(chunk) == wanted else b""

    def _is_bare(self) -> bool:
        """Whether what comes by the socket is the object's bytes and nothing else."""
        return self._supply is not None and not self._raw().chunked

    def _raw(self) -> "HTTPResponse":
        raw: HTTPResponse = vars(self._body)["_raw_stream"]  # there is no other way to the socket
        return raw

    def _close(self) -> None:
        if self._inlet is not None:
            self._inlet.close()
        if self._body is not None:
            self._body.close()

    def _let_go(self, _: object = None) -> None:
        self._close()
        if self._pipes is not None:
            self._pipes.close()
