"""Pages of other sites that may use the API: those whose origin is on the list, and no others.

They sign in with a bearer token. `Access-Control-Allow-Credentials` is never sent, so a browser
neither sends the session's cookie along nor shows an answer that came by it: what a person is
signed in to here stays out of other pages' reach, whoever is on the list.

Source: Fetch standard, 3.2 (HTTP-CORS protocol).
"""

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from transfer.http.protection import Signal

_METHODS = "GET, HEAD, POST, PATCH, DELETE, OPTIONS"
_SENT = (
    "Authorization", "Content-Type", "Content-Digest", "Repr-Digest", "Want-Repr-Digest",
    "Content-Disposition", "Idempotency-Key", "If-Match", "If-None-Match", "If-Modified-Since",
    "If-Range", "If-Unmodified-Since", "Last-Event-ID", "Last-Modified", "Range", "Tus-Resumable",
    "Upload-Checksum", "Upload-Complete", "Upload-Concat", "Upload-Defer-Length",
    "Upload-Draft-Interop-Version", "Upload-Incomplete", "Upload-Length", "Upload-Metadata",
    "Upload-Offset", "Want-Content-Digest", "X-CSRF-Token", "X-HTTP-Method-Override",
    "X-Request-Id", "X-Requested-With",
)  # fmt: skip
"""What clients of tus and of resumable uploads send, besides what every page may."""
_SHOWN = (
    "Accept-Patch", "Accept-Ranges", "Content-Digest", "Content-Disposition", "Content-Length",
    "Content-Location", "Content-Range", "ETag", "Link", "Location", "Repr-Digest", "Retry-After",
    "Tus-Checksum-Algorithm", "Tus-Extension", "Tus-Max-Size", "Tus-Resumable", "Tus-Version",
    "Upload-Complete", "Upload-Concat", "Upload-Defer-Length", "Upload-Draft-Interop-Version",
    "Upload-Expires", "Upload-Incomplete", "Upload-Length", "Upload-Limit", "Upload-Metadata",
    "Upload-Offset", "WWW-Authenticate", "X-Request-Id",
)  # fmt: skip
"""What they read in answers."""
_MAX_AGE_SECONDS = 7200
"""How long a browser may remember what it was allowed; more than this none of them keeps."""


def preflights(origins: frozenset[str]) -> Middleware:
    """Return the middleware that answers a browser which asks whether a page of `origins` may."""

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method != hdrs.METH_OPTIONS or not _asks(request, origins):
            return await handler(request)
        return web.Response(
            status=204,
            headers={
                hdrs.ACCESS_CONTROL_ALLOW_METHODS: _METHODS,
                hdrs.ACCESS_CONTROL_ALLOW_HEADERS: ", ".join(_SENT),
                hdrs.ACCESS_CONTROL_MAX_AGE: str(_MAX_AGE_SECONDS),
            },
        )

    return answer


def sharing(origins: frozenset[str]) -> Signal:
    """Return the signal that lets pages of `origins` read an answer, an error too."""
    shown = ", ".join(_SHOWN)

    async def share(request: web.Request, response: web.StreamResponse) -> None:
        _vary_by_origin(response)
        origin = request.headers.get(hdrs.ORIGIN)
        if origin in origins:
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
            response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = shown

    return share


def _asks(request: web.Request, origins: frozenset[str]) -> bool:
    return (
        request.headers.get(hdrs.ORIGIN) in origins
        and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers
    )


def _vary_by_origin(response: web.StreamResponse) -> None:
    """Keep caches from giving one site's answer to another."""
    varies = response.headers.get(hdrs.VARY)
    response.headers[hdrs.VARY] = f"{varies}, {hdrs.ORIGIN}" if varies else hdrs.ORIGIN
