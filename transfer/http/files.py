"""What a case holds: its list, and the removal of a file."""

from http import HTTPStatus

from aiohttp import web

from transfer.core import errors
from transfer.core.uploads import FileId
from transfer.http.operations import Tag, gives, operation
from transfer.http.paging import LARGEST_PAGE, asked_page
from transfer.http.parameters import PAGE_OF_LIST
from transfer.http.policy import Services
from transfer.http.rendering import json_response, listing_json
from transfer.http.requests import OPAQUE_ID, PRINCIPAL, case_number
from transfer.http.shapes.files import ListingShape


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

    @operation(
        "List the files of a case",
        tag=Tag.FILES,
        text="All of them, whatever their folder, oldest first. The first page also has the "
        "unfinished uploads. Unless told otherwise, a page has up to 1,000.",
        parameters=PAGE_OF_LIST,
        gives=gives(200, ListingShape),
    )
    async def listing(self, request: web.Request) -> web.Response:
        """List files, a page at a time: `after` is the `next` of the page before."""
        page = asked_page(request, usual=LARGEST_PAGE)
        listing = await self._files.listing(
            request[PRINCIPAL],
            case_number(request),
            after=page.after,
            limit=page.limit,
        )
        return json_response(listing_json(listing, self._clock.now()))

    @operation(
        "Remove a file",
        tag=Tag.FILES,
        text="While the case is open. What Customer Care shares with the customer, only they "
        "remove. The bytes are deleted soon afterwards.",
        gives=gives(204),
        errors=(
            errors.EntryMissingError,
            errors.CaseClosedError,
            errors.ForbiddenError,
            errors.HeldError,
        ),
    )
    async def remove(self, request: web.Request) -> web.Response:
        """Remove a file."""
        await self._files.remove_file(request[PRINCIPAL], FileId(request.match_info["id"]))
        return web.Response(status=HTTPStatus.NO_CONTENT)
