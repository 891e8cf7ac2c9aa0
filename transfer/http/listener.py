"""Taking connections: as many as there may be, from one place and in all, each with a deadline.

Sockets are accepted here, not by the loop's own server, so that one that is too many costs no
handshake, and so that every handshake uses the certificate of the moment.
"""

import asyncio
import heapq
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from ssl import SSLContext

import structlog
from aiohttp import web

from transfer.http.connections import Connection
from transfer.http.policy import HttpPolicy
from transfer.http.proxies import site_of

_log = structlog.get_logger(__name__)

CurrentTls = Callable[[], SSLContext]
"""Returns the context for a handshake that begins now."""

_BACKLOG = 1024
_BATCH = 16
"""Accepted in a row, before others get their turn: this process's requests, and its siblings."""
_SHED_PART = 64
"""One in so many is shed at once: looking for idle connections takes a look at all of them."""
_PAUSE_SECONDS = 0.5
_SHUTDOWN_SECONDS = 5.0
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\n"
    b"Content-Length: 0\r\n\r\n"
)


class Crowd:
    """The connections that are open, and the places that they come from.

    When it is full, those are shed that have been idle for longest: their clients connect again
    when they need to. The trusted proxies' places have no limit of their own.
    """

    def __init__(self, policy: HttpPolicy) -> None:
        self._policy = policy
        self._places: Counter[str] = Counter()
        self._members: dict[Connection, str] = {}

    @property
    def size(self) -> int:
        """How many connections are open, those in their handshake too."""
        return len(self._members)

    def has_room_for(self, address: str) -> bool:
        """Whether there may be one more from `address`, after shedding what is idle."""
        most, most_here = self._policy.max_connections, self._policy.max_connections_per_client
        if self.size >= most and not self._shed(most // _SHED_PART, None):
            return False
        if self._policy.proxies.trusts(address):
            return True
        place = site_of(address)
        return self._places[place] < most_here or self._shed(most_here // _SHED_PART, place)

    def enter(self, connection: Connection, address: str) -> None:
        """Count a connection from `address`."""
        place = self._members[connection] = site_of(address)
        self._places[place] += 1

    def leave(self, connection: Connection) -> None:
        """Count a connection no more; again does no harm."""
        place = self._members.pop(connection, None)
        if place is None:
            return
        self._places[place] -= 1
        if not self._places[place]:
            del self._places[place]

    def _shed(self, count: int, place: str | None) -> bool:
        """Close `count` that have been idle for longest, of `place` or of all; at least one."""
        idle = [
            connection
            for connection, origin in self._members.items()
            if connection.is_idle and place in (None, origin)
        ]
        for connection in heapq.nsmallest(count or 1, idle, key=lambda one: one.active_at):
            self.leave(connection)
            connection.force_close()
        return bool(idle)


class Listener:
    """Accepts connections on `sockets`, which are its own from now on, and has them served."""

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        server: web.Server,
        policy: HttpPolicy,
        tls: CurrentTls | None,
    ) -> None:
        self._sockets = list(sockets)
        self._server = server
        self._policy = policy
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._crowd = Crowd(policy)
        self._beginnings: set[asyncio.Task[None]] = set()
        self._resumption: asyncio.TimerHandle | None = None

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens."""
        return [one.getsockname()[:2] for one in self._sockets]

    def start(self) -> None:
        """Accept from now on.

        Raises:
            OSError: a socket is no listening one.
        """
        for one in self._sockets:
            one.setblocking(False)
            one.listen(_BACKLOG)
        self._resume()

    async def stop(self) -> None:
        """Accept no more; handshakes that are under way are broken off. Again does no harm."""
        if self._resumption is not None:
            self._resumption.cancel()
        for one in self._sockets:
            if one.fileno() >= 0:
                self._loop.remove_reader(one.fileno())
                one.close()
        self._sockets.clear()
        for beginning in self._beginnings:
            beginning.cancel()
        await asyncio.gather(*self._beginnings, return_exceptions=True)

    def _resume(self) -> None:
        self._resumption = None
        for one in self._sockets:
            self._loop.add_reader(one.fileno(), self._accept, one)

    def _pause(self) -> None:
        """Leave newcomers in the queue for a moment: what they need may come free."""
        for one in self._sockets:
            self._loop.remove_reader(one.fileno())
        self._resumption = self._loop.call_later(_PAUSE_SECONDS, self._resume)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_BATCH):
            try:
                client, peer = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as exc:  # out of descriptors, most of the time
                _log.error("http.cannot-accept", reason=exc.strerror, connections=self._crowd.size)
                self._pause()
                return
            client.setblocking(False)
            self._admit(client, peer[0] if peer else "")

    def _admit(self, client: socket.socket, address: str) -> None:
        if not self._crowd.has_room_for(address):
            _log.warning("http.connection-refused", connections=self._crowd.size)
            _turn_away(client, tell=self._tls is None)
            return
        connection = Connection(self._server, self._policy, self._crowd.leave)
        self._crowd.enter(connection, address)
        beginning = self._loop.create_task(self._begin(client, connection))
        self._beginnings.add(beginning)
        beginning.add_done_callback(self._beginnings.discard)
        beginning.add_done_callback(lambda task: client.close() if task.cancelled() else None)

    async def _begin(self, client: socket.socket, connection: Connection) -> None:
        """Shake hands, and leave the connection to its protocol."""
        handshake = self._policy.handshake.total_seconds()
        try:
            if self._tls is None:
                await self._loop.connect_accepted_socket(lambda: connection, client)
            else:
                await self._loop.connect_accepted_socket(
                    lambda: connection,
                    client,
                    ssl=self._tls(),
                    ssl_handshake_timeout=handshake,
                    ssl_shutdown_timeout=_SHUTDOWN_SECONDS,
                )
        except OSError as exc:  # what the peer does wrong in a handshake is one as well
            self._crowd.leave(connection)
            _log.debug("http.handshake-failed", reason=type(exc).__name__)


def _turn_away(client: socket.socket, *, tell: bool) -> None:
    """Close a connection that is one too many; over TLS nothing can be told before a handshake."""
    with client, suppress(OSError):
        if tell:
            client.send(_BUSY)
            client.shutdown(socket.SHUT_WR)
            client.recv(65536)  # what was sent and never read would turn the answer into a reset
