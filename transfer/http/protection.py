"""Headers that protect whoever gets an answer: what a browser may make of it, and by which way."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from aiohttp import web

from transfer.http.requests import CLIENT

Signal = Callable[[web.Request, web.StreamResponse], Awaitable[None]]

CONTENT_SECURITY_POLICY = "Content-Security-Policy"

_UNUSED_FEATURES = (
    "accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer",
    "microphone", "midi", "payment", "publickey-credentials-get", "screen-wake-lock", "usb",
)  # fmt: skip

PROTECTION = (
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    ("Referrer-Policy", "no-referrer"),  # paths have ids, and a launch link a secret
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", ", ".join(f"{feature}=()" for feature in _UNUSED_FEATURES)),
)
"""What every answer has, unless its route says otherwise: a page needs more, content less."""


def protect(response: web.StreamResponse) -> None:
    """Add what every answer has."""
    for name, value in PROTECTION:
        response.headers.setdefault(name, value)


def protection(hsts: timedelta | None) -> Signal:
    """Return the signal that protects each answer; for `hsts` long, browsers shall come by TLS.

    Only an answer that comes by TLS can say so (RFC 6797, 7.2).
    """
    transport = f"max-age={int(hsts.total_seconds())}" if hsts is not None else ""

    async def add(request: web.Request, response: web.StreamResponse) -> None:
        protect(response)
        client = request.get(CLIENT)
        if transport and client is not None and client.is_secure:
            response.headers["Strict-Transport-Security"] = transport

    return add
