"""What customers and Customer Care write to a case, and how customers close and reopen it."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from transfer.core import errors
from transfer.core.access import Action, may
from transfer.core.cases import Case, CaseNumber, CaseUpdate
from transfer.core.closure import CloseReason, parse_close_reason
from transfer.http.case_updates import Comment
from transfer.http.json_bodies import JsonBody, Line
from transfer.http.operations import Tag, gives, operation
from transfer.http.policy import Services
from transfer.http.requests import PRINCIPAL, case_number
from transfer.http.site.form_fields import form_of, read_fields
from transfer.http.site.redirects import see_other
from transfer.http.site.sections import Section
from transfer.ports import CaseDesk

_ANCHOR = "#conversation"
_DONE = "said"
_BACK = gives(303, text="To the case.")

_BY_CUSTOMER = frozenset(
    {CloseReason.SOLVED, CloseReason.SOLVED_BY_CUSTOMER, CloseReason.NOT_NEEDED}
    | {CloseReason.DUPLICATE}
)


class _Closure(JsonBody):
    """How a customer closes a case."""

    reason: Line
    comment: str


class _Reopening(JsonBody):
    """Why a customer wants a case to be reopened."""

    information: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """The last comments on a case, and what may be said now.

    `done` says what was done just now, by the name of the form.
    """

    comments: Sequence[CaseUpdate]
    reasons: Sequence[CloseReason]
    may_write: bool
    may_close: bool
    may_reopen: bool
    done: str | None


class CaseConversation:
    """The section for both sides, where cases are run from here."""

    def __init__(self, services: Services) -> None:
        self._desk = services.desk

    async def section(self, request: web.Request, case: Case) -> Section | None:
        """Return the section; who only reads sees what was written."""
        if self._desk is None or not self._desk.runs_cases:
            return None
        principal = request[PRINCIPAL]
        takes_part = may(principal, Action.TAKE_PART, case)
        # Customer Care closes and reopens where it manages the case.
        decides = takes_part and not principal.is_staff
        conversation = Conversation(
            comments=await self._desk.comments(case.number),
            reasons=[reason for reason in CloseReason if reason in _BY_CUSTOMER],
            may_write=takes_part and not case.is_closed,
            may_close=decides and not case.is_closed,
            may_reopen=decides and case.is_closed and case.purge_started_at is None,
            done=request.query.get(_DONE),
        )
        return Section("case/conversation.html", conversation)


class CaseConversationRoutes:
    """The forms of the section."""

    def __init__(self, services: Services, desk: CaseDesk) -> None:
        self._files = services.files
        self._policy = services.policy
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.post("/cases/{number}/comment", self.comment),
            web.post("/cases/{number}/closure", self.close),
            web.post("/cases/{number}/reopening", self.reopen),
        ]

    @operation(
        "Add a comment to a case, by a form on its page",
        tag=Tag.PAGES,
        takes=form_of("text"),
        gives=_BACK,
        errors=(errors.CaseStateError,),
    )
    async def comment(self, request: web.Request) -> web.Response:
        """Add a comment."""
        number, principal = await self._number(request), request[PRINCIPAL]
        text = read_fields(request, Comment).text
        await self._desk.comment(number, text, principal.name, by_customer=not principal.is_staff)
        return self._back(number, "commented")

    @operation(
        "Close a case as its customer, by a form on its page",
        tag=Tag.PAGES,
        takes=form_of("reason", "comment"),
        gives=_BACK,
        errors=(errors.CaseStateError,),
    )
    async def close(self, request: web.Request) -> web.Response:
        """Close a case."""
        number = await self._number(request)
        said = read_fields(request, _Closure)
        reason = parse_close_reason(said.reason)
        name = request[PRINCIPAL].name
        await self._desk.close(number, None, name, reason=reason, comment=said.comment)
        return self._back(number, "closed")

    @operation(
        "Ask for a case to be reopened, by a form on its page",
        tag=Tag.PAGES,
        takes=form_of("information"),
        gives=_BACK,
        errors=(errors.CaseStateError,),
    )
    async def reopen(self, request: web.Request) -> web.Response:
        """Reopen a case."""
        number = await self._number(request)
        information = read_fields(request, _Reopening).information
        await self._desk.reopen_for_customer(number, information, request[PRINCIPAL].name)
        return self._back(number, "reopened")

    async def _number(self, request: web.Request) -> CaseNumber:
        principal, number = request[PRINCIPAL], case_number(request)
        return (await self._files.case(principal, number, Action.TAKE_PART)).number

    def _back(self, number: CaseNumber, done: str) -> web.Response:
        return see_other(self._policy, f"/cases/{number}?{_DONE}={done}{_ANCHOR}")
