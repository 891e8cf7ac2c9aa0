"""Clients that leave, or fall silent, in any state of their handshake: nothing of them is left."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import asyncssh
import pytest

from tests.cutting_proxy import cutting_proxy
from tests.e2e.sftp.gateway import HOST, Gateway, eventually, gateway_of
from tests.engine_room import engine_room
from transfer.clock import SystemClock
from transfer.sftp.hostkeys import load_host_keys
from transfer.sftp.server import SftpPolicy

pytestmark = pytest.mark.fault

LOST = (asyncssh.Error, OSError, TimeoutError)
STEP_BYTES = 128
"""Below the size of most messages of a handshake."""

AT_ONCE = 40
"""Fewer than a server takes from one address of clients that never sign in."""


@asynccontextmanager
async def gateway_in(folder: Path, policy: SftpPolicy | None = None) -> AsyncIterator[Gateway]:
    keys = await asyncio.to_thread(load_host_keys, folder / "host-keys")
    async with engine_room(folder, running=True) as room, gateway_of(room, keys, policy) as made:
        yield made


async def visit(gateway: Gateway, port: int) -> None:
    """Do a little of everything: sign in, look, send, and leave."""
    async with gateway.client(port=port) as client:
        await client.listdir()
        async with client.open("trace.log", "wb") as file:
            await file.write(b"some")
            await file.fsync()


async def recorded(gateway: Gateway) -> bytes:
    """Return what a client sends before all is encrypted, and a little beyond."""
    sent = bytearray()

    async def overhear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(HOST, gateway.port)

        async def pass_on(
            source: asyncio.StreamReader, target: asyncio.StreamWriter, note: Callable[..., None]
        ) -> None:
            while chunk := await source.read(65536):
                note(chunk)
                target.write(chunk)
            target.close()

        await asyncio.gather(
            pass_on(reader, there[1], sent.extend), pass_on(there[0], writer, lambda _: None)
        )

    server = await asyncio.start_server(overhear, HOST, 0)
    async with server, gateway.connect(port=server.sockets[0].getsockname()[1]):
        return bytes(sent)


async def nothing_is_left(gateway: Gateway) -> None:
    async def is_empty() -> bool:
        return not gateway.server.connections and not gateway.server._live.tasks

    await eventually(is_empty)


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what went wrong in the server; the client, in this process too, was cut off."""
    return [
        text
        for record in caplog.records
        if record.levelno >= logging.ERROR or "never retrieved" in record.getMessage()
        if "coro=<_SFTPParallelIO." not in (text := record.getMessage())
    ]


async def test_a_client_that_is_cut_at_any_message_leaves_nothing_behind(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with gateway_in(tmp_path) as gateway, cutting_proxy(gateway.port) as proxy:
        await visit(gateway, proxy.port)
        whole = proxy.sent_bytes
        for size in range(0, whole, STEP_BYTES):
            proxy.cut_after(size)
            with suppress(*LOST):
                await visit(gateway, proxy.port)
            assert proxy.cut.is_set()
        await nothing_is_left(gateway)
        proxy.cut_now()
        await visit(gateway, proxy.port)
        assert await gateway.content("trace.log") == b"some"
    assert not complaints(caplog)


async def test_a_client_that_ends_its_half_at_any_byte_leaves_nothing_behind(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with gateway_in(tmp_path) as gateway:
        handshake = await recorded(gateway)
        await nothing_is_left(gateway)

        async def say(said: bytes) -> None:
            reader, writer = await asyncio.open_connection(HOST, gateway.port)
            writer.write(said)
            writer.write_eof()
            async with asyncio.timeout(20):
                with suppress(ConnectionError):
                    await reader.read()
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

        step = -(-len(handshake) // AT_ONCE)
        for size in range(0, len(handshake) + step, step):
            await say(handshake[:size])
        await nothing_is_left(gateway)
        await visit(gateway, gateway.port)
    assert not complaints(caplog)


async def test_a_client_that_falls_silent_at_any_byte_is_shown_out(tmp_path: Path) -> None:
    policy = SftpPolicy(login_timeout=timedelta(seconds=1))
    async with gateway_in(tmp_path, policy) as gateway:
        handshake = await recorded(gateway)
        await nothing_is_left(gateway)
        silent = []
        for size in range(0, len(handshake), max(1, len(handshake) // 16)):
            reader, writer = await asyncio.open_connection(HOST, gateway.port)
            writer.write(handshake[:size])
            silent.append((reader, writer))
        began = SystemClock().monotonic()
        async with asyncio.timeout(30):
            for reader, _ in silent:
                with suppress(OSError):
                    while await reader.read(65536):
                        pass
        assert SystemClock().monotonic() - began > 0.5, "they weren't given the time they have"
        for _, writer in silent:
            writer.close()
        await nothing_is_left(gateway)
        await visit(gateway, gateway.port)
