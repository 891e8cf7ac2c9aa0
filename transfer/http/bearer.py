"""The token of an Authorization header."""

from aiohttp import hdrs, web


def bearer_secret(header: str | None) -> str | None:
    """Return the token of an Authorization header; None if it has none.

    A header of another scheme may be a proxy's, beside the cookie.
    """
    scheme, _, secret = (header or "").strip().partition(" ")
    return secret.strip() or None if scheme.lower() == "bearer" else None


def is_by_token(request: web.Request) -> bool:
    """Whether a request comes with a bearer token, whatever else comes with it."""
    return bearer_secret(request.headers.get(hdrs.AUTHORIZATION)) is not None
