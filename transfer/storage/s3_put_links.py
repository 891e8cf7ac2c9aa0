"""Connections to a store that carry PUTs, and nothing else.

All that is sent is one head and one body, all that is read of an answer is its status, its ETag
and the name of an error. A whole HTTP client around that was a sixth of a small file's CPU
(ADR 0015). A long body is sent from where it lies, by the loop itself (ADR 0036).

Source: RFC 9112.
"""

import asyncio
import re
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

from transfer.ports import Buffer
from transfer.storage.outlets import pour

_IDLE_SECONDS = 15.0
"""As long as aiohttp's client keeps one; not measured. One that was dropped costs a try."""

_COPIED_BYTES = 256 << 10
"""Up to here a body is sent with its head, as one piece."""

_LONGEST_ANSWER = 64 << 10
_FINAL, _NO_CONTENT = 200, 204
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r]")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked[ \t]*\r\n", re.IGNORECASE)
_ETAG = re.compile(rb"\r\netag:[ \t]*([^\r]*?)[ \t]*\r\n", re.IGNORECASE)
_CLOSING = re.compile(rb"\r\nconnection:[ \t]*close[ \t]*\r\n", re.IGNORECASE)


class AnswerUnreadableError(OSError):
    """What the store sent is no answer of HTTP/1.1, or breaks off."""


class Answer(NamedTuple):
    """What the store says; `text`, of an error, is at most 64 KiB of it."""

    status: int
    text: bytes
    etag: str = ""


class PutLinks:
    """Sends PUTs to one host, each on a connection of its own; at most `limit` at once.

    It belongs to the loop that it was made in. The store may take `read_seconds` for each step.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        trust: ssl.SSLContext | None,
        limit: int,
        connect_seconds: float,
        read_seconds: float,
    ) -> None:
        self._address = (host, port)
        self._trust = trust
        self._places = asyncio.Semaphore(limit)
        self._connect_seconds = connect_seconds
        self._read_seconds = read_seconds
        self._idle: deque[_Link] = deque()
        self._closed = False

    async def close(self) -> None:
        """Drop the connections; one that is in use, as soon as it isn't."""
        self._closed = True
        self._drop_idle()

    def _drop_idle(self) -> None:
        while self._idle:
            self._idle.pop().drop()

    async def put(self, path: str, headers: Mapping[str, str], body: Buffer) -> Answer:
        """Send `body`, and return the answer; nobody looks at `body` any more then.

        Raises:
            OSError, TimeoutError: nobody knows whether it was stored.
        """
        view = memoryview(body).cast("B")
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"PUT {path} HTTP/1.1\r\n{lines}content-length: {len(view)}\r\n\r\n".encode()
        loop = asyncio.get_running_loop()
        async with self._places:
            link = self._free_link() or await self._new_link()
            try:
                async with asyncio.timeout(self._read_seconds) as limit:
                    answer = await link.exchange(
                        head,
                        view,
                        moved=lambda: limit.reschedule(loop.time() + self._read_seconds),
                    )
            except BaseException as exc:
                link.drop()
                if isinstance(exc, OSError):
                    self._drop_idle()  # what has ended this one has ended its like, most often
                raise
            if link.may_go_on and not self._closed:
                link.idle_since = asyncio.get_running_loop().time()
                self._idle.append(link)
            else:
                link.drop()
            return answer

    def _free_link(self) -> "_Link | None":
        oldest = asyncio.get_running_loop().time() - _IDLE_SECONDS
        while self._idle and (self._idle[0].idle_since < oldest or not self._idle[0].may_go_on):
            self._idle.popleft().drop()
        while self._idle:
            link = self._idle.pop()
            if link.may_go_on:
                return link
        return None

    async def _new_link(self) -> "_Link":
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._connect_seconds):
            _, link = await loop.create_connection(
                _Link, *self._address, ssl=self._trust, happy_eyeballs_delay=0.25
            )
        return link


class _Link(asyncio.Protocol):
    """One connection: a request, its answer, and the next."""

    def __init__(self) -> None:
        self.idle_since = 0.0
        self.may_go_on = True
        self._transport: asyncio.Transport | None = None
        self._heard = b""
        self._answer: asyncio.Future[Answer] | None = None

    def drop(self) -> None:
        self.may_go_on = False
        if self._answer is not None and not self._answer.cancel() and not self._answer.cancelled():
            self._answer.exception()  # whatever it is, nobody waits for it any more
        if self._transport is not None:
            self._transport.abort()

    async def exchange(self, head: bytes, body: memoryview, *, moved: Callable[[], None]) -> Answer:
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("The store has closed the connection.")
        self._heard = b""
        self._answer = asyncio.get_running_loop().create_future()
        is_bare = self._transport.get_extra_info("sslcontext") is None
        if is_bare and len(body) > _COPIED_BYTES:
            await self._pour(self._transport, head, body, self._answer, moved)
        else:
            self._transport.write(b"".join((head, body)))
        return await self._answer

    async def _pour(
        self,
        transport: asyncio.Transport,
        head: bytes,
        body: memoryview,
        answer: "asyncio.Future[Answer]",
        moved: Callable[[], None],
    ) -> None:
        """Send a long body, until the store answers: it may refuse before it has all of it."""
        descriptor = transport.get_extra_info("socket").fileno()
        try:
            await pour(descriptor, (memoryview(head), body), until=answer, moved=moved)
        except (BrokenPipeError, ConnectionResetError):
            self.may_go_on = False  # the answer says why, if one has come; else its absence does
        if answer.done():
            self.may_go_on = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise TypeError(transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            self.drop()  # nobody has asked
            return
        self._heard += data
        try:
            answer = self._read()
        except AnswerUnreadableError as exc:
            self._answer.set_exception(exc)
            return
        if answer is not None:
            self._answer.set_result(answer)

    def eof_received(self) -> None:
        self.may_go_on = False

    def connection_lost(self, exc: Exception | None) -> None:
        self.may_go_on = False
        if self._answer is not None and not self._answer.done():
            answer = self._read(ended=True) if exc is None else None
            if answer is not None:
                self._answer.set_result(answer)
            else:
                self._answer.set_exception(exc or AnswerUnreadableError("The answer breaks off."))

    def _read(self, *, ended: bool = False) -> Answer | None:
        """Return the answer, if it is whole."""
        status, head, rest = self._head()
        if not status:
            return None
        if _CLOSING.search(head) or head.startswith(b"HTTP/1.0"):
            self.may_go_on = False
        body = b"" if status == _NO_CONTENT else self._body(head, rest, ended=ended)
        if body is None:
            return None
        etag = _ETAG.search(head)
        return Answer(status, body, etag[1].decode("latin-1") if etag else "")

    def _head(self) -> tuple[int, bytes, bytes]:
        """Return the status, 0 while it isn't there, the head, and what follows it."""
        while True:
            head, end, rest = self._heard.partition(b"\r\n\r\n")
            if not end:
                if len(head) > _LONGEST_ANSWER:
                    raise AnswerUnreadableError("The answer has no end.")
                return 0, b"", b""
            status = _STATUS.match(head)
            if status is None:
                raise AnswerUnreadableError("This is no answer of HTTP/1.1.")
            if int(status[1]) >= _FINAL:
                return int(status[1]), head + b"\r\n", rest
            self._heard = rest

    def _body(self, head: bytes, rest: bytes, *, ended: bool) -> bytes | None:
        length, is_chunked = _LENGTH.search(head), bool(_CHUNKED.search(head))
        if length is not None and not is_chunked:
            size = int(length[1])
            self.may_go_on = self.may_go_on and len(rest) <= size <= _LONGEST_ANSWER
            size = min(size, _LONGEST_ANSWER)
            return rest[:size] if len(rest) >= size else None
        # It ends with its last chunk, or with the connection. Only errors are as long, and of those
        # nothing is needed but a name, which stands in one piece.
        self.may_go_on = False
        is_whole = rest.endswith(b"0\r\n\r\n") if is_chunked else ended
        return rest if is_whole or len(rest) > _LONGEST_ANSWER else None
