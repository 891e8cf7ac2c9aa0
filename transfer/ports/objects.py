"""Where bytes are kept, under opaque keys."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable

from transfer.core.uploads import (
    Part,
)

Buffer = bytes | bytearray | memoryview


class StoredKind(StrEnum):
    """What a listing of everything below a prefix can hold."""

    VERSION = "version"
    DELETE_MARKER = "delete-marker"
    MULTIPART = "multipart"


@dataclass(frozen=True, slots=True)
class StoredItem:
    """Something below a prefix; `id` is the version id or multipart id, `size` in bytes."""

    kind: StoredKind
    key: str
    id: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class Piped:
    """`size` bytes that wait in the pipe with this end: all to be taken before there are more."""

    pipe: int
    size: int


@runtime_checkable
class PipedReading(Protocol):
    """What `ObjectStore.read` may give besides: bytes that need not come into the process."""

    def piped(self) -> AsyncIterator[bytes | Piped]:
        """Yield what iterating would have yielded, in its place, some of it in pipes.

        The first chunk is bytes; any may be.
        """


@runtime_checkable
class LentReading(Protocol):
    """What `ObjectStore.read` may give besides: bytes in memory that is used again and again."""

    def lent(self) -> AsyncIterator[bytes | memoryview]:
        """Yield what iterating would have yielded, in its place.

        A chunk is valid until the next one is asked for; who slices it may keep the slice.
        """


class ObjectStore(Protocol):
    """Bytes under opaque keys. Every write is checked by the store against its CRC64NVME.

    Nothing retries but what is said to; every method is safe to repeat.
    """

    async def put(self, key: str, body: Buffer, *, crc64nvme: int) -> None:
        """Store `body` whole; it is durable on return."""

    async def create_multipart(self, key: str) -> str:
        """Begin a multipart upload and return its id."""

    async def upload_part(
        self, key: str, multipart_id: str, part_number: int, body: Buffer, *, crc64nvme: int
    ) -> str:
        """Store one part and return its ETag; it is durable on return.

        Raises:
            UploadGoneError: no such multipart upload.
        """

    async def copy_part(
        self, key: str, multipart_id: str, part_number: int, *, source: str, start: int, size: int
    ) -> str:
        """Make `size` bytes of the object `source`, from `start`, a part; return its ETag.

        The bytes never leave the store, unless it can't copy what is encrypted.

        Raises:
            UploadGoneError, EntryMissingError: no such multipart upload, or no such source.
        """

    async def complete_multipart(
        self, key: str, multipart_id: str, parts: Sequence[Part], *, crc64nvme: int
    ) -> None:
        """Put `parts` together, in their order, checked as a whole against `crc64nvme`.

        Repeatable: done already, it returns if the object has the right size and checksum.

        Raises:
            UploadGoneError: neither the multipart upload nor the finished object is there.
            DigestMismatchError: the store found another checksum; nothing was put together.
        """

    async def abort_multipart(self, key: str, multipart_id: str) -> None:
        """Forget a multipart upload and its parts, if it is there."""

    def read(
        self, key: str, start: int, size: int
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Stream `size` bytes of an object from `start`, as one request, in chunks up to 1 MiB.

        Where the store breaks off, what is missing is asked for once more.

        Raises:
            EntryMissingError: no such object.
        """

    async def presign(self, key: str, *, lifetime: timedelta, disposition: str) -> str | None:
        """Return a URL that gives the object to anyone for `lifetime`, as bytes to be saved.

        `disposition` is the Content-Disposition of that answer. None where no such URL can be
        made: the object has to be read then.
        """

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete every version of each of `keys`, if there."""

    async def list_everything(self, prefix: str, limit: int = 1000) -> list[StoredItem]:
        """List up to `limit` versions, delete markers and open multipart uploads below `prefix`.

        Shape: an empty list proves that nothing is left; a full one may miss something between
        its pages, so delete and list again until it is empty.
        """

    async def list_page(
        self, prefix: str, after: str | None, limit: int = 1000
    ) -> tuple[list[StoredItem], str | None]:
        """List a page of the same, from behind the cursor `after`, and the next cursor if any.

        Shape: objects by their keys, then multipart uploads. What comes and goes meanwhile may be
        missed; so may, between two pages, a little of what stays.
        """

    async def delete_items(self, items: Sequence[StoredItem]) -> None:
        """Delete exactly these; multipart uploads are aborted."""
