"""Inflating what gzip has compressed, never more at once than there is room for.

A file may have several members, one behind the other, as rotated and joined logs do; each of them
can be begun with on its own.
"""

from typing import cast

from isal import igzip_lib

from transfer.core.file_signatures import GZIP

_STEP_BYTES = 16 << 10
_FAULT = cast(type[Exception], igzip_lib.error)


class DamagedError(Exception):
    """What comes next isn't what gzip makes. What came before is good."""


class Gunzip:
    """Inflates from the beginning of a member on."""

    def __init__(self) -> None:
        self._member = _new_member()
        self._waiting = b""
        self._taken = 0
        self._given = 0
        self._is_within = False
        self._fault: Exception | None = None
        self.is_over = False
        self.member_start = 0
        """Where, in what it was given, the last member that was begun begins."""
        self.member_position = 0
        """How many bytes it had made before those of that member."""

    @property
    def needs_more(self) -> bool:
        """Whether it has made all that it can of what it was given."""
        return not (self._waiting or self._fault) and self._member.needs_input

    @property
    def is_whole(self) -> bool:
        """Whether what it was given ends where a member does."""
        return self.is_over or not (self._is_within or self._waiting)

    def feed(self, data: bytes) -> None:
        """Take what comes next; only if it `needs_more`."""
        self._waiting = data

    def inflate(self, most: int) -> bytes:
        """Return up to `most` bytes more; fewer say that more is needed, or that it is over.

        Raises:
            DamagedError: there are no more to be had.
        """
        made = bytearray()
        while len(made) < most and not (self.is_over or self._fault):
            piece = self._step(min(_STEP_BYTES, most - len(made)))
            made += piece
            if not piece and self.needs_more:
                break
        if self._fault and not made:
            raise DamagedError from self._fault
        return bytes(made)

    def _step(self, most: int) -> bytes:
        """Inflate so little that little is lost if it fails."""
        if not self._is_within and not self._begins():
            return b""
        data, self._waiting = self._waiting, b""
        try:
            made: bytes = self._member.decompress(data, most)
        except _FAULT as exc:
            self._fault = exc
            return b""
        self._taken += len(data)
        self._given += len(made)
        if self._member.eof:
            self._end_member(self._member.unused_data)
        return made

    def _begins(self) -> bool:
        """Whether a member begins with what is waiting; zeros between members mean nothing."""
        rest = self._waiting.lstrip(b"\0")
        self._taken += len(self._waiting) - len(rest)
        self._waiting = rest
        if not rest:
            return False
        if rest[0] != GZIP[0]:
            self.is_over = True  # something else was appended, as gzip itself would say
            return False
        self.member_start, self.member_position = self._taken, self._given
        self._is_within = True
        return True

    def _end_member(self, rest: bytes) -> None:
        self._member = _new_member()
        self._is_within = False
        self._taken -= len(rest)
        self._waiting = rest


def _new_member() -> igzip_lib.IgzipDecompressor:
    return igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
