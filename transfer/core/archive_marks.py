"""A choice of thousands of a case's files in few characters, as it fits into an address.

It is a bit for each file, in the order of their ids, behind a checksum of all ids. The checksum
tells whether the case holds the files that whoever chose had before them: bits that are read
against others would be another choice.
"""

import re
import zlib
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from transfer.core.errors import ArchiveChangedError, InvalidRequestError
from transfer.core.uploads import FileId

_MARKS = re.compile(r"([0-9a-f]{8})\.([0-9A-Za-z_-]*)")
_QUANTUM = 4
"""Base64 comes in groups of four characters; an address has them without their padding."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Which files are chosen: bit by bit, the highest of a byte first."""

    checksum: int
    bits: bytes


def parse_marks(text: str) -> Marks:
    """Return the choice that `text` is.

    Raises:
        InvalidRequestError: it is none.
    """
    found = _MARKS.fullmatch(text)
    if found is None or len(found[2]) % _QUANTUM == 1:
        raise InvalidRequestError("chosen is a checksum and bits: choose the files again.")
    padding = "=" * (-len(found[2]) % _QUANTUM)
    return Marks(checksum=int(found[1], 16), bits=urlsafe_b64decode(found[2] + padding))


def chosen_of(ids: Iterable[FileId], marks: Marks) -> frozenset[FileId]:
    """Return those of `ids` that are chosen; `ids` are all that there was to choose from.

    Raises:
        ArchiveChangedError: it was chosen from others.
    """
    ordered = sorted(ids)
    if checksum_of(ordered) != marks.checksum or len(marks.bits) != -(-len(ordered) // 8):
        raise ArchiveChangedError("The case's files have changed: choose again.")
    return frozenset(
        file_id
        for index, file_id in enumerate(ordered)
        if marks.bits[index >> 3] & (0x80 >> (index & 7))
    )


def checksum_of(ordered: Sequence[FileId]) -> int:
    """Return the CRC-32 of ids in their order."""
    return zlib.crc32("\n".join(ordered).encode())
