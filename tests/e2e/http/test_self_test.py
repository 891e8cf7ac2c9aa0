"""The test of a connection: what the service tells of it, and that it keeps nothing."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.http.browser import PAGE
from tests.e2e.http.http_room import SFTP, HttpRoom, checksum, http_room
from tests.engine_room import MIB, NUMBER
from transfer.http.policy import HttpPolicy, SftpAddress
from transfer.http.proxies import Proxies
from transfer.values import parse_networks

SELF_TEST = "/api/v1/self-test"
BODY = f"{SELF_TEST}/body"
EVERYBODY = ("designated", "read-only", "analyst", "admin", "stranger")


@pytest.mark.parametrize("who", EVERYBODY)
async def test_whoever_is_signed_in_learns_how_their_connection_looks(
    room: HttpRoom, who: str
) -> None:
    told = (await room.ask("GET", SELF_TEST, who=who)).json()
    assert told["now"] == "2026-03-02T09:00:00Z"
    assert (told["address"], told["scheme"], told["http"]) == ("127.0.0.1", "http", "1.1")
    assert (told["tls"], told["by_proxy"], told["traces"]) == (None, False, [])
    assert told["sftp"]["host"] == SFTP.host


@pytest.mark.parametrize("path", ["", "/body", "/pieces", "/events", "/sftp"])
async def test_nobody_else_can_use_it(room: HttpRoom, path: str) -> None:
    method = "POST" if path == "/body" else "GET"
    assert (await room.ask(method, SELF_TEST + path, who=None)).status == 401


FORWARDED = {
    "Via": "1.1 somewhere",
    "X-Forwarded-For": "192.0.2.7",
    "X-Forwarded-Proto": "https",
}


async def test_traces_of_proxies_are_told_and_not_believed(room: HttpRoom) -> None:
    told = (await room.ask("GET", SELF_TEST, headers=FORWARDED)).json()
    assert (told["by_proxy"], told["address"]) == (False, "127.0.0.1")
    assert told["traces"] == list(FORWARDED)


async def test_a_proxy_that_is_trusted_is_told_as_one(tmp_path: Path) -> None:
    policy = HttpPolicy(proxies=Proxies(parse_networks(["127.0.0.1"])))
    async with http_room(tmp_path, policy=policy) as room:
        told = (await room.ask("GET", SELF_TEST, headers=FORWARDED)).json()
    assert (told["by_proxy"], told["address"], told["scheme"]) == (True, "192.0.2.7", "https")
    assert told["sftp"] is None


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("size", [0, 1, 3 * MIB + 7])
async def test_a_body_is_counted_and_hashed_and_forgotten(
    room: HttpRoom, method: str, size: int
) -> None:
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)
    headers = {**checksum("sha256", data), "Upload-Offset": "0"}
    told = (await room.ask(method, BODY, data=data, headers=headers)).json()
    assert (told["method"], told["size"]) == (method, size)
    assert told["sha256"] == hashlib.sha256(data).hexdigest()
    assert (told["checksum_matches"], told["offset"], told["announced"]) == (True, 0, size)
    assert told["pieces"] >= (size > 0)
    listing = await room.listing()
    assert (listing["files"], listing["uploads"]) == ([], [])


async def test_headers_that_were_lost_on_the_way_are_told_of(room: HttpRoom) -> None:
    async def unannounced() -> AsyncIterator[bytes]:
        yield b"abc"

    told = (await room.ask("PATCH", BODY, data=unannounced())).json()
    assert (told["checksum_matches"], told["offset"], told["announced"]) == (None, None, None)
    assert told["size"] == 3
    headers = {"Upload-Offset": "9" * 5000}
    assert (await room.ask("POST", BODY, data=b"abc", headers=headers)).json()["offset"] is None


async def test_damage_on_the_way_is_told_and_not_refused(room: HttpRoom) -> None:
    told = await room.ask("PATCH", BODY, data=b"abc", headers=checksum("sha1", b"abd"))
    assert (told.status, told.json()["checksum_matches"]) == (200, False)
    wrong = {"Upload-Checksum": "md5 AAAA"}
    refused = await room.ask("PATCH", BODY, data=b"abc", headers=wrong)
    assert (refused.status, refused.code) == (400, "unsupported-algorithm")


async def test_when_bytes_arrive_is_told(room: HttpRoom) -> None:
    async def late() -> AsyncIterator[bytes]:
        room.engine.clock.advance(2)  # the service has asked for the body, and waits
        yield b"x" * 1000

    url, headers = room.url + BODY, room.bearer("designated")
    async with room.session.post(url, data=late(), headers=headers, expect100=True) as answer:
        told = await answer.json()
    assert (told["size"], told["first_ms"], told["last_ms"]) == (1000, 2000.0, 2000.0)


async def test_the_test_takes_no_endless_body(room: HttpRoom) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(80):
            yield bytes(MIB)

    try:
        answer = await room.ask("POST", BODY, data=endless())
    except aiohttp.ClientConnectionError:
        return  # it was cut before its end, and that is as good
    assert (answer.status, answer.code) == (413, "too-large")


@pytest.mark.parametrize(
    ("path", "piece"), [("pieces", b"1\n"), ("events", b"event: piece\ndata: 1\n\n")]
)
async def test_pieces_come_one_by_one(tmp_path: Path, path: str, piece: bytes) -> None:
    async with http_room(tmp_path) as room:
        url, headers = f"{room.url}{SELF_TEST}/{path}", room.bearer("designated")
        clock = room.engine.clock
        async with asyncio.timeout(20), room.session.get(url, headers=headers) as response:
            assert response.status == 200
            await clock.wait_for_sleepers()
            clock.advance(0.25)
            assert await response.content.readexactly(len(piece)) == piece
            for _ in range(4):
                await clock.wait_for_sleepers()
                clock.advance(0.25)
            rest = await response.content.read()
        assert rest.startswith(piece.replace(b"1", b"2"))
        assert rest.count(b"\n") == (4 if path == "pieces" else 15)


@asynccontextmanager
async def server_saying(line: bytes | None) -> AsyncIterator[tuple[int, list[int]]]:
    """Listen on a free port, and say `line` to whoever comes; None says nothing, and stays."""
    visits: list[int] = []
    over = asyncio.Event()

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append(1)
        if line is None:
            await over.wait()
        else:
            writer.write(line)
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], visits
    finally:
        over.set()
        server.close()
        await server.wait_closed()


async def reach(tmp_path: Path, port: int, asks: int = 1) -> object:
    policy = HttpPolicy(sftp=SftpAddress(host="127.0.0.1", port=port))
    async with http_room(tmp_path, policy=policy) as room:
        answers = [(await room.ask("GET", f"{SELF_TEST}/sftp")).json() for _ in range(asks)]
    assert all(answer == answers[0] for answer in answers)
    return answers[0]


async def test_an_sftp_server_that_answers_is_reachable(tmp_path: Path) -> None:
    async with server_saying(b"SSH-2.0-CaseTransfer\r\n") as (port, visits):
        told = await reach(tmp_path, port, asks=3)
        assert told == {"reachable": True, "banner": "SSH-2.0-CaseTransfer", "milliseconds": 0.0}
        assert len(visits) == 1  # one try does for all who ask at about that time


@pytest.mark.parametrize("line", [b"", b"HTTP/1.1 400 Bad Request\r\n", b"x" * 10_000, None])
async def test_whatever_else_answers_is_not_it(tmp_path: Path, line: bytes | None) -> None:
    async with server_saying(line) as (port, _):
        told = await reach(tmp_path, port)
    assert told == {"reachable": False, "banner": None, "milliseconds": None}


async def test_an_sftp_server_that_is_not_there_is_not_reachable(tmp_path: Path) -> None:
    async with server_saying(b"") as (port, _):
        pass
    assert await reach(tmp_path, port) == {
        "reachable": False,
        "banner": None,
        "milliseconds": None,
    }


async def test_later_the_sftp_server_is_tried_again(tmp_path: Path) -> None:
    async with server_saying(b"SSH-2.0-CaseTransfer\r\n") as (port, visits):
        policy = HttpPolicy(sftp=SftpAddress(host="127.0.0.1", port=port))
        async with http_room(tmp_path, policy=policy) as room:
            await room.ask("GET", f"{SELF_TEST}/sftp")
            room.engine.clock.advance(16)
            await room.ask("GET", f"{SELF_TEST}/sftp")
        assert len(visits) == 2


async def test_where_no_sftp_server_is_none_is_reachable(tmp_path: Path) -> None:
    async with http_room(tmp_path, policy=HttpPolicy()) as room:
        told = (await room.ask("GET", f"{SELF_TEST}/sftp")).json()
    assert told["reachable"] is False


@pytest.mark.parametrize(
    ("who", "query", "takes"),
    [
        ("designated", "", True),  # who has one case has it here
        ("designated", f"?case={NUMBER}", True),
        ("read-only", "", False),
        ("analyst", "", False),
        ("analyst", f"?case={NUMBER}", True),
    ],
)
async def test_the_page_offers_to_put_the_result_into_the_case(
    room: HttpRoom, who: str, query: str, *, takes: bool
) -> None:
    answer = await room.ask("GET", f"/self-test{query}", who=who, headers=PAGE)
    assert answer.status == 200
    page = answer.body.decode()
    assert (f"Put it into case {NUMBER}" in page) is takes
    assert "runs no JavaScript" in page


async def test_the_page_knows_no_case_of_others(room: HttpRoom) -> None:
    answer = await room.ask("GET", f"/self-test?case={NUMBER}", who="stranger")
    assert (answer.status, answer.code) == (404, "case-not-found")
    answer = await room.ask("GET", "/self-test?case=x")
    assert (answer.status, answer.code) == (400, "invalid-request")
