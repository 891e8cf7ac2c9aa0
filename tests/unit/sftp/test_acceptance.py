import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from transfer.sftp.acceptance import Acceptor


class Taken(asyncio.Protocol):
    """The connections that one process has."""

    def __init__(self, connections: "list[asyncio.BaseTransport]") -> None:
        self.connections = connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.connections.append(transport)


class Scarce(socket.socket):
    """A socket whose accept fails as long as `failures` are left."""

    failures: list[int]

    def accept(self) -> tuple[socket.socket, object]:
        if self.failures:
            raise OSError(self.failures.pop(), "no room")
        return super().accept()


@asynccontextmanager
async def acceptor_of(
    listener: socket.socket, load: Callable[[], int] = lambda: 0
) -> "AsyncIterator[list[asyncio.BaseTransport]]":
    taken: list[asyncio.BaseTransport] = []
    acceptor = Acceptor([listener], lambda: Taken(taken), load)
    try:
        yield taken
    finally:
        acceptor.close()
        await acceptor.wait_closed()
        acceptor.close()
        for transport in taken:
            transport.close()


async def reach(listener: socket.socket, count: int) -> list[asyncio.StreamWriter]:
    host, port = listener.getsockname()
    return [(await asyncio.open_connection(host, port))[1] for _ in range(count)]


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():
            await asyncio.wait([asyncio.create_task(asyncio.Event().wait())], timeout=0.01)


async def test_connections_go_to_the_process_that_has_fewer() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    counts = [0, 3]
    async with (
        acceptor_of(listener.dup(), lambda: counts[0]) as idle,
        acceptor_of(listener.dup(), lambda: counts[1]) as busy,
    ):
        clients = await reach(listener, 3)
        await until(lambda: len(idle) + len(busy) == 3)
        assert (len(idle), len(busy)) == (3, 0)
        for client in clients:
            client.close()
        counts[:] = [5, 0]
        [client] = await reach(listener, 1)
        await until(lambda: len(busy) == 1)
        client.close()
    listener.close()


async def test_a_busy_process_that_is_alone_takes_all_of_them() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    async with acceptor_of(listener.dup(), lambda: 1000) as taken:
        clients = await reach(listener, 20)
        await until(lambda: len(taken) == 20)
        for client in clients:
            client.close()
    listener.close()


@pytest.mark.parametrize("failure", [errno.ECONNABORTED, errno.EMFILE])
async def test_what_goes_wrong_with_one_connection_is_no_harm_to_the_next(failure: int) -> None:
    listener = Scarce(socket.AF_INET, socket.SOCK_STREAM)
    listener.failures = [failure]
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    address = listener.getsockname()
    async with acceptor_of(listener) as taken:
        _, client = await asyncio.open_connection(*address)
        await until(lambda: len(taken) == 1)
        client.close()


async def test_who_waits_to_take_one_more_can_be_closed() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    async with acceptor_of(listener.dup(), lambda: 5):
        [client] = await reach(listener, 1)
        client.close()
    listener.close()
