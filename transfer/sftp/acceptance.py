"""Connections shared out among the processes that listen on one socket: the idlest takes them."""

import asyncio
import errno
import socket
from collections.abc import Callable, Sequence

import structlog

_log = structlog.get_logger(__name__)

_HEAD_START_SECONDS = 0.002
"""How much longer a process waits for each connection that it has, so that others go first."""

_MOST_CONNECTIONS = 5
"""More of them make it wait no longer."""

_RETRY_SECONDS = 1.0
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Acceptor:
    """Takes connections from sockets that other processes may take them from too.

    All of those are woken by a connection, and the first has it. asyncio's own server would take
    as many as there are at once, whatever the others have to do.
    """

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        protocol: Callable[[], asyncio.BaseProtocol],
        load: Callable[[], int],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._sockets = list(sockets)
        self._protocol = protocol
        self._load = load
        self._waiting: dict[socket.socket, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        for one in self._sockets:
            one.setblocking(False)
            self._loop.add_reader(one.fileno(), self._come, one)

    def get_addresses(self) -> list[tuple[str, int]]:
        """Return where it listens."""
        return [one.getsockname() for one in self._sockets]

    def close(self) -> None:
        """Take no more; again does no harm."""
        sockets, self._sockets = self._sockets, []
        for one in sockets:
            if one.fileno() >= 0:  # whoever bound it may have closed it
                self._loop.remove_reader(one.fileno())
            one.close()
        for timer in self._waiting.values():
            timer.cancel()
        self._waiting.clear()

    async def wait_closed(self) -> None:
        """Wait for connections that were just being taken."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _come(self, listener: socket.socket) -> None:
        """Somebody connects: take them, or let others go first."""
        load = min(self._load(), _MOST_CONNECTIONS)
        if load:
            self._later(listener, load * _HEAD_START_SECONDS)
        else:
            self._take(listener)

    def _later(self, listener: socket.socket, seconds: float) -> None:
        self._loop.remove_reader(listener.fileno())
        self._waiting[listener] = self._loop.call_later(seconds, self._go_on, listener)

    def _go_on(self, listener: socket.socket) -> None:
        del self._waiting[listener]
        self._loop.add_reader(listener.fileno(), self._come, listener)
        self._take(listener)

    def _take(self, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionError):
            return  # another process was faster, or the client has gone
        except OSError as exc:
            if exc.errno not in _EXHAUSTED:
                raise
            _log.error("sftp.no-room-for-connections", reason=exc.strerror)
            if listener not in self._waiting:
                self._later(listener, _RETRY_SECONDS)
            return
        task = asyncio.create_task(self._connect(connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        try:
            await self._loop.connect_accepted_socket(self._protocol, connection)
        except OSError as exc:
            connection.close()
            _log.info("sftp.connection-not-taken", reason=exc.strerror)
