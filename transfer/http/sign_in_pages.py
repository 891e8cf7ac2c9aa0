"""What somebody is told who isn't signed in: how to be, as a page or as a problem."""

from http import HTTPStatus
from urllib.parse import urlencode

import structlog
from aiohttp import hdrs, web

from transfer.core.errors import NotSignedInError
from transfer.http.errors import response_to_error
from transfer.http.pages import link, page, wants_page
from transfer.http.policy import HttpPolicy, public_path
from transfer.http.requests import REQUEST_ID

SIGN_IN_PATH = "/sign-in"

_log = structlog.get_logger(__name__)


def refusal(
    request: web.Request, error: NotSignedInError, policy: HttpPolicy
) -> web.StreamResponse:
    """Return the answer to somebody who isn't signed in, or isn't any more.

    A program finds in `sign_in` where to send its user; then it goes on where it stood.
    """
    _log.info("request-refused", code=error.code, reason=error.message)
    if wants_page(request):
        wanted = request.rel_url.raw_path if request.method == hdrs.METH_GET else None
        return sign_in_page(policy, error.message, status=HTTPStatus.UNAUTHORIZED, return_to=wanted)
    sign_in = public_path(policy, SIGN_IN_PATH)
    return response_to_error(error, request[REQUEST_ID], {"sign_in": sign_in})


def sign_in_page(
    policy: HttpPolicy,
    message: str,
    *,
    status: int = HTTPStatus.OK,
    return_to: str | None = None,
) -> web.Response:
    """Return the page that says how to sign in, under `message`; staff get to `return_to` by it."""
    content = [
        message,
        "Customers: open your support case in the portal, and choose to transfer files there. "
        "The link that it gives you works once, for a few minutes.",
    ]
    if policy.portal_url is not None:
        content.append(link(policy.portal_url, "Go to the portal"))
    if policy.staff_sign_in is not None:
        staff = public_path(policy, policy.staff_sign_in)
        if return_to is not None:
            staff += "?" + urlencode({"return_to": public_path(policy, return_to)})
        content.append(link(staff, "Sign in as Customer Care"))
    response = page("Sign in", content, status=status)
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="case-transfer"'
    return response
