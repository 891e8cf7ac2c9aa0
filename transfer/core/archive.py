"""Where everything is in an archive, before any of it is there.

    local header, data, local header, data, …, directory record, directory record, …, ending

Names, sizes and times alone decide every offset. So the length is known before the first byte, and
any range of the archive is pieces of records, which are made again, and of files, which are read.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from transfer.core.zip_records import (
    Member,
    central_record,
    central_record_size,
    ending,
    local_header,
    local_header_size,
)


class PieceKind(Enum):
    """What a piece of an archive is cut from."""

    HEADER = "header"
    DATA = "data"
    RECORD = "record"
    ENDING = "ending"


@dataclass(frozen=True, slots=True)
class Piece:
    """`size` bytes from `start` of one thing in an archive; `index` is its member's."""

    kind: PieceKind
    index: int
    start: int
    size: int


class ArchiveLayout:
    """An archive of `members`, in their order; `size` is its length in bytes."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = members
        self._headers = array("Q")
        self._records = array("Q")
        position = 0
        for member in members:
            self._headers.append(position)
            position += local_header_size(member) + member.size
        self._directory_offset = position
        for member, offset in zip(members, self._headers, strict=True):
            self._records.append(position)
            position += central_record_size(member, offset)
        self._ending_offset = position
        self.size = position + len(self._ending())

    def pieces(self, start: int, size: int) -> Iterator[Piece]:
        """Yield what `size` bytes of the archive from `start` are made of, in order."""
        end = start + size
        for kind, index, offset, length in self._things(start):
            if offset >= end:
                return
            first, last = max(start, offset), min(end, offset + length)
            if first < last:
                yield Piece(kind, index, first - offset, last - first)

    def record(self, piece: Piece, crc32: int) -> bytes:
        """Return a piece that is no data; `crc32` is that of its member, if it has one."""
        match piece.kind:
            case PieceKind.HEADER:
                whole = local_header(self.members[piece.index], crc32)
            case PieceKind.RECORD:
                offset = self._headers[piece.index]
                whole = central_record(self.members[piece.index], offset, crc32)
            case _:
                whole = self._ending()
        return whole[piece.start : piece.start + piece.size]

    def _things(self, start: int) -> Iterator[tuple[PieceKind, int, int, int]]:
        """Yield kind, member, offset and length of all there is, from the one around `start`."""
        if start < self._directory_offset:
            for index in range(bisect_right(self._headers, start) - 1, len(self.members)):
                member, offset = self.members[index], self._headers[index]
                header_size = local_header_size(member)
                yield PieceKind.HEADER, index, offset, header_size
                yield PieceKind.DATA, index, offset + header_size, member.size
        for index in range(max(bisect_right(self._records, start) - 1, 0), len(self.members)):
            member, offset = self.members[index], self._records[index]
            size = central_record_size(member, self._headers[index])
            yield PieceKind.RECORD, index, offset, size
        yield PieceKind.ENDING, 0, self._ending_offset, self.size - self._ending_offset

    def _ending(self) -> bytes:
        directory_size = self._ending_offset - self._directory_offset
        return ending(len(self.members), self._directory_offset, directory_size)
