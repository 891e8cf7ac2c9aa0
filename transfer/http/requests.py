"""What every route finds in a request: who it is from, and its id."""

from aiohttp import web

from transfer.core.access import Principal
from transfer.core.cases import CaseNumber, parse_case_number

PRINCIPAL = web.RequestKey("principal", Principal)
REQUEST_ID = web.RequestKey("request_id", str)

OPAQUE_ID = "[0-9A-Za-z_-]{1,64}"
"""What an id of ours may look like in a path; anything else is nothing of ours."""


def case_number(request: web.Request) -> CaseNumber:
    """Return the case that the path names.

    Raises:
        InvalidRequestError: it isn't a case number.
    """
    return parse_case_number(request.match_info["number"])


def client_address(request: web.Request, *, trust_forwarded_for: bool) -> str | None:
    """Return where a request comes from.

    Of X-Forwarded-For only the last address counts: the one that the proxy in front added.
    """
    if trust_forwarded_for:
        forwarded = request.headers.getall("X-Forwarded-For", [])
        last = ",".join(forwarded).rpartition(",")[2].strip()
        if last:
            return last[:64]
    return request.remote


def effective_method(request: web.Request) -> str:
    """Return the method that is meant: a client that can't send it overrides the one it can.

    Source: tus 1.0.0, X-HTTP-Method-Override.
    """
    return request.headers.get("X-HTTP-Method-Override", request.method).strip().upper()
