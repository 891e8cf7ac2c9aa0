"""The way of a body to a client: bytes and pipes in one order, however slowly it takes them."""

import asyncio
import os
import random
import socket
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from tests.engine_room import MIB
from transfer.http.outlets import Outlet
from transfer.http.policy import HttpPolicy
from transfer.ports import Piped

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform != "linux", reason="other systems can't splice"),
]

DATA = random.Random(6).randbytes(32 * MIB)
HALF = len(DATA) // 2
PIPED = [b"by pipe, ", b"and again by pipe, "]
WHOLE = DATA[:HALF] + b"".join(PIPED) + DATA[HALF:]


@asynccontextmanager
async def answering(policy: HttpPolicy, taken: threading.Event) -> AsyncIterator[int]:
    """Serve bytes, two pipes once `taken`, and bytes again; yields the port.

    Until then the loop stands still: bytes wait in its buffer, and the socket has room.
    """

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = len(WHOLE)
        await response.prepare(request)
        reading, writing = os.pipe()
        try:
            with Outlet(request, response, policy) as outlet:
                await outlet.write(DATA[:HALF])
                assert taken.wait(20)
                for each in PIPED:
                    os.write(writing, each)
                    await outlet.write(Piped(reading, len(each)))
                await outlet.write(DATA[HALF:])
        finally:
            os.close(reading)
            os.close(writing)
        await response.write_eof()
        return response

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def fetch(port: int, taken: threading.Event) -> bytes:
    """Take what comes until no more does, and only then let it go on."""
    data, end = bytearray(), -1
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        client.settimeout(0.5)
        while end < 0 or len(data) < end + len(WHOLE):
            try:
                data += client.recv(MIB)
            except TimeoutError:
                if taken.is_set():
                    break
                client.settimeout(20)
                taken.set()
            if end < 0 and (end := data.find(b"\r\n\r\n")) >= 0:
                end += 4
    return bytes(data[end:])


async def test_what_waits_in_a_buffer_goes_before_what_waits_in_a_pipe() -> None:
    taken = threading.Event()
    async with answering(HttpPolicy(write_buffer_bytes=len(DATA)), taken) as port:
        assert await asyncio.to_thread(fetch, port, taken) == WHOLE
