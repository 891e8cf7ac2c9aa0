"""What one request brings: bytes, and what its sender says of them."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from transfer.core.errors import LengthMismatchError
from transfer.engine.checksums import ChunkChecksum
from transfer.engine.writer import UploadWriter
from transfer.ports import Buffer


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Bytes on their way, and what their sender says of them.

    `source` yields them, given the writer that takes them: what is durable meanwhile, it may tell
    the sender. `size` is how many they are, `length` how many the whole file has; None if that
    isn't told. `last` says that the file ends with them, wherever that is, or that it doesn't, even
    if every announced byte is here; None leaves it to the announced length.
    """

    source: Callable[[UploadWriter], AsyncIterator[Buffer]]
    checksum: ChunkChecksum | None = None
    size: int | None = None
    length: int | None = None
    last: bool | None = None

    @classmethod
    def of(cls, chunks: AsyncIterator[Buffer], checksum: ChunkChecksum | None = None) -> "Delivery":
        """Return a delivery of `chunks`, of which nothing else is known."""
        return cls(source=lambda _: chunks, checksum=checksum)

    async def announce(self, writer: UploadWriter) -> None:
        """Announce what is told of the file's length, before a byte is read.

        Raises:
            LengthMismatchError: it is another one than before, or doesn't go with the bytes.
        """
        length = writer.upload.length
        if self.length is not None and self.length != length:
            await writer.announce(self.length)
            length = self.length
        if length is None or self.size is None:
            return
        end = writer.position + self.size
        if end > length or (self.last and end < length):
            raise LengthMismatchError(
                f"The file was announced with {length} bytes, and these end at {end}."
            )

    def completes(self, writer: UploadWriter) -> bool:
        """Whether the file ends with these bytes, which `writer` has taken."""
        return writer.is_whole if self.last is None else self.last
