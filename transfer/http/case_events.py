"""Events of another case core, as it sends them: signed, and answered once they are kept."""

from http import HTTPStatus

from aiohttp import web

from transfer.core import errors
from transfer.core.errors import TooLargeError
from transfer.http.bodies import body_of, check_unencoded
from transfer.http.operations import Parameter, Tag, Takes, gives, operation
from transfer.http.policy import Services
from transfer.ports import CaseInbox

CASE_EVENTS_PATH = "/api/v1/case-events"
_CLOUD_EVENT = "application/cloudevents+json"
_TYPES = (_CLOUD_EVENT, "application/json")
_MOST_BYTES = 256 << 10

_EVENT = {
    "type": "object",
    "required": ["specversion", "id", "source", "type", "subject"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string"},
        "source": {"type": "string"},
        "type": {"type": "string", "examples": ["case.closed"]},
        "subject": {"type": "string", "pattern": "^[0-9]{10}$", "examples": ["0003256109"]},
        "data": {
            "type": "object",
            "properties": {"version": {"type": "integer", "minimum": 0}},
        },
    },
}
_SIGNED = tuple(
    Parameter(name=name, text=text, where="header", required=True)
    for name, text in (
        ("webhook-id", "The message's id: the same whenever it is sent again."),
        ("webhook-timestamp", "When it was signed: Unix time, within five minutes of now."),
        ("webhook-signature", "`v1,` and the HMAC-SHA256 in Base64; several with spaces between."),
    )
)


class CaseEventRoutes:
    """Where the case core tells that a case has changed. Its signature lets it in, nothing else."""

    def __init__(self, services: Services, inbox: CaseInbox) -> None:
        self._inbox = inbox
        self._clock = services.clock
        self._policy = services.policy

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.post(CASE_EVENTS_PATH, self.receive)]

    @operation(
        "Tell that a case has changed",
        tag=Tag.CASES,
        text="For the case core: a CloudEvent, signed as Standard Webhooks has it. It is a reason "
        "to ask for the case, so events may come late, twice or in any order.",
        parameters=_SIGNED,
        takes=Takes(content=dict.fromkeys(_TYPES, _EVENT)),
        gives=gives(204, text="It is kept, now or since before."),
        errors=(errors.NotSignedInError,),
        public=True,
    )
    async def receive(self, request: web.Request) -> web.Response:
        """Take an event in."""
        check_unencoded(request)
        if request.content_type not in _TYPES:
            raise web.HTTPUnsupportedMediaType(text=f"Send JSON, as Content-Type: {_CLOUD_EVENT}.")
        body = await self._body(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        await self._inbox.receive(headers, body)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _body(self, request: web.Request) -> bytes:
        body = bytearray()
        async for chunk in body_of(request, policy=self._policy, clock=self._clock):
            body += chunk
            if len(body) > _MOST_BYTES:
                raise TooLargeError(f"An event has at most {_MOST_BYTES} bytes here.")
        return bytes(body)
