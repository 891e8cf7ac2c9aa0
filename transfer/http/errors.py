"""One table from the errors of the core to HTTP, and problem+json made of it (RFC 9457)."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aiohttp import web

from transfer.core import errors
from transfer.core.errors import (
    AcknowledgementRequiredError,
    CaseElsewhereError,
    OffsetMismatchError,
    TooManyAttemptsError,
    TransferError,
)
from transfer.http.rendering import json_response

PROBLEM_TYPE = "application/problem+json"
PROBLEM = web.ResponseKey("problem", Mapping[str, Any])
"""The problem that a response tells, for whoever tells it otherwise."""

_RENAMED = {413: "too-large", 414: "uri-too-long", 416: "range-not-satisfiable", 421: "misdirected"}
_SOON_SECONDS = 1
_LATER_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """How HTTP tells an error: a status, its title, and after how long to come again."""

    status: int
    title: str
    retry_after_seconds: int | None = None


_LOCKED = Answer(423, "Locked", _SOON_SECONDS)
_UNAVAILABLE = Answer(503, "Service Unavailable", _LATER_SECONDS)
_CONFLICT = Answer(409, "Conflict")
_BAD_REQUEST = Answer(400, "Bad Request")
_NOT_FOUND = Answer(404, "Not Found")

ANSWERS: Mapping[type[TransferError], Answer] = {
    errors.TransferError: Answer(500, "Internal Server Error"),
    errors.RefusedError: _BAD_REQUEST,
    errors.InvalidRequestError: _BAD_REQUEST,
    errors.InvalidNameError: _BAD_REQUEST,
    errors.UnsupportedAlgorithmError: _BAD_REQUEST,
    errors.NotSignedInError: Answer(401, "Unauthorized"),
    errors.SessionOverError: Answer(401, "Unauthorized"),
    errors.LaunchRefusedError: Answer(401, "Unauthorized"),
    errors.SignInFailedError: _BAD_REQUEST,
    errors.ForbiddenError: Answer(403, "Forbidden"),
    errors.CrossSiteError: Answer(403, "Forbidden"),
    # Not 409, which tus clients retry: a closed case stays closed until people reopen it.
    errors.CaseClosedError: Answer(403, "Case Closed"),
    errors.HeldError: Answer(403, "Case Held"),
    errors.CaseElsewhereError: Answer(421, "Misdirected Request"),
    errors.LaunchElsewhereError: Answer(421, "Misdirected Request"),
    errors.TooLargeError: Answer(413, "Content Too Large"),
    errors.LengthMismatchError: Answer(413, "Content Too Large"),
    errors.DigestMismatchError: Answer(422, "Unprocessable Content"),
    errors.DigestChangedError: _BAD_REQUEST,
    errors.AcknowledgementRequiredError: Answer(403, "Acknowledgement Required"),
    errors.UnsupportedError: _BAD_REQUEST,
    errors.MissingError: _NOT_FOUND,
    errors.CaseMissingError: _NOT_FOUND,
    errors.CaseHiddenError: _NOT_FOUND,
    errors.EntryMissingError: _NOT_FOUND,
    errors.UploadMissingError: _NOT_FOUND,
    errors.UploadGoneError: Answer(410, "Gone"),
    errors.ReceiptMissingError: _NOT_FOUND,
    errors.AccountMissingError: _NOT_FOUND,
    errors.SessionMissingError: _NOT_FOUND,
    errors.TokenMissingError: _NOT_FOUND,
    errors.ConflictError: _CONFLICT,
    errors.OffsetMismatchError: _CONFLICT,
    errors.ChecksumMismatchError: Answer(460, "Checksum Mismatch"),
    errors.NameTakenError: _CONFLICT,
    errors.TooManyAccountsError: _CONFLICT,
    errors.FolderNotEmptyError: _CONFLICT,
    errors.NotAFolderError: _CONFLICT,
    errors.IsAFolderError: _CONFLICT,
    errors.CaseStateError: _CONFLICT,
    errors.ArchiveChangedError: Answer(412, "Precondition Failed"),
    errors.AcknowledgementOutdatedError: _CONFLICT,
    # 423 like a busy upload: clients look at the offset and go on, or leave it to the other one.
    errors.WriterReplacedError: _LOCKED,
    errors.UnavailableError: _UNAVAILABLE,
    errors.StoreUnavailableError: _UNAVAILABLE,
    errors.KeyUnavailableError: _UNAVAILABLE,
    errors.RecordsUnavailableError: _UNAVAILABLE,
    errors.UploadBusyError: _LOCKED,
    errors.ProviderUnavailableError: _UNAVAILABLE,
    errors.CaseCoreUnavailableError: _UNAVAILABLE,
    errors.CaseContradictionError: _UNAVAILABLE,
    errors.TooManyAttemptsError: Answer(429, "Too Many Requests", _LATER_SECONDS),
    errors.ShuttingDownError: _UNAVAILABLE,
}
"""Every error that may be raised, by its own class; a test sees to it that none is left out."""


def answer_to(error: TransferError) -> Answer:
    """Return how `error` is told; a class that isn't in the table, as the nearest one above it."""
    return next(ANSWERS[kind] for kind in type(error).__mro__ if kind in ANSWERS)


def problem_response(
    *,
    status: int,
    title: str,
    code: str,
    detail: str,
    request_id: str,
    members: Mapping[str, Any] | None = None,
) -> web.Response:
    """Return a problem as its own media type."""
    body = {
        "type": f"urn:case-transfer:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id,
        **(members or {}),
    }
    response = json_response(body, status=status, reason=title, content_type=PROBLEM_TYPE)
    response[PROBLEM] = body
    return response


def response_to_error(
    error: TransferError, request_id: str, members: Mapping[str, Any] | None = None
) -> web.Response:
    """Return the response that tells `error`, with `members` besides its own."""
    answer = answer_to(error)
    response = problem_response(
        status=answer.status,
        title=answer.title,
        code=error.code,
        detail=error.message,
        request_id=request_id,
        members={**_members(error), **(members or {})},
    )
    if isinstance(error, OffsetMismatchError):
        response.headers["Upload-Offset"] = str(error.offset)
    if isinstance(error, TooManyAttemptsError):
        response.headers["Retry-After"] = str(error.wait_seconds)
    elif answer.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(answer.retry_after_seconds)
    if answer.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="case-transfer"'
    return response


def _members(error: TransferError) -> dict[str, Any]:
    """Return what a program needs to go on."""
    if isinstance(error, OffsetMismatchError):
        return {"offset": error.offset}
    if isinstance(error, AcknowledgementRequiredError):
        return {"version": error.version}
    if isinstance(error, CaseElsewhereError):
        return {"region": error.region, "gateway": error.gateway, "page": error.page}
    return {}


def response_to_http_error(error: web.HTTPException, request_id: str) -> web.Response:
    """Return the same answer as a problem; its headers stay."""
    title = error.reason
    text = error.text or ""
    response = problem_response(
        status=error.status,
        title=title,
        code=problem_code(error.status),
        detail=title if text == f"{error.status}: {title}" else text,
        request_id=request_id,
    )
    for name, value in error.headers.items():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    if error.status == HTTPStatus.REQUEST_TIMEOUT or error.keep_alive is False:
        response.force_close()
    return response


def problem_code(status: int) -> str:
    """Return the code of a problem that HTTP itself has: the same on every version of Python."""
    renamed = _RENAMED.get(status)
    return renamed or HTTPStatus(status).phrase.lower().replace(" ", "-")


def response_to_surprise(request_id: str) -> web.Response:
    """Return what is told of an error that nobody foresaw: nothing but where to find it."""
    return problem_response(
        status=500,
        title="Internal Server Error",
        code="internal",
        detail=f"Something went wrong here. Tell the operator this request's id: {request_id}.",
        request_id=request_id,
    )
