"""Downloads: whole, in part, conditional, named safely, and honest when the store breaks."""

import asyncio
import base64
import email
import hashlib
from datetime import timedelta
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from tests.e2e.http.breaking_store import BreakingStore
from tests.e2e.http.http_room import Answer, HttpRoom, http_room, metadata
from transfer.http.policy import HttpPolicy
from transfer.storage.memory import MemoryObjectStore

DATA = bytes(range(256)) * 1000
SIZE = len(DATA)
FLOOD = "bytes=" + ",".join(f"{start}-{start}" for start in range(0, 33_000, 1000))
SHA256 = hashlib.sha256(DATA).hexdigest()


async def url_of(room: HttpRoom, data: bytes = DATA, path: str = "logs/trace.log") -> str:
    file: Any = await room.send(data, path)
    return f"/api/v1/files/{file['id']}/content"


async def test_a_file_comes_whole_with_what_proves_it(room: HttpRoom) -> None:
    url = await url_of(room)
    answer = await room.ask("GET", url)
    assert (answer.status, answer.body) == (200, DATA)
    assert answer.headers["Content-Length"] == str(SIZE)
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["ETag"] == f'"{SHA256}"'
    assert answer.headers["Last-Modified"] == "Mon, 02 Mar 2026 09:00:01 GMT"
    digest = base64.b64encode(hashlib.sha256(DATA).digest()).decode()
    assert answer.headers["Repr-Digest"] == f"sha-256=:{digest}:"
    assert answer.headers["Content-Disposition"] == (
        "attachment; filename=\"trace.log\"; filename*=UTF-8''trace.log"
    )


async def test_who_wants_no_digest_gets_none(room: HttpRoom) -> None:
    url = await url_of(room)
    for wanted, told in (("sha-256=0", False), ("sha-256=5", True), ("sha-512=9", True)):
        answer = await room.ask("HEAD", url, headers={"Want-Repr-Digest": wanted})
        assert ("Repr-Digest" in answer.headers) is told


async def test_head_tells_the_same_without_the_bytes(room: HttpRoom) -> None:
    url = await url_of(room)
    got, head = await room.ask("GET", url), await room.ask("HEAD", url)
    assert (head.status, head.body) == (200, b"")
    different = {"Date", "X-Request-ID"}
    assert {k: v for k, v in head.headers.items() if k not in different} == {
        k: v for k, v in got.headers.items() if k not in different
    }


async def test_an_empty_file_comes_empty(room: HttpRoom) -> None:
    url = await url_of(room, b"")
    answer = await room.ask("GET", url)
    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, b"", "0")
    assert (await room.ask("GET", url, headers={"Range": "bytes=0-"})).status == 416


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-99", 0, 99),
        ("bytes=100-", 100, SIZE - 1),
        ("bytes=-100", SIZE - 100, SIZE - 1),
        ("bytes=100-99999999999", 100, SIZE - 1),
        ("bytes=-99999999999", 0, SIZE - 1),
        ("bytes=65535-65537", 65535, 65537),
    ],
)
async def test_a_range_comes_as_asked(room: HttpRoom, asked: str, start: int, end: int) -> None:
    url = await url_of(room)
    answer = await room.ask("GET", url, headers={"Range": asked})
    assert (answer.status, answer.body) == (206, DATA[start : end + 1])
    assert answer.headers["Content-Range"] == f"bytes {start}-{end}/{SIZE}"
    assert answer.headers["Content-Length"] == str(end + 1 - start)
    assert answer.headers["ETag"] == f'"{SHA256}"'


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", f"bytes={SIZE + 5}-{SIZE + 9}", "bytes=-0"])
async def test_a_range_beyond_the_end_is_told_the_size(room: HttpRoom, asked: str) -> None:
    url = await url_of(room)
    answer = await room.ask("GET", url, headers={"Range": asked})
    assert answer.status == 416
    assert answer.headers["Content-Range"] == f"bytes */{SIZE}"
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "asked", ["bytes=9-5", "bytes=", "bytes=-", "bytes=a-b", "lines=0-5", "bytes=0-5,x", FLOOD]
)
async def test_a_range_that_is_not_understood_brings_the_whole(room: HttpRoom, asked: str) -> None:
    url = await url_of(room)
    answer = await room.ask("GET", url, headers={"Range": asked})
    assert (answer.status, answer.body) == (200, DATA)
    assert "Content-Range" not in answer.headers


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ({"If-Range": f'"{SHA256}"'}, 206),
        ({"If-Range": '"other"'}, 200),
        ({"If-Range": f'W/"{SHA256}"'}, 200),
        ({"If-Range": "Mon, 02 Mar 2026 09:00:01 GMT"}, 206),
        ({"If-Range": "Mon, 02 Mar 2026 09:00:02 GMT"}, 200),
        ({"If-Range": "nonsense"}, 200),
    ],
)
async def test_a_range_goes_on_only_with_the_same_content(
    room: HttpRoom, condition: dict[str, str], status: int
) -> None:
    url = await url_of(room)
    answer = await room.ask("GET", url, headers={"Range": "bytes=5-9", **condition})
    assert (answer.status, len(answer.body)) == (status, 5 if status == 206 else SIZE)


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ({"If-None-Match": f'"{SHA256}"'}, 304),
        ({"If-None-Match": f'W/"{SHA256}"'}, 304),
        ({"If-None-Match": f'"other", "{SHA256}"'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"other"'}, 200),
        ({"If-Modified-Since": "Mon, 02 Mar 2026 09:00:01 GMT"}, 304),
        ({"If-Modified-Since": "Mon, 02 Mar 2026 09:00:00 GMT"}, 200),
        (
            {
                "If-None-Match": '"other"',
                "If-Modified-Since": "Mon, 02 Mar 2026 09:00:01 GMT",
            },
            200,
        ),
        ({"If-Match": f'"{SHA256}"'}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Match": '"other"'}, 412),
        ({"If-Match": f'W/"{SHA256}"'}, 412),
        ({"If-Unmodified-Since": "Mon, 02 Mar 2026 09:00:00 GMT"}, 412),
        ({"If-Unmodified-Since": "Mon, 02 Mar 2026 09:00:01 GMT"}, 200),
    ],
)
async def test_conditions_are_kept(room: HttpRoom, condition: dict[str, str], status: int) -> None:
    url = await url_of(room)
    answer = await room.ask("GET", url, headers=condition)
    assert answer.status == status
    if status == 304:
        assert answer.body == b""
        assert answer.headers["ETag"] == f'"{SHA256}"'


@pytest.mark.parametrize(
    ("name", "disposition"),
    [
        (
            'a"; filename="evil.exe',
            'attachment; filename="a_; filename=_evil.exe"; '
            "filename*=UTF-8''a%22%3B%20filename%3D%22evil.exe",
        ),
        (
            "Präsentation \u2013 ログ.txt",
            'attachment; filename="Pr_sentation _ __.txt"; '
            "filename*=UTF-8''Pr%C3%A4sentation%20%E2%80%93%20%E3%83%AD%E3%82%B0.txt",
        ),
        ("50%\\", "attachment; filename=\"50__\"; filename*=UTF-8''50%25%5C"),
        (
            "invoice\u202egnp.exe",
            "attachment; filename=\"invoice_gnp.exe\"; filename*=UTF-8''invoice_gnp.exe",
        ),
    ],
)
async def test_no_name_breaks_out_of_its_header(
    room: HttpRoom, name: str, disposition: str
) -> None:
    url = await url_of(room, path=name)
    answer = await room.ask("GET", url)
    assert answer.headers["Content-Disposition"] == disposition
    assert answer.body == DATA


async def test_a_type_that_the_sender_gave_is_not_served(room: HttpRoom) -> None:
    named = metadata(filename="page.html", filetype="text/html")
    await room.create(5, data=b"<p>hi", headers={"Upload-Metadata": named})
    (file,) = await room.files()
    answer = await room.ask("GET", f"/api/v1/files/{file['id']}/content")
    assert answer.headers["Content-Type"] == "application/octet-stream"


async def test_a_file_that_is_not_there_is_missing(room: HttpRoom) -> None:
    for file_id, status in (("0123456789abcdef", 404), ("a%20b", 404), ("a%00b", 400)):
        assert (await room.ask("GET", f"/api/v1/files/{file_id}/content")).status == status


async def test_a_download_is_noted(room: HttpRoom) -> None:
    await room.ask("GET", await url_of(room), headers={"Range": "bytes=5-9"}, who="analyst")
    events = await room.engine.records.audit.events()
    (event,) = [event for event in events if event.action == "file.downloaded"]
    assert (event.actor, event.address) == ("analyst", "127.0.0.1")
    assert event.details == {"path": "logs/trace.log", "start": 5, "size": 5}


async def test_a_store_that_is_away_is_told_as_a_problem(room: HttpRoom) -> None:
    url = await url_of(room)
    store = room.engine.store
    assert isinstance(store, MemoryObjectStore)
    store.fail_next("read")
    answer = await room.ask("GET", url)
    assert (answer.status, answer.code) == (503, "store-unavailable")
    assert (await room.ask("GET", url)).body == DATA


async def test_a_store_that_breaks_in_the_middle_breaks_the_connection(tmp_path: Path) -> None:
    store = BreakingStore(min_part_bytes=1)
    async with http_room(tmp_path, store=store) as room:
        data = bytes(3 << 20)
        url = await url_of(room, data)
        store.breaks = True
        async with asyncio.timeout(20):  # a connection that is only left idle isn't broken
            with pytest.raises(aiohttp.ClientPayloadError):
                await room.ask("GET", url)
        store.breaks = False
        assert (await room.ask("GET", url)).body == data


# ── Several ranges ───────────────────────────────────────────────────────────────────────────


async def test_several_ranges_come_in_one_answer(room: HttpRoom) -> None:
    url = await url_of(room)
    answer = await room.ask("GET", url, headers={"Range": "bytes=200000-,0-9,100000-100009,-5"})
    assert answer.status == 206
    assert answer.headers["Content-Length"] == str(len(answer.body))
    assert "Content-Range" not in answer.headers
    message = email.message_from_bytes(
        f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode() + answer.body
    )
    parts = message.get_payload()
    assert isinstance(parts, list)
    headers = [dict(part.items()) for part in parts if isinstance(part, Message)]
    assert [part["Content-Range"] for part in headers] == [
        f"bytes 200000-{SIZE - 1}/{SIZE}",
        f"bytes 0-9/{SIZE}",
        f"bytes 100000-100009/{SIZE}",
    ]
    assert b"".join(raw_parts(answer)) == DATA[200_000:] + DATA[:10] + DATA[100_000:100_010]
    assert {part["Content-Type"] for part in headers} == {"application/octet-stream"}
    (event,) = [e for e in await room.engine.records.audit.events() if "start" in e.details]
    whole = SIZE - 200_000 + 20
    assert event.details == {
        "path": "logs/trace.log",
        "start": 200_000,
        "size": whole,
        "ranges": 3,
    }


def raw_parts(answer: Answer) -> list[bytes]:
    """Return what stands in the parts, byte for byte."""
    boundary = answer.headers["Content-Type"].partition("boundary=")[2]
    pieces = (b"\r\n" + answer.body).split(f"\r\n--{boundary}".encode())
    assert (pieces[0], pieces[-1]) == (b"", b"--\r\n")
    return [piece.partition(b"\r\n\r\n")[2] for piece in pieces[1:-1]]


async def test_ranges_that_become_one_come_as_one(room: HttpRoom) -> None:
    url = await url_of(room)
    answer = await room.ask("GET", url, headers={"Range": "bytes=0-9,5-19,20-29"})
    assert (answer.status, answer.body) == (206, DATA[:30])
    assert answer.headers["Content-Range"] == f"bytes 0-29/{SIZE}"


async def test_of_several_ranges_only_those_that_are_there_come(room: HttpRoom) -> None:
    url = await url_of(room)
    answer = await room.ask("GET", url, headers={"Range": f"bytes=0-9,{SIZE}-"})
    assert (answer.status, answer.body) == (206, DATA[:10])
    beyond = await room.ask("GET", url, headers={"Range": f"bytes={SIZE}-,-0"})
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, f"bytes */{SIZE}")


async def test_a_store_that_breaks_between_two_ranges_breaks_the_connection(tmp_path: Path) -> None:
    store = BreakingStore(min_part_bytes=1)
    async with http_room(tmp_path, store=store) as room:
        url = await url_of(room)
        store.breaks = True
        async with asyncio.timeout(20):
            with pytest.raises(aiohttp.ClientPayloadError):
                await room.ask("GET", url, headers={"Range": "bytes=0-9,1000-1009"})


# ── Sent to the store ────────────────────────────────────────────────────────────────────────


class PresigningStore(MemoryObjectStore):
    """Makes URLs, as a store on the network does."""

    async def presign(self, key: str, *, lifetime: timedelta, disposition: str) -> str | None:
        seconds = lifetime.total_seconds()
        return f"https://s3.example.com/{key}?for={seconds:.0f}&as={quote(disposition)}"


ALLOWED = HttpPolicy(redirect_lifetime=timedelta(seconds=60))


async def test_a_download_may_be_sent_to_the_store(tmp_path: Path) -> None:
    store = PresigningStore(min_part_bytes=1)
    async with http_room(tmp_path, store=store, policy=ALLOWED) as room:
        url = await url_of(room) + "?redirect=1"
        answer = await room.ask("GET", url, who="analyst")
        assert (answer.status, answer.body) == (307, b"")
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        (key,) = store.objects
        disposition = quote("attachment; filename=\"trace.log\"; filename*=UTF-8''trace.log")
        expected = f"https://s3.example.com/{key}?for=60&as={disposition}"
        assert answer.headers["Location"] == expected
        (event,) = await downloads(room)
        handed_out = {"path": "logs/trace.log", "start": 0, "size": SIZE}
        assert event == {**handed_out, "url_for_seconds": 60.0}
        not_changed = {"If-None-Match": f'"{SHA256}"'}
        assert (await room.ask("GET", url, headers=not_changed)).status == 304
        assert (await room.ask("HEAD", url)).status == 200
        assert (await room.ask("GET", url.replace("=1", "=0"))).body == DATA
        assert (await room.ask("GET", url, who="stranger")).status == 404


async def test_a_store_without_urls_sends_the_file_itself(tmp_path: Path) -> None:
    async with http_room(tmp_path, policy=ALLOWED) as room:
        answer = await room.ask("GET", await url_of(room) + "?redirect=1")
        assert (answer.status, answer.body) == (200, DATA)
        assert len(await downloads(room)) == 1


async def test_nobody_is_sent_to_the_store_unless_the_operator_lets_them(tmp_path: Path) -> None:
    async with http_room(tmp_path, store=PresigningStore(min_part_bytes=1)) as room:
        answer = await room.ask("GET", await url_of(room) + "?redirect=1")
        assert (answer.status, answer.body) == (200, DATA)


async def downloads(room: HttpRoom) -> list[dict[str, object]]:
    events = await room.engine.records.audit.events()
    return [dict(event.details) for event in events if event.action == "file.downloaded"]
