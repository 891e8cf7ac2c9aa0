"""Sessions of others: who is signed in at a browser, and the end of it, by admins."""

from http import HTTPStatus

from aiohttp import web

from transfer.core import errors
from transfer.core.cases import CaseNumber, parse_case_number
from transfer.http.operations import Parameter, Tag, gives, operation
from transfer.http.oversight_json import sessions_json
from transfer.http.paging import asked_page
from transfer.http.parameters import PAGE_OF_LIST
from transfer.http.policy import Services
from transfer.http.rendering import json_response
from transfer.http.requests import OPAQUE_ID, PRINCIPAL
from transfer.http.shapes.oversight import OpenSessionList

_ALL = "/api/v1/sessions"
_ONE = f"{_ALL}/{{id:{OPAQUE_ID}}}"

OF_CASE = Parameter(name="case", text="Only those that were begun for this case.")
OF_SUBJECT = Parameter(name="subject", text="Only those of this person, by the issuer's id.")


class SessionRoutes:
    """The sessions that aren't over."""

    def __init__(self, services: Services) -> None:
        self._oversight = services.oversight

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get(_ALL, self.listing), web.delete(_ONE, self.end)]

    @operation(
        "List sessions",
        tag=Tag.ADMINISTRATION,
        text="For admins. Those that aren't over, the newest first.",
        parameters=(OF_CASE, OF_SUBJECT, *PAGE_OF_LIST),
        gives=gives(200, OpenSessionList),
        errors=(errors.InvalidRequestError,),
    )
    async def listing(self, request: web.Request) -> web.Response:
        """List the sessions that aren't over."""
        principal, page = request[PRINCIPAL], asked_page(request)
        found, following = await self._oversight.sessions(
            principal,
            case_number=asked_case(request),
            subject=request.query.get(OF_SUBJECT.name) or None,
            after=page.after,
            limit=page.limit,
        )
        return json_response(sessions_json(found, following, principal))

    @operation(
        "End a session: its requests end within seconds",
        tag=Tag.ADMINISTRATION,
        text="By admins. What was received is kept, and goes on after the next sign-in.",
        gives=gives(204),
        errors=(errors.SessionMissingError,),
    )
    async def end(self, request: web.Request) -> web.Response:
        """End somebody's session."""
        await self._oversight.end_session(request[PRINCIPAL], request.match_info["id"])
        return web.Response(status=HTTPStatus.NO_CONTENT)


def asked_case(request: web.Request) -> CaseNumber | None:
    """Return the case that a list is limited to, None for all.

    Raises:
        InvalidRequestError: it isn't a case number.
    """
    text = request.query.get(OF_CASE.name, "").strip()
    return parse_case_number(text) if text else None
