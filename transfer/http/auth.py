"""Who is asking: a bearer token or the cookie of a session, at every verb."""

import asyncio
from contextlib import suppress

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from transfer.core.access import Principal
from transfer.core.cases import parse_case_number
from transfer.core.errors import (
    CaseHiddenError,
    MissingError,
    NotSignedInError,
    SessionOverError,
    TooManyAttemptsError,
    TransferError,
)
from transfer.engine.attempts import Failure
from transfer.http.bearer import bearer_secret, is_by_token
from transfer.http.case_events import CASE_EVENTS_PATH
from transfer.http.cookie import cookie_secret
from transfer.http.csrf import CSRF_FIELD, CSRF_HEADER, SameSite, changes_something, cross_site
from transfer.http.documentation import DOCUMENTATION_PATHS
from transfer.http.forms import FORM, FORM_TYPE, read_form
from transfer.http.policy import Services
from transfer.http.receipts import KEYS_PATH
from transfer.http.refusals import refusal
from transfer.http.requests import PRINCIPAL, REFUSED, client_address, effective_method
from transfer.http.site.assets import ASSETS_PATH
from transfer.ports import CredentialKind

PUBLIC_PATHS = frozenset(
    {
        "/healthz",
        "/readyz",
        KEYS_PATH,
        *DOCUMENTATION_PATHS,
        "/launch",
        "/sign-in",
        "/sign-in/staff",
        "/sign-in/callback",
        CASE_EVENTS_PATH,  # its signature is looked at where it is taken in
        "/sign-out",  # looks at the cookie by itself, as its token comes in a form
    }
)

_ENDS_ITSELF = frozenset({"/api/v1/session"})
"""What would be cut off by the end of the session that it is there to end."""

_EVENTS = "text/event-stream"
_BEGUN = web.RequestKey("answer_begun", bool)


class Gate:
    """Lets nobody in without a good token or a good session."""

    def __init__(self, services: Services) -> None:
        self._tokens = services.tokens
        self._sessions = services.sessions
        self._attempts = services.attempts
        self._same_site = SameSite(services.policy.public_url)

    async def admit(self, request: web.Request, csrf_token: str | None = None) -> Principal:
        """Return who sends `request`, and remember it there. A bearer token goes before the cookie.

        `csrf_token` is for a form, which can't send it as a header.

        Raises:
            NotSignedInError: nobody does.
            CrossSiteError: a page of another site may have had it sent.
            TooManyAttemptsError: one of those two, and too often.
        """
        bearer = bearer_secret(request.headers.get(hdrs.AUTHORIZATION))
        if bearer is not None:
            principal = request[PRINCIPAL] = await self._by_token(request, bearer)
            return principal
        secret = cookie_secret(request)
        if secret is None:
            raise NotSignedInError("Sign in, or send a token as Authorization: Bearer ….")
        address = client_address(request)
        principal = request[PRINCIPAL] = await self._sessions.authenticate(secret, address)
        if changes_something(request):
            token = request.headers.get(CSRF_HEADER, "") if csrf_token is None else csrf_token
            await self._check_same_site(request, secret, token)
        return principal

    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Have `handler` answer, but no longer than the session lives that `request` came by.

        Raises:
            SessionOverError: the session ended first. What was received until then is kept.
        """
        loop = asyncio.get_running_loop()
        session_id = request[PRINCIPAL].credential or ""
        is_busy = _EVENTS not in request.headers.get(hdrs.ACCEPT, "")
        try:
            async with asyncio.timeout(None) as scope:

                def end() -> None:
                    scope.reschedule(loop.time())

                with self._sessions.attending(session_id, end, busy=is_busy):
                    return await handler(request)
        except TimeoutError as exc:
            if not scope.expired():
                raise
            if request.get(_BEGUN) and request.transport is not None:
                request.transport.abort()  # half an answer can't be taken back, nor look whole
            raise SessionOverError("The session was ended: sign in again, then go on.") from exc

    async def note_hidden(self, request: web.Request, error: TransferError) -> None:
        """Note that somebody asked for what is someone else's, unless they do so all the time.

        They aren't told to wait: that would tell this case from one that isn't there.
        """
        hidden = error if isinstance(error, CaseHiddenError) else error.__cause__
        if not isinstance(hidden, CaseHiddenError):
            return
        principal = request[PRINCIPAL]
        failure = Failure(
            kind=CredentialKind.CASE,
            address=principal.address,
            reason="not-theirs",
            subject=principal.credential,
            case_number=parse_case_number(hidden.case_number),
            actor=principal.name,
        )
        with suppress(TooManyAttemptsError):
            await self._attempts.failed(failure)

    async def _by_token(self, request: web.Request, secret: str) -> Principal:
        address = client_address(request)
        try:
            return await self._tokens.authenticate(secret, address)
        except NotSignedInError:
            await self._attempts.failed(
                Failure(kind=CredentialKind.TOKEN, address=address, reason="unknown-or-over")
            )
            raise

    async def _check_same_site(self, request: web.Request, secret: str, token: str) -> None:
        fault = self._same_site.fault_of(request, secret, token)
        if fault is None:
            return
        principal = request[PRINCIPAL]
        await self._attempts.failed(
            Failure(
                kind=CredentialKind.CSRF,
                address=principal.address,
                reason=fault,
                subject=principal.credential,
            )
        )
        raise cross_site()


def authentication(services: Services) -> Middleware:
    """Return the middleware that lets nobody in without a good token or a good session.

    Discovery, the probes, the ways to sign in and paths that aren't there are open to all.
    """
    gate = Gate(services)

    @web.middleware
    async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
        if _is_public(request):
            return await handler(request)
        try:
            await gate.admit(request, await _form_token(request, services))
            if is_by_token(request) or request.path in _ENDS_ITSELF:
                response = await handler(request)
            else:
                response = await gate.answer(request, handler)
        except NotSignedInError as exc:
            return refusal(request, exc, services.policy)
        except MissingError as exc:
            await gate.note_hidden(request, exc)
            raise
        if (refused := request.get(REFUSED)) is not None:
            await gate.note_hidden(request, refused)
        return response

    return authenticate


async def note_begun(request: web.Request, _: web.StreamResponse) -> None:
    """Take note that an answer is on its way; for the signal that it is about to be sent."""
    request[_BEGUN] = True


async def _form_token(request: web.Request, services: Services) -> str | None:
    """Return the token that a form of a page brings, and keep the form; None if it isn't one."""
    if request.content_type != FORM_TYPE or request.path.startswith("/api/"):
        return None
    form = request[FORM] = await read_form(request, services)
    return form.get(CSRF_FIELD, "")


def _is_public(request: web.Request) -> bool:
    is_asset = request.path.startswith(ASSETS_PATH)
    if is_asset or request.path in PUBLIC_PATHS or request.match_info.http_exception is not None:
        return True
    # Where one route takes every method, the one that overrides it counts as well.
    takes_all = request.match_info.route.method == hdrs.METH_ANY
    method = effective_method(request) if takes_all else request.method
    return method == hdrs.METH_OPTIONS
