"""One table from errors to HTTP: complete, and telling what to do."""

import json

import pytest
from aiohttp import web

from transfer.core import errors
from transfer.core.errors import OffsetMismatchError, StoreUnavailableError, TransferError
from transfer.http.errors import (
    ANSWERS,
    answer_to,
    response_to_error,
    response_to_http_error,
    response_to_surprise,
)

CLASSES = [
    found
    for found in vars(errors).values()
    if isinstance(found, type) and issubclass(found, TransferError)
]


def body_of(response: web.Response) -> dict[str, object]:
    assert isinstance(response.body, bytes)
    parsed = json.loads(response.body)
    assert isinstance(parsed, dict)
    return parsed


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_is_in_the_table_by_its_own_class(kind: type[TransferError]) -> None:
    assert kind in ANSWERS


@pytest.mark.parametrize("kind", CLASSES)
def test_what_to_do_next_is_kept_in_the_status(kind: type[TransferError]) -> None:
    status = ANSWERS[kind].status
    if issubclass(kind, errors.UnavailableError):
        assert status in (423, 429, 503)
        assert ANSWERS[kind].retry_after_seconds
    elif issubclass(kind, errors.MissingError):
        assert status in (404, 410)
    elif issubclass(kind, errors.ConflictError):
        assert status in (409, 412, 423, 460)
    elif issubclass(kind, errors.RefusedError):
        # tus clients retry 409 and 423, and all that isn't 4xx: none of it would help here.
        assert 400 <= status < 500
        assert status not in (409, 423)


def test_an_error_of_a_later_release_is_told_like_the_one_above_it() -> None:
    class NewError(errors.ForbiddenError):
        code = "new"

    assert answer_to(NewError("No.")).status == 403


def test_an_error_is_told_as_a_problem() -> None:
    response = response_to_error(StoreUnavailableError("Try again."), "id-1")
    assert response.content_type == "application/problem+json"
    assert response.headers["Retry-After"] == "5"
    assert body_of(response) == {
        "type": "urn:case-transfer:problem:store-unavailable",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "Try again.",
        "code": "store-unavailable",
        "request_id": "id-1",
    }


def test_a_wrong_offset_is_told_the_right_one_twice() -> None:
    response = response_to_error(OffsetMismatchError(7), "id-1")
    assert response.headers["Upload-Offset"] == "7"
    assert body_of(response)["offset"] == 7


def test_an_error_of_the_web_framework_keeps_its_headers() -> None:
    response = response_to_http_error(web.HTTPMethodNotAllowed("PUT", ["GET"]), "id-1")
    assert response.headers["Allow"] == "GET"
    assert body_of(response)["code"] == "method-not-allowed"
    assert body_of(response)["detail"] == "Method Not Allowed"


def test_a_surprise_tells_only_where_to_find_it() -> None:
    body = body_of(response_to_surprise("id-1"))
    assert (body["status"], body["code"]) == (500, "internal")
    assert "id-1" in str(body["detail"])
