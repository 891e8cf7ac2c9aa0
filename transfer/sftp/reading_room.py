"""The memory for reading ahead, which all files that are open for reading share."""

import asyncio
from typing import Protocol

from transfer.core.parts import MIB

_LIMIT_BYTES = 192 * MIB
_RESTING_AFTER_SECONDS = 5.0


class Reader(Protocol):
    """Who reads ahead; see `FileReader`."""

    @property
    def rests_since(self) -> float | None:
        """When it was used last, by the loop's time; None while it is."""

    async def close(self) -> None:
        """Give the memory back; what is asked for next is read anew."""


class ReadingRoom:
    """The room of this process: at most `limit_bytes` are read ahead.

    Who finds it full takes the place of the one that rests longest, as clients that open many
    files leave most of them alone. If nobody rests, the newcomer has to do without.
    """

    def __init__(
        self,
        limit_bytes: int = _LIMIT_BYTES,
        resting_after_seconds: float = _RESTING_AFTER_SECONDS,
    ) -> None:
        self._limit_bytes = limit_bytes
        self._resting_after_seconds = resting_after_seconds
        self._readers: dict[Reader, int] = {}

    @property
    def used_bytes(self) -> int:
        """How much may be in memory."""
        return sum(self._readers.values())

    async def enter(self, reader: Reader, size_bytes: int) -> bool:
        """Take room for `reader`, which has none yet; False if there isn't as much."""
        while self.used_bytes + size_bytes > self._limit_bytes:
            resting = self._longest_resting()
            if resting is None:
                return False
            self.leave(resting)
            await resting.close()
        self._readers[reader] = size_bytes
        return True

    def leave(self, reader: Reader) -> None:
        """Give its room back, if it has some."""
        self._readers.pop(reader, None)

    def _longest_resting(self) -> Reader | None:
        before = asyncio.get_running_loop().time() - self._resting_after_seconds
        resting = [
            (since, number, reader)
            for number, reader in enumerate(self._readers)
            if (since := reader.rests_since) is not None and since <= before
        ]
        return min(resting)[2] if resting else None
