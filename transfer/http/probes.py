"""Whether the process lives, and whether it can serve."""

from http import HTTPStatus

from aiohttp import web

from transfer.http.policy import Services
from transfer.http.rendering import json_response


class ProbeRoutes:
    """For those who run the service."""

    def __init__(self, services: Services) -> None:
        self._ready = services.ready

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get("/healthz", self.health), web.get("/readyz", self.readiness)]

    async def health(self, _: web.Request) -> web.Response:
        """Tell that the process answers."""
        return json_response({"status": "ok"})

    async def readiness(self, _: web.Request) -> web.Response:
        """Tell whether all that the service needs is there."""
        awaited = list(await self._ready())
        status = HTTPStatus.SERVICE_UNAVAILABLE if awaited else HTTPStatus.OK
        return json_response({"ready": not awaited, "waiting_for": awaited}, status=status)
