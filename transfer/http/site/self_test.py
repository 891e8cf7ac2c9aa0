"""The page on which people find out why they can't upload."""

from aiohttp import web

from transfer.core import errors
from transfer.core.access import Action, may
from transfer.core.cases import Case, CaseNumber, parse_case_number
from transfer.http.operations import HTML, Parameter, Tag, gives, operation
from transfer.http.policy import Services
from transfer.http.requests import PRINCIPAL
from transfer.http.site.rendering import render_page

SELF_TEST_PATH = "/self-test"
_CASE = "case"


class SelfTestPageRoutes:
    """The page; what it tests against is in `transfer.http.self_test`."""

    def __init__(self, services: Services) -> None:
        self._files = services.files

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get(SELF_TEST_PATH, self.show)]

    @operation(
        "Show the page that tests a connection",
        tag=Tag.PAGES,
        parameters=(
            Parameter(
                name=_CASE,
                text="The case that the result may be put into.",
                schema={"type": "string", "pattern": "^[0-9]{10}$"},
            ),
        ),
        gives=gives(200, media=HTML),
        errors=(errors.InvalidRequestError, errors.CaseMissingError),
    )
    async def show(self, request: web.Request) -> web.Response:
        """Show the page; it works by its script."""
        case = await self._case(request)
        takes = case is not None and may(request[PRINCIPAL], Action.UPLOAD, case)
        return render_page(request, "self_test.html", case=case, takes_result=takes)

    async def _case(self, request: web.Request) -> Case | None:
        """Return the case that is asked for, or the only one of who asks."""
        principal = request[PRINCIPAL]
        named = request.query.get(_CASE)
        if named is not None:
            return await self._files.case(principal, parse_case_number(named))
        theirs: list[CaseNumber] = sorted(principal.cases or ())
        return await self._files.case(principal, theirs[0]) if len(theirs) == 1 else None
