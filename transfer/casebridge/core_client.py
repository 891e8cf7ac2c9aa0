"""Requests to a case core by HTTP: bounded in time and size, repeated with care, never led astray.

Nothing of an answer, nor of what was sent, goes into a message or a log.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from ssl import SSLContext
from typing import Any, ClassVar, TypeVar

import aiohttp
import stamina
from aiohttp import hdrs

from transfer.core.errors import CaseCoreUnavailableError
from transfer.ports import Clock

_MOST_BYTES = 2 << 20
_CHUNK = 64 << 10
Answer = TypeVar("Answer")
_CONNECTIONS = 20
_LONGEST_WAIT = timedelta(hours=1)
_PASSING = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
_NOT_US = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})

AWAY = (
    "The case core doesn't answer as it should: try again in a few minutes. What was sent so far "
    "is safe."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreAnswer:
    """What came back: neither a failure of the core nor one of the way there."""

    status: int
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreAccess:
    """How a case core is reached.

    `timeout` is for one try, all of it; `tries` are for questions that change nothing. `headers`
    go with each request.
    """

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    tls: SSLContext | None = None
    timeout: timedelta = timedelta(seconds=5)
    tries: int = 2
    most_bytes: int = _MOST_BYTES


class AnswerTooLongError(CaseCoreUnavailableError):
    """An answer is longer than is read: asking again is of no use, unless for less."""

    code: ClassVar[str] = "case-core-answer-too-long"


class _PassingError(Exception):
    """A failure that another try may not meet; `error` is what is told if there is none."""

    def __init__(self, error: CaseCoreUnavailableError) -> None:
        super().__init__(error.message)
        self.error = error


class CoreClient:
    """Asks a case core."""

    def __init__(self, access: CoreAccess, clock: Clock) -> None:
        self._access = access
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> CoreAnswer:
        """Return the answer to a question, which is put again if a try fails in passing.

        Raises:
            AnswerTooLongError: it is longer than is read.
            CaseCoreUnavailableError: no answer in time, or a failure; also if the core doesn't take
                our credentials, or leads elsewhere.
        """
        try:
            async for attempt in stamina.retry_context(
                on=_PassingError, attempts=self._access.tries, wait_initial=0.1, wait_max=0.5
            ):
                with attempt:
                    return await self._once(hdrs.METH_GET, url, params=params, headers=headers)
        except _PassingError as exc:
            raise exc.error from exc
        raise AssertionError("unreachable")  # pragma: no cover -- the context returns or raises

    async def send(
        self,
        method: str,
        url: str,
        *,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> CoreAnswer:
        """Send JSON and return the answer; it isn't repeated. See `get`."""
        try:
            return await self._once(method, url, headers=headers, json=body)
        except _PassingError as exc:
            raise exc.error from exc

    async def close(self) -> None:
        """Close the connections; again does no harm."""
        if self._session is not None:
            await self._session.close()

    async def _once(
        self, method: str, url: str, *, headers: Mapping[str, str] | None, **given: object
    ) -> CoreAnswer:
        sent: dict[str, Any] = {
            "headers": {
                hdrs.ACCEPT_ENCODING: "identity",
                **self._access.headers,
                **(headers or {}),
            },
            "allow_redirects": False,
            **given,
        }
        try:
            async with (
                asyncio.timeout(self._access.timeout.total_seconds()),
                self._opened().request(method, url, **sent) as response,
            ):
                body = await self._read(response)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as exc:
            raise _PassingError(CaseCoreUnavailableError(AWAY)) from exc
        answer = CoreAnswer(status=response.status, body=body, headers=response.headers)
        self._check(answer)
        return answer

    def _check(self, answer: CoreAnswer) -> None:
        """Raise if the answer is a failure, of the core or of the way there."""
        if answer.status in _NOT_US:
            raise CaseCoreUnavailableError(
                "The case core does not take this service's credentials."
            )
        if answer.status in _PASSING or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            wait = retry_after(answer.headers.get(hdrs.RETRY_AFTER), self._clock.now())
            error = CaseCoreUnavailableError(AWAY, retry_after=wait)
            # One that says when to come again isn't asked before.
            raise error if wait is not None else _PassingError(error)
        if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES and (
            answer.status < HTTPStatus.BAD_REQUEST
        ):
            raise CaseCoreUnavailableError(AWAY)

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK):
            body += chunk
            if len(body) > self._access.most_bytes:
                raise AnswerTooLongError(AWAY)
        return bytes(body)

    def _opened(self) -> aiohttp.ClientSession:
        """Return the session, made in the loop that uses it."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS, ssl=self._access.tls or True),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return self._session


async def ask_for_less(ask: Callable[[int], Awaitable[Answer]], limit: int) -> Answer:
    """Return what `ask` gives for a `limit`, or for half of that while it is too long to be read.

    Raises:
        AnswerTooLongError: one alone is too long.
    """
    while True:
        try:
            return await ask(limit)
        except AnswerTooLongError:
            if limit <= 1:
                raise
            limit //= 2


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Return how long a `Retry-After` asks to wait: seconds or a date; None if it says neither.

    An hour at most: whoever asks for more is looked at again all the same.
    """
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdecimal():
        return min(timedelta(seconds=int(value[:9])), _LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(value)
        if until.tzinfo is None:
            return None
        return min(max(until - now, timedelta()), _LONGEST_WAIT)
    except (ValueError, OverflowError, TypeError):
        return None
