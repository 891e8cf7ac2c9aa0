"""The page of the holds: what keeps the data of a case from its deletion, placed and lifted."""

from http import HTTPStatus

from aiohttp import web

from transfer.core import errors
from transfer.core.access import Action
from transfer.core.cases import CaseNumber, parse_case_number
from transfer.core.errors import CaseMissingError, CaseStateError, InvalidRequestError
from transfer.http.operations import HTML, Tag, gives, operation
from transfer.http.parameters import PAGE_OF_LIST
from transfer.http.policy import Services
from transfer.http.requests import PRINCIPAL
from transfer.http.site.admin_pages import (
    ADMIN_PATH,
    DONE,
    admin_page,
    done,
    form_fields,
    is_line,
    pager,
    rows_asked,
    takes_form,
)
from transfer.ports import CaseDesk

_ALL = f"{ADMIN_PATH}/holds"
_NUMBER, _REASON = "number", "reason"
_NO_FORM = {_NUMBER: "", _REASON: ""}


class AdminHoldRoutes:
    """The list of the holds."""

    def __init__(self, services: Services) -> None:
        self._oversight = services.oversight
        self._changes = services.desk is not None

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get(_ALL, self.show)]

    @operation(
        "Show the cases whose data is held, as a page",
        tag=Tag.PAGES,
        parameters=(DONE, *PAGE_OF_LIST),
        gives=gives(200, media=HTML),
        errors=(errors.InvalidRequestError,),
    )
    async def show(self, request: web.Request) -> web.Response:
        """Show the cases whose data is held."""
        return await self.page(request)

    async def page(
        self,
        request: web.Request,
        *,
        problem: str | None = None,
        form: dict[str, str] | None = None,
        status: int = HTTPStatus.OK,
    ) -> web.Response:
        """Return the page, with what is wrong about a form that was sent, and that form."""
        principal, asked = request[PRINCIPAL], rows_asked(request)
        found, following = await self._oversight.held(
            principal, after=asked.after, limit=asked.limit
        )
        is_allowed = principal.actions is None or Action.HOLD in principal.actions
        return admin_page(
            request,
            "holds.html",
            status=status,
            held=found,
            changes=self._changes and is_allowed,
            problem=problem,
            form=form or _NO_FORM,
            pager=pager(request, following),
        )


class AdminHoldDeskRoutes:
    """The forms of the page, where the service runs the cases itself."""

    def __init__(self, services: Services, desk: CaseDesk) -> None:
        self._files = services.files
        self._policy = services.policy
        self._desk = desk
        self._shown = AdminHoldRoutes(services)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.post(_ALL, self.place), web.post(f"{_ALL}/lift", self.lift)]

    @operation(
        "Hold the data of a case, by a form on a page",
        tag=Tag.PAGES,
        takes=takes_form(_NUMBER, _REASON),
        gives=(
            gives(303, text="To the list of the holds."),
            gives(400, media=HTML, text="The form again, with what is wrong about it."),
        ),
        errors=(errors.InvalidRequestError,),
    )
    async def place(self, request: web.Request) -> web.Response:
        """Hold the data of a case."""
        fields = form_fields(request)
        form = {name: fields.get(name, "") for name in _NO_FORM}
        problem = await self._fault_of(request, form)
        if problem is None:
            return done(self._policy, _ALL, "placed")
        return await self._shown.page(
            request, problem=problem, form=form, status=HTTPStatus.BAD_REQUEST
        )

    @operation(
        "Lift the hold of a case, by a button on a page",
        tag=Tag.PAGES,
        takes=takes_form(_NUMBER),
        gives=gives(303, text="To the list of the holds."),
        errors=(errors.InvalidRequestError, errors.CaseMissingError),
    )
    async def lift(self, request: web.Request) -> web.Response:
        """Lift the hold of a case; one that was lifted meanwhile is lifted all the same."""
        number = parse_case_number(form_fields(request).get(_NUMBER, ""))
        await self._authorise(request, number)
        try:
            await self._desk.unhold(number, request[PRINCIPAL].name)
        except CaseStateError:
            return done(self._policy, _ALL, "lifted-before")
        return done(self._policy, _ALL, "lifted")

    async def _fault_of(self, request: web.Request, form: dict[str, str]) -> str | None:
        """Place the hold; return in a word why it can't be, None if it is placed."""
        reason = form[_REASON]
        if not is_line(reason):
            return "reason"
        try:
            number = parse_case_number(form[_NUMBER])
            await self._authorise(request, number)
            await self._desk.hold(number, reason, request[PRINCIPAL].name)
        except (InvalidRequestError, CaseMissingError):
            return "case"
        except CaseStateError:
            return "state"
        return None

    async def _authorise(self, request: web.Request, number: CaseNumber) -> None:
        await self._files.case(request[PRINCIPAL], number, Action.HOLD)
