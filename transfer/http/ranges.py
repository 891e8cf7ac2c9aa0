"""Which bytes of a file are asked for (RFC 9110, 14)."""

import re
from dataclasses import dataclass

_RANGE = re.compile(r"bytes\s*=\s*([0-9]{0,19})\s*-\s*([0-9]{0,19})\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Span:
    """`size` bytes from `start`, both in bytes."""

    start: int
    size: int

    def content_range(self, total: int) -> str:
        """Return the Content-Range of this piece of `total` bytes."""
        return f"bytes {self.start}-{self.start + self.size - 1}/{total}"


class UnsatisfiableRangeError(Exception):
    """The file has none of the bytes that are asked for."""


def parse_range(header: str, total: int) -> Span | None:
    """Return which of `total` bytes are asked for, None for all of them.

    All of them are also the answer to what isn't understood, as the RFC wants it, and to several
    ranges at once, as it allows: no client of files needs them, and they cost a server dearly.

    Raises:
        UnsatisfiableRangeError: understood, and beyond the end.
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None:
        return None
    first, last = match.groups()
    if not first:
        return _suffix(last, total)
    start = int(first)
    end = int(last) if last else max(start, total - 1)
    if end < start:
        return None
    if start >= total:
        raise UnsatisfiableRangeError
    return Span(start, min(end, total - 1) - start + 1)


def _suffix(last: str, total: int) -> Span | None:
    if not last:
        return None
    if int(last) == 0:
        raise UnsatisfiableRangeError
    size = min(int(last), total)
    return Span(total - size, size) if size else None
