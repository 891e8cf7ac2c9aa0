"""What a file holds, as its first bytes tell: a text in some encoding, compressed or not."""

from dataclasses import dataclass
from enum import StrEnum

from transfer.core.file_signatures import GZIP
from transfer.core.text_encodings import Encoding, detect, mark_bytes
from transfer.core.uploads import StoredFile
from transfer.engine.gunzip import DamagedError, Gunzip
from transfer.engine.text_places import TextPlace
from transfer.ports import ObjectStore

_SAMPLE_BYTES = 64 << 10


class Kind(StrEnum):
    """What a file holds."""

    TEXT = "text"
    BINARY = "binary"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a file holds; `sample` are its first bytes, inflated if they were compressed.

    `encoding` is there if it is a text.
    """

    sample: bytes = b""
    is_gzip: bool = False
    encoding: Encoding | None = None

    @property
    def kind(self) -> Kind:
        """Text, something else, or nothing."""
        if self.encoding is not None:
            return Kind.TEXT
        return Kind.BINARY if self.sample else Kind.EMPTY

    def beginning(self) -> TextPlace | None:
        """Return where the text begins, None if there is none."""
        if self.encoding is None:
            return None
        first = mark_bytes(self.sample, self.encoding)
        return TextPlace(encoding=self.encoding, is_gzip=self.is_gzip, position=first)


async def find_form(store: ObjectStore, file: StoredFile, encoding: Encoding | None) -> Form:
    """Return what `file` holds: a text in `encoding`, if its reader says so.

    Raises:
        StoreUnavailableError, EntryMissingError: it can't be read.
    """
    async with store.read(file.object_key, 0, min(file.size, _SAMPLE_BYTES)) as chunks:
        stored = b"".join([chunk async for chunk in chunks])
    inflated = _inflated(stored) if stored.startswith(GZIP) else None
    sample = stored if inflated is None else inflated
    found = (encoding or detect(sample)) if sample else None
    return Form(sample=sample, is_gzip=inflated is not None, encoding=found)


def _inflated(stored: bytes) -> bytes | None:
    """Return the first bytes that `stored` becomes, None if it only looks compressed."""
    gunzip = Gunzip()
    gunzip.feed(stored)
    made = b""
    try:
        while not made and not (gunzip.is_over or gunzip.needs_more):
            made = gunzip.inflate(_SAMPLE_BYTES)
    except DamagedError:
        return None
    return made
