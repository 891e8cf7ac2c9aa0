"""Requests to the identity provider: bounded in time and size, never led elsewhere."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from ssl import SSLContext
from typing import Any

import aiohttp
from aiohttp import hdrs

from transfer.core.errors import ProviderUnavailableError
from transfer.core.identity import is_trusted_url

_MOST_BYTES = 512 << 10
_CHUNK = 64 << 10
UNAVAILABLE = (
    "The sign-in service of your organisation doesn't answer as it should: try again in a few "
    "minutes. If it stays so, tell whoever runs this service."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonAnswer:
    """A response whose body is a JSON object; an empty one, if it is none."""

    status: int
    body: Mapping[str, Any]


class JsonClient:
    """Asks for JSON. Nothing of an answer, nor what was sent, goes into a message or a log."""

    def __init__(self, *, tls: SSLContext | None = None, timeout: timedelta) -> None:
        self._tls = tls
        self._timeout_seconds = timeout.total_seconds()
        self._session: aiohttp.ClientSession | None = None

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> JsonAnswer:
        """Return the answer to GET.

        Raises:
            ProviderUnavailableError: no answer in time, or one that is too long.
        """
        return await self._ask(hdrs.METH_GET, url, headers or {}, None)

    async def post(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str]
    ) -> JsonAnswer:
        """Return the answer to a form that is sent by POST; see `get`."""
        return await self._ask(hdrs.METH_POST, url, headers, form)

    async def close(self) -> None:
        """Close the connections; again does no harm."""
        if self._session is not None:
            await self._session.close()

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None
    ) -> JsonAnswer:
        if not is_trusted_url(url):
            raise ProviderUnavailableError(UNAVAILABLE)
        sent = {hdrs.ACCEPT: "application/json", hdrs.ACCEPT_ENCODING: "identity", **headers}
        try:
            async with (
                asyncio.timeout(self._timeout_seconds),
                self._opened().request(
                    method, url, data=form, headers=sent, allow_redirects=False
                ) as response,
            ):
                body = await _read(response)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as exc:
            raise ProviderUnavailableError(UNAVAILABLE) from exc
        return JsonAnswer(status=response.status, body=_parsed(body))

    def _opened(self) -> aiohttp.ClientSession:
        """Return the session, made in the loop that uses it."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=10, ssl=self._tls or True),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return self._session


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > _MOST_BYTES:
            raise ProviderUnavailableError(UNAVAILABLE)
    return bytes(body)


def _parsed(body: bytes) -> Mapping[str, Any]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}
