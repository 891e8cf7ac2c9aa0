"""The end of a text that goes by: its last bytes, and from them its last lines."""

from collections import deque
from dataclasses import replace

from transfer.core.text_encodings import Encoding, character_edge, first_line_end
from transfer.core.text_lines import MAX_SHOWN, Line, last_lines

PART_BYTES = 256 << 10
"""How much of a text is looked at for its first lines, or for its last."""


class TextEnding:
    """The last bytes of a text that goes by, and how many lines were before them."""

    def __init__(self, encoding: Encoding, start: int, *, is_beginning: bool) -> None:
        """Begin at the byte `start` of the text, which may be the beginning of its first line."""
        self._encoding = encoding
        self._start = start
        self._kept: deque[bytes] = deque()
        self._size = 0
        self._is_beginning = is_beginning
        self._lines_before: int | None = 0 if is_beginning else None

    def take(self, chunk: bytes) -> None:
        """Take what comes next."""
        self._kept.append(chunk)
        self._size += len(chunk)
        while self._size - len(self._kept[0]) >= PART_BYTES:
            dropped = self._kept.popleft()
            self._size -= len(dropped)
            self._start += len(dropped)
            self._is_beginning = False
            self._count(dropped)

    def lines(self, limit: int) -> tuple[Line, ...]:
        """Return up to `limit` last lines."""
        raw = b"".join(self._kept)
        if len(raw) <= PART_BYTES and self._is_beginning:
            return last_lines(raw, self._encoding, limit=limit, number=1)
        start = max(0, len(raw) - PART_BYTES)
        start += -(self._start + start) % self._encoding.unit_bytes
        self._count(raw[:start])
        raw = raw[start:]
        end = first_line_end(raw, self._encoding)
        if not 0 < end < len(raw):
            return self._long_line(raw)
        self._count(raw[:end])
        return last_lines(raw[end:], self._encoding, limit=limit, number=self._number)

    @property
    def _number(self) -> int | None:
        return None if self._lines_before is None else self._lines_before + 1

    def _count(self, dropped: bytes) -> None:
        """Count lines; where a character has several bytes, that would be too much work."""
        if self._lines_before is not None:
            is_countable = self._encoding.unit_bytes == 1
            counted = self._lines_before + dropped.count(b"\n")
            self._lines_before = counted if is_countable else None

    def _long_line(self, raw: bytes) -> tuple[Line, ...]:
        """Return the end of a line of which the beginning is far away."""
        start = len(raw) - MAX_SHOWN * self._encoding.unit_bytes
        piece = raw[character_edge(raw, self._encoding, start) :]
        found = last_lines(piece, self._encoding, limit=1, number=self._number)
        return tuple(replace(line, is_cut=True) for line in found)
