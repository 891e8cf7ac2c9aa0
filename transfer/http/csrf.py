"""Requests that a browser may have sent for a page of another site: told apart, and refused.

Three things are asked of a request that comes with the cookie and changes something: that the
browser says it is of our own site, that its origin is ours, and a token that only a page of ours
can have read. Each would do by itself; together they outlive a fault of one.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from transfer.core.errors import CrossSiteError
from transfer.http.requests import client_of, effective_method

CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf_token"
_SAFE_METHODS = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
_OPAQUE_ORIGIN = "null"
_DEFAULT_PORTS = {"http": 80, "https": 443}


def csrf_token(secret: str) -> str:
    """Return the token of the session that `secret` is of.

    It is kept nowhere, tells nothing of the secret, and is worth as much as it: for one session.
    """
    mac = hmac.digest(secret.encode(), b"csrf", hashlib.sha256)
    return urlsafe_b64encode(mac).rstrip(b"=").decode("ascii")


def changes_something(request: web.Request) -> bool:
    """Whether a request may change anything, by its own method or by the one it means."""
    return not {request.method, effective_method(request)} <= _SAFE_METHODS


class SameSite:
    """Tells requests of our own pages; `public_url` is where browsers find the service."""

    def __init__(self, public_url: str | None) -> None:
        self._public = None if public_url is None else _origin(public_url)

    def fault_of(self, request: web.Request, secret: str, token: str) -> str | None:
        """Return what is wrong with a request that came with the cookie `secret`; None if nothing.

        `token` is what came along to prove that the page may read what the session may.
        """
        site = request.headers.get("Sec-Fetch-Site")
        origin = request.headers.get(hdrs.ORIGIN, _OPAQUE_ORIGIN)
        if site not in (None, "same-origin"):
            return "other-site"
        if origin == _OPAQUE_ORIGIN:
            # A form of ours sends that, as no page of ours tells where it is from.
            if site is None:
                return "no-origin"
        elif not self._is_ours(origin, request):
            return "other-origin"
        if not token:
            return "no-token"
        is_right = hmac.compare_digest(token.encode(), csrf_token(secret).encode())
        return None if is_right else "wrong-token"

    def _is_ours(self, origin: str, request: web.Request) -> bool:
        theirs, client = _origin(origin), client_of(request)
        # The cookie comes by TLS alone, so behind a proxy that doesn't tell so it is TLS as well.
        ours = (self._public, _origin(client.origin), _origin(f"https://{client.host}"))
        return theirs is not None and theirs in ours


def cross_site() -> CrossSiteError:
    """Return the error that such a request is answered with."""
    return CrossSiteError(
        f"Another site may have sent this: send {CSRF_HEADER}, as GET /api/v1/session gives it."
    )


def _origin(url: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port of a URL; None if they can't be read."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname else None
