"""Waiting long for an answer without being taken for dead on the way.

Middleboxes forget a connection on which nothing moves. `100 Continue` may be sent at any time
before the answer, and whoever didn't ask for it discards it (RFC 9110, 15.2.1): of all interim
responses the one that even simple clients know. A proxy in front keeps its own connections.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from aiohttp import HttpVersion11, web

from transfer.http.requests import client_of
from transfer.ports import Clock

_EVERY_SECONDS = 15.0
_STILL_HERE = b"HTTP/1.1 100 Continue\r\n\r\n"


@contextlib.asynccontextmanager
async def kept_alive(request: web.Request, clock: Clock) -> AsyncIterator[None]:
    """Show the client of `request` now and then that its answer is still being worked on."""
    if request.version < HttpVersion11 or client_of(request).by_proxy:
        yield
        return
    showing = asyncio.create_task(_show(request, clock))
    try:
        yield
    finally:
        showing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await showing


async def _show(request: web.Request, clock: Clock) -> None:
    while True:
        await clock.sleep(_EVERY_SECONDS)
        transport = request.transport
        if transport is None or transport.is_closing() or transport.get_write_buffer_size():
            return
        transport.write(_STILL_HERE)
