"""What the head of a request must be, beyond what the parser demands of it.

The parser lets pass what a proxy in front may understand differently, and whoever can make two
readers disagree about where a request ends can put one into another's mouth. Such a request is
refused and its connection closed, so that nothing behind it is taken for a request.

Source: RFC 9112, 6.1, 6.3 and 11.2.
"""

import re
from typing import NoReturn

from aiohttp import HttpVersion10, HttpVersion11, hdrs, web
from aiohttp.typedefs import Handler, Middleware

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_VERSIONS = frozenset({HttpVersion10, HttpVersion11})
_LONGEST_BODY = (1 << 63) - 1
_FIELD_OVERHEAD_BYTES = len(": \r\n")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

_SINGLE = frozenset(
    {
        b"authorization", b"content-disposition", b"content-encoding", b"content-range",
        b"cookie", b"expect", b"if-match", b"if-modified-since", b"if-none-match", b"if-range",
        b"if-unmodified-since", b"origin", b"range", b"tus-resumable", b"upload-checksum",
        b"upload-complete", b"upload-concat", b"upload-defer-length",
        b"upload-draft-interop-version", b"upload-length", b"upload-metadata", b"upload-offset",
        b"x-csrf-token", b"x-http-method-override",
    }
)  # fmt: skip
"""Fields that decide what is done: two of them, and a proxy may have looked at the other one.

Host, Content-Length, Content-Type and Transfer-Encoding are the parser's to refuse.
"""


def head_check(max_head_bytes: int) -> Middleware:
    """Return the middleware that lets no request with a doubtful head pass."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        _check_framing(request)
        _check_target(request)
        _check_fields(request, max_head_bytes)
        response = await handler(request)
        if hdrs.UPGRADE in request.headers:
            # The parser drops what follows an upgrade to a protocol that it doesn't know.
            response.force_close()
        return response

    return check


def _check_framing(request: web.Request) -> None:
    if request.version not in _VERSIONS:
        _refuse(web.HTTPVersionNotSupported(text="Speak HTTP/1.1."))
    if request.method not in _METHODS:
        _refuse(web.HTTPNotImplemented(text="No such method here."))
    coding = request.headers.get(hdrs.TRANSFER_ENCODING)
    if coding is not None:
        if request.version < HttpVersion11:
            _refuse(web.HTTPBadRequest(text="HTTP/1.0 knows no Transfer-Encoding."))
        if coding.lower() != "chunked":
            _refuse(web.HTTPNotImplemented(text="The only Transfer-Encoding here is chunked."))
    if (request.content_length or 0) > _LONGEST_BODY:
        _refuse(web.HTTPRequestEntityTooLarge(_LONGEST_BODY, 0, text="No body is as long."))
    if request.headers.get(hdrs.EXPECT, "100-continue").lower() != "100-continue":
        _refuse(web.HTTPExpectationFailed(text="Nothing but 100-continue can be expected."))


def _check_target(request: web.Request) -> None:
    """Let nothing pass that names another host, or that a path can't have."""
    url, target = request.rel_url, request.raw_path
    if not target.startswith("/") and target != "*" and not _names_its_host(request):
        _refuse(web.HTTPBadRequest(text="The target is another host, or none."))
    if "#" in target or _CONTROL.search(url.path) or not target.isascii():
        _refuse(web.HTTPBadRequest(text="The target has characters that no path has."))


def _names_its_host(request: web.Request) -> bool:
    """Whether a target in absolute form names the host that the Host field names."""
    scheme, _, rest = request.raw_path.partition("://")
    authority = re.split("[/?]", rest, maxsplit=1)[0]
    same = authority.lower() == request.headers.get(hdrs.HOST, "").lower()
    return scheme.lower() in ("http", "https") and same


def _check_fields(request: web.Request, max_head_bytes: int) -> None:
    size = len(request.raw_path)
    seen = set()
    for name, value in request.raw_headers:
        size += len(name) + len(value) + _FIELD_OVERHEAD_BYTES
        field = name.lower()
        if field in _SINGLE:
            if field in seen:
                text = f"{field.decode('ascii').title()} can be sent only once."
                _refuse(web.HTTPBadRequest(text=text))
            seen.add(field)
    if size > max_head_bytes:
        text = f"The headers have more than {max_head_bytes} bytes."
        _refuse(web.HTTPRequestHeaderFieldsTooLarge(text=text))


def _refuse(refusal: web.HTTPException) -> NoReturn:
    """Refuse the request, and whatever may follow it on its connection."""
    refusal.force_close()
    raise refusal
