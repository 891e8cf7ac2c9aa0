"""Who is asking: bearer tokens, at every verb."""

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from transfer.core.errors import NotSignedInError
from transfer.engine.tokens import Tokens
from transfer.http.policy import HttpPolicy
from transfer.http.requests import PRINCIPAL, client_address, effective_method

PUBLIC_PATHS = frozenset({"/healthz", "/readyz"})


def bearer_secret(header: str | None) -> str:
    """Return the token of an Authorization header.

    Raises:
        NotSignedInError: there is none.
    """
    scheme, _, secret = (header or "").strip().partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret:
        raise NotSignedInError("Sign in: send a token as Authorization: Bearer ….")
    return secret


def authentication(tokens: Tokens, policy: HttpPolicy) -> Middleware:
    """Return the middleware that lets nobody in without a good token.

    Discovery, the probes and paths that aren't there are open to all.
    """

    @web.middleware
    async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not _is_public(request):
            secret = bearer_secret(request.headers.get(hdrs.AUTHORIZATION))
            address = client_address(request, trust_forwarded_for=policy.trust_forwarded_for)
            request[PRINCIPAL] = await tokens.authenticate(secret, address)
        return await handler(request)

    return authenticate


def _is_public(request: web.Request) -> bool:
    return (
        request.path in PUBLIC_PATHS
        or effective_method(request) == hdrs.METH_OPTIONS
        or request.match_info.http_exception is not None
    )
