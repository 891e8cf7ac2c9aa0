"""The session as its holder sees it: who they are, until when, and the way out."""

from http import HTTPStatus

from aiohttp import web

from transfer.core import errors
from transfer.core.access import Principal
from transfer.core.errors import NotSignedInError, UnsupportedError
from transfer.engine.sessions import Sessions
from transfer.http.auth import Gate
from transfer.http.bearer import is_by_token
from transfer.http.cookie import clear_cookie, cookie_secret
from transfer.http.csrf import CSRF_FIELD, csrf_token
from transfer.http.forms import read_form
from transfer.http.operations import FORM, HTML, JSON, Gives, Tag, Takes, gives, operation
from transfer.http.policy import Services, public_path
from transfer.http.refusals import SIGN_IN_PATH
from transfer.http.rendering import json_response, moment
from transfer.http.requests import PRINCIPAL
from transfer.http.shapes.sessions import PrincipalShape, SessionShape, TokenHolder
from transfer.http.site.entrances import entrances
from transfer.http.site.rendering import render_page

SESSION_PATH = "/api/v1/session"
SIGN_OUT_PATH = "/sign-out"


class SignInRoutes:
    """Everything of a session but its beginning."""

    def __init__(self, services: Services) -> None:
        self._sessions = services.sessions
        self._services = services
        self._policy = services.policy
        self._gate = Gate(services)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get(SIGN_IN_PATH, self.sign_in),
            web.post(SIGN_OUT_PATH, self.sign_out),
            web.get(SESSION_PATH, self.show),
            web.delete(SESSION_PATH, self.end),
        ]

    @operation("Say how to sign in", tag=Tag.SIGN_IN, gives=gives(200, media=HTML), public=True)
    async def sign_in(self, request: web.Request) -> web.Response:
        """Say how to sign in."""
        return render_page(request, "sign-in.html", ways=entrances(request, self._policy))

    @operation(
        "Tell who somebody is and, of a session, until when, and the token for its requests",
        tag=Tag.SIGN_IN,
        gives=Gives(
            status=200,
            text="Who the caller is.",
            content={JSON: {"anyOf": [SessionShape, TokenHolder]}},
        ),
        errors=(errors.SessionMissingError,),
    )
    async def show(self, request: web.Request) -> web.Response:
        """Tell who somebody is and, of a session, until when, and the token for its requests."""
        principal = request[PRINCIPAL]
        known = _principal_shape(principal)
        if is_by_token(request):
            return json_response(TokenHolder(**dict(known), method="token").json_object())
        secret = cookie_secret(request) or ""
        shown = await _session_shape(self._sessions, known, principal, secret)
        return json_response(shown.json_object())

    @operation(
        "Sign out",
        tag=Tag.SIGN_IN,
        text="Ends all sessions of this browser. A bearer token has none: it is revoked.",
        gives=gives(204),
        errors=(errors.UnsupportedError, errors.SessionMissingError),
    )
    async def end(self, request: web.Request) -> web.Response:
        """Sign out."""
        if is_by_token(request):
            raise UnsupportedError("A token has no session to end: have it revoked.")
        await self._sessions.sign_out(request[PRINCIPAL])
        response = web.Response(status=HTTPStatus.NO_CONTENT)
        clear_cookie(response)
        return response

    @operation(
        "Sign out, by a button on a page",
        tag=Tag.SIGN_IN,
        takes=Takes(
            content={FORM: {"type": "object", "properties": {CSRF_FIELD: {"type": "string"}}}},
            required=False,
        ),
        gives=gives(303, text="To the page that says how to sign in."),
        errors=(
            errors.CrossSiteError,
            errors.InvalidRequestError,
            errors.TooManyAttemptsError,
            errors.SessionMissingError,
        ),
        problems=(413, 415),
        public=True,
    )
    async def sign_out(self, request: web.Request) -> web.Response:
        """Sign out, by a button on a page; who isn't signed in any more gets there as well."""
        form = await read_form(request, self._services)
        try:
            principal = await self._gate.admit(request, form.get(CSRF_FIELD, ""))
        except NotSignedInError:
            pass
        else:
            await self._sessions.sign_out(principal)
        response = web.Response(
            status=HTTPStatus.SEE_OTHER,
            headers={"Location": public_path(self._policy, SIGN_IN_PATH)},
        )
        clear_cookie(response)
        return response


def _principal_shape(principal: Principal) -> PrincipalShape:
    cases = principal.cases
    return PrincipalShape(
        name=principal.name,
        role=principal.role,
        cases=None if cases is None else sorted(cases),
    )


async def _session_shape(
    sessions: Sessions, known: PrincipalShape, principal: Principal, secret: str
) -> SessionShape:
    session = await sessions.session(principal.credential or "")
    return SessionShape(
        **dict(known),
        id=session.id,
        method=session.method,
        began_at=moment(session.began_at),
        idle_until=moment(sessions.idle_until(session)),
        expires_at=moment(session.expires_at),
        csrf_token=csrf_token(secret),
    )
