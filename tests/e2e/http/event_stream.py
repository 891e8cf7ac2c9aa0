"""A client of event streams, as a browser reads them."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

_PATIENCE_SECONDS = 20


@dataclass(frozen=True)
class Event:
    kind: str
    id: str | None
    said: dict[str, Any]

    @property
    def data(self) -> dict[str, Any]:
        found = self.said["data"]
        assert isinstance(found, dict)
        return found


class EventStream:
    """One connection; `last_id` is what a browser would send when it comes again."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.last_id: str | None = None
        self.comments = 0

    async def next(self) -> Event:
        """Return the next event."""
        kind, data, event_id = "message", "", None
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                line = (await self.response.content.readline()).decode()
                if not line:
                    raise EOFError
                name, _, value = line.rstrip("\n").partition(": ")
                if name == "event":
                    kind = value
                elif name == "id":
                    self.last_id = event_id = value
                elif name == "data":
                    data = value
                elif line.startswith(":"):
                    self.comments += 1
                elif line == "\n" and data:
                    return Event(kind, event_id, json.loads(data))

    async def until(self, kind: str) -> Event:
        """Return the next event of a kind."""
        while (event := await self.next()).kind != kind:
            pass
        return event


@asynccontextmanager
async def event_stream(
    session: aiohttp.ClientSession,
    url: str,
    headers: Mapping[str, str],
    last_id: str | None = None,
) -> AsyncIterator[EventStream]:
    sent = {"Accept": "text/event-stream", **headers}
    if last_id is not None:
        sent["Last-Event-ID"] = last_id
    async with session.get(url, headers=sent) as response:
        assert response.status == 200, await response.text()
        assert response.headers["Content-Type"] == "text/event-stream"
        yield EventStream(response)
