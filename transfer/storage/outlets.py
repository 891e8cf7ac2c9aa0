"""Bytes from our memory into a socket, sent by the loop itself.

A thread that sends wants the interpreter's lock for every piece that the socket takes, and takes
turns with the loop at it: of a fast upload that costs more than the sending. And what a transport
can't send at once it copies.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any

_BURST_BYTES = 4 << 20
"""How much goes out at most before others have their turn; a socket takes less, most often."""


async def pour(
    descriptor: int,
    pieces: Sequence[memoryview],
    *,
    until: "asyncio.Future[Any]",
    moved: Callable[[], None],
) -> None:
    """Send `pieces` by a socket that doesn't block; less of them if `until` is done before.

    `moved` is called each time that some was taken. The socket may be a transport's: it is a copy
    of its file descriptor that the loop watches here.

    Raises:
        OSError: the connection is lost, or there are no more file descriptors.
    """
    ready = asyncio.Event()
    until.add_done_callback(lambda _: ready.set())
    with socket.socket(fileno=os.dup(descriptor)) as own:
        for piece in pieces:
            left = piece[_burst(own, piece) :]
            moved()
            while len(left):
                await _writable(own, ready)
                if until.done():
                    return
                left = left[_burst(own, left) :]
                moved()


def _burst(own: socket.socket, piece: memoryview) -> int:
    """Send some of `piece`; return how many bytes the socket has taken."""
    sent, end = 0, min(len(piece), _BURST_BYTES)
    while sent < end:
        try:
            sent += own.send(piece[sent:end])
        except BlockingIOError:
            break
    return sent


async def _writable(own: socket.socket, ready: asyncio.Event) -> None:
    """Wait until more can be sent, or `ready` was set for another reason."""
    loop = asyncio.get_running_loop()
    ready.clear()
    loop.add_writer(own, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_writer(own)
