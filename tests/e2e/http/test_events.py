"""What happens to a case, live: told to whom it concerns, and to nobody else, and for no longer."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from tests.clock import START
from tests.e2e.http.browser import Browser
from tests.e2e.http.event_stream import EventStream, event_stream
from tests.e2e.http.http_room import HttpRoom, http_room
from tests.engine_room import ADMIN, NUMBER
from transfer.core.events import EventKind, Happening
from transfer.engine.watches import Ending, Told, Watch
from transfer.http.cookie import COOKIE
from transfer.http.policy import HttpPolicy

PATH = f"/api/v1/cases/{NUMBER}/events"


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[HttpRoom]:
    policy = HttpPolicy(heartbeat=timedelta(milliseconds=50), max_streams_per_credential=2)
    async with http_room(tmp_path, policy=policy) as room:
        yield room


def listening(
    room: HttpRoom, who: str = "designated", last_id: str | None = None
) -> AbstractAsyncContextManager[EventStream]:
    return event_stream(room.session, room.url + PATH, room.bearer(who), last_id)


async def pass_time(room: HttpRoom, seconds: float = 3) -> None:
    room.engine.clock.advance(seconds)
    await room.engine.events.watch_once()


async def test_a_file_is_told_of_as_it_arrives(room: HttpRoom) -> None:
    async with listening(room) as stream:
        assert (await stream.next()).kind == "reset"
        location = await room.begin(10, "logs/trace.log")
        await pass_time(room)
        begun = await stream.next()
        assert (begun.kind, begun.id) == ("file.receiving", None)
        assert begun.data["path"] == "logs/trace.log"
        await room.patch(location, 0, b"12345")
        await pass_time(room)
        progress = await stream.next()
        assert progress.kind == "file.progress"
        assert (progress.data["offset"], progress.data["size"]) == (5, 10)
        await room.patch(location, 5, b"67890")
        await pass_time(room)
        received = await stream.next()
        assert received.kind == "file.received"
        assert received.id is not None
        [file] = await room.files()
        assert received.data["file_id"] == file["id"]
        assert received.data["sha256"] == file["sha256"]


async def test_who_was_away_is_told_what_happened_meanwhile_once(room: HttpRoom) -> None:
    async with listening(room) as stream:
        await stream.next()
        await room.send(b"abc", "first.log")
        await pass_time(room)
        await stream.until("file.received")
        last_id = stream.last_id
    second = await room.send(b"abcd", "second.log")
    await room.ask("DELETE", f"/api/v1/files/{second['id']}")
    await room.ask("POST", f"/api/v1/cases/{NUMBER}/close", who="analyst")
    async with listening(room, last_id=last_id) as stream:
        told = [await stream.next() for _ in range(3)]
        assert [one.kind for one in told] == ["file.received", "file.removed", "case.closed"]
        assert told[0].data["path"] == "second.log"
        await room.ask("POST", f"/api/v1/cases/{NUMBER}/reopen", who="analyst")
        await pass_time(room)
        assert (await stream.next()).kind == "case.reopened"


@pytest.mark.parametrize("cursor", ["nonsense", "-1", "999999999", "9" * 40, "٣"])
async def test_a_cursor_that_is_none_begins_anew(room: HttpRoom, cursor: str) -> None:
    path = f"{room.url}{PATH}?after={cursor}"
    async with event_stream(room.session, path, room.bearer("designated")) as stream:
        assert (await stream.next()).kind == "reset"


async def test_accounts_are_told_of_only_to_who_may_see_them(room: HttpRoom) -> None:
    accounts = f"/api/v1/cases/{NUMBER}/sftp-accounts"
    async with listening(room) as mine, listening(room, "read-only") as theirs:
        for stream in (mine, theirs):
            assert (await stream.next()).kind == "reset"
        issued = (await room.ask("POST", accounts, who="analyst")).json()
        await room.ask("DELETE", f"{accounts}/{issued['id']}", who="analyst")
        await room.send(b"abc")
        await pass_time(room)
        first, second = await mine.next(), await mine.next()
        assert (first.kind, second.kind) == ("account.issued", "account.ended")
        assert first.data["username"] == issued["username"]
        assert issued["password"] not in str(first)
        assert (await theirs.next()).kind == "file.received"


async def test_nobody_watches_a_case_that_is_not_theirs(room: HttpRoom) -> None:
    answer = await room.ask("GET", PATH, who="stranger")
    assert (answer.status, answer.code) == (404, "case-not-found")
    assert (await room.ask("GET", PATH, who=None)).status == 401
    async with event_stream(
        room.session,
        f"{room.url}/api/v1/cases/0009999999/events",
        room.bearer("stranger"),
    ) as stream:
        await stream.next()
        await room.send(b"abc")
        await pass_time(room)
        assert (await room.ask("DELETE", PATH)).status == 405
        await room.ask("POST", "/api/v1/cases/0009999999/close", who="analyst")
        await pass_time(room)
        assert (await stream.next()).kind == "case.closed"


async def test_a_revoked_token_hears_nothing_more(room: HttpRoom) -> None:
    tokens = (await room.ask("GET", "/api/v1/tokens")).json()["tokens"]
    async with listening(room) as stream:
        await stream.next()
        await room.ask("DELETE", f"/api/v1/tokens/{tokens[0]['id']}", who="admin")
        await pass_time(room)
        ended = await stream.until("end")
        assert ended.said == {"reason": "credential-over"}
        with pytest.raises(EOFError):
            await stream.next()


async def test_a_token_that_expires_hears_nothing_more(room: HttpRoom) -> None:
    async with listening(room) as stream:
        await stream.next()
        await pass_time(room, timedelta(days=100).total_seconds())
        assert (await stream.until("end")).said == {"reason": "credential-over"}


async def test_the_streams_of_a_token_are_counted(room: HttpRoom) -> None:
    async with listening(room), listening(room):
        answer = await room.ask("GET", PATH)
        assert (answer.status, answer.code) == (429, "too-many-requests")
        assert "Retry-After" in answer.headers
        async with listening(room, "analyst"):
            pass


async def test_streams_leave_room_for_other_requests(tmp_path: Path) -> None:
    policy = HttpPolicy(max_requests_per_client=1, max_requests_per_case=1)
    async with http_room(tmp_path, policy=policy) as room, listening(room), listening(room):
        assert (await room.ask("GET", f"/api/v1/cases/{NUMBER}/files")).status == 200


async def test_a_quiet_stream_shows_that_it_lives(room: HttpRoom) -> None:
    async with listening(room) as stream:
        await stream.next()
        for _ in range(4):
            assert (await stream.response.content.readline()) in (b": still here\n", b"\n")


async def test_streams_end_as_the_server_stops(room: HttpRoom) -> None:
    async with listening(room) as stream:
        await stream.next()
        await room.server.stop()
        assert (await stream.until("end")).said == {"reason": "stopping"}
        assert room.engine.events.watchers == 0


async def test_who_has_left_is_forgotten(room: HttpRoom) -> None:
    async with listening(room) as stream:
        await stream.next()
        assert room.engine.events.watchers == 1
        stream.response.close()
        async with asyncio.timeout(10):
            while room.engine.events.watchers:
                await stream_pause(room)


async def stream_pause(room: HttpRoom) -> None:
    assert (await room.ask("GET", "/healthz")).status == 200


async def test_a_case_whose_data_goes_is_watched_no_more(room: HttpRoom) -> None:
    cases = room.engine.records.cases
    async with listening(room) as stream:
        await stream.next()
        await room.engine.core.close(NUMBER, None, ADMIN.name)
        case = await cases.case(NUMBER)
        assert await cases.start_purge(
            NUMBER, expected_version=case.version, now=room.engine.clock.now()
        )
        await pass_time(room)
        assert (await stream.until("end")).said == {"reason": "case-gone"}
    answer = await room.ask("GET", PATH)
    assert (answer.status, answer.code) == (404, "case-not-found")


async def test_a_stream_is_cut_off_when_its_session_ends(room: HttpRoom) -> None:
    browser = Browser(room=room)
    await browser.launch()
    cookie = {"Cookie": f"{COOKIE}={browser.secret}"}
    async with event_stream(room.session, room.url + PATH, cookie) as stream:
        assert (await stream.next()).kind == "reset"
        assert (await browser.ask("DELETE", "/api/v1/session")).status == 204
        with pytest.raises(aiohttp.ClientError):
            await stream.next()
    assert room.engine.events.watchers == 0


async def test_who_reads_too_slowly_is_cut_off_and_can_go_on(room: HttpRoom) -> None:
    async with listening(room) as stream:
        await stream.next()
        last_id = stream.last_id
        await room.send(b"abc")
        for watch in room.engine.events._all():
            watch.end(Ending.TOO_SLOW)
        with pytest.raises(aiohttp.ClientError):
            await stream.next()
    async with listening(room, last_id=last_id) as stream:
        assert (await stream.next()).kind == "file.received"


async def test_who_takes_nothing_at_all_is_cut_off(tmp_path: Path) -> None:
    policy = HttpPolicy(
        heartbeat=timedelta(milliseconds=1), stalled_write=timedelta(milliseconds=50)
    )
    async with http_room(tmp_path, policy=policy) as room:
        connection = socket.create_connection((room.host, room.port))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        head = f"GET {PATH} HTTP/1.1\r\nHost: {room.host}\r\n"
        token = room.bearer("designated")["Authorization"]
        with connection:
            connection.sendall(f"{head}Authorization: {token}\r\n\r\n".encode())
            async with asyncio.timeout(30):
                while not room.engine.events.watchers:
                    await stream_pause(room)
                long_name = "x" * 200
                while room.engine.events.watchers:
                    case = {"status": "Open", "substatus": "Investigation"}
                    for watch in room.engine.events._all():
                        for _ in range(500):
                            watch.tell(_passing(watch, {**case, "name": long_name}))
                    await stream_pause(room)


def _passing(watch: Watch, data: dict[str, str]) -> Told:
    number = watch.case.number
    kind = EventKind.CASE_MOVED
    return Told(Happening(kind=kind, case_number=number, at=START, data=data), None)
