"""What a person gets at a browser, where a program gets JSON."""

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from tests.engine_room import customer
from transfer.core.errors import SessionOverError
from transfer.http.errors import response_to_error, response_to_http_error
from transfer.http.policy import HttpPolicy
from transfer.http.requests import PRINCIPAL, REQUEST_ID
from transfer.http.site.people import for_people
from transfer.http.site.rendering import POLICY


async def refuse(_: web.Request) -> web.StreamResponse:
    return response_to_http_error(web.HTTPRequestTimeout(), "id-1")


@pytest.mark.parametrize(
    ("path", "headers", "media"),
    [
        ("/x", {"Accept": "text/html,*/*"}, "text/html"),
        ("/x", {"Accept": "*/*"}, "application/problem+json"),
        ("/x", {}, "application/problem+json"),
        ("/api/v1/x", {"Accept": "text/html"}, "application/problem+json"),
        ("/api/v1/x", {"Accept": "text/html", "Sec-Fetch-Dest": "document"}, "text/html"),
        ("/api/v1/x", {"Accept": "*/*", "Sec-Fetch-Dest": "document"}, "application/problem+json"),
    ],
)
async def test_a_page_is_for_whoever_reads_it_and_ends_the_connection_as_the_problem_did(
    path: str, headers: dict[str, str], media: str
) -> None:
    app = web.Application()
    app[POLICY] = HttpPolicy()
    request = make_mocked_request("GET", path, headers=headers, app=app)
    request[REQUEST_ID] = "id-1"
    response = await for_people(request, refuse)
    assert (response.status, response.content_type) == (408, media)
    assert response.keep_alive is False


async def test_a_problem_that_no_page_can_be_made_of_is_told_as_it_is() -> None:
    request = make_mocked_request("GET", "/x", headers={"Accept": "text/html"})  # of no application
    request[REQUEST_ID] = "id-1"
    response = await for_people(request, refuse)
    assert (response.status, response.content_type) == (408, "application/problem+json")


async def test_whoever_was_signed_in_until_now_is_shown_how_to_sign_in() -> None:
    async def end(_: web.Request) -> web.StreamResponse:
        return response_to_error(SessionOverError("The session was ended."), "id-1")

    app = web.Application()
    app[POLICY] = HttpPolicy(portal_url="https://portal.example.com")
    request = make_mocked_request("GET", "/", headers={"Accept": "text/html"}, app=app)
    request[REQUEST_ID], request[PRINCIPAL] = "id-1", customer()
    response = await for_people(request, end)
    assert isinstance(response, web.Response)
    assert "https://portal.example.com" in (response.text or "")
