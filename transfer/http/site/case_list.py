"""All cases, for Customer Care: found by number, account, status, and by what has arrived."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

from aiohttp import web

from transfer.core import errors
from transfer.core.access import Action, Principal, authorise_at_large, may, may_at_large
from transfer.core.case_search import CaseSearch
from transfer.core.cases import CaseNumber, Status, parse_case_number
from transfer.core.errors import CaseMissingError, InvalidRequestError
from transfer.http.case_search import ACCOUNT, STATUS, WORDS, asked_search
from transfer.http.cases import NewCase
from transfer.http.operations import HTML, Parameter, Tag, gives, operation
from transfer.http.paging import asked_page
from transfer.http.parameters import PAGE_OF_LIST
from transfer.http.policy import Services
from transfer.http.requests import PRINCIPAL
from transfer.http.site.form_fields import form_of, read_fields
from transfer.http.site.redirects import see_other
from transfer.http.site.rendering import render_page
from transfer.ports import CaseDesk

_PATH = "/cases"
_PAGE = 50
_NUMBER = re.compile(r"[0-9]{10}")
_FILTERS = ("q", "account", "status", "since")

PERIODS: Mapping[str, timedelta] = {
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "3d": timedelta(days=3),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
"""How far back people look for what has arrived."""

_SINCE = Parameter(
    name="since",
    text="Only those in which a file of the customer's has arrived in this time.",
    schema={"type": "string", "enum": ["", *PERIODS]},
)


class CaseListRoutes:
    """The list of all cases. Who is limited to some, finds them on the first page."""

    def __init__(self, services: Services) -> None:
        self._files = services.files
        self._clock = services.clock
        self._policy = services.policy
        self._desk = services.desk

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get(_PATH, self.show)]

    @operation(
        "Show the cases that are looked for, as a page",
        tag=Tag.PAGES,
        parameters=(WORDS, ACCOUNT, STATUS, _SINCE, *PAGE_OF_LIST),
        gives=(
            gives(200, media=HTML),
            gives(303, text="To the case of that number; of who is limited to some, to theirs."),
        ),
        errors=(errors.InvalidRequestError,),
    )
    async def show(self, request: web.Request) -> web.Response:
        """Show the cases that are looked for."""
        principal = request[PRINCIPAL]
        if self._desk is None or principal.cases is not None:
            return see_other(self._policy, "/")
        number = request.query.get("q", "").strip()
        if _NUMBER.fullmatch(number) and await self._is_there(principal, CaseNumber(number)):
            return see_other(self._policy, f"{_PATH}/{number}")
        return await self._list(request, self._desk, self._wanted(request))

    async def _list(self, request: web.Request, desk: CaseDesk, wanted: CaseSearch) -> web.Response:
        principal, page = request[PRINCIPAL], asked_page(request, usual=_PAGE)
        found, following = await desk.search(wanted, after=page.after, limit=page.limit)
        asked = {name: request.query.get(name, "") for name in _FILTERS}
        kept = {name: value for name, value in asked.items() if value}
        return render_page(
            request,
            "cases.html",
            found=[one for one in found if may(principal, Action.SEE, one.case)],
            asked=asked,
            statuses=list(Status),
            without_account=_query({**kept, "account": ""}),
            first_page=None if page.after is None else _query(kept),
            next_page=None if following is None else _query({**kept, "after": following}),
            may_open=desk.runs_cases and may_at_large(principal, Action.MANAGE_CASE),
        )

    def _wanted(self, request: web.Request) -> CaseSearch:
        wanted = asked_search(request.query, request[PRINCIPAL])
        since = request.query.get("since")
        if not since:
            return wanted
        if since not in PERIODS:
            raise InvalidRequestError(f"since is one of: {', '.join(PERIODS)}.")
        return replace(wanted, arrived_since=self._clock.now() - PERIODS[since])

    async def _is_there(self, principal: Principal, number: CaseNumber) -> bool:
        with suppress(CaseMissingError):
            await self._files.case(principal, number)
            return True
        return False


class CaseOpeningRoutes:
    """The form that opens a case, where cases are run from here."""

    def __init__(self, services: Services, desk: CaseDesk) -> None:
        self._policy = services.policy
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.post(_PATH, self.open)]

    @operation(
        "Open a case, by a form on a page",
        tag=Tag.PAGES,
        takes=form_of("subject", "account", "number"),
        gives=gives(303, text="To the case."),
        errors=(errors.NameTakenError,),
    )
    async def open(self, request: web.Request) -> web.Response:
        """Open a case."""
        principal = request[PRINCIPAL]
        authorise_at_large(principal, Action.MANAGE_CASE)
        new = read_fields(request, NewCase)
        number = None if new.number is None else parse_case_number(new.number.strip())
        case = await self._desk.open(new.subject, new.account, principal.name, number)
        return see_other(self._policy, f"{_PATH}/{case.number}")


def _query(asked: Mapping[str, str]) -> str:
    return "?" + urlencode({name: value for name, value in asked.items() if value})
