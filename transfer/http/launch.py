"""Launch: the portal's "Transfer Files" button leads here, and on to the case."""

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlencode

import structlog
from aiohttp import hdrs, web

from transfer.core import errors
from transfer.core.errors import LaunchElsewhereError, LaunchRefusedError
from transfer.engine.launches import Launched
from transfer.http.cookie import cookie_secret, set_cookie
from transfer.http.forms import read_form
from transfer.http.operations import FORM, Parameter, Tag, Takes, gives, operation
from transfer.http.policy import Services, public_path
from transfer.http.refusals import refusal
from transfer.http.requests import client_address

LAUNCH_PATH = "/launch"
_log = structlog.get_logger(__name__)
_TOKEN = "token"  # noqa: S105 - the name of the parameter, not a secret
_PASSED_ON = "passed-on"
_PASSED_ON_PARAMETER = Parameter(
    name=_PASSED_ON, text="There if another region's gateway has sent it here: it goes no further."
)
_LINK_ELSEWHERE = "To the case; or to the gateway of the region that the link is for."


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
        parameters=(
            Parameter(name=_TOKEN, text="What the portal has signed."),
            _PASSED_ON_PARAMETER,
        ),
        gives=(
            gives(303, text=_LINK_ELSEWHERE, headers={"Set-Cookie": "The session."}),
            gives(503, text="To a browser that only looks ahead."),
        ),
        errors=(
            errors.LaunchRefusedError,
            errors.TooManyAttemptsError,
            errors.LaunchElsewhereError,
            errors.CaseElsewhereError,
        ),
        public=True,
    )
    async def by_link(self, request: web.Request) -> web.StreamResponse:
        """Follow a link."""
        if "prefetch" in request.headers.get("Sec-Purpose", request.headers.get("Purpose", "")):
            # A browser that looks ahead drops this, and comes again when its user does.
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE)
        tokens = request.query.getall(_TOKEN, [])
        return await self._follow(request, tokens[0] if len(tokens) == 1 else "", _to_be_asked_for)

    @operation(
        "Follow a launch link that comes in a form",
        tag=Tag.SIGN_IN,
        text="At a browser the errors are pages.",
        takes=Takes(
            content={FORM: {"type": "object", "properties": {_TOKEN: {"type": "string"}}}},
            required=False,
        ),
        parameters=(_PASSED_ON_PARAMETER,),
        gives=(
            gives(303, text="To the case.", headers={"Set-Cookie": "The session."}),
            gives(307, text="To the gateway of the region that the link is for."),
        ),
        errors=(
            errors.LaunchRefusedError,
            errors.TooManyAttemptsError,
            errors.InvalidRequestError,
            errors.LaunchElsewhereError,
            errors.CaseElsewhereError,
        ),
        problems=(413, 415),
        public=True,
    )
    async def by_form(self, request: web.Request) -> web.StreamResponse:
        """Follow a link that the portal has its page send, so that no history keeps it."""
        form = await read_form(request, self._services)
        return await self._follow(request, form.get(_TOKEN, ""), _to_be_sent_again)

    async def _follow(
        self, request: web.Request, token: str, pass_on: Callable[[str, str], web.Response]
    ) -> web.StreamResponse:
        try:
            launched = await self._launches.follow(
                token,
                address=client_address(request),
                beside=cookie_secret(request),
                passed_on=_PASSED_ON in request.query,
            )
        except LaunchRefusedError as exc:
            return refusal(request, exc, self._policy)
        except LaunchElsewhereError as exc:
            if exc.gateway is None:
                raise
            _log.info("launch.passed-on", region=exc.region)
            return pass_on(exc.gateway, token)
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


def _to_be_asked_for(gateway: str, token: str) -> web.Response:
    """Return what leads a browser with a link to `gateway`, as the portal led it here."""
    query = urlencode({_TOKEN: token, _PASSED_ON: "1"})
    return web.Response(
        status=HTTPStatus.SEE_OTHER, headers={hdrs.LOCATION: f"{gateway}{LAUNCH_PATH}?{query}"}
    )


def _to_be_sent_again(gateway: str, _: str) -> web.Response:
    """Return what has a browser send its form to `gateway`, so that no history keeps the token."""
    return web.Response(
        status=HTTPStatus.TEMPORARY_REDIRECT,
        headers={hdrs.LOCATION: f"{gateway}{LAUNCH_PATH}?{_PASSED_ON}=1"},
    )
