"""Sign-in of Customer Care: to their identity provider, and back with a session."""

from http import HTTPStatus

from aiohttp import hdrs, web

from transfer.core import errors
from transfer.engine.oidc import StaffSignIn
from transfer.http.cookie import set_cookie
from transfer.http.operations import Parameter, Tag, gives, operation
from transfer.http.policy import Services, public_path
from transfer.http.requests import client_address
from transfer.http.return_paths import return_path

STAFF_PATH = "/sign-in/staff"
CALLBACK_PATH = "/sign-in/callback"
OIDC_PATHS = frozenset({STAFF_PATH, CALLBACK_PATH})

COOKIE = "__Host-transfer-sign-in"
"""Binds a sign-in to the browser in which it has begun."""
_COOKIE_SECONDS = 600
_ANSWER = ("state", "code", "error", "iss")


class OidcRoutes:
    """The way to the identity provider and back."""

    def __init__(self, services: Services, sign_in: StaffSignIn) -> None:
        self._sign_in = sign_in
        self._clock = services.clock
        self._base = public_path(services.policy, "")

    def routes(self) -> list[web.RouteDef]:
        """Return the routes. No HEAD: each of them changes something."""
        return [
            web.get(STAFF_PATH, self.begin, allow_head=False),
            web.get(CALLBACK_PATH, self.finish, allow_head=False),
        ]

    @operation(
        "Send a browser of Customer Care to their identity provider",
        tag=Tag.SIGN_IN,
        text="At a browser the errors are pages.",
        parameters=(Parameter(name="return_to", text="The path to come back to."),),
        gives=gives(303, text="To the identity provider."),
        errors=(errors.InvalidRequestError, errors.ProviderUnavailableError),
        public=True,
    )
    async def begin(self, request: web.Request) -> web.StreamResponse:
        """Send a browser to the identity provider."""
        return_to = return_path(request.query.get("return_to"), self._base)
        departure = await self._sign_in.begin(return_to, request.cookies.get(COOKIE))
        response = _see_other(departure.url)
        response.set_cookie(
            COOKIE,
            departure.browser,
            max_age=_COOKIE_SECONDS,
            path="/",
            secure=True,
            httponly=True,
            samesite="Lax",  # the way back is a link from another site
        )
        return response

    @operation(
        "Sign in who comes back from there",
        tag=Tag.SIGN_IN,
        text="At a browser the errors are pages.",
        parameters=tuple(
            Parameter(name=name, text="As OpenID Connect has it.") for name in _ANSWER
        ),
        gives=gives(
            303, text="To where they wanted to go.", headers={"Set-Cookie": "The session."}
        ),
        errors=(
            errors.SignInFailedError,
            errors.ForbiddenError,
            errors.ProviderUnavailableError,
            errors.TooManyAttemptsError,
        ),
        public=True,
    )
    async def finish(self, request: web.Request) -> web.StreamResponse:
        """Sign in who comes back from there."""
        # What is there twice counts as not there: RFC 6749, 3.1.
        answer = {
            name: request.query[name]
            for name in _ANSWER
            if len(request.query.getall(name, [])) == 1
        }
        browser = request.cookies.get(COOKIE)
        arrival = await self._sign_in.finish(answer, browser, client_address(request))
        response = _see_other(arrival.return_to)
        until = arrival.session.expires_at
        set_cookie(response, arrival.secret, now=self._clock.now(), until=until)
        return response


def _see_other(url: str) -> web.Response:
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={hdrs.LOCATION: url})
