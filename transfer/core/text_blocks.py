"""A text of any length as blocks: each ends with a line, unless one is longer than a block."""

from collections.abc import Iterator
from dataclasses import dataclass

from transfer.core.text_encodings import Encoding, character_edge, last_line_end

BLOCK_BYTES = 256 << 10


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a text, from the byte `start` of it on."""

    start: int
    raw: bytes

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.start + len(self.raw)


class BlockCutter:
    """Cuts a text that comes in chunks into blocks."""

    def __init__(self, encoding: Encoding, start: int) -> None:
        """Begin at the byte `start` of the text."""
        self._encoding = encoding
        self._start = start
        self._pending = bytearray()

    def cut(self, chunk: bytes) -> Iterator[Block]:
        """Take what comes next, and yield the blocks that are there by now."""
        self._pending += chunk
        while len(self._pending) > BLOCK_BYTES:
            end = last_line_end(self._pending, self._encoding, BLOCK_BYTES)
            yield self._taken(end or character_edge(self._pending, self._encoding, BLOCK_BYTES))

    def rest(self) -> Iterator[Block]:
        """Yield what is left at the end of the text, if anything."""
        if self._pending:
            yield self._taken(len(self._pending))

    def _taken(self, size: int) -> Block:
        block = Block(self._start, bytes(self._pending[:size]))
        del self._pending[:size]
        self._start = block.end
        return block
