"""Problems as resumable uploads for HTTP tell them, where that differs from the common table.

A 4xx ends an upload for these clients, a 5xx has them ask for the offset and go on.

Source: draft-ietf-httpbis-resumable-upload, problem types; draft-ietf-httpapi-digest-fields-
problem-types.
"""

from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import web

from transfer.core import errors
from transfer.core.errors import TransferError
from transfer.http.errors import problem_response, response_to_error
from transfer.http.requests import REFUSED, REQUEST_ID
from transfer.http.rufh_headers import OFFSET, completeness
from transfer.http.rufh_versions import Dialect
from transfer.http.structured_fields import integer, serialise

_log = structlog.get_logger(__name__)

_TYPES = "https://iana.org/assignments/http-problem-types#"
_SOON_SECONDS = "1"


def response_to(
    error: TransferError, request: web.Request, dialect: Dialect, limits: dict[str, str]
) -> web.Response:
    """Return the response that tells `error` to a client of that version."""
    request[REFUSED] = error
    _log.info("request-refused", code=error.code, reason=error.message)
    if isinstance(error, errors.OffsetMismatchError):
        return _mismatching_offset(error, request, dialect)
    if isinstance(error, errors.LengthMismatchError):
        return _problem(error, request, "inconsistent-upload-length", "Inconsistent Upload Length")
    if isinstance(error, errors.ChecksumMismatchError):
        return _problem(error, request, "digest-mismatching-values", "Mismatching Digest Values")
    response = response_to_error(error, request[REQUEST_ID])
    if isinstance(error, errors.UploadBusyError):
        response = _busy(error, request)
    elif isinstance(error, errors.UploadGoneError):
        response = _told(error, request, dialect.gone, dialect.gone.phrase, {})
    elif isinstance(error, errors.TooLargeError):
        response.headers.update(limits)
    elif isinstance(error, errors.DigestMismatchError):
        # All of it came, and it will not do: resuming is of no use.
        response.headers.update(completeness(dialect, complete=True))
    return response


def response_to_more(request: web.Request, *, has_body: bool) -> web.Response:
    """Return the response to whoever appends to an upload that is complete."""
    if has_body:
        error: TransferError = errors.LengthMismatchError(
            "The upload is complete: the file has been received, and takes no more."
        )
        return _problem(error, request, "inconsistent-upload-length", "Inconsistent Upload Length")
    error = errors.UploadGoneError("The upload is complete: the file has been received.")
    return _problem(error, request, "completed-upload", "Upload Is Completed")


def _mismatching_offset(
    error: errors.OffsetMismatchError, request: web.Request, dialect: Dialect
) -> web.Response:
    members = {
        "type": f"{_TYPES}mismatching-upload-offset",
        "offset": error.offset,
        "expected-offset": error.offset,
        "provided-offset": integer(request.headers, OFFSET),
    }
    response = _told(error, request, HTTPStatus.CONFLICT, "Mismatching Upload Offset", members)
    response.headers[OFFSET] = serialise(error.offset)
    response.headers.update(completeness(dialect, complete=False))
    return response


def _busy(error: TransferError, request: web.Request) -> web.Response:
    status = HTTPStatus.SERVICE_UNAVAILABLE
    response = _told(error, request, status, status.phrase, {})
    response.headers["Retry-After"] = _SOON_SECONDS
    return response


def _problem(error: TransferError, request: web.Request, kind: str, title: str) -> web.Response:
    return _told(error, request, HTTPStatus.BAD_REQUEST, title, {"type": f"{_TYPES}{kind}"})


def _told(
    error: TransferError,
    request: web.Request,
    status: HTTPStatus,
    title: str,
    members: dict[str, Any],
) -> web.Response:
    return problem_response(
        status=status,
        title=title,
        code=error.code,
        detail=error.message,
        request_id=request[REQUEST_ID],
        members=members,
    )
