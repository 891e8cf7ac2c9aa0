"""A request's body on its way in: only when it is wanted, and only as long as it moves."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import HttpVersion11, StreamReader, hdrs, web

from transfer.engine.writer import UploadWriter
from transfer.http.policy import HttpPolicy
from transfer.http.straight_bodies import StraightBody, left_of
from transfer.ports import Buffer, Clock

_CONTINUED = web.RequestKey("continued", bool)
_STRAIGHT = web.RequestKey("straight", StraightBody)


async def ask_later(request: web.Request) -> None:
    """Leave an `Expect: 100-continue` unanswered until the body is read.

    A request that is refused then never has its body sent.
    """


def check_unencoded(request: web.Request) -> None:
    """Raise unless the body is sent as it is: an offset counts the file's own bytes.

    Raises:
        HTTPUnsupportedMediaType: it is compressed.
    """
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise web.HTTPUnsupportedMediaType(text="Send the body without a Content-Encoding.")


def has_body(request: web.Request) -> bool:
    """Whether a body comes with the request, as far as its headers tell."""
    return bool(request.content_length) or hdrs.TRANSFER_ENCODING in request.headers


def close_if_needed(request: web.Request, response: web.StreamResponse) -> None:
    """Close the connection behind an answer, if what comes next couldn't be understood.

    Its sender may still wait to be asked for the body: whether that comes after all is their
    choice, so what follows couldn't be told from it (RFC 9110, 10.1.1). Or the parser hasn't seen
    where the body ended.
    """
    unasked = _waits(request) and not request.content.is_eof() and not response.prepared
    if unasked or request.get(_STRAIGHT) is not None:
        response.force_close()


def let_go(request: web.Request) -> None:
    """Give back what reading the body took, however the request has ended."""
    straight = request.get(_STRAIGHT)
    if straight is not None:
        straight.give_up()


async def body_of(
    request: web.Request,
    *,
    policy: HttpPolicy,
    clock: Clock,
    writer: UploadWriter | None = None,
) -> AsyncIterator[Buffer]:
    """Yield the body as it comes, in chunks as they lie ready; each is valid until the next.

    A `writer` is given every chunk in turn; what was read into its own room is not yielded.

    Time counts only while the sender is waited for, never while the reader is busy.

    Raises:
        HTTPRequestTimeout: the sender paused too long, or is too slow.
        ConnectionError: the sender has left.
    """
    await ask(request)
    content: StreamReader | StraightBody = request.content
    pace, given = Pace(policy), 0
    while True:
        chunk = content.read_nowait()
        given += len(chunk)
        if content is request.content and left_of(request, given) >= policy.straight_bytes:
            content = request[_STRAIGHT] = StraightBody(request, writer)
        if not chunk:
            if content.at_eof():
                return
            chunk = await _awaited(content, pace, policy, clock)
            given += len(chunk)
        if isinstance(content, StraightBody) and content.wants_room:
            await content.make_room()
        if not chunk:
            continue
        pace.received(len(chunk))
        yield chunk


async def _awaited(
    content: StreamReader | StraightBody, pace: "Pace", policy: HttpPolicy, clock: Clock
) -> bytes | memoryview:
    """Return what comes next, if it comes in time; nothing at the end."""
    idle, loop = policy.idle.total_seconds(), asyncio.get_running_loop()
    silent_since, began = loop.time(), clock.monotonic()
    while True:
        chunk: bytes | memoryview | None = None
        judged_at = loop.time() + policy.rate_grace.total_seconds()
        try:
            async with asyncio.timeout_at(min(silent_since + idle, judged_at)) as limit:
                chunk = await content.readany()
        except TimeoutError as exc:
            if not limit.expired():  # the connection's own
                raise ConnectionResetError("The sender is not there any more.") from exc
            expired = exc
        passed = 0
        if isinstance(content, StraightBody):
            passed, silent_since = content.passed(), max(silent_since, content.moved_at)
            pace.received(passed)
        if chunk or passed:
            waited_until = clock.monotonic()
            pace.waited(waited_until - began)
            began = waited_until
        if chunk is not None:
            return chunk
        if loop.time() >= silent_since + idle:
            raise web.HTTPRequestTimeout(
                text="The body paused for too long: continue where it stopped."
            ) from expired


class Pace:
    """How fast a body comes, measured in windows of the time that was spent waiting for it."""

    def __init__(self, policy: HttpPolicy) -> None:
        self._window_seconds = policy.rate_grace.total_seconds()
        self._min_bytes_per_second = policy.min_bytes_per_second
        self._waited_seconds = 0.0
        self._received_bytes = 0

    def received(self, size: int) -> None:
        """Count `size` bytes."""
        self._received_bytes += size

    def waited(self, seconds: float) -> None:
        """Count a wait, and judge the window if it is over.

        Raises:
            HTTPRequestTimeout: the sender is too slow.
        """
        self._waited_seconds += seconds
        if self._waited_seconds < self._window_seconds:
            return
        if self._received_bytes < self._waited_seconds * self._min_bytes_per_second:
            raise web.HTTPRequestTimeout(
                text="The body comes too slowly: continue where it stopped."
            )
        self._waited_seconds, self._received_bytes = 0.0, 0


async def ask(request: web.Request) -> None:
    """Ask for the body, if its sender waits for that and was not asked yet."""
    if _waits(request):
        request[_CONTINUED] = True
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # nothing of the answer itself is sent yet


def _waits(request: web.Request) -> bool:
    if request.version < HttpVersion11 or request.get(_CONTINUED):
        return False
    return request.headers.get(hdrs.EXPECT, "").lower() == "100-continue"
