"""Which bytes of a file are asked for (RFC 9110, 14)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_UNIT = re.compile(r"bytes\s*=", re.IGNORECASE)
_RANGE = re.compile(r"\s*([0-9]{0,19})\s*-\s*([0-9]{0,19})\s*")
_BLANK = re.compile(r"\s*")

MAX_RANGES = 32
"""Each one costs a request to the store: who asks for more gets everything at once."""

_NEAR_BYTES = 128
"""About what a part of its own costs: ranges nearer than that are sent as one."""


@dataclass(frozen=True, slots=True)
class Span:
    """`size` bytes from `start`, both in bytes."""

    start: int
    size: int

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.start + self.size

    def content_range(self, total: int) -> str:
        """Return the Content-Range of this piece of `total` bytes."""
        return f"bytes {self.start}-{self.end - 1}/{total}"


class UnsatisfiableRangeError(Exception):
    """The file has none of the bytes that are asked for."""


def parse_ranges(header: str, total: int) -> Sequence[Span] | None:
    """Return which of `total` bytes are asked for, None for all of them.

    All of them are also the answer to what isn't understood, as the RFC wants it, and to more
    ranges than any client needs, as it allows. What overlaps or nearly touches is one; the rest
    keeps the order in which it was asked for.

    Raises:
        UnsatisfiableRangeError: understood, and beyond the end.
    """
    unit = _UNIT.match(header.strip())
    if unit is None:
        return None
    texts = [text for text in header.strip()[unit.end() :].split(",") if not _BLANK.fullmatch(text)]
    if not 1 <= len(texts) <= MAX_RANGES:
        return None
    matches = [_RANGE.fullmatch(text) for text in texts]
    bounds = [_bounds(match.group(1), match.group(2)) for match in matches if match is not None]
    if len(bounds) < len(texts) or None in bounds:
        return None
    spans = [_span(bound, total) for bound in bounds if bound is not None]
    found = [span for span in spans if span is not None]
    if not found:
        raise UnsatisfiableRangeError
    return None if any(not span.size for span in found) else _coalesced(found)


def _bounds(first: str, last: str) -> tuple[int | None, int | None] | None:
    """Return the numbers of a range, None for one that means nothing."""
    if not first and not last:
        return None
    if first and last and int(last) < int(first):
        return None
    return (int(first) if first else None, int(last) if last else None)


def _span(bounds: tuple[int | None, int | None], total: int) -> Span | None:
    """Return what there is of a range, None for nothing; of an empty file a suffix is empty."""
    first, last = bounds
    if first is None:
        size = min(last or 0, total)
        return Span(total - size, size) if last else None
    if first >= total:
        return None
    return Span(first, (total if last is None else min(last + 1, total)) - first)


def _coalesced(spans: Sequence[Span]) -> Sequence[Span]:
    """Return `spans` with those that overlap or are near put together, in the order given."""
    merged: list[tuple[int, Span]] = []
    for place, span in sorted(enumerate(spans), key=lambda placed: placed[1].start):
        if merged and span.start <= merged[-1][1].end + _NEAR_BYTES:
            earlier, before = merged[-1]
            end = max(before.end, span.end)
            merged[-1] = (min(earlier, place), Span(before.start, end - before.start))
        else:
            merged.append((place, span))
    return tuple(span for _, span in sorted(merged, key=lambda placed: placed[0]))
