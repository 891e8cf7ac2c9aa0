"""The page of the tokens: which there are, a form for a new one, and a button that revokes one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus

from aiohttp import web

from transfer.core import errors
from transfer.core.access import CUSTOMER_ROLES, Action, Role, authorise_at_large
from transfer.core.cases import parse_case_number
from transfer.core.errors import CaseMissingError, InvalidRequestError, TokenMissingError
from transfer.engine.tokens import TokenRequest
from transfer.http.operations import HTML, Tag, gives, operation
from transfer.http.parameters import PAGE_OF_LIST
from transfer.http.policy import Services
from transfer.http.requests import OPAQUE_ID, PRINCIPAL
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
from transfer.ports import Token

_ALL = f"{ADMIN_PATH}/tokens"
_NAME, _ROLE, _CASES, _LIMIT, _HOURS = "name", "role", "cases", "limit", "hours"
_NO_FORM = {_NAME: "", _ROLE: Role.ANALYST.value, _CASES: "", _LIMIT: "", _HOURS: ""}
_LIMITS: Mapping[str, frozenset[Action] | None] = {
    "": None,
    "see": frozenset({Action.SEE}),
    "download": frozenset({Action.DOWNLOAD}),
    "upload": frozenset({Action.UPLOAD}),
}
"""What a token may be limited to here; the API has more of them."""

_LIFETIMES_HOURS = (1, 12, 24, 7 * 24, 30 * 24, 90 * 24)


@dataclass(frozen=True, slots=True)
class Issued:
    """A token that was just issued, and its secret, which nobody is shown again."""

    token: Token
    secret: str


class AdminTokenRoutes:
    """The list of the tokens, and its forms."""

    def __init__(self, services: Services) -> None:
        self._tokens = services.tokens
        self._policy = services.policy
        self._clock = services.clock

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get(_ALL, self.show),
            web.post(_ALL, self.issue),
            web.post(f"{_ALL}/{{id:{OPAQUE_ID}}}/revoke", self.revoke),
        ]

    @operation(
        "Show the tokens, as a page",
        tag=Tag.PAGES,
        parameters=(DONE, *PAGE_OF_LIST),
        gives=gives(200, media=HTML),
        errors=(errors.InvalidRequestError,),
    )
    async def show(self, request: web.Request) -> web.Response:
        """Show the tokens, the newest first."""
        return await self._page(request)

    @operation(
        "Issue a token, by a form on a page",
        tag=Tag.PAGES,
        text="The page has its secret, and no other page ever will.",
        takes=takes_form(_NAME, _ROLE, optional=(_CASES, _LIMIT, _HOURS)),
        gives=(
            gives(201, media=HTML, text="The page, with the new token."),
            gives(400, media=HTML, text="The form again, with what is wrong about it."),
        ),
        errors=(errors.InvalidRequestError,),
    )
    async def issue(self, request: web.Request) -> web.Response:
        """Issue a token; not led to another page, as the secret could not go there."""
        fields = form_fields(request)
        form = {name: fields.get(name, default) for name, default in _NO_FORM.items()}
        wanted = _wanted(form)
        issued = wanted if isinstance(wanted, str) else await self._grant(request, wanted)
        if isinstance(issued, str):
            return await self._page(
                request, problem=issued, form=form, status=HTTPStatus.BAD_REQUEST
            )
        return await self._page(request, issued=issued, status=HTTPStatus.CREATED)

    @operation(
        "Revoke a token, by a button on a page",
        tag=Tag.PAGES,
        takes=takes_form(),
        gives=gives(303, text="To the list of the tokens."),
    )
    async def revoke(self, request: web.Request) -> web.Response:
        """Revoke a token; one that isn't there opens nothing either."""
        principal = request[PRINCIPAL]
        authorise_at_large(principal, Action.MANAGE_TOKENS)
        try:
            await self._tokens.revoke(principal, request.match_info["id"])
        except TokenMissingError:
            return done(self._policy, _ALL, "revoked-before")
        return done(self._policy, _ALL, "revoked")

    async def _grant(self, request: web.Request, wanted: TokenRequest) -> Issued | str:
        """Return the new token, or in a word why there is none."""
        try:
            token, secret = await self._tokens.grant(request[PRINCIPAL], wanted)
        except CaseMissingError:
            return "case"
        except InvalidRequestError:
            return "limits"
        return Issued(token, secret)

    async def _page(
        self,
        request: web.Request,
        *,
        issued: Issued | None = None,
        problem: str | None = None,
        form: Mapping[str, str] | None = None,
        status: int = HTTPStatus.OK,
    ) -> web.Response:
        principal, asked = request[PRINCIPAL], rows_asked(request)
        authorise_at_large(principal, Action.MANAGE_TOKENS)
        tokens, following = await self._tokens.page(principal, after=asked.after, limit=asked.limit)
        return admin_page(
            request,
            "tokens.html",
            status=status,
            tokens=tokens,
            now=self._clock.now(),
            own=principal.credential,
            issued=issued,
            problem=problem,
            form=form or _NO_FORM,
            roles=list(Role),
            hours=self._hours(),
            pager=pager(request, following),
        )

    def _hours(self) -> list[int]:
        """Return the lifetimes that may be chosen."""
        longest = self._tokens.longest_lifetime
        return [hours for hours in _LIFETIMES_HOURS if timedelta(hours=hours) <= longest]


def _wanted(form: Mapping[str, str]) -> TokenRequest | str:
    """Return the token that a form asks for, or in a word what is wrong about it."""
    name, limit, hours = form[_NAME], form[_LIMIT], form[_HOURS]
    if not is_line(name):
        return "name"
    if limit not in _LIMITS or hours not in ("", *map(str, _LIFETIMES_HOURS)):
        return "limits"
    try:
        role = Role(form[_ROLE])
        cases = [parse_case_number(one) for one in form[_CASES].replace(",", " ").split()]
    except InvalidRequestError:
        return "case"
    except ValueError:
        return "limits"
    if not cases and role in CUSTOMER_ROLES:
        return "cases"
    return TokenRequest(
        role=role,
        name=name,
        cases=cases or None,
        actions=_LIMITS[limit],
        lifetime=timedelta(hours=int(hours)) if hours else None,
    )
