"""Cases: shown to all who may see them, and run from here where the core is the embedded one."""

from http import HTTPStatus

from aiohttp import hdrs, web

from transfer.core import errors
from transfer.core.access import Action, Principal, authorise_at_large, may
from transfer.core.cases import (
    Case,
    CaseNumber,
    Priority,
    parse_case_number,
    parse_priority,
    parse_status,
)
from transfer.core.closure import parse_close_reason
from transfer.http.case_search import ACCOUNT, ARRIVED_SINCE, STATUS, WORDS, asked_search
from transfer.http.json_bodies import Body, JsonBody, Line, read_json
from transfer.http.operations import Tag, gives, operation, takes
from transfer.http.paging import asked_page
from transfer.http.parameters import LOCATION, PAGE_OF_LIST
from transfer.http.policy import Services
from transfer.http.rendering import (
    Json,
    case_detail_json,
    case_json,
    cases_json,
    json_response,
    updates_json,
)
from transfer.http.requests import PRINCIPAL, case_number
from transfer.http.shapes.cases import CaseDetail, CaseList, CaseShape, UpdateList
from transfer.ports import CaseDesk

_ALL = "/api/v1/cases"
_ONE = f"{_ALL}/{{number}}"


class NewCase(JsonBody):
    """A case to be opened."""

    subject: Line
    account: Line
    number: str | None = None
    priority: Line | None = None
    sold_to: Line | None = None


class Resolution(JsonBody):
    """How a case is closed, and why."""

    resolution: Line | None = None
    reason: Line | None = None
    comment: str | None = None


class Information(JsonBody):
    """What supports the reopening of a case."""

    information: str | None = None


class NewStatus(JsonBody):
    """Where a case goes."""

    status: Line
    substatus: Line | None = None


class Reason(JsonBody):
    """Why the data of a case is held."""

    reason: Line


class Nothing(JsonBody):
    """Nothing at all, or an empty object."""


class CaseRoutes:
    """One case, as its visitors see it."""

    def __init__(self, services: Services) -> None:
        self._files = services.files
        self._policy = services.policy

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get(_ONE, self.show)]

    @operation(
        "Show a case, and what the caller may do to it",
        tag=Tag.CASES,
        gives=gives(200, CaseDetail),
    )
    async def show(self, request: web.Request) -> web.Response:
        """Show a case, what the caller may do, and where the SFTP door is."""
        principal = request[PRINCIPAL]
        case = await self._files.case(principal, case_number(request))
        policy = self._policy
        return json_response(case_detail_json(case, principal, policy.sftp, policy.retention))


class DeskRoutes:
    """Cases as Customer Care runs them, on the embedded core."""

    def __init__(self, services: Services, desk: CaseDesk) -> None:
        self._files = services.files
        self._clock = services.clock
        self._policy = services.policy
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get(_ALL, self.listing),
            web.post(_ALL, self.open),
            web.get(f"{_ONE}/updates", self.updates),
            web.post(f"{_ONE}/status", self.move),
            web.post(f"{_ONE}/close", self.close),
            web.post(f"{_ONE}/reopen", self.reopen),
            web.post(f"{_ONE}/hold", self.hold),
            web.post(f"{_ONE}/unhold", self.unhold),
        ]

    @operation(
        "List the cases that the caller sees",
        tag=Tag.CASES,
        text="The newest first. There only where the service runs the cases itself, as with all "
        "that changes them.",
        parameters=(WORDS, ACCOUNT, STATUS, ARRIVED_SINCE, *PAGE_OF_LIST),
        gives=gives(200, CaseList),
        errors=(errors.InvalidRequestError,),
    )
    async def listing(self, request: web.Request) -> web.Response:
        """List the cases that the caller sees, or those of them that are looked for."""
        principal = request[PRINCIPAL]
        wanted, page = asked_search(request.query, principal), asked_page(request)
        found, following = await self._desk.search(wanted, after=page.after, limit=page.limit)
        # A token that shows no case at all shows none here, whatever the page.
        shown = [one for one in found if may(principal, Action.SEE, one.case)]
        return json_response(cases_json(shown, following, self._policy.retention))

    @operation(
        "Open a case",
        tag=Tag.CASES,
        text="Under the next free number, unless one is given.",
        takes=takes(NewCase),
        gives=gives(201, CaseShape, headers=LOCATION),
        errors=(errors.NameTakenError,),
    )
    async def open(self, request: web.Request) -> web.Response:
        """Open a case."""
        principal = request[PRINCIPAL]
        _check_opens(principal)
        new = await self._read(request, NewCase)
        number = None if new.number is None else parse_case_number(new.number)
        priority = Priority.MEDIUM if new.priority is None else parse_priority(new.priority)
        case = await self._desk.open(
            new.subject,
            new.account,
            principal.name,
            number,
            priority=priority,
            sold_to=new.sold_to,
        )
        response = json_response(self._json(case), status=HTTPStatus.CREATED)
        response.headers[hdrs.LOCATION] = f"{request.path.rstrip('/')}/{case.number}"
        return response

    @operation(
        "Show the history of a case",
        tag=Tag.CASES,
        parameters=PAGE_OF_LIST,
        gives=gives(200, UpdateList),
    )
    async def updates(self, request: web.Request) -> web.Response:
        """Show the history of a case."""
        case = await self._files.case(request[PRINCIPAL], case_number(request))
        page = asked_page(request)
        updates, following = await self._desk.history(
            case.number, after=page.after, limit=page.limit
        )
        return json_response(updates_json(updates, following))

    @operation(
        "Give a case another status",
        tag=Tag.CASES,
        takes=takes(NewStatus),
        gives=gives(200, CaseShape),
        errors=(errors.CaseStateError,),
    )
    async def move(self, request: web.Request) -> web.Response:
        """Give a case another status."""
        number = await self._managed(request, Action.MANAGE_CASE)
        to = await self._read(request, NewStatus)
        status = parse_status(to.status)
        case = await self._desk.move(number, status, to.substatus, request[PRINCIPAL].name)
        return json_response(self._json(case))

    @operation(
        "Close a case",
        tag=Tag.CASES,
        text="Its SFTP accounts end, uploads are refused, and the time until its deletion begins. "
        "A customer gives a reason and a comment.",
        takes=takes(Resolution, required=False),
        gives=gives(200, CaseShape),
        errors=(errors.CaseStateError,),
    )
    async def close(self, request: web.Request) -> web.Response:
        """Close a case."""
        number = await self._managed(request, Action.TAKE_PART)
        principal, said = request[PRINCIPAL], await self._read(request, Resolution)
        if not principal.is_staff and (said.reason is None or said.comment is None):
            raise errors.InvalidRequestError("Give a reason and a comment.")
        case = await self._desk.close(
            number,
            said.resolution,
            principal.name,
            reason=None if said.reason is None else parse_close_reason(said.reason),
            comment=said.comment,
        )
        return json_response(self._json(case))

    @operation(
        "Reopen a case",
        tag=Tag.CASES,
        text="A customer gives the information that supports it, and asks within a time after the "
        "closure: 30 days, unless the operator has set another. Customer Care reopens it until the "
        "deletion of its data has begun.",
        takes=takes(Information, required=False),
        gives=gives(200, CaseShape),
        errors=(errors.CaseStateError,),
    )
    async def reopen(self, request: web.Request) -> web.Response:
        """Reopen a case."""
        number = await self._managed(request, Action.TAKE_PART)
        information = (await self._read(request, Information)).information
        principal = request[PRINCIPAL]
        if principal.is_staff:
            case = await self._desk.reopen(number, principal.name, information=information)
        else:
            asked = information or ""
            case = await self._desk.reopen_for_customer(number, asked, principal.name)
        return json_response(self._json(case))

    @operation(
        "Keep the data of a case from deletion",
        tag=Tag.CASES,
        takes=takes(Reason),
        gives=gives(200, CaseShape),
        errors=(errors.CaseStateError,),
    )
    async def hold(self, request: web.Request) -> web.Response:
        """Keep the data of a case from deletion."""
        number = await self._managed(request, Action.HOLD)
        reason = (await self._read(request, Reason)).reason
        case = await self._desk.hold(number, reason, request[PRINCIPAL].name)
        return json_response(self._json(case))

    @operation(
        "Lift the hold of a case",
        tag=Tag.CASES,
        takes=takes(Nothing, required=False),
        gives=gives(200, CaseShape),
        errors=(errors.CaseStateError,),
    )
    async def unhold(self, request: web.Request) -> web.Response:
        """Lift the hold of a case."""
        number = await self._managed(request, Action.HOLD)
        await self._read(request, Nothing)
        return json_response(self._json(await self._desk.unhold(number, request[PRINCIPAL].name)))

    async def _managed(self, request: web.Request, action: Action) -> CaseNumber:
        case = await self._files.case(request[PRINCIPAL], case_number(request), action)
        return case.number

    async def _read(self, request: web.Request, model: type[Body]) -> Body:
        return await read_json(request, model, policy=self._policy, clock=self._clock)

    def _json(self, case: Case) -> Json:
        return case_json(case, self._policy.retention)


def _check_opens(principal: Principal) -> None:
    """Raise unless `principal` may open cases: staff, who aren't limited to some."""
    authorise_at_large(principal, Action.MANAGE_CASE)
