"""Bans of the SFTP door: listed, placed and lifted by admins."""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from aiohttp import web
from pydantic import Field

from transfer.core import errors
from transfer.core.bans import Ban, parse_network
from transfer.engine.bans import LONGEST
from transfer.http.json_bodies import JsonBody, Line, read_json
from transfer.http.operations import Tag, gives, operation, takes
from transfer.http.paging import asked_page
from transfer.http.parameters import PAGE_OF_LIST
from transfer.http.policy import Services
from transfer.http.rendering import json_response, moment, rfc3339
from transfer.http.requests import OPAQUE_ID, PRINCIPAL
from transfer.http.shapes.bans import BanList, BanShape

_ALL = "/api/v1/bans"
_ONE = f"{_ALL}/{{id:{OPAQUE_ID}}}"
_MOST_SECONDS = int(LONGEST.total_seconds())


class NewBan(JsonBody):
    """A network to be banned; without `lifetime_seconds` until somebody lifts it."""

    network: Annotated[str, Field(min_length=2, max_length=50)]
    reason: Line
    lifetime_seconds: Annotated[int, Field(ge=1, le=_MOST_SECONDS)] | None = None


class BanRoutes:
    """The bans that hold."""

    def __init__(self, services: Services) -> None:
        self._bans = services.bans
        self._policy = services.policy
        self._clock = services.clock

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get(_ALL, self.listing),
            web.post(_ALL, self.place),
            web.delete(_ONE, self.lift),
        ]

    @operation(
        "List the networks that are banned from SFTP",
        tag=Tag.ADMINISTRATION,
        text="For admins. The latest first; those of the settings aren't among them.",
        parameters=PAGE_OF_LIST,
        gives=gives(200, BanList),
        errors=(errors.InvalidRequestError,),
    )
    async def listing(self, request: web.Request) -> web.Response:
        """List the bans that hold."""
        page = asked_page(request)
        found, following = await self._bans.page(
            request[PRINCIPAL], after=page.after, limit=page.limit
        )
        shown = BanList(bans=[_shape(ban) for ban in found], next=following)
        return json_response(shown.json_object())

    @operation(
        "Ban a network from SFTP",
        tag=Tag.ADMINISTRATION,
        text="By admins. New connections from there are refused, on every node within seconds. Who "
        "is signed in stays so: revoke the account to end that. A network that is banned already "
        "keeps its id, and the later of both ends.",
        takes=takes(NewBan),
        gives=gives(201, BanShape),
        errors=(errors.InvalidRequestError,),
    )
    async def place(self, request: web.Request) -> web.Response:
        """Ban a network."""
        new = await read_json(request, NewBan, policy=self._policy, clock=self._clock)
        seconds = new.lifetime_seconds
        placed = await self._bans.place(
            request[PRINCIPAL],
            parse_network(new.network),
            reason=new.reason,
            lifetime=None if seconds is None else timedelta(seconds=seconds),
        )
        return json_response(_shape(placed).json_object(), status=HTTPStatus.CREATED)

    @operation(
        "Lift a ban",
        tag=Tag.ADMINISTRATION,
        text="By admins. Connections from there are taken again, on every node within seconds.",
        gives=gives(204),
        errors=(errors.MissingError,),
    )
    async def lift(self, request: web.Request) -> web.Response:
        """Lift a ban."""
        await self._bans.lift(request[PRINCIPAL], request.match_info["id"])
        return web.Response(status=HTTPStatus.NO_CONTENT)


def _shape(ban: Ban) -> BanShape:
    return BanShape(
        id=ban.id,
        network=str(ban.network),
        reason=ban.reason,
        banned_by=ban.banned_by,
        since=moment(ban.since),
        until=rfc3339(ban.until),
    )
