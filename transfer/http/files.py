"""What a case holds: its list, and the removal of a file."""

import re
from http import HTTPStatus

from aiohttp import web

from transfer.core.errors import InvalidRequestError
from transfer.core.uploads import FileId
from transfer.http.policy import Services
from transfer.http.rendering import json_response, listing_json
from transfer.http.requests import OPAQUE_ID, PRINCIPAL, case_number

_PAGE = 1000
_DIGITS = re.compile(r"[0-9]{1,6}")


class FileRoutes:
    """The files of a case."""

    def __init__(self, services: Services) -> None:
        self._files = services.files
        self._clock = services.clock

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/api/v1/cases/{number}/files", self.listing),
            web.delete(f"/api/v1/files/{{id:{OPAQUE_ID}}}", self.remove),
        ]

    async def listing(self, request: web.Request) -> web.Response:
        """List files, a page at a time: `after` is the `next` of the page before."""
        listing = await self._files.listing(
            request[PRINCIPAL],
            case_number(request),
            after=request.query.get("after"),
            limit=_limit(request),
        )
        return json_response(listing_json(listing, self._clock.now()))

    async def remove(self, request: web.Request) -> web.Response:
        """Remove a file."""
        await self._files.remove_file(request[PRINCIPAL], FileId(request.match_info["id"]))
        return web.Response(status=HTTPStatus.NO_CONTENT)


def _limit(request: web.Request) -> int:
    text = request.query.get("limit")
    if text is None:
        return _PAGE
    limit = int(text) if _DIGITS.fullmatch(text) else 0
    if not 1 <= limit <= _PAGE:
        raise InvalidRequestError(f"limit is a number from 1 to {_PAGE}.")
    return limit
