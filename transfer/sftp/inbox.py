"""Bytes that came on a channel and were not taken yet, in the pieces in which they came."""

from collections import deque
from struct import Struct
from typing import Any


class Inbox:
    """A queue of bytes that copies few of them: what is left at `keep`, and headers in two pieces.

    Its pieces are lent: who adds one may change it once `keep` was called.
    """

    def __init__(self) -> None:
        self._pieces: deque[memoryview] = deque()
        self._at = 0
        self._kept = 0  # how many of the first pieces are copies
        self.size = 0

    def add(self, piece: memoryview) -> None:
        """Append a piece."""
        size = len(piece)
        if size:
            self._pieces.append(piece)
            self.size += size

    def keep(self) -> None:
        """Copy the pieces that are left, each once."""
        pieces = self._pieces
        while self._kept < len(pieces):
            pieces[self._kept] = memoryview(bytes(pieces[self._kept]))
            self._kept += 1

    def unpack(self, layout: Struct) -> tuple[Any, ...] | None:
        """Return the next fields, None if they aren't all here; they stay."""
        if self.size < layout.size:
            return None
        first = self._pieces[0]
        if len(first) - self._at >= layout.size:
            return layout.unpack_from(first, self._at)
        return layout.unpack(self._across(layout.size))

    def piece(self, at_most: int) -> memoryview:
        """Return some of the next bytes, at most so many, none if there are none; they stay."""
        if not self.size:
            return memoryview(b"")
        return self._pieces[0][self._at : self._at + at_most]

    def skip(self, size: int) -> None:
        """Be done with so many bytes, which are here."""
        self.size -= size
        self._at += size
        while self._pieces and self._at >= len(self._pieces[0]):
            self._at -= len(self._pieces.popleft())
            self._kept = max(0, self._kept - 1)

    def _across(self, size: int) -> bytes:
        found = bytearray()
        start = self._at
        for piece in self._pieces:
            found += piece[start : start + size - len(found)]
            start = 0
            if len(found) == size:
                break
        return bytes(found)
