"""Memory for parts on their way to the store, within one budget for the process.

A buffer's pages cost memory only once they are written, so the budget counts bytes as they come
in. Who needs more than is free waits, after having made durable and given back what they hold:
nobody waits while holding, so nobody waits for ever.
"""

import asyncio
import mmap
import tempfile
from collections import deque

from transfer.core.parts import MIB
from transfer.ports import Buffer

_STEP_BYTES = MIB
_FILE_BACKED_ABOVE = 64 * MIB
_PLAIN_UP_TO = 64 * 1024
_KEPT_BUFFERS = 6


class PartBuffer:
    """Room for one part: `size` bytes of `capacity` are taken.

    A part above 64 MiB, as only files of many hundreds of GiB need, is backed by an unlinked
    temporary file instead of memory.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.size = 0
        self.charged = 0
        self._memory: mmap.mmap | bytearray
        if capacity > _FILE_BACKED_ABOVE:
            with tempfile.TemporaryFile(prefix="transfer-part-") as file:
                file.truncate(capacity)
                self._memory = mmap.mmap(file.fileno(), capacity)
        elif capacity > _PLAIN_UP_TO:
            self._memory = mmap.mmap(-1, capacity)
        else:  # of 10 KiB a mapping costs 22 µs, this 0.7
            self._memory = bytearray(capacity)

    @property
    def room(self) -> int:
        """How many bytes still fit."""
        return self.capacity - self.size

    @property
    def in_memory(self) -> bool:
        """Whether it counts against the budget."""
        return self.capacity <= _FILE_BACKED_ABOVE

    @property
    def place(self) -> memoryview:
        """The memory behind what is taken, as far as it is charged."""
        end = self.charged if self.in_memory else self.capacity
        return memoryview(self._memory)[self.size : end]

    def fill(self, data: memoryview) -> None:
        """Append `data`, which fits."""
        end = self.size + len(data)
        self._memory[self.size : end] = data
        self.size = end

    def overwrite(self, start: int, data: memoryview) -> None:
        """Put `data` over bytes that are taken already."""
        self._memory[start : start + len(data)] = data

    def view(self, start: int = 0) -> memoryview:
        """Return the bytes from `start` to the end, without a copy."""
        return memoryview(self._memory)[start : self.size]


class BufferPool:
    """The process's buffers: at most `budget_bytes` of them in use."""

    def __init__(self, budget_bytes: int) -> None:
        self._budget_bytes = budget_bytes
        self._used = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._kept: list[PartBuffer] = []

    @property
    def used_bytes(self) -> int:
        """How much of the budget is in use."""
        return self._used

    @property
    def is_pressed(self) -> bool:
        """Whether someone waits for memory: who holds some and is slow should give it back."""
        return bool(self._waiting)

    def buffer(self, capacity: int) -> PartBuffer:
        """Return an empty buffer; it is charged as it fills."""
        for index, kept in enumerate(self._kept):
            if kept.capacity == capacity:
                return self._kept.pop(index)
        return PartBuffer(capacity)

    def try_charge(self, buffer: PartBuffer, size: int) -> bool:
        """Charge `buffer` up to `size` bytes; False if that isn't free, or others wait for it."""
        if size <= buffer.charged:
            return True
        more = self._missing(buffer, size)
        if more and (self._waiting or not self._fits(more)):
            return False
        self._used += more
        buffer.charged += more
        return True

    async def charge(self, buffer: PartBuffer, size: int) -> None:
        """Charge `buffer` up to `size` bytes, waiting in turn. Don't hold another one meanwhile."""
        more = self._missing(buffer, size)
        if self._waiting or not self._fits(more):
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append((more, turn))
            try:
                await turn
            except asyncio.CancelledError:
                self._forget(more, turn)
                raise
        else:
            self._used += more
        buffer.charged += more

    def give_back(self, buffer: PartBuffer, *, reuse: bool = True) -> None:
        """End the use of `buffer`: its content is durable, or not wanted.

        Without `reuse` its memory is left alone: a thread that was given up may still read it.
        """
        self._used -= buffer.charged
        full = reuse and buffer.charged >= buffer.capacity
        buffer.charged = buffer.size = 0
        if full and buffer.in_memory and len(self._kept) < _KEPT_BUFFERS:
            self._kept.append(buffer)
        self._admit()

    def _missing(self, buffer: PartBuffer, size: int) -> int:
        if not buffer.in_memory:
            return 0
        wanted = min(buffer.capacity, -(-size // _STEP_BYTES) * _STEP_BYTES)
        return max(0, wanted - buffer.charged)

    def _fits(self, more: int) -> bool:
        return self._used == 0 or self._used + more <= self._budget_bytes

    def _admit(self) -> None:
        while self._waiting and self._fits(self._waiting[0][0]):
            more, turn = self._waiting.popleft()
            if not turn.done():
                self._used += more
                turn.set_result(None)

    def _forget(self, more: int, turn: "asyncio.Future[None]") -> None:
        """Undo a wait that was cancelled, also when its turn had just come."""
        if turn.done() and not turn.cancelled():
            self._used -= more
        self._waiting = deque(entry for entry in self._waiting if entry[1] is not turn)
        self._admit()


def as_view(data: Buffer) -> memoryview:
    """Return `data` as a flat view of bytes."""
    return memoryview(data).cast("B")
