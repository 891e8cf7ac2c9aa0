"""The rest of a long body, read from the socket to where it is wanted.

aiohttp's parser is handed each piece as bytes of its own and makes others of them: two copies, and
fresh memory for each. A body whose length is known needs no parser. Nothing tells the parser where
the body has ended, though: the connection ends with it.

What an upload's writer has room for is read into the part itself. All else goes by memory of the
body's own, and is copied once.

Source: facts/data-path.md, "straight into part buffers".
"""

import asyncio
import mmap
from typing import ClassVar, cast
from weakref import WeakSet

from aiohttp import web

from transfer.engine.writer import UploadWriter

_HALF_BYTES = 2 << 20
_AT_ONCE = 16
"""Bodies that have such memory in a process; what more there are goes by the parser."""

_DROPPED_BYTES = 64 << 10
"""What may follow the body and is read for nothing, so that the answer isn't lost by a reset."""


def left_of(request: web.Request, given: int) -> int:
    """Return how much of a body may go past the parser: nothing while the parser holds some of it.

    `given` bytes of it were read. Nothing, too, while there are as many that do so as there may be.
    """
    size, body = request.content_length, request.content
    if size is None or request.transport is None or given != body.total_bytes:
        return 0
    return size - given if len(StraightBody.alive) < _AT_ONCE else 0


class StraightBody(asyncio.BufferedProtocol):
    """Takes what is left of a request's body in the place of the connection's own protocol.

    One half of its memory is read while the other fills, so a chunk is valid until the next one is
    asked for. The body has been read as far as the parser has come.

    With a `writer`, to whom every chunk is given, what it has room for is no chunk: it goes into
    that room. `wants_room` tells that the rest waits for it to be made.
    """

    alive: ClassVar[WeakSet["StraightBody"]] = WeakSet()

    def __init__(self, request: web.Request, writer: UploadWriter | None = None) -> None:
        self.wants_room = False
        self.moved_at = 0.0
        self._writer = writer
        self._connection = request.protocol
        self._transport = cast(asyncio.Transport, request.transport)
        self._body = request.content
        self._left = (request.content_length or 0) - self._body.total_bytes
        # Pages that nothing was read into cost no memory: those of slow senders, most of them.
        self._filling, self._free = (memoryview(mmap.mmap(-1, _HALF_BYTES)) for _ in range(2))
        self._filled = 0
        self._is_given = True  # what the parser had
        self._is_beyond = False
        self._beyond = 0
        self._behind = 0
        self._waiter: asyncio.Future[None] | None = None
        self._given_up = False
        # The body ends early where the connection is lost or the service stops.
        self._end = asyncio.ensure_future(self._body.wait_eof())
        self._end.add_done_callback(self._ended)
        self.alive.add(self)
        self._transport.set_protocol(self)
        self._transport.resume_reading()

    # ── For the reader ───────────────────────────────────────────────────────────────────────

    def at_eof(self) -> bool:
        """Whether all of the body has been given."""
        return not self._left and not self._filled

    def read_nowait(self) -> memoryview:
        """Return what has come since the last call.

        Raises:
            ConnectionError: the sender has left.
        """
        if not self._filled and self._left and (failed := self._body.exception()) is not None:
            raise failed
        chunk = self._filling[: self._filled]
        self._filling, self._free, self._filled = self._free, self._filling, 0
        self._is_given = len(chunk) > 0
        self._read_on()
        return chunk

    async def readany(self) -> memoryview:
        """Return what comes next; nothing at the end, or where room is wanted.

        Raises:
            ConnectionError: the sender has left.
        """
        if not self._filled and self._reads and self._body.exception() is None:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self.read_nowait()

    def passed(self) -> int:
        """Return how many bytes have gone into the writer's room since the last call."""
        passed, self._beyond = self._beyond, 0
        return passed

    async def make_room(self) -> None:
        """Have the writer make room.

        Raises: see `UploadWriter.write`.
        """
        self.wants_room = False
        if self._writer is not None:
            await self._writer.make_room()

    def give_up(self) -> None:
        """Let go of what comes from now on, as far as it comes before the connection is closed."""
        self._end.cancel()
        self._given_up, self._filled = True, 0
        self._writer, self.wants_room, self._is_beyond = None, False, False
        # What an error's traceback still refers to would keep them, and the place, for long.
        self._filling = self._free = memoryview(b"")
        self.alive.discard(self)
        self._read_on()

    # ── For the transport ────────────────────────────────────────────────────────────────────

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 -- the role's
        """Return where the next bytes go: no more of them than belong to the body."""
        if not self._left:
            return memoryview(bytearray(_DROPPED_BYTES))
        if self._given_up:
            return memoryview(bytearray(min(self._left, _DROPPED_BYTES)))
        room = self._room()
        self._is_beyond = room is not None
        if room is not None:
            return room[: self._left]
        size = min(_HALF_BYTES - self._filled, self._left)
        return self._filling[self._filled : self._filled + size]

    def buffer_updated(self, nbytes: int) -> None:
        """Take note of bytes that have come."""
        if not self._left:
            self._drop(nbytes)
            return
        self._left -= nbytes
        if self._is_beyond:
            self._note_beyond(nbytes)
        elif not self._given_up:
            self._filled += nbytes
        if not self._left:
            self._body.feed_eof()
        elif self.wants_room or self._filled == _HALF_BYTES:
            self._transport.pause_reading()
        if not self._is_beyond or not self._reads:
            self._wake()

    def eof_received(self) -> None:
        """Let the connection be closed, as aiohttp does when a sender ends its half of it."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the connection's own protocol, and so the reader."""
        self._connection.connection_lost(exc)
        self._wake()

    def pause_writing(self) -> None:
        """Pass it on."""
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._connection.resume_writing()

    @property
    def _reads(self) -> bool:
        """Whether more comes without anybody's doing."""
        return self._left > 0 and not self.wants_room

    def _room(self) -> memoryview | None:
        """Return where the writer wants what comes next, unless it has yet to be given a chunk."""
        if self._writer is None or self._is_given or self._filled:
            return None
        return self._writer.room_now()

    def _note_beyond(self, size: int) -> None:
        has_more = self._writer is not None and self._writer.filled_now(size)
        self._beyond += size
        self.moved_at = asyncio.get_running_loop().time()
        self.wants_room = self._left > 0 and not has_more

    def _read_on(self) -> None:
        # One of TLS that was lost has nothing left to resume, and raises (asyncio, sslproto).
        if self._reads and not self._transport.is_closing():
            self._transport.resume_reading()

    def _drop(self, size: int) -> None:
        """Let go of what follows the body: another request, which nobody understands any more."""
        self._behind += size
        if self._behind >= _DROPPED_BYTES:
            self._transport.pause_reading()

    def _ended(self, end: "asyncio.Task[None]") -> None:
        if not end.cancelled():
            end.exception()  # it is told to the reader
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
