"""Requests that live no longer than the session they came by."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from tests.engine_room import ADMIN, NUMBER, EngineRoom, engine_room
from transfer.core.access import Role
from transfer.http.auth import authentication, note_begun
from transfer.http.bearer import bearer_secret
from transfer.http.boundary import identification, tell_errors
from transfer.http.cookie import COOKIE
from transfer.http.policy import HttpPolicy, Services
from transfer.http.proxies import NO_PROXIES
from transfer.ports import Method

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def served(
    folder: Path, handler: Handler
) -> AsyncIterator[tuple[EngineRoom, TestClient[web.Request, web.Application], dict[str, str]]]:
    """Serve `handler` at /, and yield a client with the headers of somebody who is signed in."""
    async with engine_room(folder) as room:
        services = SimpleNamespace(
            tokens=room.tokens,
            sessions=room.sessions,
            attempts=room.attempts,
            policy=HttpPolicy(),
        )
        app = web.Application(
            middlewares=[
                identification(room.clock, NO_PROXIES),
                tell_errors,
                authentication(cast(Services, services)),
            ]
        )
        app.add_routes([web.get("/", handler)])
        app.on_response_prepare.append(note_begun)
        _, secret = await room.sessions.begin(
            name="Jo",
            role=Role.DESIGNATED,
            case_number=NUMBER,
            subject="contact-7",
            method=Method.LAUNCH,
            address=None,
        )
        async with TestClient(TestServer(app)) as client:
            yield room, client, {"Cookie": f"{COOKIE}={secret}"}


async def test_half_an_answer_is_broken_off_and_never_followed_by_another(tmp_path: Path) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = 1000
        await response.prepare(request)
        await response.write(b"half")
        await asyncio.Event().wait()
        return response

    async with (
        served(tmp_path, drip) as (room, client, headers),
        asyncio.timeout(20),
        client.get("/", headers=headers) as answer,
    ):
        assert await answer.content.readexactly(4) == b"half"
        await room.sessions.end_of_case(NUMBER, ended_by=ADMIN)
        with pytest.raises(aiohttp.ClientError):
            await answer.read()


async def test_a_handler_s_own_timeout_stays_its_own(tmp_path: Path) -> None:
    async def fail(_: web.Request) -> web.StreamResponse:
        raise TimeoutError

    async with served(tmp_path, fail) as (_, client, headers):
        assert (await client.get("/", headers=headers)).status == 500


@pytest.mark.parametrize(("accept", "status"), [("*/*", 200), ("text/event-stream", 401)])
async def test_whoever_only_listens_is_not_at_work(
    tmp_path: Path, accept: str, status: int
) -> None:
    begun, done = asyncio.Event(), asyncio.Event()

    async def wait(_: web.Request) -> web.StreamResponse:
        begun.set()
        await done.wait()
        return web.Response()

    async with served(tmp_path, wait) as (room, client, headers):
        request = asyncio.create_task(client.get("/", headers={**headers, "Accept": accept}))
        await asyncio.wait_for(begun.wait(), 10)
        room.clock.advance(timedelta(hours=2))
        await room.sessions.watch_once()
        done.set()
        assert (await request).status == status


@pytest.mark.parametrize(
    ("header", "secret"),
    [
        (None, None),
        ("", None),
        ("Bearer", None),
        ("Bearer ", None),
        ("Basic x", None),
        ("Bearer x", "x"),
        ("  bearer   x ", "x"),
    ],
)
def test_a_bearer_token_is_found_in_its_header_alone(
    header: str | None, secret: str | None
) -> None:
    assert bearer_secret(header) == secret
