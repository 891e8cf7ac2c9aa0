"""Bodies read into the parts they become: hardly copied, in order, and judged as others are."""

import asyncio
import errno
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from tests.e2e.http.http_room import http_room
from tests.e2e.http.wire import nobody_writes, patch_head, wire
from tests.engine_room import MIB, NUMBER, customer, engine_room
from transfer.clock import SystemClock
from transfer.core.names import CasePath
from transfer.core.parts import PartPlan
from transfer.engine.beginnings import FileToSend
from transfer.engine.buffers import PartBuffer
from transfer.engine.policy import UploadPolicy
from transfer.engine.writer import UploadWriter
from transfer.http.bodies import body_of, let_go
from transfer.http.policy import HttpPolicy

PARTS = UploadPolicy(plan=PartPlan(base_bytes=5 * MIB))


async def test_most_of_it_is_never_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[int] = []
    fill = PartBuffer.fill

    def counted(buffer: PartBuffer, data: memoryview) -> None:
        copied.append(len(data))
        fill(buffer, data)

    monkeypatch.setattr(PartBuffer, "fill", counted)
    data = random.Random(1).randbytes(24 * MIB)
    policy = HttpPolicy(straight_bytes=1)
    async with http_room(tmp_path, policy=policy, engine_policy=PARTS) as room, wire(room) as one:
        location = await room.begin(len(data))
        await one.say(patch_head(room, location, 0, len(data)), data)
        assert (await one.hear())[0] == 204
        assert await room.engine.content("trace.log") == data
    assert sum(copied) < len(data) // 3


async def test_a_sender_who_goes_on_slowly_is_heard_and_one_who_stops_is_not(
    tmp_path: Path,
) -> None:
    policy = HttpPolicy(
        straight_bytes=1,
        idle=timedelta(seconds=1.5),
        min_bytes_per_second=100,
        rate_grace=timedelta(seconds=1),
        lingering=timedelta(seconds=0.3),
    )
    opened = http_room(tmp_path, policy=policy, engine_policy=PARTS, running=True)
    async with opened as room, wire(room) as one:
        location = await room.begin(MIB)
        await one.say(patch_head(room, location, 0, MIB), bytes(100))
        hearing = asyncio.create_task(one.hear())
        for _ in range(8):
            await asyncio.wait({hearing}, timeout=0.3)
            await one.say("", bytes(100))
        assert not hearing.done(), "it never paused for longer than allowed"
        assert (await hearing)[0] == 408
        await nobody_writes(room)
        assert await room.offset(location) == 900


class Gate:
    """Receives one body as that of an upload; stops at its first chunk while it is shut."""

    def __init__(self, writer: UploadWriter) -> None:
        self.open = asyncio.Event()
        self.request: asyncio.Future[web.Request] = asyncio.get_running_loop().create_future()
        self.failure: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        self._writer = writer

    async def receive(self, request: web.Request) -> web.Response:
        policy = HttpPolicy(straight_bytes=1)
        body = body_of(request, policy=policy, clock=SystemClock(), writer=self._writer)
        try:
            async for chunk in body:
                if not self.request.done():
                    self.request.set_result(request)
                    await self.open.wait()
                await self._writer.write(chunk)
        except ConnectionError as exc:
            self.failure.set_result(exc)
        finally:
            let_go(request)
        return web.Response()


@asynccontextmanager
async def served(gate: Gate) -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_put("/", gate.receive)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def test_what_comes_while_a_chunk_waits_goes_behind_it(tmp_path: Path) -> None:
    data = random.Random(2).randbytes(300_000)
    file = FileToSend(case_number=NUMBER, path=CasePath("a.log"), length=len(data))
    async with engine_room(tmp_path, policy=PARTS) as room:
        writer = await room.uploads.create_writer(customer(), file)
        await writer.write(data[:500])
        assert writer.room_now() is not None
        gate, rest = Gate(writer), data[500:]
        async with served(gate) as port:
            answers, sending = await asyncio.open_connection("127.0.0.1", port)
            head = f"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(rest)}\r\n\r\n"
            sending.write(head.encode() + rest[:1000])
            request = await gate.request
            sending.write(rest[1000:])
            async with asyncio.timeout(5):
                while not request.content.is_eof():
                    await asyncio.get_running_loop().run_in_executor(None, lambda: None)
            assert writer.position == 500
            gate.open.set()
            assert (await answers.readline()).startswith(b"HTTP/1.1 200 ")
            sending.close()
            await sending.wait_closed()
        received = await room.uploads.finish_writer(customer(), writer)
        assert await room.content_of(received) == data


async def test_a_connection_that_times_out_is_one_whose_sender_has_left(tmp_path: Path) -> None:
    file = FileToSend(case_number=NUMBER, path=CasePath("a.log"), length=MIB)
    async with engine_room(tmp_path, policy=PARTS) as room:
        gate = Gate(await room.uploads.create_writer(customer(), file))
        gate.open.set()
        async with served(gate) as port:
            _, sending = await asyncio.open_connection("127.0.0.1", port)
            sending.write(f"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: {MIB}\r\n\r\nx".encode())
            request = await gate.request
            request.content.set_exception(TimeoutError(errno.ETIMEDOUT, "timed out"))
            async with asyncio.timeout(5):
                assert isinstance(await gate.failure, ConnectionError)
            sending.close()
