"""Launch: the portal's "Transfer Files" button leads here, and on to the case."""

from http import HTTPStatus

from aiohttp import hdrs, web

from transfer.core import errors
from transfer.core.errors import LaunchRefusedError
from transfer.engine.launches import Launched
from transfer.http.cookie import cookie_secret, set_cookie
from transfer.http.forms import read_form
from transfer.http.operations import FORM, Parameter, Tag, Takes, gives, operation
from transfer.http.policy import Services, public_path
from transfer.http.refusals import refusal
from transfer.http.requests import client_address

LAUNCH_PATH = "/launch"
_TOKEN = "token"  # noqa: S105 - the name of the parameter, not a secret


class LaunchRoutes:
    """Links that become sessions. The link's token is logged nowhere, and told to no other site."""

    def __init__(self, services: Services) -> None:
        self._launches = services.launches
        self._services = services
        self._clock = services.clock
        self._policy = services.policy

    def routes(self) -> list[web.RouteDef]:
        """Return the routes. No HEAD: it would use the link up."""
        return [
            web.get(LAUNCH_PATH, self.by_link, allow_head=False),
            web.post(LAUNCH_PATH, self.by_form),
        ]

    @operation(
        "Follow a launch link: it becomes a session, once",
        tag=Tag.SIGN_IN,
        text="At a browser the errors are pages.",
        parameters=(Parameter(name=_TOKEN, text="What the portal has signed."),),
        gives=(
            gives(303, text="To the case.", headers={"Set-Cookie": "The session."}),
            gives(503, text="To a browser that only looks ahead."),
        ),
        errors=(errors.LaunchRefusedError, errors.TooManyAttemptsError),
        public=True,
    )
    async def by_link(self, request: web.Request) -> web.StreamResponse:
        """Follow a link."""
        if "prefetch" in request.headers.get("Sec-Purpose", request.headers.get("Purpose", "")):
            # A browser that looks ahead drops this, and comes again when its user does.
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE)
        tokens = request.query.getall(_TOKEN, [])
        return await self._follow(request, tokens[0] if len(tokens) == 1 else "")

    @operation(
        "Follow a launch link that comes in a form",
        tag=Tag.SIGN_IN,
        text="At a browser the errors are pages.",
        takes=Takes(
            content={FORM: {"type": "object", "properties": {_TOKEN: {"type": "string"}}}},
            required=False,
        ),
        gives=gives(303, text="To the case.", headers={"Set-Cookie": "The session."}),
        errors=(
            errors.LaunchRefusedError,
            errors.TooManyAttemptsError,
            errors.InvalidRequestError,
        ),
        problems=(413, 415),
        public=True,
    )
    async def by_form(self, request: web.Request) -> web.StreamResponse:
        """Follow a link that the portal has its page send, so that no history keeps it."""
        form = await read_form(request, self._services)
        return await self._follow(request, form.get(_TOKEN, ""))

    async def _follow(self, request: web.Request, token: str) -> web.StreamResponse:
        address, beside = client_address(request), cookie_secret(request)
        try:
            launched = await self._launches.follow(token, address=address, beside=beside)
        except LaunchRefusedError as exc:
            return refusal(request, exc, self._policy)
        return self._lead_on(launched)

    def _lead_on(self, launched: Launched) -> web.Response:
        session = launched.session
        path = "/" if session.case_number is None else f"/cases/{session.case_number}"
        response = web.Response(
            status=HTTPStatus.SEE_OTHER,
            headers={hdrs.LOCATION: public_path(self._policy, path)},
        )
        set_cookie(response, launched.secret, now=self._clock.now(), until=session.expires_at)
        return response
