"""The first page: their cases for customers, the way to all of them for Customer Care."""

from contextlib import suppress

from aiohttp import web

from transfer.core.access import Principal
from transfer.core.cases import Case, parse_case_number
from transfer.core.errors import CaseMissingError, InvalidRequestError
from transfer.http.operations import HTML, Parameter, Tag, gives, operation
from transfer.http.policy import Services
from transfer.http.requests import PRINCIPAL
from transfer.http.site.redirects import see_other
from transfer.http.site.rendering import render_page

_ALL_CASES = "/cases"
_CASE = "case"
_MOST_CASES = 200


class LandingRoutes:
    """Where people arrive who don't come for one case."""

    def __init__(self, services: Services) -> None:
        self._files = services.files
        self._lists_cases = services.desk is not None
        self._policy = services.policy

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get("/", self.first), web.get("/signed-in", self.signed_in)]

    @operation(
        "Show the cases of a customer, as a page",
        tag=Tag.PAGES,
        parameters=(Parameter(name=_CASE, text="The number of the case to open."),),
        gives=(
            gives(200, media=HTML),
            gives(303, text="To the case that was asked for; of Customer Care, to all cases."),
        ),
        errors=(InvalidRequestError,),
    )
    async def first(self, request: web.Request) -> web.Response:
        """Show a customer their cases, and lead Customer Care to all."""
        principal = request[PRINCIPAL]
        wanted = request.query.get(_CASE)
        if wanted is not None:
            number = parse_case_number(wanted.strip())
            return see_other(self._policy, f"{_ALL_CASES}/{number}")
        if principal.cases is None and self._lists_cases:
            return see_other(self._policy, _ALL_CASES)
        return render_page(
            request,
            "landing.html",
            cases=await self._cases(principal),
            finds_any=principal.cases is None,
        )

    @operation(
        "Tell who has signed in beside an open page that they may go back to it",
        tag=Tag.PAGES,
        gives=gives(200, media=HTML),
    )
    async def signed_in(self, request: web.Request) -> web.Response:
        """Tell who has signed in once more that the other window goes on."""
        return render_page(request, "signed-in.html")

    async def _cases(self, principal: Principal) -> list[Case]:
        """Return the cases that `principal` is limited to, those that take files first."""
        cases = []
        for number in sorted(principal.cases or ())[:_MOST_CASES]:
            with suppress(CaseMissingError):  # the case core may have let go of it
                cases.append(await self._files.case(principal, number))
        return sorted(cases, key=lambda case: (case.is_closed, case.number))
