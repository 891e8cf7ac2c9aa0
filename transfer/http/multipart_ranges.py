"""Several ranges in one answer: multipart/byteranges, with its length known (RFC 9110, 14.6)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from transfer.http.ranges import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class MultipartRanges:
    """`spans` of `total` bytes; `boundary` is a word that no content has."""

    spans: Sequence[Span]
    total: int
    boundary: str
    part_type: str

    @property
    def content_type(self) -> str:
        """The media type of the whole."""
        return f"multipart/byteranges; boundary={self.boundary}"

    @property
    def size(self) -> int:
        """The length of the whole, exactly."""
        parts = sum(len(head) + span.size for head, span in self.parts())
        return parts + len(self.ending)

    @property
    def ending(self) -> bytes:
        """What comes behind the last part."""
        return f"\r\n--{self.boundary}--\r\n".encode()

    def parts(self) -> Iterator[tuple[bytes, Span]]:
        """Yield the parts, with what comes before each."""
        for number, span in enumerate(self.spans):
            head = (
                f"--{self.boundary}\r\n"
                f"Content-Type: {self.part_type}\r\n"
                f"Content-Range: {span.content_range(self.total)}\r\n\r\n"
            )
            yield (f"\r\n{head}" if number else head).encode(), span
