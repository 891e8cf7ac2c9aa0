"""The warning about sensitive data: shown to a person, and acknowledged by them, a case each."""

from aiohttp import web

from transfer.core import errors
from transfer.core.notices import Acknowledgement
from transfer.http.json_bodies import JsonBody, Line, read_json
from transfer.http.operations import Tag, gives, operation, takes
from transfer.http.policy import Services
from transfer.http.rendering import Json, json_response, rfc3339
from transfer.http.requests import PRINCIPAL, case_number
from transfer.http.shapes.receipts import AcknowledgementShape

_PATH = "/api/v1/cases/{number}/acknowledgement"


class Acknowledged(JsonBody):
    """Which wording a person has read."""

    version: Line


class AcknowledgementRoutes:
    """The warning."""

    def __init__(self, services: Services) -> None:
        self._acknowledgements = services.acknowledgements
        self._policy = services.policy
        self._clock = services.clock

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get(_PATH, self.show), web.post(_PATH, self.accept)]

    @operation(
        "Show the warning about sensitive data, and since when the caller has acknowledged it",
        tag=Tag.UPLOADS,
        gives=gives(200, AcknowledgementShape),
    )
    async def show(self, request: web.Request) -> web.Response:
        """Show the warning, and since when the caller has acknowledged it."""
        number = case_number(request)
        shown = await self._acknowledgements.show(request[PRINCIPAL], number)
        return json_response(_json(shown))

    @operation(
        "Acknowledge the warning, as it reads now",
        tag=Tag.UPLOADS,
        text="Customers do so once a case before they send files by HTTP.",
        takes=takes(Acknowledged),
        gives=gives(200, AcknowledgementShape),
        errors=(errors.AcknowledgementOutdatedError, errors.CaseClosedError),
    )
    async def accept(self, request: web.Request) -> web.Response:
        """Acknowledge the warning, as it reads now."""
        number = case_number(request)
        read = await read_json(request, Acknowledged, policy=self._policy, clock=self._clock)
        accepted = await self._acknowledgements.accept(request[PRINCIPAL], number, read.version)
        return json_response(_json(accepted))


def _json(acknowledgement: Acknowledgement) -> Json:
    return AcknowledgementShape(
        version=acknowledgement.notice.version,
        text=acknowledgement.notice.text,
        acknowledged_at=rfc3339(acknowledgement.acknowledged_at),
    ).json_object()
