"""What people write to a case, and how much it presses, where cases are run from here."""

from aiohttp import web

from transfer.core import errors
from transfer.core.access import Action
from transfer.core.cases import CaseNumber, parse_priority
from transfer.http.json_bodies import Body, JsonBody, Line, read_json
from transfer.http.operations import Tag, gives, operation, takes
from transfer.http.policy import Services
from transfer.http.rendering import case_json, json_response
from transfer.http.requests import PRINCIPAL, case_number
from transfer.http.shapes.cases import CaseShape
from transfer.ports import CaseDesk

_ONE = "/api/v1/cases/{number}"


class Comment(JsonBody):
    """What somebody writes to a case."""

    text: str


class NewPriority(JsonBody):
    """How much a case presses from now on."""

    priority: Line


class CaseUpdateRoutes:
    """Comments and priorities."""

    def __init__(self, services: Services, desk: CaseDesk) -> None:
        self._files = services.files
        self._clock = services.clock
        self._policy = services.policy
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.post(f"{_ONE}/updates", self.comment),
            web.post(f"{_ONE}/priority", self.prioritise),
        ]

    @operation(
        "Add a comment to a case",
        tag=Tag.CASES,
        text="Both sides read it in the history of the case. One of the customer's makes a case "
        "that awaited it, or a solution's approval, open again.",
        takes=takes(Comment),
        gives=gives(200, CaseShape),
        errors=(errors.CaseStateError, errors.InvalidRequestError),
    )
    async def comment(self, request: web.Request) -> web.Response:
        """Add a comment."""
        number = await self._checked(request, Action.TAKE_PART)
        principal, text = request[PRINCIPAL], (await self._read(request, Comment)).text
        case = await self._desk.comment(
            number, text, principal.name, by_customer=not principal.is_staff
        )
        return json_response(case_json(case, self._policy.retention))

    @operation(
        "Give a case another priority",
        tag=Tag.CASES,
        text="Of a case in Production Down, customers are not reminded.",
        takes=takes(NewPriority),
        gives=gives(200, CaseShape),
        errors=(errors.CaseStateError,),
    )
    async def prioritise(self, request: web.Request) -> web.Response:
        """Give a case another priority."""
        number = await self._checked(request, Action.MANAGE_CASE)
        priority = parse_priority((await self._read(request, NewPriority)).priority)
        case = await self._desk.prioritise(number, priority, request[PRINCIPAL].name)
        return json_response(case_json(case, self._policy.retention))

    async def _checked(self, request: web.Request, action: Action) -> CaseNumber:
        case = await self._files.case(request[PRINCIPAL], case_number(request), action)
        return case.number

    async def _read(self, request: web.Request, model: type[Body]) -> Body:
        return await read_json(request, model, policy=self._policy, clock=self._clock)
