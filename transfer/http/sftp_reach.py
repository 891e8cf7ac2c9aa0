"""Whether the SFTP server can be reached at the address that people are told: tried from here."""

import asyncio
import contextlib
from dataclasses import dataclass

from transfer.http.policy import SftpAddress
from transfer.ports import Clock

_WITHIN_SECONDS = 3.0
_FOR_SECONDS = 15.0
_LONGEST_BANNER = 255
"""Source: RFC 4253, 4.2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The outcome of one try: the server's first line and after how long it came, or neither."""

    banner: str | None = None
    milliseconds: float | None = None


class SftpReach:
    """Tries it, at most once in a while: the outcome holds for all who ask meanwhile."""

    def __init__(self, address: SftpAddress, clock: Clock) -> None:
        self._address = address
        self._clock = clock
        self._trying = asyncio.Lock()
        self._last: tuple[float, Reach] | None = None

    async def look(self) -> Reach:
        """Return whether the server answers."""
        async with self._trying:
            now = self._clock.monotonic()
            if self._last is None or now - self._last[0] > _FOR_SECONDS:
                self._last = (now, await self._try())
            return self._last[1]

    async def _try(self) -> Reach:
        began = self._clock.monotonic()
        try:
            async with asyncio.timeout(_WITHIN_SECONDS):
                line = await self._first_line()
        except (OSError, TimeoutError, asyncio.LimitOverrunError):
            return Reach()
        if not line.startswith(b"SSH-"):
            return Reach()
        took = (self._clock.monotonic() - began) * 1000
        banner = line.decode("ascii", "replace").strip()
        return Reach(banner=banner, milliseconds=round(took, 1))

    async def _first_line(self) -> bytes:
        reader, writer = await asyncio.open_connection(
            self._address.host, self._address.port, limit=_LONGEST_BANNER
        )
        try:
            return await reader.readuntil(b"\n")
        except asyncio.IncompleteReadError:
            return b""
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
