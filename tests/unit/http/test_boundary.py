"""The boundary of a request: what it makes of errors that no client should cause."""

import asyncio
import json
import socket

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from aiohttp.web_protocol import RequestPayloadError

from transfer.http.boundary import tell_errors
from transfer.http.policy import HttpPolicy, always_ready
from transfer.http.requests import REQUEST_ID
from transfer.http.server import HttpServer, bound_sockets


async def told(error: BaseException) -> web.StreamResponse:
    request = make_mocked_request("GET", "/")
    request[REQUEST_ID] = "id-1"

    async def handler(_: web.Request) -> web.StreamResponse:
        raise error

    return await tell_errors(request, handler)


async def test_a_malformed_body_is_a_problem_and_ends_the_connection() -> None:
    response = await told(RequestPayloadError("bad chunk"))
    assert isinstance(response, web.Response)
    assert isinstance(response.body, bytes)
    assert (response.status, json.loads(response.body)["code"]) == (400, "malformed-body")
    assert response.keep_alive is False


async def test_a_cancelled_request_is_not_answered() -> None:
    with pytest.raises(asyncio.CancelledError):
        await told(asyncio.CancelledError())


async def test_nothing_is_waited_for_unless_it_is_said() -> None:
    assert await always_ready() == ()


def test_a_port_is_the_same_at_every_address_of_a_host() -> None:
    sockets = bound_sockets("localhost", 0)
    try:
        assert len({listener.getsockname()[1] for listener in sockets}) == 1
    finally:
        for listener in sockets:
            listener.close()


def test_a_port_in_use_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        bound_sockets("127.0.0.1", taken.getsockname()[1])


async def test_a_server_that_cannot_listen_leaves_nothing_open() -> None:
    good, closed = bound_sockets("127.0.0.1", 0)[0], bound_sockets("127.0.0.1", 0)[0]
    server = HttpServer(web.Application(), HttpPolicy())
    assert server.connections == 0
    closed.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        await server.start([good, closed])
    assert good.fileno() == -1
