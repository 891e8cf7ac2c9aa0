"""The metrics of one process, on a port of their own. They say no name, and nobody signs in."""

import socket
from collections.abc import Sequence
from typing import Protocol

from aiohttp import web

_PATH = "/metrics"
_STOP_SECONDS = 1.0


class MetricsPage(Protocol):
    """What gives the text."""

    @property
    def content_type(self) -> str:
        """Its media type, with version and character set."""

    def page(self) -> bytes:
        """Return all that is measured, at this moment."""


class MetricsServer:
    """Answers GET /metrics by HTTP without TLS."""

    def __init__(self, metrics: MetricsPage) -> None:
        app = web.Application()
        app.router.add_get(_PATH, self._answer)
        self._metrics = metrics
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_STOP_SECONDS)

    async def start(self, listeners: Sequence[socket.socket]) -> None:
        """Answer on sockets that listen already."""
        await self._runner.setup()
        for listener in listeners:
            await web.SockSite(self._runner, listener).start()

    async def stop(self) -> None:
        """Answer no more; the sockets are closed."""
        await self._runner.cleanup()

    async def _answer(self, _: web.Request) -> web.Response:
        headers = {"Content-Type": self._metrics.content_type, "Cache-Control": "no-store"}
        return web.Response(body=self._metrics.page(), headers=headers)
