"""The straight path's requests: in turn, in any pieces, and never more in memory than bounded."""

import asyncio
import random

import pytest
from asyncssh.packet import String, UInt32, UInt64

from tests.e2e.sftp.gateway import Gateway, data_of, eventually
from tests.engine_room import KIB, MIB
from tests.unit.sftp.raw_session import (
    CLOSE,
    DATA,
    EOF,
    FAILURE,
    NAME,
    OK,
    READ,
    READING,
    REALPATH,
    STAT,
    STATUS,
    WRITE,
    WRITING,
    RawSession,
    packet,
    raw_client,
    raw_session,
    read,
    write,
)
from transfer.clock import SystemClock
from transfer.engine.account_usage import Traffic
from transfer.sftp.fastpath import StraightConnection
from transfer.storage.memory import Call

CONTENT = data_of(3 * MIB + 123)


async def closed(session: RawSession, handle: bytes) -> int:
    return (await session.ask(CLOSE, String(handle))).status


async def put(session: RawSession, name: bytes, content: bytes = CONTENT) -> None:
    handle = await session.open(name, WRITING)
    blocks = range(0, len(content), 128 * KIB)
    for start in blocks:
        session.send(write(handle, start, content[start : start + 128 * KIB]))
    for _ in blocks:
        assert (await session.reply()).status == OK
    assert await closed(session, handle) == OK


@pytest.mark.parametrize("piece_bytes", [1, 7, 33, 4099])
async def test_requests_may_come_in_any_pieces(gateway: Gateway, piece_bytes: int) -> None:
    content = CONTENT[:5000]
    async with raw_client(gateway) as session:
        handle = await session.open(b"trace.log", WRITING)
        stream = b"".join(
            [
                write(handle, 0, content[:3000], 1),
                packet(REALPATH, String(b"a/.."), 2),
                write(handle, 3000, b"", 3),
                write(handle, 3000, content[3000:], 4),
                packet(CLOSE, String(handle), 5),
            ]
        )
        for start in range(0, len(stream), piece_bytes):
            session.send(stream[start : start + piece_bytes])
        replies = [await session.reply() for _ in range(5)]
        assert [reply.number for reply in replies] == [1, 2, 3, 4, 5]
        assert [reply.kind for reply in replies] == [STATUS, NAME, STATUS, STATUS, STATUS]
    assert await gateway.content("trace.log") == content


async def test_requests_that_come_with_the_first_hello_are_answered(gateway: Gateway) -> None:
    async with gateway.connect() as connection:
        writer, reader, _ = await connection.open_session(subsystem="sftp", encoding=None)
        session = RawSession(reader, writer)
        session.send(packet(1, UInt32(3), None), packet(REALPATH, String(b"."), 1))
        writer.write_eof()
        assert [(await session.reply()).kind for _ in range(2)] == [2, NAME]
        assert await session.is_over()


async def test_what_comes_behind_a_slow_request_waits_for_its_turn(gateway: Gateway) -> None:
    """The store doesn't answer: the WRITE that fills a part waits, and all behind it do."""
    goes_on = asyncio.Event()

    async def stall(call: Call) -> None:
        if call.operation in ("create_multipart", "upload_part"):
            await goes_on.wait()

    gateway.store.before = stall
    size = 64 * KIB
    blocks = 20
    async with raw_client(gateway) as session:
        handle = await session.open(b"trace.log", WRITING)
        for number in range(blocks):
            start = number * size
            session.send(write(handle, start, CONTENT[start : start + size], number))
        session.send(packet(STAT, String(b"trace.log"), blocks))
        asked = asyncio.create_task(session.reply())
        await asyncio.wait([asked], timeout=0.2)
        goes_on.set()
        replies = [await asked] + [await session.reply() for _ in range(blocks)]
        assert [reply.number for reply in replies] == list(range(blocks + 1))
        assert int.from_bytes(replies[-1].body[4:12], "big") == blocks * size, "it reads its writes"
        assert await closed(session, handle) == OK
    assert await gateway.content("trace.log") == CONTENT[: blocks * size]


async def test_reads_in_order_mixed_and_beyond_the_end_give_the_bytes(gateway: Gateway) -> None:
    dice = random.Random(5)
    async with raw_client(gateway) as session:
        await put(session, b"trace.log")
        handle = await session.open(b"trace.log", READING)
        wanted = [(start, 32 * KIB) for start in range(0, len(CONTENT) + 64 * KIB, 32 * KIB)]
        wanted += [(dice.randrange(len(CONTENT)), dice.randrange(1, 70_000)) for _ in range(60)]
        session.send(*(read(handle, start, size, at) for at, (start, size) in enumerate(wanted)))
        for number, (start, size) in enumerate(wanted):
            reply = await session.reply()
            assert reply.number == number
            if start >= len(CONTENT):
                assert reply.status == EOF
            else:
                assert reply.string == CONTENT[start : start + size]
        assert await closed(session, handle) == OK


async def test_replies_keep_their_order_among_slow_and_quick_requests(gateway: Gateway) -> None:
    async with raw_client(gateway) as session:
        await put(session, b"old.log", CONTENT[:1000])
        source = await session.open(b"old.log", READING)
        target = await session.open(b"new.log", WRITING)
        requests = [
            read(source, 0, 10, 0),
            write(target, 0, b"a" * 10, 1),
            packet(STAT, String(b"nothing.log"), 2),
            read(source, 500, 10, 3),
            write(target, 10, b"b" * 10, 4),
            read(target, 0, 10, 5),
            read(b"\0\0\0\x63", 0, 10, 6),
            write(b"\0\0\0\x63", 0, b"x", 7),
            read(source, 990, 100, 8),
            packet(CLOSE, String(target), 9),
        ]
        session.send(*requests)
        replies = [await session.reply() for _ in requests]
        assert [reply.number for reply in replies] == list(range(len(requests)))
        assert replies[0].string == CONTENT[:10]
        assert replies[8].string == CONTENT[990:1000]
        assert [replies[at].status for at in (1, 4, 9)] == [OK, OK, OK]
        assert all(replies[at].status not in (OK, EOF) for at in (2, 6, 7))
    assert await gateway.content("new.log") == b"a" * 10 + b"b" * 10


async def test_requests_out_of_shape_are_refused_and_others_still_answered(
    gateway: Gateway,
) -> None:
    async with raw_client(gateway) as session:
        handle = await session.open(b"trace.log", WRITING)
        bent = [
            packet(WRITE, String(handle) + UInt64(0) + UInt32(99) + b"short", 1),
            packet(WRITE, String(handle) + UInt64(0) + String(b"long") + b"er", 2),
            packet(WRITE, String(b"a longer handle") + UInt64(0) + String(b"x"), 3),
            packet(READ, String(handle) + UInt64(0) + UInt32(5) + b"more", 4),
            packet(READ, b"", 5),
        ]
        session.send(*bent, write(handle, 0, b"fine", 6), packet(CLOSE, String(handle), 7))
        replies = [await session.reply() for _ in range(7)]
        assert [reply.number for reply in replies] == [1, 2, 3, 4, 5, 6, 7]
        assert [reply.status == OK for reply in replies] == [False] * 5 + [True] * 2
    assert await gateway.content("trace.log") == b"fine"


async def test_a_write_larger_than_the_window_is_taken(gateway: Gateway) -> None:
    content = data_of(3 * MIB)
    async with raw_client(gateway) as session:
        handle = await session.open(b"trace.log", WRITING)
        session.send(write(handle, 0, content), packet(CLOSE, String(handle)))
        assert [(await session.reply()).status for _ in range(2)] == [OK, OK]
    assert await gateway.content("trace.log") == content


@pytest.mark.parametrize("length", [0, 4, 5 * MIB])
async def test_a_request_of_impossible_length_ends_the_session(
    gateway: Gateway, length: int
) -> None:
    async with raw_client(gateway) as session:
        session.send(UInt32(length) + b"\x11\0\0\0")
        assert await session.is_over()


async def test_a_client_with_a_tiny_window_gets_all_that_it_asks_for(gateway: Gateway) -> None:
    async with (
        gateway.connect() as connection,
        raw_session(connection, window=4 * KIB, packet_bytes=1 * KIB) as session,
    ):
        await put(session, b"trace.log", CONTENT[: 200 * KIB])
        handle = await session.open(b"trace.log", READING)
        session.send(*(read(handle, start, 50 * KIB) for start in range(0, 200 * KIB, 50 * KIB)))
        got = [(await session.reply()).string for _ in range(4)]
        assert b"".join(got) == CONTENT[: 200 * KIB]


@pytest.mark.parametrize("packet_bytes", [7, 32 * KIB, 2 * MIB], ids=["tiny", "usual", "huge"])
async def test_replies_come_in_packets_of_any_size(gateway: Gateway, packet_bytes: int) -> None:
    sizes = [1, 13, 300, 30 * KIB, 32 * KIB, 255 * KIB]
    async with (
        gateway.connect() as connection,
        raw_session(connection, packet_bytes=packet_bytes) as session,
    ):
        await put(session, b"trace.log")
        handle = await session.open(b"trace.log", READING)
        session.send(*(read(handle, size, size) for size in sizes))
        for size in sizes:
            assert (await session.reply()).string == CONTENT[size : 2 * size]


@pytest.mark.parametrize("window", [2 * MIB, 1 << 31])
async def test_replies_that_nobody_reads_do_not_pile_up(gateway: Gateway, window: int) -> None:
    """Neither behind the client's window, nor, if that is huge, behind its socket."""
    asked = 400
    async with (
        gateway.connect() as connection,
        raw_session(connection, window=window) as session,
    ):
        await put(session, b"trace.log")
        handle = await session.open(b"trace.log", READING)
        transport = connection._transport
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
        session.send(*(read(handle, 0, 4 * MIB) for _ in range(asked)))
        [server] = gateway.server._live.connections
        assert server._stay is not None
        sent = await _standstill(server._stay.journal.traffic)
        assert sent < 16 * MIB, "of 100 MiB; the kernel's buffers have most of it"
        inner = server._connection
        assert isinstance(inner, StraightConnection)
        assert inner._transport is not None
        assert inner._transport.get_write_buffer_size() < 3 * MIB
        transport.resume_reading()
        for _ in range(asked):
            reply = await session.reply()
            assert reply.kind == DATA
            assert len(reply.string) == 255 * KIB


async def _standstill(traffic: Traffic) -> int:
    """Return how much was sent, once it is no more."""
    clock = SystemClock()
    before, now = -1, traffic.sent
    while before != now:
        await clock.sleep(0.3)
        before, now = now, traffic.sent
    return now


async def test_a_write_to_a_file_whose_upload_failed_is_refused(gateway: Gateway) -> None:
    async with raw_client(gateway) as session:
        handle = await session.open(b"trace.log", WRITING)
        session.send(write(handle, 0, b"x" * 100))
        assert (await session.reply()).status == OK
        gateway.store.fail_next("upload_part")
        blocks = range(100, 40 * 128 * KIB, 128 * KIB)
        session.send(*(write(handle, start, bytes(128 * KIB)) for start in blocks))
        told = [(await session.reply()).status for _ in blocks]
        assert FAILURE in told
        assert told == sorted(told), "after one that is refused, none is taken"
        assert await closed(session, handle) == FAILURE
    upload = await gateway.upload("trace.log")
    assert upload.offset < 40 * 128 * KIB


async def test_a_session_that_ends_does_no_further_request(gateway: Gateway) -> None:
    async with raw_client(gateway) as session:
        handle = await session.open(b"trace.log", WRITING)
        session.send(write(handle, 0, b"x" * 100))
        assert (await session.reply()).status == OK
        [connection] = gateway.server._live.connections
        for one in connection._sessions:
            one.end()
        session.send(write(handle, 100, b"y" * 100), packet(CLOSE, String(handle)))
        session.writer.write_eof()
        assert await session.is_over()
    await eventually(lambda: gateway.is_interrupted("trace.log"))
    assert (await gateway.upload("trace.log")).offset == 100


async def test_a_client_that_says_it_has_no_more_gets_its_replies(gateway: Gateway) -> None:
    async with raw_client(gateway) as session:
        handle = await session.open(b"trace.log", WRITING)
        session.send(write(handle, 0, b"x" * 100, 1), packet(CLOSE, String(handle), 2))
        session.writer.write_eof()
        assert [(await session.reply()).status for _ in range(2)] == [OK, OK]
        assert await session.is_over()
    assert await gateway.content("trace.log") == b"x" * 100


async def test_a_write_of_an_impossible_length_ends_the_session(gateway: Gateway) -> None:
    """It could not be poured, so what came of it would be collected, up to 4 GiB."""
    async with raw_client(gateway) as session:
        handle = await session.open(b"trace.log", WRITING)
        hole, size = 5, 0xFFFF_0000
        head = String(handle) + UInt64(hole) + UInt32(size)
        length = len(packet(WRITE, head)) - len(UInt32(0)) + size
        session.send(UInt32(length), bytes((WRITE,)), UInt32(7), head)
        async with asyncio.timeout(20):
            assert await session.is_over()


async def test_a_signal_ends_the_session(gateway: Gateway) -> None:
    async with gateway.connect() as connection, raw_session(connection) as session:
        assert (await session.ask(REALPATH, String(b"."))).kind == NAME
        session.writer.channel.send_signal("TERM")  # type: ignore[attr-defined]  # a client's channel
        assert await session.is_over()
