"""What every route finds in a request: who it is from, where from, and its id."""

from aiohttp import web

from transfer.core.access import Principal
from transfer.core.cases import CaseNumber, parse_case_number
from transfer.core.errors import TransferError
from transfer.http.proxies import Client

PRINCIPAL = web.RequestKey("principal", Principal)
REQUEST_ID = web.RequestKey("request_id", str)
CLIENT = web.RequestKey("client", Client)
REFUSED = web.RequestKey("refused", TransferError)
"""What a protocol has told in its own words, for whoever stands before it."""

OPAQUE_ID = "[0-9A-Za-z_-]{1,64}"
"""What an id of ours may look like in a path; anything else is nothing of ours."""


def case_number(request: web.Request) -> CaseNumber:
    """Return the case that the path names.

    Raises:
        InvalidRequestError: it isn't a case number.
    """
    return parse_case_number(request.match_info["number"])


def client_of(request: web.Request) -> Client:
    """Return where a request comes from and how it was addressed; proxies see to it, if trusted."""
    return request[CLIENT]


def client_address(request: web.Request) -> str | None:
    """Return where a request comes from."""
    return request[CLIENT].address


def effective_method(request: web.Request) -> str:
    """Return the method that is meant: a client that can't send it overrides the one it can.

    Source: tus 1.0.0, X-HTTP-Method-Override.
    """
    return request.headers.get("X-HTTP-Method-Override", request.method).strip().upper()
