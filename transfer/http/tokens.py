"""Bearer tokens: issued by admins, shown to who has them, revoked by both."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from aiohttp import hdrs, web
from pydantic import Field

from transfer.core import errors
from transfer.core.access import Action, Role
from transfer.core.cases import parse_case_number
from transfer.engine.tokens import TokenRequest
from transfer.http.json_bodies import JsonBody, Line, read_json
from transfer.http.operations import Tag, gives, operation, takes
from transfer.http.paging import asked_page
from transfer.http.parameters import LOCATION, PAGE_OF_LIST
from transfer.http.policy import Services
from transfer.http.rendering import Json, json_response, moment, rfc3339
from transfer.http.requests import OPAQUE_ID, PRINCIPAL
from transfer.http.shapes.tokens import IssuedToken, TokenList, TokenShape
from transfer.ports import Token

_ALL = "/api/v1/tokens"
_ONE = f"{_ALL}/{{id:{OPAQUE_ID}}}"
_MOST_SECONDS = 10 * 366 * 86400

_Seconds = Annotated[int, Field(ge=1, le=_MOST_SECONDS)]


class NewToken(JsonBody):
    """A token to be issued; without `cases` it is for all, without `actions` for all of a role."""

    role: Annotated[Role, Field(strict=False)]
    name: Line
    cases: list[str] | None = None
    actions: list[Annotated[Action, Field(strict=False)]] | None = None
    lifetime_seconds: _Seconds | None = None

    def request(self) -> TokenRequest:
        """Return what the engine is asked for.

        Raises:
            InvalidRequestError: a case's number is none.
        """
        seconds = self.lifetime_seconds
        return TokenRequest(
            role=self.role,
            name=self.name,
            cases=None if self.cases is None else [parse_case_number(one) for one in self.cases],
            actions=self.actions,
            lifetime=None if seconds is None else timedelta(seconds=seconds),
        )


class TokenRoutes:
    """Bearer tokens."""

    def __init__(self, services: Services) -> None:
        self._tokens = services.tokens
        self._policy = services.policy
        self._clock = services.clock

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.post(_ALL, self.issue),
            web.get(_ALL, self.listing),
            web.get(_ONE, self.show),
            web.delete(_ONE, self.revoke),
        ]

    @operation(
        "Issue a token",
        tag=Tag.TOKENS,
        text="By admins. Its secret is in this answer and never again.",
        takes=takes(NewToken),
        gives=gives(201, IssuedToken, headers=LOCATION),
        errors=(errors.CaseMissingError,),
    )
    async def issue(self, request: web.Request) -> web.Response:
        """Issue a token; its secret is in this answer and never again."""
        new = await read_json(request, NewToken, policy=self._policy, clock=self._clock)
        token, secret = await self._tokens.grant(request[PRINCIPAL], new.request())
        shown = IssuedToken(**dict(_shape(token, self._clock.now())), token=secret)
        response = json_response(shown.json_object(), status=HTTPStatus.CREATED)
        response.headers[hdrs.LOCATION] = f"{request.path.rstrip('/')}/{token.id}"
        return response

    @operation(
        "List tokens",
        tag=Tag.TOKENS,
        text="Admins see all of them, others the one that they came with.",
        parameters=PAGE_OF_LIST,
        gives=gives(200, TokenList),
        errors=(errors.InvalidRequestError,),
    )
    async def listing(self, request: web.Request) -> web.Response:
        """List tokens, a page at a time: `after` is the `next` of the page before."""
        page = asked_page(request)
        tokens, following = await self._tokens.page(
            request[PRINCIPAL], after=page.after, limit=page.limit
        )
        return json_response(tokens_json(tokens, following, self._clock.now()))

    @operation(
        "Show a token",
        tag=Tag.TOKENS,
        gives=gives(200, TokenShape),
        errors=(errors.TokenMissingError,),
    )
    async def show(self, request: web.Request) -> web.Response:
        """Show a token."""
        token = await self._tokens.token(request[PRINCIPAL], request.match_info["id"])
        return json_response(token_json(token, self._clock.now()))

    @operation(
        "Revoke a token: it opens nothing from the next request on",
        tag=Tag.TOKENS,
        gives=gives(204),
        errors=(errors.TokenMissingError,),
    )
    async def revoke(self, request: web.Request) -> web.Response:
        """Revoke a token."""
        await self._tokens.revoke(request[PRINCIPAL], request.match_info["id"])
        return web.Response(status=HTTPStatus.NO_CONTENT)


def token_json(token: Token, now: datetime) -> Json:
    """Return a token without its secret; `active` tells whether it opens anything."""
    return _shape(token, now).json_object()


def tokens_json(tokens: Sequence[Token], following: str | None, now: datetime) -> Json:
    """Return a page of tokens."""
    shown = [_shape(token, now) for token in tokens]
    return TokenList(tokens=shown, next=following).json_object()


def _shape(token: Token, now: datetime) -> TokenShape:
    return TokenShape(
        id=token.id,
        name=token.name,
        role=token.role,
        cases=None if token.cases is None else sorted(token.cases),
        actions=None if token.actions is None else sorted(token.actions),
        issued_by=token.issued_by,
        issued_at=moment(token.issued_at),
        expires_at=moment(token.expires_at),
        last_used_at=rfc3339(token.last_used_at),
        revoked_at=rfc3339(token.revoked_at),
        active=token.is_good(now),
    )
