"""Which bytes of a file are there, when they come in any order."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import NamedTuple


class Piece(NamedTuple):
    """A range of a file, from `start` to before `end`, that is there or isn't, all of it."""

    start: int
    end: int
    is_here: bool


class Extents:
    """The ranges of a file that are there: in order, none touching another.

    Units: bytes from the start of the file; every range ends before its `end`.
    """

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    @property
    def total(self) -> int:
        """How many bytes are there."""
        return sum(self._ends) - sum(self._starts)

    def add(self, start: int, end: int) -> None:
        """Note that the bytes from `start` to `end` are there; some may have been before."""
        if start >= end:
            return
        first = bisect_left(self._ends, start)  # also one that ends just there
        last = bisect_right(self._starts, end)
        if first < last:
            start = min(start, self._starts[first])
            end = max(end, self._ends[last - 1])
        self._starts[first:last] = [start]
        self._ends[first:last] = [end]

    def cut(self, size: int) -> None:
        """Forget what is at `size` or behind."""
        keep = bisect_left(self._starts, size)
        del self._starts[keep:], self._ends[keep:]
        if self._ends and self._ends[-1] > size:
            self._ends[-1] = size

    def missing(self, start: int, end: int) -> int:
        """Return how many of the bytes from `start` to `end` aren't there."""
        return sum(
            piece.end - piece.start for piece in self.pieces(start, end) if not piece.is_here
        )

    def pieces(self, start: int, end: int) -> Iterator[Piece]:
        """Yield the bytes from `start` to `end` as pieces, in order and without a gap."""
        index = bisect_right(self._ends, start)
        while start < end:
            if index == len(self._starts) or self._starts[index] >= end:
                yield Piece(start, end, is_here=False)
                return
            if self._starts[index] > start:
                yield Piece(start, self._starts[index], is_here=False)
                start = self._starts[index]
            until = min(end, self._ends[index])
            yield Piece(start, until, is_here=True)
            start, index = until, index + 1
