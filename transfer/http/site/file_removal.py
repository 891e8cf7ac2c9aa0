"""Removing a file by a page of its own: asked for, then done. It needs no script."""

from http import HTTPStatus

from aiohttp import hdrs, web

from transfer.core import errors
from transfer.core.access import Action
from transfer.core.names import check_writable, split
from transfer.core.uploads import FileId, StoredFile
from transfer.http.operations import HTML, Tag, gives, operation
from transfer.http.policy import Services, public_path
from transfer.http.requests import OPAQUE_ID, PRINCIPAL
from transfer.http.site.form_fields import form_of
from transfer.http.site.rendering import render_page

_PATH = f"/files/{{id:{OPAQUE_ID}}}/removal"
_ERRORS = (
    errors.EntryMissingError,
    errors.CaseClosedError,
    errors.ForbiddenError,
    errors.HeldError,
)


class FileRemovalRoutes:
    """The question whether a file shall go, and the answer."""

    def __init__(self, services: Services) -> None:
        self._files = services.files
        self._policy = services.policy

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get(_PATH, self.ask), web.post(_PATH, self.remove)]

    @operation(
        "Ask whether a file shall be removed",
        tag=Tag.PAGES,
        gives=gives(200, media=HTML),
        errors=_ERRORS,
    )
    async def ask(self, request: web.Request) -> web.Response:
        """Ask who may remove the file."""
        file = await self._removable(request)
        case = await self._files.case(request[PRINCIPAL], file.case_number)
        name = split(file.path)[1]
        return render_page(request, "file_removal.html", case=case, file=file, name=name)

    @operation(
        "Remove a file, from a page",
        tag=Tag.PAGES,
        takes=form_of(),
        gives=gives(303, text="To the case.", headers={"Location": "The page of the case."}),
        errors=_ERRORS,
    )
    async def remove(self, request: web.Request) -> web.Response:
        """Remove the file, and show what the case holds then."""
        file = await self._removable(request)
        await self._files.remove_file(request[PRINCIPAL], file.id)
        location = public_path(self._policy, f"/cases/{file.case_number}#files")
        return web.Response(status=HTTPStatus.SEE_OTHER, headers={hdrs.LOCATION: location})

    async def _removable(self, request: web.Request) -> StoredFile:
        principal, file_id = request[PRINCIPAL], FileId(request.match_info["id"])
        file = await self._files.file(principal, file_id, Action.ARRANGE)
        (await self._files.case(principal, file.case_number)).check_not_held()
        check_writable(file.path, is_staff=principal.is_staff)
        return file
