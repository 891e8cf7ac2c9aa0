"""One client's connection: heads that come in time, and words for what can't be read.

aiohttp parses and answers. It waits long for a head, tells a client what it choked on, secrets
included, and leaves a body whose framing is broken to time out.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from aiohttp import web
from aiohttp.http import RawRequestMessage
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestPayloadError

from transfer.engine.secrets import new_id
from transfer.http.boundary import sign_stray
from transfer.http.errors import problem_response, response_to_surprise
from transfer.http.policy import HttpPolicy

_log = structlog.get_logger(__name__)

_TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_TOO_MANY_FIELDS = "Too many headers"


class Connection(web.RequestHandler):
    """A connection that is served; `on_lost` is called once it is over."""

    def __init__(
        self, server: web.Server, policy: HttpPolicy, on_lost: Callable[["Connection"], None]
    ) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # its own way to have none
            keepalive_timeout=policy.keep_alive.total_seconds(),
            lingering_time=policy.lingering.total_seconds(),
            max_line_size=policy.max_line_bytes,
            max_field_size=policy.max_field_bytes,
            max_headers=policy.max_fields,
            auto_decompress=False,
        )
        self._policy = policy
        self._on_lost = on_lost
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self.active_at = self._loop.time()

    @property
    def is_idle(self) -> bool:
        """Whether it waits for a request, or for the rest of one's head."""
        return self._waiter is not None and not self._waiter.done()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._start_head_timer()

    def data_received(self, data: bytes) -> None:
        """Take what came; a head must be whole in time, and not too long."""
        self.active_at = self._loop.time()
        super().data_received(data)
        if self.is_idle:
            self._await_rest_of_head(len(data))
        else:
            self._stop_head_timer()
            if self._messages and not isinstance(self._messages[-1][0], RawRequestMessage):
                self._end_broken_body()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Let go of it."""
        self._stop_head_timer()
        super().connection_lost(exc)
        self._on_lost(self)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what never became a request, or went wrong beyond the boundary, and close.

        What the parser says has the sender's own bytes in it, tokens maybe: nobody is told.

        Raises:
            ConnectionError: an answer has begun already.
        """
        if request.writer.output_size > 0:
            raise ConnectionError("An answer has begun already.")
        request_id = new_id()
        if isinstance(exc, Exception) and status >= 500:
            _log.error("connection-failed", request_id=request_id, exc_info=exc)
        response = (
            _unreadable(status, exc, message or "", self._policy, request_id)
            if status < 500
            else response_to_surprise(request_id)
        )
        sign_stray(response, request_id)
        response.force_close()
        return response

    def _await_rest_of_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self._policy.max_head_bytes:
            self.force_close()
        elif self._head_timer is None and self._head_bytes:
            self._start_head_timer()

    def _start_head_timer(self) -> None:
        seconds = self._policy.head.total_seconds()
        self._head_timer = self._loop.call_later(seconds, self._give_up_head)

    def _stop_head_timer(self) -> None:
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up_head(self) -> None:
        self._head_timer = None
        if not self.is_idle:
            return
        if self._head_bytes and self.transport is not None:
            self.transport.write(_TOO_LATE)
        self.force_close()

    def _end_broken_body(self) -> None:
        """Tell whoever reads the body that it goes no further; the parser tells only the next."""
        payloads: list[Any] = [payload for _, payload in list(self._messages)[:-1]]
        if self._current_request is not None:
            payloads.insert(0, self._current_request.content)
        if payloads and not payloads[-1].is_eof():
            payloads[-1].set_exception(RequestPayloadError("The body is malformed."))
            payloads[-1].feed_eof()


def _unreadable(
    status: int, exc: BaseException | None, message: str, policy: HttpPolicy, request_id: str
) -> web.Response:
    """Return what is told of a request that can't be read."""
    title, code, detail = "Bad Request", "malformed-request", "This is not a request of HTTP/1.1."
    if isinstance(exc, LineTooLong) and exc.args[1] == policy.max_line_bytes:
        status, title, code = 414, "URI Too Long", "uri-too-long"
        detail = f"The target has more than {policy.max_line_bytes} bytes."
    elif isinstance(exc, LineTooLong) or message.startswith(_TOO_MANY_FIELDS):
        status, title, code = 431, "Request Header Fields Too Large", "headers-too-large"
        detail = (
            f"No more than {policy.max_fields} headers, of no more than "
            f"{policy.max_field_bytes} bytes."
        )
    _log.info("request-unreadable", code=code, request_id=request_id, kind=type(exc).__name__)
    return problem_response(
        status=status, title=title, code=code, detail=detail, request_id=request_id
    )
