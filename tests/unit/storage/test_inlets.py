"""Memory that is lent, and what comes by a socket into it."""

import asyncio
import contextlib
import random
import socket
from collections.abc import Iterator

import psutil
import pytest

from transfer.storage.inlets import Inlet, Lender

CHUNK = 64 << 10
DATA = random.Random(8).randbytes(5 * CHUNK // 2)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.setblocking(False)
        yield theirs, ours


@contextlib.contextmanager
def inlet(ours: socket.socket, seconds: float = 20) -> Iterator[Inlet]:
    opened = Inlet(ours.fileno(), CHUNK, timeout_seconds=seconds)
    with contextlib.closing(opened):
        yield opened


def test_memory_that_nobody_looks_at_is_lent_again() -> None:
    lender = Lender(4)
    lender.lend(4)[:] = b"once"
    assert bytes(lender.lend(4)) == b"once", "fresh memory would be zeros"


def test_what_was_lent_before_is_void() -> None:
    lender = Lender(4)
    lent = lender.lend(4)
    lender.lend(4)
    with pytest.raises(ValueError, match="released"):
        bytes(lent)


def test_a_slice_that_somebody_keeps_stays_as_it_is() -> None:
    lender = Lender(4)
    first = lender.lend(4)
    first[:] = b"kept"
    kept = first[1:3]
    lender.lend(4)[:] = b"XXXX"
    assert bytes(kept) == b"ep"
    del kept
    lender.lend(4)[:] = b"YYYY"
    assert bytes(lender.lend(2)) == b"YY"


async def test_all_comes_in_its_order_in_chunks_that_are_full(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    theirs, ours = ends

    async def send() -> None:
        loop = asyncio.get_running_loop()
        for start in range(0, len(DATA), 700):
            await loop.sock_sendall(theirs, DATA[start : start + 700])
        theirs.shutdown(socket.SHUT_WR)

    with inlet(ours) as opened:
        sending = asyncio.create_task(send())
        got = [bytes(await opened.take(CHUNK)) for _ in range(4)]
        await sending
    assert b"".join(got) == DATA
    assert [len(chunk) for chunk in got] == [CHUNK, CHUNK, CHUNK // 2, 0]


async def test_nothing_for_too_long_is_an_error_and_leaves_nothing_behind(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    theirs, ours = ends
    before = psutil.Process().num_fds()
    with inlet(ours, 0.05) as opened:
        theirs.send(b"x")
        with pytest.raises(TimeoutError):
            await opened.take(2)
    assert psutil.Process().num_fds() == before
    assert not asyncio.get_running_loop().remove_reader(ours)


async def test_others_get_their_turn_where_there_is_always_more(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    theirs, ours = ends
    theirs.send(DATA[:100])
    turns: list[int] = []
    with inlet(ours) as opened:
        for at in range(100):
            asyncio.get_running_loop().call_soon(turns.append, at)
            await opened.take(1)
            assert len(turns) == at + 1
