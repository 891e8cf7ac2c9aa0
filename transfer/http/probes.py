"""Whether the process lives, and whether it can serve."""

from http import HTTPStatus

from aiohttp import web

from transfer.http.operations import Tag, gives, operation
from transfer.http.policy import Services
from transfer.http.rendering import json_response
from transfer.http.shapes.probes import Health, Readiness


class ProbeRoutes:
    """For those who run the service."""

    def __init__(self, services: Services) -> None:
        self._ready = services.ready

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get("/healthz", self.health), web.get("/readyz", self.readiness)]

    @operation(
        "Tell that the process answers", tag=Tag.SERVICE, gives=gives(200, Health), public=True
    )
    async def health(self, _: web.Request) -> web.Response:
        """Tell that the process answers."""
        return json_response(Health(status="ok").json_object())

    @operation(
        "Tell whether the service can serve",
        tag=Tag.SERVICE,
        gives=(gives(200, Readiness), gives(503, Readiness, text="It waits for something.")),
        public=True,
    )
    async def readiness(self, _: web.Request) -> web.Response:
        """Tell whether all that the service needs is there."""
        awaited = list(await self._ready())
        status = HTTPStatus.SERVICE_UNAVAILABLE if awaited else HTTPStatus.OK
        shown = Readiness(ready=not awaited, waiting_for=awaited)
        return json_response(shown.json_object(), status=status)
