"""Connections: slow, cut and absent peers, limits, TLS, and a stop that loses nothing."""

import asyncio
import ssl
from datetime import timedelta
from pathlib import Path

import pytest

from tests.clock import START
from tests.e2e.http.http_room import OFFSET_TYPE, TUS, HttpRoom, http_room, metadata
from tests.e2e.http.wire import nobody_writes, patch_head, received, wire
from tests.engine_room import NUMBER
from transfer.core.parts import PartPlan
from transfer.core.uploads import UploadId
from transfer.engine.policy import UploadPolicy
from transfer.http.policy import HttpPolicy
from transfer.http.tls import own_certificate, server_context

DATA = bytes(range(256)) * 1000
QUICK = HttpPolicy(
    idle=timedelta(seconds=0.3),
    lingering=timedelta(seconds=0.3),
    stop_grace=timedelta(seconds=1),
)


# ── Senders ──────────────────────────────────────────────────────────────────────────────────


async def test_what_came_before_a_cut_is_kept(room: HttpRoom) -> None:
    location = await room.begin(len(DATA))
    async with wire(room) as cut:
        await cut.say(patch_head(room, location, 0, len(DATA)), DATA[:100_000])
        await received(room, 100_000)
        cut.cut()
    await nobody_writes(room)
    (upload,) = await room.uploads()
    assert (upload["offset"], upload["state"]) == (100_000, "interrupted")
    assert (await room.patch(location, 100_000, DATA[100_000:])).status == 204
    assert await room.engine.content("trace.log") == DATA


async def test_a_new_request_takes_over_from_one_that_hangs(room: HttpRoom) -> None:
    location = await room.begin(len(DATA))
    async with wire(room) as hanging:
        await hanging.say(patch_head(room, location, 0, len(DATA)), DATA[:100_000])
        await received(room, 100_000)
        first = await room.patch(location, await room.offset(location), b"")
        assert first.status in (204, 409)
        offset = await room.offset(location)
        assert offset == 100_000
        assert (await room.patch(location, offset, DATA[offset:])).status == 204
        assert (await hanging.hear())[0] == 423
    assert await room.engine.content("trace.log") == DATA


async def test_a_file_whose_request_never_ends_is_told_as_done_once_it_is(room: HttpRoom) -> None:
    location = await room.begin(5)
    async with wire(room) as sending:
        head = patch_head(room, location, 0, 0).replace(
            "Content-Length: 0", "Transfer-Encoding: chunked"
        )
        await sending.say(head, b"5\r\nabcde\r\n")
        await received(room, 5)
        room.engine.clock.advance(3)
        await room.engine.leases.watch_once()  # makes durable what a pausing sender sent
        assert (await room.uploads())[0]["offset"] == 5
        answer = await room.head(location)  # ends the request, as nothing is missing but its end
        assert (answer.status, answer.headers["Upload-Offset"]) == (200, "5")
        assert [file["state"] for file in await room.files()] == ["received"]
        assert (await sending.hear())[0] == 423
    assert await room.engine.content("trace.log") == b"abcde"


async def test_a_sender_who_pauses_too_long_is_ended_with_what_came_kept(tmp_path: Path) -> None:
    async with http_room(tmp_path, policy=QUICK) as room:
        location = await room.begin(len(DATA))
        async with wire(room) as slow:
            await slow.say(patch_head(room, location, 0, len(DATA)), DATA[:1000])
            status, head = await slow.hear()
            assert status == 408
            assert "Connection: close" in head
            assert await slow.is_closed()
        assert await room.offset(location) == 1000


@pytest.mark.parametrize("pause", [0.05, 1.05], ids=["within the grace", "beyond it"])
@pytest.mark.parametrize("straight_bytes", [1, 1 << 30])
async def test_a_sender_who_trickles_is_ended_with_what_came_kept(
    tmp_path: Path, straight_bytes: int, pause: float
) -> None:
    policy = HttpPolicy(
        straight_bytes=straight_bytes,
        idle=timedelta(seconds=20),
        min_bytes_per_second=1000,
        rate_grace=timedelta(seconds=1),
        lingering=timedelta(seconds=0.3),
    )
    async with http_room(tmp_path, policy=policy, running=True) as room:
        location = await room.begin(len(DATA))
        async with wire(room) as slow:
            await slow.say(patch_head(room, location, 0, len(DATA)), DATA[:1])

            async def trickle() -> None:
                for _ in range(200):
                    await room.engine.clock.sleep(pause)
                    await slow.say("", b"x")

            trickling = asyncio.create_task(trickle())
            async with asyncio.timeout(10):
                status, _ = await slow.hear()
            trickling.cancel()
            await asyncio.gather(trickling, return_exceptions=True)
            assert status == 408
        assert 0 < await room.offset(location) < 200


async def test_headers_that_never_end_are_not_waited_for(tmp_path: Path) -> None:
    policy = HttpPolicy(keep_alive=timedelta(seconds=0.3))
    async with http_room(tmp_path, policy=policy) as room, wire(room) as silent:
        await silent.say("GET /healthz HTTP/1.1\nHost:")
        assert await silent.is_closed()


async def test_a_malformed_body_keeps_what_came_before(tmp_path: Path) -> None:
    async with http_room(tmp_path, policy=QUICK) as room:
        location = await room.begin(len(DATA))
        async with wire(room) as broken:
            head = patch_head(room, location, 0, 0).replace(
                "Content-Length: 0", "Transfer-Encoding: chunked"
            )
            await broken.say(head, b"3\r\nabc\r\n")
            await received(room, 3)
            await broken.say("", b"nonsense\r\n")
            assert (await broken.hear())[0] == 400
            assert await broken.is_closed()
        assert await room.offset(location) == 3


async def test_a_refused_body_leaves_the_connection_usable(room: HttpRoom) -> None:
    location = await room.begin(len(DATA))
    async with wire(room) as one:
        await one.say(patch_head(room, location, 5, 1000), DATA[:1000])
        assert (await one.hear())[0] == 409
        damaged = "Upload-Checksum: sha1 2jmj7l5rSw0yVb/vlWAYkK/YBwk=\n"
        await one.say(patch_head(room, location, 0, 1000, damaged), DATA[:1000])
        assert (await one.hear())[0] == 460
        await one.say(patch_head(room, location, 0, 1000), DATA[:1000])
        assert (await one.hear())[0] == 204
        await one.say(patch_head(room, location, 1000, len(DATA)), DATA)
        assert (await one.hear())[0] == 413
        rest = DATA[1000:]
        await one.say(patch_head(room, location, 1000, len(rest)), rest)
        assert (await one.hear())[0] == 204
    assert await room.engine.content("trace.log") == DATA


async def test_a_waiting_body_is_asked_for_once_and_the_answer_follows(room: HttpRoom) -> None:
    location = await room.begin(3)
    async with wire(room) as waiting:
        await waiting.say(patch_head(room, location, 0, 3, "Expect: 100-continue\n"))
        assert (await waiting.hear())[0] == 100
        await waiting.say("", b"abc")
        assert (await waiting.hear())[0] == 204
        await waiting.say("GET /healthz HTTP/1.1\nHost: x\n\n")
        assert (await waiting.hear())[0] == 200


async def test_a_waiting_body_that_is_not_wanted_ends_the_connection(room: HttpRoom) -> None:
    location = await room.begin(3)
    async with wire(room) as waiting:
        await waiting.say(patch_head(room, location, 2, 1, "Expect: 100-continue\n"))
        status, head = await waiting.hear()
        assert status == 409
        assert "Connection: close" in head


# ── Receivers ────────────────────────────────────────────────────────────────────────────────


async def test_a_receiver_who_takes_nothing_is_ended(tmp_path: Path) -> None:
    policy = HttpPolicy(stalled_write=timedelta(seconds=0.5))
    big_parts = UploadPolicy(plan=PartPlan())
    async with http_room(tmp_path, policy=policy, engine_policy=big_parts) as room:
        file = await room.send(bytes(32 << 20), "big.bin")
        async with wire(room) as idle:
            await idle.say(
                f"GET /api/v1/files/{file['id']}/content HTTP/1.1\nHost: x\n"
                f"Authorization: Bearer {room.tokens['designated']}\n\n"
            )
            async with asyncio.timeout(20):
                while room.server.connections > 1:
                    await room.ask("GET", "/healthz", who=None)
            head = await idle.reader.readuntil(b"\r\n\r\n")
            assert b"200 OK" in head
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await idle.reader.readexactly(32 << 20)


# ── Ids, addresses, surprises ────────────────────────────────────────────────────────────────


async def test_a_request_s_id_is_in_its_answer_and_its_problem(room: HttpRoom) -> None:
    answer = await room.ask("GET", "/api/v1/cases/1", headers={"X-Request-Id": "trace-12345678"})
    assert answer.headers["X-Request-Id"] == answer.json()["request_id"] != "trace-12345678"
    assert len(answer.headers["X-Request-Id"]) == 32


async def test_a_surprise_is_told_without_its_cause(room: HttpRoom) -> None:
    room.surprises.append(ValueError("secret"))
    answer = await room.ask("GET", "/readyz", who=None)
    assert (answer.status, answer.code) == (500, "internal")
    assert b"secret" not in answer.body
    assert answer.headers["Server"] == "case-transfer"


# ── The server ───────────────────────────────────────────────────────────────────────────────


async def test_a_stop_makes_durable_what_came_and_tells_the_sender(room: HttpRoom) -> None:
    location = await room.begin(len(DATA))
    async with wire(room) as sending:
        await sending.say(patch_head(room, location, 0, len(DATA)), DATA[:100_000])
        await received(room, 100_000)
        await room.server.stop_accepting()
        await room.engine.leases.close()
        assert (await sending.hear())[0] == 503
        async with asyncio.timeout(5):
            await room.server.stop()
    upload = await room.engine.records.uploads.upload(UploadId(location.rpartition("/")[2]))
    assert upload.offset == 100_000


async def test_tls_serves_with_its_own_certificate(tmp_path: Path) -> None:
    made = own_certificate(tmp_path / "tls", ["files.example.com"], START)
    context = server_context(made.certificate, made.key)
    async with http_room(tmp_path, tls=lambda: context) as room:
        trusting = ssl.create_default_context(cafile=str(made.certificate))
        trusting.verify_flags |= ssl.VERIFY_X509_STRICT
        headers = {
            **TUS,
            **OFFSET_TYPE,
            **room.bearer("designated"),
            "Upload-Length": str(len(DATA)),
            "Upload-Metadata": metadata(filename="a.log"),
        }
        for name in ("localhost", "127.0.0.1"):
            url = f"https://{name}:{room.port}/api/v1/cases/{NUMBER}/uploads"
            async with room.session.post(url, headers=headers, data=DATA, ssl=trusting) as created:
                assert created.status == 201
        assert await room.engine.content("a.log") == DATA
