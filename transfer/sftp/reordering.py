"""WRITEs that come before those on which they go on: kept in memory until these are here."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

HELD_BYTES = 4 * 1024 * 1024
"""How much is kept for one file: more than any client has under way at its defaults."""


@dataclass(kw_only=True)
class AheadRoom:
    """The memory that all files of this process share for what comes too early."""

    limit_bytes: int = 64 * 1024 * 1024
    used_bytes: int = 0


class Reordering:
    """The bytes of one file that are ahead of where it goes on; the latest ones win."""

    def __init__(self, room: AheadRoom, limit_bytes: int = HELD_BYTES) -> None:
        self._room = room
        self._limit_bytes = limit_bytes
        self._offsets: list[int] = []
        self._blocks: list[bytes] = []
        self.held_bytes = 0

    def __bool__(self) -> bool:
        return bool(self._blocks)

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yield offsets and bytes, in order."""
        return iter(zip(tuple(self._offsets), tuple(self._blocks), strict=True))

    @property
    def end(self) -> int:
        """Where the last of the bytes ends, 0 if there are none."""
        return self._offsets[-1] + len(self._blocks[-1]) if self._blocks else 0

    def hold(self, offset: int, data: bytes) -> bool:
        """Keep `data`, if there is room; tell whether it is kept."""
        room = self._room.limit_bytes - self._room.used_bytes
        if len(data) > min(room, self._limit_bytes - self.held_bytes):
            return False
        self.forget(offset, offset + len(data))
        index = bisect_left(self._offsets, offset)
        self._offsets.insert(index, offset)
        self._blocks.insert(index, bytes(data))
        self._count(len(data))
        return True

    def forget(self, start: int, end: int) -> None:
        """Drop what is held of the bytes from `start` to `end`: other ones have come."""
        index = max(0, bisect_left(self._offsets, start) - 1)
        while index < len(self._blocks) and self._offsets[index] < end:
            offset, block = self._offsets[index], self._blocks[index]
            left = block[: max(0, start - offset)]
            right = block[max(0, end - offset) :]
            kept = [(offset, left), (offset + len(block) - len(right), right)]
            kept = [one for one in kept if one[1]]
            self._offsets[index : index + 1] = [at for at, _ in kept]
            self._blocks[index : index + 1] = [piece for _, piece in kept]
            self._count(len(left) + len(right) - len(block))
            index += len(kept)

    def take(self, position: int) -> bytes:
        """Return and drop the bytes that go on at `position`, none if they aren't here."""
        if not self._offsets or self._offsets[0] != position:
            return b""
        del self._offsets[0]
        block = self._blocks.pop(0)
        self._count(-len(block))
        return block

    def clear(self) -> None:
        """Drop everything."""
        self.forget(0, self.end)

    def _count(self, more_bytes: int) -> None:
        self.held_bytes += more_bytes
        self._room.used_bytes += more_bytes
