"""Requests that no good client sends: refused by name, nothing stored, nothing leaked."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.e2e.http.http_room import OFFSET_TYPE, TUS, HttpRoom, http_room, metadata
from tests.e2e.http.wire import nobody_writes, patch_head, received, wire
from tests.engine_room import NUMBER
from transfer.http.policy import HttpPolicy

STATUS = re.compile(rb"(?:^|})HTTP/[0-9.]+ ([0-9]{3}) ")
"""Of an answer that begins, or follows one in JSON."""
SECRET = "ctt_of-somebody-else"
BEHIND = b"GET /healthz HTTP/1.1\r\nHost: behind\r\n\r\n"


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[HttpRoom]:
    policy = HttpPolicy(lingering=timedelta(seconds=0.2), idle=timedelta(seconds=5))
    async with http_room(tmp_path, policy=policy) as room:
        yield room


async def said(room: HttpRoom, request: bytes) -> tuple[list[int], bytes]:
    """Send bytes, and return the statuses and the text of all that comes until the end."""
    async with wire(room) as one, asyncio.timeout(10):
        one.writer.write(request)
        await one.writer.drain()
        answer = await one.reader.read()
    return [int(found) for found in STATUS.findall(answer)], answer


async def nothing_is_stored(room: HttpRoom) -> None:
    listing = await room.listing()
    assert (listing["files"], listing["uploads"]) == ([], [])
    assert await room.engine.store.list_everything("") == []


def creation(room: HttpRoom, *fields: str, line: str | None = None) -> bytes:
    """Return the head of a good creation, but for `fields`."""
    head = [
        line or f"POST /api/v1/cases/{NUMBER}/uploads HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {room.tokens['designated']}",
        "Tus-Resumable: 1.0.0",
        "Content-Type: application/offset+octet-stream",
        f"Upload-Metadata: {metadata(filename='a.log')}",
        *fields,
    ]
    return "\r\n".join([*head, "", ""]).encode("latin-1")


CHUNKED = "Transfer-Encoding: chunked"
LENGTH = "Upload-Length: 3"

FRAMING = {
    "both lengths": (("Content-Length: 3", CHUNKED), 400),
    "both lengths, the other way": ((CHUNKED, "Content-Length: 3"), 400),
    "two lengths": (("Content-Length: 3", "Content-Length: 4"), 400),
    "the same length twice": (("Content-Length: 3", "Content-Length: 3"), 400),
    "a list of lengths": (("Content-Length: 3, 3",), 400),
    "a signed length": (("Content-Length: +3",), 400),
    "a negative length": (("Content-Length: -3",), 400),
    "a length in hexadecimal": (("Content-Length: 0x3",), 400),
    "a length with a separator": (("Content-Length: 1_0",), 400),
    "no length": (("Content-Length:",), 400),
    "a length of 2^63": ((f"Content-Length: {1 << 63}",), 413),
    "a length that the parser takes for none": ((f"Content-Length: {(1 << 64) - 1}",), 413),
    "a length of 2^64": ((f"Content-Length: {1 << 64}",), 400),
    "two codings": (("Transfer-Encoding: gzip, chunked",), 501),
    "chunked twice": (("Transfer-Encoding: chunked, chunked",), 400),
    "chunked, but not at last": (("Transfer-Encoding: chunked, gzip",), 400),
    "two lines of codings": ((CHUNKED, "Transfer-Encoding: identity"), 400),
    "an unknown coding": (("Transfer-Encoding: xchunked",), 400),
    "a coding in quotes": (('Transfer-Encoding: "chunked"',), 400),
    "a coding behind a tab": (("Transfer-Encoding: \x0bchunked",), 400),
    "a space before the colon": (("Transfer-Encoding : chunked",), 400),
    "a folded field": (("Content-Length: 3", "X-Folded: a", " b"), 400),
    "a field without a colon": (("Content-Length: 3", "nonsense"), 400),
    "a field without a name": (("Content-Length: 3", ": a"), 400),
    "a NUL in a value": (("Content-Length: 3", "X-Nul: a\0b"), 400),
    "a NUL in a name": (("Content-Length: 3", "X-\0Nul: a"), 400),
    "a bare LF": (("Content-Length: 3", "X-Line: a\nX-Other: b"), 400),
    "a bare CR": (("Content-Length: 3", "X-Line: a\rX-Other: b"), 400),
    "two hosts": (("Content-Length: 3", "Host: y"), 400),
}


@pytest.mark.parametrize("name", FRAMING)
async def test_doubtful_framing_is_refused_and_ends_the_connection(
    room: HttpRoom, name: str
) -> None:
    fields, status = FRAMING[name]
    body = b"3\r\nabc\r\n0\r\n\r\n" if "chunked" in "".join(fields) else b"abc"
    statuses, answer = await said(room, creation(room, LENGTH, *fields) + body + BEHIND)
    assert statuses == [status], answer
    assert b"ctt_" not in answer
    await nothing_is_stored(room)


CHUNKS = {
    "a size that is none": b"zz\r\nabc\r\n0\r\n\r\n",
    "a size with 0x": b"0x3\r\nabc\r\n0\r\n\r\n",
    "a negative size": b"-3\r\nabc\r\n0\r\n\r\n",
    "a size beyond any": b"FFFFFFFFFFFFFFFFF\r\nabc\r\n0\r\n\r\n",
    "a space after the size": b"3 \r\nabc\r\n0\r\n\r\n",
    "a bare LF after the size": b"3\nabc\r\n0\r\n\r\n",
    "a bare LF in an extension": b"3;a\nb\r\nabc\r\n0\r\n\r\n",
    "a chunk longer than its size": b"3\r\nabcd\r\n0\r\n\r\n",
    "a chunk that ends by a bare LF": b"3\r\nabc\n0\r\n\r\n",
}


@pytest.mark.parametrize("name", CHUNKS)
@pytest.mark.parametrize("at_once", [True, False])
async def test_bad_chunks_are_refused_and_end_the_connection(
    room: HttpRoom, name: str, *, at_once: bool
) -> None:
    location = await room.begin(100)
    head = patch_head(room, location, 0, 0).replace("Content-Length: 0", CHUNKED)
    first = b"5\r\nhello\r\n"
    async with wire(room) as one, asyncio.timeout(10):
        await one.say(head, first + CHUNKS[name] + BEHIND if at_once else first)
        if not at_once:
            await received(room, 5)
            await one.say("", CHUNKS[name] + BEHIND)
        answer = await one.reader.read()
    assert STATUS.findall(answer) == [b"400"], answer
    await nobody_writes(room)
    whole = (0, 0) if at_once else (5, 8)  # a chunk whose end is bad was whole itself
    assert await room.offset(location) in whole
    assert (await room.listing())["files"] == []


async def test_an_extension_of_a_chunk_is_skipped(room: HttpRoom) -> None:
    body = b"3;name=value\r\nabc\r\n0\r\n\r\n"
    async with wire(room) as one:
        await one.say("", creation(room, LENGTH, CHUNKED) + body)
        assert (await one.hear())[0] == 201
    assert await room.engine.content("a.log") == b"abc"


TWICE = {
    "authorization": f"Authorization: Bearer {SECRET}",
    "tus-resumable": "Tus-Resumable: 1.0.0",
    "upload-length": "Upload-Length: 4",
    "upload-metadata": "Upload-Metadata: filename Yg==",
    "upload-defer-length": "Upload-Defer-Length: 1",
    "x-http-method-override": "X-HTTP-Method-Override: POST",
    "upload-checksum": "Upload-Checksum: sha1 2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
    "origin": "Origin: https://a.example",
    "cookie": "Cookie: a=b",
    "range": "Range: bytes=0-1",
}


@pytest.mark.parametrize("name", TWICE)
async def test_a_field_that_decides_is_taken_once_only(room: HttpRoom, name: str) -> None:
    fields = (LENGTH, "Content-Length: 3", TWICE[name], TWICE[name].swapcase())
    statuses, answer = await said(room, creation(room, *fields) + b"abc" + BEHIND)
    assert statuses == [400], answer
    assert b"only once" in answer
    assert SECRET.encode() not in answer
    await nothing_is_stored(room)


async def test_two_offsets_are_refused(room: HttpRoom) -> None:
    location = await room.begin(6)
    head = patch_head(room, location, 0, 3, "Upload-Offset: 3\n").replace("\n", "\r\n")
    statuses, _ = await said(room, head.encode() + b"abc" + BEHIND)
    assert statuses == [400]
    assert await room.offset(location) == 0


LINES = {
    "a path out of the root": ("POST /api/v1/cases/{n}/uploads/../../x HTTP/1.1", (404,)),
    "an encoded path out": ("POST /api/v1/%2e%2e/v1/cases/{n}/x HTTP/1.1", (404,)),
    "a NUL in the path": ("POST /api/v1/cases/{n}%00/uploads HTTP/1.1", (400,)),
    "a raw NUL in the path": ("POST /api/v1/cases/{n}\0/uploads HTTP/1.1", (400,)),
    "a line break in the path": ("POST /api/v1/cases/{n}%0d%0a/uploads HTTP/1.1", (400,)),
    "bytes in the path": ("POST /api/v1/cases/{n}\xff/uploads HTTP/1.1", (400,)),
    "a fragment": ("POST /api/v1/cases/{n}/uploads#a HTTP/1.1", (400,)),
    "a space in the path": ("POST /api/v1/cases/{n}/upl oads HTTP/1.1", (400,)),
    "another host": ("POST http://evil.example/api/v1/cases/{n}/uploads HTTP/1.1", (400,)),
    "another scheme": ("POST ftp://x/api/v1/cases/{n}/uploads HTTP/1.1", (400,)),
    "no path": ("POST cases HTTP/1.1", (400,)),
    "a star": ("POST * HTTP/1.1", (400,)),
    "HTTP/0.9": ("GET /healthz", (505,)),
    "a version 0.9": ("GET /healthz HTTP/0.9", (505,)),
    "a version 2.0": ("GET /healthz HTTP/2.0", (505,)),
    "a version 1.2": ("GET /healthz HTTP/1.2", (400,)),
    "a version in lower case": ("GET /healthz http/1.1", (400,)),
    "a method in lower case": ("get /healthz HTTP/1.1", (400,)),
    "an unknown method": ("BREW /healthz HTTP/1.1", (400,)),
    "a method of WebDAV": ("PROPFIND /healthz HTTP/1.1", (501,)),
    "TRACE": ("TRACE /healthz HTTP/1.1", (501,)),
    "CONNECT": ("CONNECT x:443 HTTP/1.1", (501,)),
    "tabs": ("GET\t/healthz\tHTTP/1.1", (400,)),
    "the preface of HTTP/2": ("PRI * HTTP/2.0", (400,)),
    "a target that is too long": (f"GET /{'a' * 9000} HTTP/1.1", (414,)),
}


@pytest.mark.parametrize("name", LINES)
async def test_a_bad_request_line_is_refused(room: HttpRoom, name: str) -> None:
    line, wanted = LINES[name]
    request = creation(room, LENGTH, "Connection: close", line=line.format(n=NUMBER))
    statuses, answer = await said(room, request)
    assert tuple(statuses) == wanted, answer
    assert b"ctt_" not in answer
    await nothing_is_stored(room)


async def test_a_target_that_names_this_host_is_taken(room: HttpRoom) -> None:
    statuses, _ = await said(
        room, b"GET http://x/healthz HTTP/1.1\r\nHost: X\r\nConnection: close\r\n\r\n"
    )
    assert statuses == [200]


@pytest.mark.parametrize("protocol", ["websocket", "h2c"])
async def test_an_upgrade_is_not_taken_and_nothing_behind_it_is_read(
    room: HttpRoom, protocol: str
) -> None:
    upgrade = (
        f"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    statuses, answer = await said(room, upgrade.encode() + BEHIND)
    assert statuses == [200]
    assert b"Connection: close" in answer


async def test_tls_on_the_plain_port_is_no_request(room: HttpRoom) -> None:
    statuses, _ = await said(room, bytes.fromhex("160301020001000001fc0303") + bytes(500))
    assert statuses == [400]


async def test_a_transfer_coding_over_http_1_0_is_refused(room: HttpRoom) -> None:
    line = f"POST /api/v1/cases/{NUMBER}/uploads HTTP/1.0"
    request = creation(room, LENGTH, CHUNKED, line=line) + b"3\r\nabc\r\n0\r\n\r\n"
    assert (await said(room, request))[0] == [400]
    await nothing_is_stored(room)


async def test_an_expectation_that_nobody_knows_is_refused(room: HttpRoom) -> None:
    request = creation(room, LENGTH, "Content-Length: 3", "Expect: 200-ok")
    assert (await said(room, request + b"abc"))[0] == [417]
    await nothing_is_stored(room)


# ── Big heads ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param([f"X-Long: {'a' * 40_000}"], id="one that is too long"),
        pytest.param([f"X-{number}: a" for number in range(200)], id="too many"),
        pytest.param([f"X-{number}: {'a' * 20_000}" for number in range(4)], id="too much"),
    ],
)
async def test_headers_that_are_too_large_are_refused(room: HttpRoom, fields: list[str]) -> None:
    statuses, answer = await said(room, creation(room, LENGTH, "Content-Length: 3", *fields))
    assert statuses == [431]
    assert b"aaaa" not in answer
    assert b"application/problem+json" in answer
    assert b"Content-Security-Policy" in answer
    await nothing_is_stored(room)


async def test_a_head_that_grows_bit_by_bit_is_cut_off(room: HttpRoom) -> None:
    async with wire(room) as wordy, asyncio.timeout(10):
        await wordy.say("GET /healthz HTTP/1.1\nHost: x\n")
        while room.server.connections > 1 or not wordy.reader.at_eof():
            wordy.writer.write(b"X-A: " + b"a" * 1000 + b"\r\n")
            try:
                await wordy.writer.drain()
            except ConnectionError:
                break
            if wordy.reader.at_eof():
                break
            await room.ask("GET", "/healthz", who=None)


# ── Numbers, names and bodies ────────────────────────────────────────────────────────────────

NUMBERS = ["-1", "+1", "1.0", "1e3", "0x1", "", "1 2", "٣", str(1 << 63), str(1 << 64), "9" * 50]


@pytest.mark.parametrize("number", NUMBERS)
async def test_an_offset_that_is_none_is_refused(room: HttpRoom, number: str) -> None:
    location = await room.begin(6)
    head = patch_head(room, location, 0, 3).replace("Upload-Offset: 0", f"Upload-Offset: {number}")
    async with wire(room) as one:
        await one.say(head, b"abc")
        status, _ = await one.hear()
    assert status in (400, 409)
    assert await room.offset(location) == 0


@pytest.mark.parametrize("number", NUMBERS)
async def test_a_length_that_is_none_is_refused(room: HttpRoom, number: str) -> None:
    async with wire(room) as one:
        head = creation(room, "Content-Length: 0").decode()
        head = head.removesuffix("\r\n").replace("\r\n", "\n")
        await one.say(f"{head}Upload-Length: {number}\n\n")
        status, _ = await one.hear()
    assert status in (400, 413)
    await nothing_is_stored(room)


@pytest.mark.parametrize(
    "told",
    [
        pytest.param("filename !!!", id="not Base64"),
        pytest.param("filename YQ", id="no padding"),
        pytest.param("filename //8=", id="not UTF-8"),
        pytest.param("filename YQBi", id="a NUL in a name"),
        pytest.param("filename Li4vYQ==", id="a name that leads out"),
        pytest.param("filename YQ==,filename Yg==", id="a key twice"),
        pytest.param("file name YQ==", id="a key with a space"),
        pytest.param(",", id="no key"),
    ],
)
async def test_metadata_that_cannot_be_read_is_refused(room: HttpRoom, told: str) -> None:
    answer = await room.ask(
        "POST",
        f"/api/v1/cases/{NUMBER}/uploads",
        headers={**TUS, **OFFSET_TYPE, "Upload-Length": "3", "Upload-Metadata": told},
        data=b"abc",
    )
    assert answer.status == 400, answer
    assert answer.code in ("invalid-request", "invalid-name", "bad-request")
    await nothing_is_stored(room)


async def test_a_length_that_changes_is_refused(room: HttpRoom) -> None:
    location = await room.begin(None)
    first = await room.patch(location, 0, b"abc", headers={"Upload-Length": "6"})
    assert first.status == 204
    changed = await room.patch(location, 3, b"def", headers={"Upload-Length": "9"})
    assert changed.status == 400
    assert await room.offset(location) == 3


async def test_a_body_longer_than_announced_is_refused(room: HttpRoom) -> None:
    location = await room.begin(3)
    assert (await room.patch(location, 0, b"abcdef")).status == 413
    assert (await room.listing())["files"] == []
    head = patch_head(room, location, 0, 0).replace("Content-Length: 0", CHUNKED)
    async with wire(room) as one:
        await one.say(head, b"6\r\nabcdef\r\n0\r\n\r\n")
        assert (await one.hear())[0] == 413
    assert (await room.listing())["files"] == []
