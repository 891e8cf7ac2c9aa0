"""Pipes between sockets: all bytes in their order, and every file descriptor given back."""

import contextlib
import os
import random
import resource
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from transfer.ports import Piped
from transfer.storage.pipes import PIPE_BYTES, Pipes, PipeSupply

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems can't splice")

DATA = random.Random(4).randbytes(3 * PIPE_BYTES)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A store's end and ours, which doesn't block, as botocore's has a timeout."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        theirs, _ = server.accept()
        ours.setblocking(False)
        with ours, theirs:
            yield theirs, ours


@pytest.fixture
def pipes() -> Iterator[Pipes]:
    laid = PipeSupply().lay()
    assert laid is not None
    with contextlib.closing(laid):
        yield laid


def emptied(piped: Piped) -> bytes:
    data = b""
    while len(data) < piped.size:
        data += os.read(piped.pipe, piped.size - len(data))
    with pytest.raises(BlockingIOError):
        os.read(piped.pipe, 1)
    return data


@contextlib.contextmanager
def sending(theirs: socket.socket, pieces: list[bytes]) -> Iterator[None]:
    """Send from a thread, and then no more."""

    def send() -> None:
        theirs.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            theirs.sendall(piece)
        theirs.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        thread.join(20)


@pytest.mark.parametrize("piece", [PIPE_BYTES, 700])
def test_all_bytes_come_in_their_order(
    ends: tuple[socket.socket, socket.socket], pipes: Pipes, piece: int
) -> None:
    """Also those of many small fragments, of which a pipe holds fewer bytes than it could."""
    theirs, ours = ends
    got = b""
    with sending(theirs, [DATA[at : at + piece] for at in range(0, len(DATA), piece)]):
        while True:
            piped = pipes.fill(ours.fileno(), len(DATA), timeout_seconds=20)
            if not piped.size:
                break
            got += emptied(piped)
    assert got == DATA


def test_one_is_filled_while_the_other_is_emptied(
    ends: tuple[socket.socket, socket.socket], pipes: Pipes
) -> None:
    theirs, ours = ends
    theirs.sendall(b"onetwo")
    one = pipes.fill(ours.fileno(), 3, timeout_seconds=20)
    two = pipes.fill(ours.fileno(), 3, timeout_seconds=20)
    assert (emptied(one), emptied(two)) == (b"one", b"two")


def test_a_source_that_stalls_gives_what_has_come_and_then_an_error(
    ends: tuple[socket.socket, socket.socket], pipes: Pipes
) -> None:
    theirs, ours = ends
    theirs.sendall(b"some")
    assert emptied(pipes.fill(ours.fileno(), 10, timeout_seconds=0.01)) == b"some"
    with pytest.raises(TimeoutError):
        pipes.fill(ours.fileno(), 10, timeout_seconds=0.01)


def test_a_source_that_is_reset_is_an_error(
    ends: tuple[socket.socket, socket.socket], pipes: Pipes
) -> None:
    theirs, ours = ends
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    theirs.close()
    with pytest.raises(ConnectionError):
        pipes.fill(ours.fileno(), 10, timeout_seconds=20)


def test_no_more_are_lent_than_there_are() -> None:
    supply = PipeSupply(at_once=2)
    lent = [supply.lay(), supply.lay()]
    assert None not in lent
    assert supply.lay() is None
    for one in lent:
        assert one is not None
        one.close()
        one.close()
    again = supply.lay()
    assert again is not None
    again.close()


def test_without_a_file_descriptor_none_is_lent_and_none_is_lost() -> None:
    supply = PipeSupply(at_once=1)
    before = open_files()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before) + 4, limits[1]))
    try:
        filler = [os.dup(0) for _ in range(max(before) + 4 - len(before) - 3)]
        assert supply.lay() is None
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    for fd in filler:
        os.close(fd)
    assert open_files() == before
    laid = supply.lay()
    assert laid is not None
    laid.close()


def open_files() -> set[int]:
    fds = {int(entry.name) for entry in Path("/proc/self/fd").iterdir()}
    return {fd for fd in fds if Path(f"/proc/self/fd/{fd}").exists()}  # not that of the listing
