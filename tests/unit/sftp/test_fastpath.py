"""The straight path's connections: which ones take it, and that asyncssh rules the rest."""

import asyncio

import asyncssh
import pytest
from asyncssh import SSHClientConnection
from asyncssh.constants import MSG_CHANNEL_DATA, MSG_CHANNEL_WINDOW_ADJUST
from asyncssh.packet import String, UInt32

from tests.e2e.sftp.gateway import HOST, Gateway, bytes_of, data_of, eventually
from tests.engine_room import KIB, MIB
from tests.unit.sftp.raw_session import (
    CLOSE,
    OK,
    OPEN,
    STAT,
    WRITING,
    RawSession,
    packet,
    raw_client,
    raw_session,
    write,
)
from transfer.sftp.backpressure import PatientConnection
from transfer.sftp.channels import StraightChannel
from transfer.sftp.fastpath import StraightConnection
from transfer.storage.memory import Call

CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes256-ctr", "aes128-ctr")
DATA = data_of(5 * MIB + 321)


async def round_trip(connection: SSHClientConnection, name: str) -> None:
    """Send a file and read it back."""
    async with connection.start_sftp_client() as client:
        async with client.open(name, "wb", encoding=None) as file:
            await file.write(DATA)
        async with client.open(name, "rb", encoding=None) as file:
            assert await bytes_of(file) == DATA


def served(gateway: Gateway) -> PatientConnection:
    """The server's end of the only connection."""
    [connection] = gateway.server._live.connections
    found = connection._connection
    assert isinstance(found, PatientConnection)
    return found


@pytest.mark.parametrize("cipher", CIPHERS)
async def test_bytes_are_right_under_every_cipher_and_straight_under_gcm(
    gateway: Gateway, cipher: str
) -> None:
    async with gateway.connect(encryption_algs=[cipher]) as connection:
        await round_trip(connection, "trace.log")
        server = served(gateway)
        assert isinstance(server, StraightConnection)
        assert server.is_straight == server.seals == ("gcm" in cipher)
    assert await gateway.content("trace.log") == DATA


@pytest.mark.parametrize("cipher", CIPHERS[1:3])
async def test_the_client_may_ask_for_new_keys_in_the_middle(gateway: Gateway, cipher: str) -> None:
    async with gateway.connect(encryption_algs=[cipher], rekey_bytes="700K") as connection:
        keys = served(gateway)._recv_encryption
        await round_trip(connection, "trace.log")
        assert served(gateway)._recv_encryption is not keys
    assert await gateway.content("trace.log") == DATA


async def test_the_server_asks_for_new_keys_in_time(gateway: Gateway) -> None:
    async with gateway.connect() as connection:
        server = served(gateway)
        server._rekey_bytes, keys = 600 * KIB, server._send_encryption
        await round_trip(connection, "trace.log")
        assert server._send_encryption is not keys
        server._rekey_bytes, server._rekey_time, keys = 1 << 40, 1.0, server._send_encryption
        await round_trip(connection, "again.log")
        assert server._send_encryption is not keys


@pytest.mark.parametrize("is_so", ["another asyncssh", "another loop"])
async def test_what_was_not_tested_takes_the_plain_path(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, is_so: str
) -> None:
    if is_so == "another asyncssh":
        monkeypatch.setattr(asyncssh, "__version__", "9.9.9")
    else:
        monkeypatch.setattr(asyncio, "SelectorEventLoop", asyncio.AbstractServer)
    async with gateway.connect() as connection:
        await round_trip(connection, "trace.log")
        assert type(served(gateway)) is PatientConnection
    assert await gateway.content("trace.log") == DATA


async def test_a_packet_that_was_tampered_with_ends_the_connection(gateway: Gateway) -> None:
    """A proxy turns one bit of a packet that was under way."""
    spoils = asyncio.Event()

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(64 * KIB):
            if spoils.is_set():
                data = data[:-1] + bytes((data[-1] ^ 1,))
            target.write(data)
        target.close()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_connection(HOST, gateway.port)
        await asyncio.gather(copy(reader, here), copy(there, writer), return_exceptions=True)

    async with await asyncio.start_server(forward, HOST) as proxy:
        port = proxy.sockets[0].getsockname()[1]
        async with gateway.connect(port=port) as connection, raw_session(connection) as session:
            handle = await session.open(b"trace.log", WRITING)
            spoils.set()
            session.send(write(handle, 0, b"x" * 1000))
            with pytest.raises((asyncssh.Error, OSError, asyncio.IncompleteReadError)):
                await session.reply()
    await eventually(lambda: _nobody(gateway))
    assert (await gateway.upload("trace.log")).offset == 0


async def test_a_window_that_is_overrun_ends_the_connection(gateway: Gateway) -> None:
    """The store doesn't answer, so nothing is taken of what comes behind a full part."""
    goes_on = asyncio.Event()

    async def stall(call: Call) -> None:
        if call.operation == "create_multipart":
            await goes_on.wait()

    gateway.store.before = stall
    async with raw_client(gateway) as session:
        handle = await session.open(b"trace.log", WRITING)
        session.send(write(handle, 0, bytes(300 * KIB)))
        channel = session.writer.channel
        for _ in range(3 * MIB // (32 * KIB)):
            channel.send_packet(MSG_CHANNEL_DATA, String(bytes(32 * KIB)))
        with pytest.raises((asyncssh.Error, OSError, asyncio.IncompleteReadError)):
            await session.reply()
    goes_on.set()


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (MSG_CHANNEL_DATA, UInt32(100) + b"less than that"),
        (MSG_CHANNEL_DATA, String(b"more") + b" than that"),
        (MSG_CHANNEL_WINDOW_ADJUST, UInt32(1) + b"more"),
        (MSG_CHANNEL_WINDOW_ADJUST, b""),
    ],
)
async def test_packets_out_of_shape_end_the_connection(
    gateway: Gateway, kind: int, body: bytes
) -> None:
    async with raw_client(gateway) as session:
        session.writer.channel.send_packet(kind, body)
        with pytest.raises((asyncssh.Error, OSError, asyncio.IncompleteReadError)):
            await session.reply()


async def test_packets_to_a_channel_that_is_not_there_end_the_connection(gateway: Gateway) -> None:
    async with gateway.connect() as connection, raw_session(connection) as session:
        connection.send_packet(MSG_CHANNEL_DATA, UInt32(77), String(b"x"))
        with pytest.raises((asyncssh.Error, OSError, asyncio.IncompleteReadError)):
            await session.reply()


async def test_two_sessions_share_a_connection(gateway: Gateway) -> None:
    async with (
        gateway.connect() as connection,
        raw_session(connection) as one,
        raw_session(connection) as two,
    ):
        handles = [await one.open(b"a.log", WRITING), await two.open(b"b.log", WRITING)]
        for block in range(40):
            for session, handle in zip((one, two), handles, strict=True):
                start = block * 32 * KIB
                session.send(write(handle, start, DATA[start : start + 32 * KIB]))
        for session, handle in zip((one, two), handles, strict=True):
            for _ in range(40):
                assert (await session.reply()).status == OK
            assert (await session.ask(4, String(handle))).status == OK
    for name in ("a.log", "b.log"):
        assert await gateway.content(name) == DATA[: 40 * 32 * KIB]


async def test_a_session_that_is_left_in_the_middle_keeps_what_was_taken(gateway: Gateway) -> None:
    async with gateway.connect() as connection:
        session = await _with_half_a_write(connection)
        connection.abort()
        assert await session.is_over()
    await eventually(lambda: gateway.is_interrupted("trace.log"))
    upload = await gateway.upload("trace.log")
    assert 1000 <= upload.offset <= 1500


async def _with_half_a_write(connection: SSHClientConnection) -> RawSession:
    writer, reader, _ = await connection.open_session(subsystem="sftp", encoding=None)
    session = RawSession(reader, writer)
    session.send(packet(1, UInt32(3), None))
    await session.reply()
    handle = (await session.ask(OPEN, String(b"trace.log") + UInt32(WRITING) + UInt32(0))).string
    session.send(write(handle, 0, DATA[:1000]))
    assert (await session.reply()).status == OK
    session.send(write(handle, 1000, DATA[1000:2000])[:529])
    return session


async def _nobody(gateway: Gateway) -> bool:
    return not gateway.server.connections


async def test_what_a_task_replies_goes_the_straight_way_too(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: StraightChannel, data: bytes, _kind: int | None = None) -> None:
        raise AssertionError(f"{len(data)} bytes by way of asyncssh")

    async with raw_client(gateway) as session:
        monkeypatch.setattr(StraightChannel, "write", refuse)
        handle = await session.open(b"trace.log", WRITING)
        session.send(
            packet(STAT, String(b"trace.log"), 7),
            write(handle, 0, b"x", 8),
            packet(CLOSE, String(handle), 9),
        )
        assert [(await session.reply()).number for _ in range(3)] == [7, 8, 9]


async def test_a_packet_moves_the_time_to_ask_for_a_sign_of_life_without_a_new_timer(
    gateway: Gateway,
) -> None:
    async with gateway.connect() as connection, connection.start_sftp_client() as client:
        await client.stat("/")
        server = served(gateway)
        assert isinstance(server, StraightConnection)
        timer = server._keepalive_timer
        server._heard_at = 0.0
        await client.stat("/")
        assert server._keepalive_timer is timer is not None
        assert server._heard_at
        server._keepalive_timer_callback()  # too early, as something came since it was set
        assert server._keepalive_count == 0
        assert server._keepalive_timer is not timer
        server._heard_at = 0.0
        server._keepalive_timer_callback()
        assert server._keepalive_count == 1
