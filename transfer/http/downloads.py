"""Downloads: a file's bytes streamed from the store, whole or in part, and named safely."""

import asyncio
import base64
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus

import structlog
from aiohttp import hdrs, web
from multidict import CIMultiDict

from transfer.core.access import Action
from transfer.core.names import split
from transfer.core.uploads import FileId, StoredFile
from transfer.http.conditions import decide, range_applies, strong_etag, whole_seconds
from transfer.http.dispositions import attachment
from transfer.http.policy import Services
from transfer.http.ranges import Span, UnsatisfiableRangeError, parse_range
from transfer.http.requests import OPAQUE_ID, PRINCIPAL
from transfer.http.tus_headers import http_date

_log = structlog.get_logger(__name__)
_SLICE_BYTES = 256 * 1024
"""What must be taken within `stalled_write`: slow receivers are welcome, absent ones are not."""


class DownloadRoutes:
    """The content of files. GET and HEAD; Range, conditions and digests as in the RFCs."""

    def __init__(self, services: Services) -> None:
        self._files = services.files
        self._clock = services.clock
        self._policy = services.policy

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get(f"/api/v1/files/{{id:{OPAQUE_ID}}}/content", self.content)]

    async def content(self, request: web.Request) -> web.StreamResponse:
        """Answer with a file's content, or with why not."""
        file_id = FileId(request.match_info["id"])
        file = await self._files.file(request[PRINCIPAL], file_id, Action.DOWNLOAD)
        etag = strong_etag(file.sha256)
        modified_at = whole_seconds(file.modified_at, self._clock.now())
        headers = _headers(file, etag, modified_at)
        settled = decide(request, etag=etag, modified_at=modified_at)
        if settled is HTTPStatus.NOT_MODIFIED:
            return web.Response(status=settled, headers=headers)
        if settled is not None:
            raise web.HTTPPreconditionFailed(text="The file is not the one that you know.")
        if request.method == hdrs.METH_HEAD:
            headers[hdrs.CONTENT_LENGTH] = str(file.size)
            return web.Response(headers=headers)
        span = None
        if range_applies(request, etag=etag, modified_at=modified_at):
            span = _asked(request, file)
        return await self._send(request, file, span, headers)

    async def _send(
        self,
        request: web.Request,
        file: StoredFile,
        span: Span | None,
        headers: CIMultiDict[str],
    ) -> web.StreamResponse:
        status = HTTPStatus.OK if span is None else HTTPStatus.PARTIAL_CONTENT
        if span is None:
            span = Span(0, file.size)
        else:
            headers[hdrs.CONTENT_RANGE] = span.content_range(file.size)
        response = web.StreamResponse(status=status, headers=headers)
        response.content_length = span.size
        async with self._files.read(request[PRINCIPAL], file, span.start, span.size) as chunks:
            # What fails at once is told as a problem; afterwards the connection can only break.
            chunk = await anext(chunks, b"")
            await response.prepare(request)
            with _broken_unless_whole(request):
                self._widen_buffer(request)
                while chunk:
                    await self._write(response, chunk)
                    chunk = await anext(chunks, b"")
                async with asyncio.timeout(self._policy.stalled_write.total_seconds()):
                    await response.write_eof()
        return response

    async def _write(self, response: web.StreamResponse, chunk: bytes) -> None:
        view = memoryview(chunk)
        for start in range(0, len(view), _SLICE_BYTES):
            async with asyncio.timeout(self._policy.stalled_write.total_seconds()):
                await response.write(view[start : start + _SLICE_BYTES])

    def _widen_buffer(self, request: web.Request) -> None:
        """Let a whole chunk wait in the socket's buffer; small ones cost a download dearly."""
        if request.transport is not None:
            high = max(self._policy.write_buffer_bytes, 2 * _SLICE_BYTES)
            request.transport.set_write_buffer_limits(high=high, low=high - _SLICE_BYTES)


def _headers(file: StoredFile, etag: str, modified_at: datetime) -> CIMultiDict[str]:
    """Return what is told of a file with its content, whoever made its name and its bytes."""
    digest = base64.b64encode(bytes.fromhex(file.sha256)).decode("ascii")
    return CIMultiDict(
        {
            hdrs.CONTENT_TYPE: "application/octet-stream",
            hdrs.CONTENT_DISPOSITION: attachment(split(file.path)[1]),
            hdrs.ETAG: etag,
            hdrs.LAST_MODIFIED: http_date(modified_at),
            hdrs.ACCEPT_RANGES: "bytes",
            hdrs.CACHE_CONTROL: "private, no-cache",
            "Repr-Digest": f"sha-256=:{digest}:",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
    )


def _asked(request: web.Request, file: StoredFile) -> Span | None:
    try:
        return parse_range(request.headers.get(hdrs.RANGE, ""), file.size)
    except UnsatisfiableRangeError as exc:
        raise web.HTTPRequestRangeNotSatisfiable(
            text=f"The file has {file.size} bytes, and none of those that were asked for.",
            headers={hdrs.CONTENT_RANGE: f"bytes */{file.size}"},
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
