"""Events as CloudEvents, signed, to a receiver that an operator names."""

import asyncio
import json
from datetime import timedelta
from http import HTTPStatus
from ssl import SSLContext
from typing import ClassVar

import aiohttp
from aiohttp import hdrs

from transfer.casebridge.case_documents import event_document
from transfer.casebridge.core_client import retry_after
from transfer.casebridge.signatures import SigningKeys
from transfer.core.errors import RefusedError, UnavailableError
from transfer.ports import CaseEvent, Clock

_CLOUD_EVENT = "application/cloudevents+json"
_ANSWER_WITHIN_SECONDS = 15
_CONNECTIONS = 10
_PASSING = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.CONFLICT,
        HTTPStatus.LOCKED,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
"""What a receiver may answer while something is wrong there, and not with the event."""


class ReceiverUnavailableError(UnavailableError):
    """A receiver of events doesn't answer, or says that it can't take them now."""

    code: ClassVar[str] = "receiver-unavailable"

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        """Keep `retry_after`, how long it asked to be left alone, if it did."""
        super().__init__(message)
        self.retry_after = retry_after


class WebhookSink:
    """A receiver of signed CloudEvents; plays the role `transfer.ports.EventSink`.

    Each event is a request of its own, whose `webhook-id` is the event's id. `source` is what this
    service is called in events.
    """

    def __init__(
        self,
        url: str,
        keys: SigningKeys,
        clock: Clock,
        *,
        source: str,
        tls: SSLContext | None = None,
    ) -> None:
        self._url = url
        self._keys = keys
        self._clock = clock
        self._source = source
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def tell(self, *events: CaseEvent) -> None:
        """Send events, one after the other.

        Raises:
            ReceiverUnavailableError: it doesn't take them now.
            RefusedError: it never will.
        """
        for event in events:
            await self._send(event)

    async def close(self) -> None:
        """Close the connections; again does no harm."""
        if self._session is not None:
            await self._session.close()

    async def _send(self, event: CaseEvent) -> None:
        document = event_document(event, self._source)
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        headers = self._keys.sign(event.id, body, self._clock.now())
        try:
            async with (
                asyncio.timeout(_ANSWER_WITHIN_SECONDS),
                self._opened().post(
                    self._url,
                    data=body.encode(),
                    headers={**headers, hdrs.CONTENT_TYPE: _CLOUD_EVENT},
                    allow_redirects=False,
                ) as response,
            ):
                status, wait = response.status, response.headers.get(hdrs.RETRY_AFTER)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as exc:
            raise ReceiverUnavailableError("The receiver of events doesn't answer.") from exc
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return
        is_refusal = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
        if not is_refusal or status in _PASSING:
            raise ReceiverUnavailableError(
                f"The receiver of events answers {status}.",
                retry_after=retry_after(wait, self._clock.now()),
            )
        raise RefusedError(f"The receiver of events answers {status}.")

    def _opened(self) -> aiohttp.ClientSession:
        """Return the session, made in the loop that uses it."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS, ssl=self._tls or True),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return self._session
