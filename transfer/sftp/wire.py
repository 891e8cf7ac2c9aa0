"""How many bytes a connection has carried, as the kernel counts them.

So nothing on the path of the data has to count, and no faster path can forget to.
"""

import socket
import struct
from typing import Protocol

_TCP_INFO: int | None = getattr(socket, "TCP_INFO", None)  # Linux has it
_COUNTERS = struct.Struct("=QQ")
_COUNTERS_AT = 120
"""Where tcpi_bytes_acked and tcpi_bytes_received are. Source: linux/tcp.h, since 4.2."""


class Socket(Protocol):
    """As much of a socket as is asked for."""

    def getsockopt(self, level: int, option: int, size: int, /) -> bytes:
        """Return an option's value."""


def wire_bytes(connected: Socket | None) -> int | None:
    """Return the bytes that a TCP connection has carried in both directions, None if unknown."""
    if connected is None or _TCP_INFO is None:
        return None
    size = _COUNTERS_AT + _COUNTERS.size
    try:
        info = connected.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, size)
    except OSError:
        return None
    return sum(_COUNTERS.unpack_from(info, _COUNTERS_AT)) if len(info) >= size else None
