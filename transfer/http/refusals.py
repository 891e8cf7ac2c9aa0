"""What somebody is told who isn't signed in: a problem that says where to be."""

import structlog
from aiohttp import web

from transfer.core.errors import NotSignedInError
from transfer.http.errors import response_to_error
from transfer.http.policy import HttpPolicy, public_path
from transfer.http.requests import REQUEST_ID

SIGN_IN_PATH = "/sign-in"

_log = structlog.get_logger(__name__)


def refusal(request: web.Request, error: NotSignedInError, policy: HttpPolicy) -> web.Response:
    """Return the answer to somebody who isn't signed in, or isn't any more.

    A program finds in `sign_in` where to send its user; then it goes on where it stood.
    """
    _log.info("request-refused", code=error.code, reason=error.message)
    sign_in = public_path(policy, SIGN_IN_PATH)
    return response_to_error(error, request[REQUEST_ID], {"sign_in": sign_in})
