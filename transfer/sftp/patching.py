"""The bytes of a file that its sender doesn't write in order: those here before, and those over."""

from transfer.core.extents import Piece
from transfer.engine.writer import UploadWriter
from transfer.sftp.readahead import MAX_READ_BYTES, FileReader
from transfer.sftp.spool import Spool, SpoolSpace


class PatchedFile:
    """A file of `size` bytes: what `base` has, with what was written over it on disk.

    What neither has is a hole, and reads as zeros. For one caller at a time.
    """

    def __init__(self, space: SpoolSpace, base: FileReader | None = None, size: int = 0) -> None:
        self.size = size
        self._base = base
        self._base_bytes = size
        self._spool = Spool(space)

    async def read(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset`, fewer only at the end or above the limit of a READ.

        Raises:
            StoreUnavailableError, UnavailableError: not now.
        """
        end = min(offset + min(size, MAX_READ_BYTES), self.size)
        found = list(self._spool.extents.pieces(offset, end))
        return b"".join([await self._bytes(piece) for piece in found])

    async def write(self, offset: int, data: bytes | memoryview) -> None:
        """Put `data` at `offset`.

        Raises:
            TooLargeError, UnavailableError: the disk takes no more.
        """
        await self._spool.write(offset, data)
        self.size = max(self.size, offset + len(data))

    def resize(self, size: int) -> None:
        """Cut the file off at `size`, or have it end there with a hole."""
        if size < self.size:
            self._spool.cut(size)
            self._base_bytes = min(self._base_bytes, size)
        self.size = size

    def first_hole(self) -> int | None:
        """Return where the first hole begins, None if there is none."""
        return next((start for start, _ in self._holes()), None)

    @property
    def hole_bytes(self) -> int:
        """How many bytes nobody has sent."""
        return sum(end - start for start, end in self._holes())

    async def pour(self, writer: UploadWriter, end: int) -> None:
        """Have `writer` take the bytes up to `end`.

        Raises:
            TransferError: they can't be read or written now.
        """
        position = 0
        while position < end:
            data = await self.read(position, end - position)
            await writer.write(data)
            position += len(data)

    async def close(self) -> None:
        """Let go of the disk and the store."""
        self._spool.close()
        if self._base is not None:
            await self._base.close()

    def _holes(self) -> list[tuple[int, int]]:
        missing = self._spool.extents.pieces(0, self.size)
        ranges = [(max(one.start, self._base_bytes), one.end) for one in missing if not one.is_here]
        return [(start, end) for start, end in ranges if start < end]

    async def _bytes(self, piece: Piece) -> bytes:
        if piece.is_here:
            return await self._spool.read(piece.start, piece.end)
        data = bytearray()
        until = min(piece.end, self._base_bytes)
        while self._base is not None and piece.start + len(data) < until:
            at = piece.start + len(data)
            data += await self._base.read(at, until - at)
        return bytes(data) + bytes(piece.end - piece.start - len(data))
