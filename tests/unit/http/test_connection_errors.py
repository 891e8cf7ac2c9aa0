"""What goes wrong beyond the boundary of a request: told without its cause, or not at all."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from transfer.http.policy import HttpPolicy
from transfer.http.server import HttpServer, bound_sockets


@asynccontextmanager
async def served(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[HttpServer]:
    app = web.Application()
    app.router.add_get("/", handler)
    server = HttpServer(app, HttpPolicy())
    await server.start(bound_sockets("127.0.0.1", 0))
    try:
        yield server
    finally:
        await server.stop()


async def answer_of(server: HttpServer) -> bytes:
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(*server.addresses[0])
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    return answer


async def test_a_surprise_beyond_the_boundary_is_told_without_its_cause() -> None:
    async def fail(_: web.Request) -> web.StreamResponse:
        raise ValueError("secret")

    async with served(fail) as server:
        answer = await answer_of(server)
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"application/problem+json" in answer
    assert b"Content-Security-Policy: " in answer
    assert b"secret" not in answer


async def test_an_answer_that_has_begun_is_broken_off() -> None:
    async def fail(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"half of it")
        raise ValueError("secret")

    async with served(fail) as server:
        answer = await answer_of(server)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"500" not in answer
    assert not answer.endswith(b"0\r\n\r\n")
