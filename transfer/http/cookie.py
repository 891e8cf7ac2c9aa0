"""The cookie by which a browser shows its session."""

from datetime import datetime

from aiohttp import web

COOKIE = "__Host-transfer"
"""The prefix keeps it to this host, this whole host, and TLS: no other site can set or read it."""


def cookie_secret(request: web.Request) -> str | None:
    """Return the secret of the session that a browser shows; None if it shows none."""
    return request.cookies.get(COOKIE) or None


def set_cookie(
    response: web.StreamResponse, secret: str, *, now: datetime, until: datetime
) -> None:
    """Have the browser keep a session's secret, out of the reach of any script.

    Lax: the portal links here, and with Strict the page behind that link would not see the session
    that the link has begun. Always Secure: behind a proxy that speaks TLS it is TLS, and without
    any there is nothing to protect it.
    """
    response.set_cookie(
        COOKIE,
        secret,
        max_age=max(0, int((until - now).total_seconds())),
        path="/",
        secure=True,
        httponly=True,
        samesite="Lax",
    )


def clear_cookie(response: web.StreamResponse) -> None:
    """Have the browser forget it."""
    response.del_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="Lax")
