"""Bytes on their way to S3, without copies and without blocking the loop."""

from concurrent.futures import CancelledError

from transfer.ports import Buffer

SLICE_BYTES = 1 << 18
"""How much goes to the socket at once: each slice has a timeout of its own, and the HTTP client's
own 16 KiB would cost twice the CPU."""


class OutgoingBody:
    """A buffer as a file that gives slices of itself.

    Once abandoned it gives nothing more: a thread that is still sending stops at the next slice,
    so that a cancelled caller may use its buffer again.
    """

    def __init__(self, buffer: Buffer) -> None:
        self._view: memoryview | None = memoryview(buffer).cast("B")
        self._size = len(self._view)
        self._position = 0

    def __len__(self) -> int:
        return self._size

    def read(self, size: int | None = -1) -> memoryview:
        """Return the next slice; `size` is only a wish, unless it is larger than a slice."""
        if self._view is None:
            # The one exception that botocore lets through without a retry.
            raise CancelledError
        wanted = self._size if size is None or size < 0 else max(size, SLICE_BYTES)
        piece = self._view[self._position : self._position + wanted]
        self._position += len(piece)
        return piece

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move as files do; botocore goes back to the start to retry."""
        base = (0, self._position, self._size)[whence]
        self._position = min(max(base + offset, 0), self._size)
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def abandon(self) -> None:
        """Let go of the buffer."""
        self._view = None
