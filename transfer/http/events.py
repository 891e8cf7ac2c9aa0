"""The events of a case, live: server-sent events, as browsers read them.

Source: HTML Standard, 9.2 (server-sent events).
"""

import asyncio
import json
from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web

from transfer.core import errors
from transfer.core.events import EventKind
from transfer.engine.case_events import CaseEvents
from transfer.engine.watches import Ending, Told, Watch
from transfer.http.bearer import is_by_token
from transfer.http.limits import STREAMS, Slots
from transfer.http.operations import Parameter, Tag, gives, operation
from transfer.http.policy import Services
from transfer.http.rendering import moment
from transfer.http.requests import PRINCIPAL, case_number
from transfer.http.shapes.events import EventShape

_TYPE = "text/event-stream"
_RETRY = b"retry: 2000\n\n"
_HEARTBEAT = b": still here\n\n"
_LOOK_SECONDS = 1.0
"""How often it is looked whether the client is still there."""

_LAST_ID = "Last-Event-ID"
_KINDS = ", ".join(f"`{kind}`" for kind in EventKind)


class EventRoutes:
    """Streams of events."""

    def __init__(self, services: Services) -> None:
        self._events = services.events
        self._clock = services.clock
        self._policy = services.policy
        of_one = "Too many event streams at once: close some first."
        self._slots = Slots(services.policy.max_streams_per_credential, of_one)
        self._all = Slots(services.policy.max_streams, "Too many event streams here at once.")

    def routes(self) -> list[web.RouteDef]:
        """Return the routes. No HEAD: there is no stream without an end."""
        path = "/api/v1/cases/{number}/events"
        return [web.get(path, self.stream, name=STREAMS, allow_head=False)]

    @operation(
        "Watch what happens to a case, as a stream of server-sent events",
        tag=Tag.EVENTS,
        text=f"Kinds: {_KINDS}. `reset` comes first, and whenever what happened meanwhile is too "
        "much to be told: read the case's list then. `end` comes last and says why. An `id` is "
        "where to go on after a break; an event may come twice, with the same `number`.",
        parameters=(
            Parameter(name=_LAST_ID, where="header", text="The last `id` that was seen."),
            Parameter(name="after", text="The same, for whom no header can be sent."),
        ),
        gives=gives(200, EventShape, media=_TYPE, text="Events, until one side ends."),
        errors=(errors.ShuttingDownError,),
    )
    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Tell of events until the client leaves, or may not be told any more."""
        principal, number = request[PRINCIPAL], case_number(request)
        after = request.headers.get(_LAST_ID) or request.query.get("after")
        token_id = principal.credential if is_by_token(request) else None
        with self._all.held_by(None), self._slots.held_by(principal.credential):
            watching = self._events.watching(principal, number, after=after, token_id=token_id)
            async with watching as watch:
                response = web.StreamResponse(
                    headers={
                        hdrs.CONTENT_TYPE: _TYPE,
                        hdrs.CACHE_CONTROL: "no-store",
                        "X-Accel-Buffering": "no",  # proxies would keep it back
                    }
                )
                await response.prepare(request)
                await self._tell(request, response, watch)
        return response

    async def _tell(self, request: web.Request, response: web.StreamResponse, watch: Watch) -> None:
        try:
            await self._write(response, _RETRY)
            while watch.ending is None:
                await self._write(response, await self._next(request, watch))
            if watch.ending is Ending.TOO_SLOW:
                _cut(request)  # they come again, and go on where they were
            else:
                await self._write(response, _ending(watch.ending))
        except (TimeoutError, ConnectionError):
            _cut(request)

    async def _next(self, request: web.Request, watch: Watch) -> bytes:
        """Return what is to be told next, or a sign of life when that is due.

        Raises:
            ConnectionResetError: the client has left.
        """
        heartbeat = self._policy.heartbeat.total_seconds()
        look = min(heartbeat, _LOOK_SECONDS)
        for _ in range(max(1, round(heartbeat / look))):
            try:
                async with asyncio.timeout(look):
                    told = await watch.next()
            except TimeoutError:
                # A page that is loaded again and again must not use up its streams by that.
                _check_present(request)
                continue
            now = moment(self._clock.now())
            return b"".join(_event(one, watch, now) for one in told)
        return _HEARTBEAT

    async def _write(self, response: web.StreamResponse, text: bytes) -> None:
        if text:
            async with asyncio.timeout(self._policy.stalled_write.total_seconds()):
                await response.write(text)


def ending_streams(events: CaseEvents) -> Callable[[web.Application], Awaitable[None]]:
    """Return the signal that ends all streams, as the server stops."""

    async def end(_: web.Application) -> None:
        events.stop()

    return end


def _event(told: Told, watch: Watch, now: str) -> bytes:
    happening = told.happening
    kind = "reset" if happening is None else happening.kind.value
    shape = EventShape(
        case=watch.case.number,
        at=now if happening is None else moment(happening.at),
        number=None if happening is None else happening.number,
        data={} if happening is None else dict(happening.data),
    )
    text = json.dumps(shape.json_object(), ensure_ascii=False, separators=(",", ":"))
    number = "" if told.cursor is None else f"id: {told.cursor}\n"
    return f"{number}event: {kind}\ndata: {text}\n\n".encode()


def _ending(ending: Ending) -> bytes:
    return f'event: end\ndata: {{"reason":"{ending.value}"}}\n\n'.encode()


def _check_present(request: web.Request) -> None:
    if request.transport is None or request.transport.is_closing():
        raise ConnectionResetError("The client has left.")


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
