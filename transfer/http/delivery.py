"""Bytes on their way to a client: whole or in ranges, on conditions, honest when they break off.

What a file and an archive have in common: a length and a strong entity tag, known beforehand.
"""

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Sequence,
)
from contextlib import AbstractAsyncContextManager, aclosing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

import structlog
from aiohttp import hdrs, web
from multidict import CIMultiDict

from transfer.engine.secrets import new_id
from transfer.http.conditions import decide, range_applies
from transfer.http.multipart_ranges import MultipartRanges
from transfer.http.outlets import Chunk, Outlet, takes_pipes
from transfer.http.policy import HttpPolicy
from transfer.http.ranges import Span, UnsatisfiableRangeError, parse_ranges
from transfer.http.tus_headers import http_date
from transfer.ports import LentReading, PipedReading

_log = structlog.get_logger(__name__)

Begin = Callable[[Sequence[Span]], Awaitable[None]]
Read = Callable[[int, int], AbstractAsyncContextManager[AsyncIterator[bytes]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Representation:
    """What is delivered: `size` bytes that `etag`, in its quotes, tells from all others.

    `modified_at` has whole seconds, as HTTP's dates have; None where no date says as much as the
    tag. `begin` is told once which spans are about to be sent, before the first is read: it
    notes the download, or raises.
    """

    size: int
    etag: str
    modified_at: datetime | None
    content_type: str
    disposition: str
    begin: Begin
    read: Read
    more: CIMultiDict[str]

    def headers(self) -> CIMultiDict[str]:
        """Return what is told with the bytes, whoever made them and named them."""
        headers = CIMultiDict(
            {
                hdrs.CONTENT_TYPE: self.content_type,
                hdrs.CONTENT_DISPOSITION: self.disposition,
                hdrs.ETAG: self.etag,
                hdrs.ACCEPT_RANGES: "bytes",
                hdrs.CACHE_CONTROL: "private, no-cache",
                "Content-Security-Policy": "sandbox; default-src 'none'",
                "Cross-Origin-Resource-Policy": "same-origin",
            }
        )
        if self.modified_at is not None:
            headers[hdrs.LAST_MODIFIED] = http_date(self.modified_at)
        headers.update(self.more)
        return headers


class Delivery:
    """Answers GET and HEAD with a representation; Range and conditions as in RFC 9110."""

    def __init__(self, policy: HttpPolicy) -> None:
        self._policy = policy

    def settle(self, request: web.Request, found: Representation) -> web.Response | None:
        """Return the answer without content, if the conditions of `request` ask for none.

        Raises:
            HTTPPreconditionFailed: it isn't the representation that the client knows.
        """
        settled = decide(request, etag=found.etag, modified_at=found.modified_at)
        if settled is HTTPStatus.NOT_MODIFIED:
            return web.Response(status=settled, headers=found.headers())
        if settled is not None:
            raise web.HTTPPreconditionFailed(text="It is not the one that you know.")
        return None

    async def answer(self, request: web.Request, found: Representation) -> web.StreamResponse:
        """Answer with `found`, or the parts of it that are asked for."""
        settled = self.settle(request, found)
        if settled is not None:
            return settled
        headers = found.headers()
        if request.method == hdrs.METH_HEAD:
            headers[hdrs.CONTENT_LENGTH] = str(found.size)
            return web.Response(headers=headers)
        spans = None
        if range_applies(request, etag=found.etag, modified_at=found.modified_at):
            spans = _asked(request, found.size)
        await found.begin(spans or [Span(0, found.size)])
        if spans is None:
            return await self._send_one(request, found, Span(0, found.size), HTTPStatus.OK)
        if len(spans) == 1:
            return await self._send_one(request, found, spans[0], HTTPStatus.PARTIAL_CONTENT)
        return await self._send_many(request, found, spans)

    async def _send_one(
        self, request: web.Request, found: Representation, span: Span, status: HTTPStatus
    ) -> web.StreamResponse:
        response = web.StreamResponse(status=status, headers=found.headers())
        if status is HTTPStatus.PARTIAL_CONTENT:
            response.headers[hdrs.CONTENT_RANGE] = span.content_range(found.size)
        response.content_length = span.size
        return await self._send(request, response, _body(request, found.read, [(b"", span)]))

    async def _send_many(
        self, request: web.Request, found: Representation, spans: Sequence[Span]
    ) -> web.StreamResponse:
        ranges = MultipartRanges(
            spans=spans, total=found.size, boundary=new_id(), part_type=found.content_type
        )
        response = web.StreamResponse(status=HTTPStatus.PARTIAL_CONTENT, headers=found.headers())
        response.headers[hdrs.CONTENT_TYPE] = ranges.content_type
        response.content_length = ranges.size
        body = _body(request, found.read, ranges.parts(), ranges.ending)
        return await self._send(request, response, body)

    async def _send(
        self, request: web.Request, response: web.StreamResponse, body: AsyncGenerator[Chunk]
    ) -> web.StreamResponse:
        async with aclosing(body) as chunks:
            # What fails at once is told as a problem; afterwards the connection can only break.
            first = await anext(chunks, b"")
            await response.prepare(request)
            with _broken_unless_whole(request):
                with Outlet(request, response, self._policy) as outlet:
                    await outlet.write(first)
                    async for chunk in chunks:
                        await outlet.write(chunk)
                async with asyncio.timeout(self._policy.stalled_write.total_seconds()):
                    await response.write_eof()
        return response


async def _body(
    request: web.Request, read: Read, parts: Iterable[tuple[bytes, Span]], ending: bytes = b""
) -> AsyncGenerator[Chunk]:
    """Yield each span behind its head, then the ending; a head waits for the span's first chunk."""
    for head, span in parts:
        async with read(span.start, span.size) as chunks:
            stream: AsyncIterator[Chunk] = chunks
            if isinstance(chunks, PipedReading) and takes_pipes(request):
                stream = chunks.piped()
            elif isinstance(chunks, LentReading):
                stream = chunks.lent()
            first = await anext(stream, b"")
            if head:
                yield head
            yield first
            async for chunk in stream:
                yield chunk
    if ending:
        yield ending


def _asked(request: web.Request, size: int) -> Sequence[Span] | None:
    try:
        return parse_ranges(request.headers.get(hdrs.RANGE, ""), size)
    except UnsatisfiableRangeError as exc:
        raise web.HTTPRequestRangeNotSatisfiable(
            text=f"There are {size} bytes, and none of those that were asked for.",
            headers={hdrs.CONTENT_RANGE: f"bytes */{size}"},
        ) from exc


@contextmanager
def _broken_unless_whole(request: web.Request) -> Iterator[None]:
    """Break the connection unless all goes well: less than was announced can't look like all."""
    try:
        yield
    except BaseException as exc:
        _log.info("download-broken", reason=type(exc).__name__)
        if request.transport is not None:
            request.transport.abort()
        raise
