"""The outermost boundary of a request: its id, its line in the log, its errors as problems."""

import re

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from aiohttp.web_protocol import RequestPayloadError

from transfer.core.errors import TransferError
from transfer.engine.secrets import new_id
from transfer.http.bodies import close_if_needed, let_go
from transfer.http.errors import (
    problem_response,
    response_to_error,
    response_to_http_error,
    response_to_surprise,
)
from transfer.http.protection import protect
from transfer.http.proxies import Proxies
from transfer.http.requests import CLIENT, PRINCIPAL, REQUEST_ID
from transfer.ports import Clock

_log = structlog.get_logger(__name__)
_ID_HEADER = "X-Request-Id"
_GIVEN_ID = re.compile(r"[0-9A-Za-z._-]{8,64}")
_CLIENT_LEFT = 499
_CANCELLED = 0


def identification(clock: Clock, proxies: Proxies) -> Middleware:
    """Return the middleware that names each request, in its answer and in all that is logged.

    A proxy that is trusted may have named it already.
    """

    @web.middleware
    async def identify(request: web.Request, handler: Handler) -> web.StreamResponse:
        client = proxies.client_of(request)
        given = request.headers.get(_ID_HEADER, "") if client.by_proxy else ""
        request_id = given if _GIVEN_ID.fullmatch(given) else new_id()
        request[REQUEST_ID], request[CLIENT] = request_id, client
        began = clock.monotonic()
        status = _CANCELLED
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                response = await handler(request)
                status = response.status
            finally:
                _log_line(request, status, clock.monotonic() - began)
                let_go(request)
        close_if_needed(request, response)
        return response

    return identify


@web.middleware
async def tell_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every error as a problem; let go of a client that has left."""
    request_id = request[REQUEST_ID]
    try:
        return await handler(request)
    except TransferError as exc:
        _log.info("request-refused", code=exc.code, reason=exc.message)
        return response_to_error(exc, request_id)
    except web.HTTPException as exc:
        return response_to_http_error(exc, request_id)
    except RequestPayloadError:
        return _malformed(request_id)
    except Exception:  # noqa: BLE001 -- the outermost boundary; what it hides is logged below
        if _has_left(request):
            return web.Response(status=_CLIENT_LEFT)  # for the log: nobody reads it
        _log.exception("request-failed")
        return response_to_surprise(request_id)


async def sign(request: web.Request, response: web.StreamResponse) -> None:
    """Add what every response carries; for the signal that it is about to be sent."""
    _sign(response, request.get(REQUEST_ID))


def sign_stray(response: web.Response, request_id: str) -> None:
    """Add what every response carries to one that no route and no signal has seen."""
    _sign(response, request_id)
    protect(response)


def _sign(response: web.StreamResponse, request_id: str | None) -> None:
    if request_id is not None:
        response.headers[_ID_HEADER] = request_id
    response.headers[hdrs.SERVER] = "case-transfer"
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")


def _malformed(request_id: str) -> web.Response:
    response = problem_response(
        status=400,
        title="Bad Request",
        code="malformed-body",
        detail="The body breaks off or is malformed: what came before was kept.",
        request_id=request_id,
    )
    response.force_close()
    return response


def _has_left(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _log_line(request: web.Request, status: int, seconds: float) -> None:
    principal = request.get(PRINCIPAL)
    _log.info(
        "request",
        method=request.method,
        path=request.path if request.match_info.http_exception is None else "unknown",
        status=status,
        milliseconds=round(seconds * 1000, 1),
        credential=principal.credential if principal else None,
    )
