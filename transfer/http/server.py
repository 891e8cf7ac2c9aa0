"""The listener: connections with their limits, and a stop that lets requests end."""

import socket
from collections.abc import Sequence

from aiohttp import web

from transfer.http.listener import CurrentTls, Listener
from transfer.http.policy import HttpPolicy

_BACKLOG = 512


class HttpServer:
    """Serves an application until it is stopped.

    To stop without losing anything: `stop_accepting`, then close the engine's leases, which ends
    running uploads with what they sent made durable, then `stop`.
    """

    def __init__(
        self, app: web.Application, policy: HttpPolicy, *, tls: CurrentTls | None = None
    ) -> None:
        self._tls = tls
        self._policy = policy
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=policy.stop_grace.total_seconds()
        )
        self._listener: Listener | None = None

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where the server listens."""
        return self._listener.addresses if self._listener is not None else []

    @property
    def connections(self) -> int:
        """How many connections are open."""
        server = self._runner.server
        return len(server.connections) if server is not None else 0

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Listen on `sockets`, which are bound (see `bound_sockets`) and the server's from now on.

        Raises:
            OSError: it can't.
        """
        await self._runner.setup()
        assert self._runner.server is not None  # noqa: S101 - it is set up
        self._listener = Listener(sockets, self._runner.server, self._policy, self._tls)
        try:
            for one in sockets:
                _drop_the_absent(one, self._policy)
            self._listener.start()
        except BaseException:
            await self.stop()
            raise

    async def stop_accepting(self) -> None:
        """Take no new connections; those that are open go on."""
        if self._listener is not None:
            await self._listener.stop()

    async def stop(self) -> None:
        """End idle connections at once, others with their request, or after `stop_grace`."""
        await self.stop_accepting()
        await self._runner.cleanup()


def bound_sockets(host: str, port: int) -> list[socket.socket]:
    """Return a bound socket for each address of `host`; port 0 is one free port for all of them.

    Raises:
        OSError: no such host, or the port is in use.
    """
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    addresses = dict.fromkeys((family, address[0]) for family, _, _, _, address in found)
    sockets: list[socket.socket] = []
    try:
        for family, address in addresses:
            listener = socket.create_server((str(address), port), family=family, backlog=_BACKLOG)
            sockets.append(listener)
            port = listener.getsockname()[1]
    except OSError:
        for listener in sockets:
            listener.close()
        raise
    return sockets


def _drop_the_absent(listener: socket.socket, policy: HttpPolicy) -> None:
    """Have the system end connections whose peer takes nothing, also while they are closing.

    Accepted sockets inherit it. Where the system doesn't know it, only streams are watched.
    """
    if hasattr(socket, "TCP_USER_TIMEOUT") and listener.family != socket.AF_UNIX:
        milliseconds = int(policy.stalled_write.total_seconds() * 1000)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
