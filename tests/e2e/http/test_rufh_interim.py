"""104s, heard on the wire: the offer to resume before the body, and how much of it is durable."""

import asyncio
import ssl
from pathlib import Path

import pytest

from tests.clock import START
from tests.e2e.http.http_room import HttpRoom, http_room
from tests.e2e.http.rufh_client import FINAL, Wire, wire
from tests.e2e.http.wire import PAUSE_SECONDS
from tests.engine_room import NUMBER
from transfer.core.uploads import UploadId
from transfer.http.tls import own_certificate, server_context

DATA = bytes(range(256)) * 1200
CREATE = f"/api/v1/cases/{NUMBER}/uploads"
ALL = {"Upload-Complete": "?1"}


async def offsets_told_while_sending(room: HttpRoom, sending: Wire) -> None:
    """Send a file in one request, and check all that is told meanwhile."""
    await sending.ask("POST", CREATE, ALL, size=len(DATA))
    offer = await sending.next()
    assert offer.status == 104
    assert offer.headers["Location"].startswith("/api/v1/uploads/")
    assert offer.headers["Upload-Limit"].startswith("max-size=")
    await sending.say(DATA[:200_000])
    first = await sending.next()
    assert first.status == 104
    assert set(first.headers) == {"Upload-Offset"}
    assert 0 < int(first.headers["Upload-Offset"]) <= 200_000
    await sending.say(DATA[200_000:])
    final = await sending.hear()
    assert (final.status, final.headers["Upload-Complete"]) == (201, "?1")
    assert sending.offers == []
    assert sending.offsets == sorted(set(sending.offsets))
    assert sending.offsets[-1] <= len(DATA)
    assert await room.engine.content("unnamed") == DATA


async def test_a_sender_hears_where_to_resume_and_what_is_durable(room: HttpRoom) -> None:
    async with wire(room) as sending:
        await offsets_told_while_sending(room, sending)
        await sending.ask("GET", "/healthz", {})
        assert (await sending.hear()).status == 200


async def test_a_sender_hears_it_over_tls(tmp_path: Path) -> None:
    made = own_certificate(tmp_path / "tls", ["files.example.com"], START)
    context = server_context(made.certificate, made.key)
    trusting = ssl.create_default_context(cafile=str(made.certificate))
    async with (
        http_room(tmp_path, tls=lambda: context) as room,
        wire(room, trusting=trusting) as sending,
    ):
        await offsets_told_while_sending(room, sending)


async def test_what_is_told_is_durable(room: HttpRoom) -> None:
    async with wire(room) as sending:
        await sending.ask("POST", CREATE, ALL, size=len(DATA))
        location = (await sending.next()).headers["Location"]
        await sending.say(DATA[:-1])
        told = int((await sending.next()).headers["Upload-Offset"])
        sending.cut()
    upload = await room.engine.records.uploads.upload(UploadId(location.rpartition("/")[2]))
    assert upload.offset >= told
    head = await FINAL.head(room, location)
    assert int(head.headers["Upload-Offset"]) >= told


async def test_a_sender_who_pauses_hears_what_was_flushed_meanwhile(room: HttpRoom) -> None:
    async with wire(room) as pausing:
        await pausing.ask("POST", CREATE, ALL, size=len(DATA))
        await pausing.next()
        await pausing.say(b"abc")
        await taken(room, 3)
        room.engine.clock.advance(10)
        await room.engine.leases.watch_once()
        assert (await pausing.next()).headers == {"Upload-Offset": "3"}


async def test_appends_are_told_how_far_they_are_but_not_where(room: HttpRoom) -> None:
    location = await FINAL.begin(room, len(DATA))
    append = {"Upload-Offset": "0", "Content-Type": "application/partial-upload"}
    async with wire(room) as sending:
        await sending.ask("PATCH", location, {**ALL, **append}, body=DATA)
        assert (await sending.hear()).status == 201
        assert sending.offers == []
        assert sending.offsets


async def test_of_bytes_that_are_to_be_checked_none_is_told_before(room: HttpRoom) -> None:
    wrong = {"Content-Digest": "sha-256=:" + "A" * 43 + "=:"}
    async with wire(room) as sending:
        await sending.ask("POST", CREATE, {**ALL, **wrong}, body=DATA)
        assert (await sending.hear()).status == 400
        assert len(sending.offers) == 1
        assert sending.offsets == []


async def test_who_waits_to_be_asked_is_asked_first_and_once(room: HttpRoom) -> None:
    async with wire(room) as waiting:
        await waiting.ask("POST", CREATE, {**ALL, "Expect": "100-continue"}, size=3)
        assert (await waiting.next()).status == 100
        assert (await waiting.next()).status == 104
        await waiting.say(b"abc")
        assert (await waiting.hear()).status == 201
        assert [heard.status for heard in waiting.interim if heard.status == 100] == []


async def test_who_waits_and_is_refused_hears_nothing_else(room: HttpRoom) -> None:
    async with wire(room, who="read-only") as waiting:
        await waiting.ask("POST", CREATE, {**ALL, "Expect": "100-continue"}, size=3)
        assert (await waiting.next()).status == 403


@pytest.mark.parametrize("version", ["2", "9", "eight"])
async def test_an_unknown_version_hears_no_104_and_is_served_all_the_same(
    room: HttpRoom, version: str
) -> None:
    headers = {**ALL, "Upload-Draft-Interop-Version": version}
    async with wire(room) as sending:
        await sending.ask("POST", CREATE, headers, body=DATA)
        assert (await sending.hear()).status == 201
        assert sending.interim == []
    assert await room.engine.content("unnamed") == DATA


async def test_http_1_0_hears_no_104(room: HttpRoom) -> None:
    async with wire(room) as old:
        await old.ask("POST", CREATE, ALL, body=DATA, protocol="HTTP/1.0")
        assert (await old.hear()).status == 201
        assert old.interim == []


async def test_a_tus_client_hears_no_104(room: HttpRoom) -> None:
    location = await room.begin(len(DATA))
    tus = {
        "Tus-Resumable": "1.0.0",
        "Content-Type": "application/offset+octet-stream",
        "Upload-Offset": "0",
    }
    async with wire(room) as sending:
        await sending.ask("PATCH", location, tus, body=DATA)
        assert (await sending.hear()).status == 204
        assert sending.interim == []


async def taken(room: HttpRoom, size: int | None) -> None:
    """Wait until the engine has taken `size` bytes of the one running upload; or is at rest."""
    wanted = [] if size is None else [size]
    async with asyncio.timeout(5):
        while [writer.position for writer in room.engine.leases.writers] != wanted:
            await asyncio.get_running_loop().run_in_executor(None, lambda: None)
    room.engine.clock.advance(PAUSE_SECONDS)  # nor does more come
