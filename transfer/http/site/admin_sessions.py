"""The page of the sessions: who is signed in at a browser, and the button that ends it."""

from aiohttp import web

from transfer.core import errors
from transfer.core.errors import SessionMissingError
from transfer.http.operations import HTML, Tag, gives, operation
from transfer.http.parameters import PAGE_OF_LIST
from transfer.http.policy import Services
from transfer.http.requests import OPAQUE_ID, PRINCIPAL
from transfer.http.sessions import OF_CASE, OF_SUBJECT, asked_case
from transfer.http.site.admin_pages import (
    ADMIN_PATH,
    DONE,
    admin_page,
    done,
    pager,
    rows_asked,
    takes_form,
)

_ALL = f"{ADMIN_PATH}/sessions"


class AdminSessionRoutes:
    """The list of the sessions."""

    def __init__(self, services: Services) -> None:
        self._oversight = services.oversight
        self._policy = services.policy

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get(_ALL, self.show),
            web.post(f"{_ALL}/{{id:{OPAQUE_ID}}}/end", self.end),
        ]

    @operation(
        "Show who is signed in, as a page",
        tag=Tag.PAGES,
        parameters=(OF_CASE, OF_SUBJECT, DONE, *PAGE_OF_LIST),
        gives=gives(200, media=HTML),
        errors=(errors.InvalidRequestError,),
    )
    async def show(self, request: web.Request) -> web.Response:
        """Show the sessions that aren't over, the newest first."""
        principal, page = request[PRINCIPAL], rows_asked(request)
        case_number, subject = asked_case(request), request.query.get(OF_SUBJECT.name) or None
        found, following = await self._oversight.sessions(
            principal, case_number=case_number, subject=subject, after=page.after, limit=page.limit
        )
        return admin_page(
            request,
            "sessions.html",
            sessions=found,
            own=principal.credential,
            case_number=case_number,
            subject=subject,
            pager=pager(request, following),
        )

    @operation(
        "End a session, by a button on a page",
        tag=Tag.PAGES,
        takes=takes_form(),
        gives=gives(303, text="To the list of the sessions."),
    )
    async def end(self, request: web.Request) -> web.Response:
        """End a session; one that is gone meanwhile has ended all the same."""
        try:
            await self._oversight.end_session(request[PRINCIPAL], request.match_info["id"])
        except SessionMissingError:
            return done(self._policy, _ALL, "ended-before")
        return done(self._policy, _ALL, "ended")
