"""What Customer Care does to a case: its status, its end, and the hold on its data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from transfer.core import errors
from transfer.core.access import Action, may
from transfer.core.cases import SUBSTATUSES, Case, CaseNumber, Status, parse_status
from transfer.core.closure import CloseReason, parse_close_reason
from transfer.core.errors import InvalidRequestError
from transfer.http.cases import Nothing, Reason, Resolution
from transfer.http.json_bodies import JsonBody, Line
from transfer.http.operations import Tag, gives, operation
from transfer.http.policy import Services
from transfer.http.requests import PRINCIPAL, case_number
from transfer.http.site.form_fields import form_of, read_fields
from transfer.http.site.redirects import see_other
from transfer.http.site.sections import Section
from transfer.ports import CaseDesk

_BETWEEN = "|"
_ANCHOR = "#care"
_DONE = "done"
_BACK = gives(303, text="To the case.")

_MOVES: Mapping[Status, Sequence[str]] = {
    status: substatuses
    for status, substatuses in SUBSTATUSES.items()
    if status is not Status.CLOSED
}


class _State(JsonBody):
    """A status and its substatus, in one field: what a list of both can send."""

    state: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Care:
    """What may be done to a case now. `gone_at`: when its data would go if it were closed now.

    `done` says what was done just now, by the name of the form.
    """

    moves: Mapping[Status, Sequence[str]]
    resolutions: Sequence[str]
    reasons: Sequence[CloseReason]
    gone_at: datetime
    may_manage: bool
    may_hold: bool
    done: str | None


class CaseCare:
    """The section for who runs the case, where cases are run from here."""

    def __init__(self, services: Services) -> None:
        self._clock = services.clock
        self._retention = services.policy.retention
        self._is_here = services.desk is not None
        self._runs_cases = services.desk is not None and services.desk.runs_cases

    async def section(self, request: web.Request, case: Case) -> Section | None:
        """Return the section for staff."""
        principal = request[PRINCIPAL]
        may_manage = self._runs_cases and may(principal, Action.MANAGE_CASE, case)
        may_hold = may(principal, Action.HOLD, case) and case.purged_at is None
        if not (self._is_here and (may_manage or may_hold)):
            return None
        care = Care(
            moves=_MOVES,
            resolutions=SUBSTATUSES[Status.CLOSED],
            reasons=tuple(CloseReason),
            gone_at=self._clock.now() + self._retention,
            may_manage=may_manage,
            may_hold=may_hold,
            done=request.query.get(_DONE),
        )
        return Section("case/care.html", care)


class CaseCareRoutes:
    """The forms of the section."""

    def __init__(self, services: Services, desk: CaseDesk) -> None:
        self._files = services.files
        self._policy = services.policy
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.post("/cases/{number}/status", self.move),
            web.post("/cases/{number}/close", self.close),
            web.post("/cases/{number}/reopen", self.reopen),
            web.post("/cases/{number}/hold", self.hold),
            web.post("/cases/{number}/unhold", self.unhold),
        ]

    @operation(
        "Give a case another status, by a form on its page",
        tag=Tag.PAGES,
        takes=form_of("state"),
        gives=_BACK,
        errors=(errors.CaseStateError,),
    )
    async def move(self, request: web.Request) -> web.Response:
        """Give a case another status."""
        number = await self._managed(request, Action.MANAGE_CASE)
        status, between, substatus = read_fields(request, _State).state.partition(_BETWEEN)
        if not between:
            raise InvalidRequestError("Choose a status with its substatus.")
        await self._desk.move(number, parse_status(status), substatus, request[PRINCIPAL].name)
        return self._back(number, "moved")

    @operation(
        "Close a case, by a form on its page",
        tag=Tag.PAGES,
        takes=form_of("resolution", "reason", "comment"),
        gives=_BACK,
        errors=(errors.CaseStateError,),
    )
    async def close(self, request: web.Request) -> web.Response:
        """Close a case."""
        number = await self._managed(request, Action.MANAGE_CASE)
        said = read_fields(request, Resolution)
        reason = None if said.reason is None else parse_close_reason(said.reason)
        name = request[PRINCIPAL].name
        await self._desk.close(number, said.resolution, name, reason=reason, comment=said.comment)
        return self._back(number, "closed")

    @operation(
        "Reopen a case, by a form on its page",
        tag=Tag.PAGES,
        takes=form_of(),
        gives=_BACK,
        errors=(errors.CaseStateError,),
    )
    async def reopen(self, request: web.Request) -> web.Response:
        """Reopen a case."""
        number = await self._managed(request, Action.MANAGE_CASE)
        read_fields(request, Nothing)
        await self._desk.reopen(number, request[PRINCIPAL].name)
        return self._back(number, "reopened")

    @operation(
        "Keep the data of a case from deletion, by a form on its page",
        tag=Tag.PAGES,
        takes=form_of("reason"),
        gives=_BACK,
        errors=(errors.CaseStateError,),
    )
    async def hold(self, request: web.Request) -> web.Response:
        """Keep the data of a case from deletion."""
        number = await self._managed(request, Action.HOLD)
        reason = read_fields(request, Reason).reason
        await self._desk.hold(number, reason, request[PRINCIPAL].name)
        return self._back(number, "held")

    @operation(
        "Lift the hold of a case, by a form on its page",
        tag=Tag.PAGES,
        takes=form_of(),
        gives=_BACK,
        errors=(errors.CaseStateError,),
    )
    async def unhold(self, request: web.Request) -> web.Response:
        """Lift the hold of a case."""
        number = await self._managed(request, Action.HOLD)
        read_fields(request, Nothing)
        await self._desk.unhold(number, request[PRINCIPAL].name)
        return self._back(number, "lifted")

    async def _managed(self, request: web.Request, action: Action) -> CaseNumber:
        case = await self._files.case(request[PRINCIPAL], case_number(request), action)
        return case.number

    def _back(self, number: CaseNumber, done: str) -> web.Response:
        return see_other(self._policy, f"/cases/{number}?{_DONE}={done}{_ANCHOR}")
