"""Listening sockets, taken before anything else begins: a port that isn't free costs no time."""

import errno
import ipaddress
import socket
from collections.abc import Sequence

from transfer.service.failures import ServiceError
from transfer.values import Address

_BACKLOG = 1024
_REASONS = {
    errno.EADDRINUSE: "another process listens there",
    errno.EACCES: "the system doesn't allow it; ports below 1024 are for its administrator",
    errno.EADDRNOTAVAIL: "this machine has no such address",
}


def listening_sockets(address: Address, option: str) -> list[socket.socket]:
    """Return a socket that listens for each address that `address`, given by `option`, means.

    Port 0 becomes one free port for all of them.

    Raises:
        ServiceError: they can't be had; the message says why and what to do.
    """
    listeners: list[socket.socket] = []
    try:
        port = address.port
        for family, host in _meant(address):
            listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
            listener.setblocking(False)
            listeners.append(listener)
            port = listener.getsockname()[1]
    except OSError as exc:
        for listener in listeners:
            listener.close()
        reason = _REASONS.get(exc.errno or 0, exc.strerror or str(exc))
        raise ServiceError(
            f"Can't listen on {address}: {reason}. Choose another with {option} HOST:PORT."
        ) from exc
    return listeners


def _meant(address: Address) -> list[tuple[int, str]]:
    found = socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    return list(dict.fromkeys((family, str(place[0])) for family, _, _, _, place in found))


def reached_at(listeners: Sequence[socket.socket], host: str) -> Address:
    """Return where `listeners` are reached; `host` is what they were asked to listen on."""
    name = socket.gethostname() if _is_any(host) else host
    return Address(name, listeners[0].getsockname()[1])


def _is_any(host: str) -> bool:
    """Whether `host` means all addresses of this machine, which nobody can connect to."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
