"""An object store in memory, for tests: as strict as a real one, and faulty on demand."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count

from awscrt.checksums import crc64nvme as crc64nvme_of

from transfer.core.errors import (
    DigestMismatchError,
    EntryMissingError,
    StoreUnavailableError,
    UploadGoneError,
)
from transfer.core.parts import MIN_PART_BYTES
from transfer.core.uploads import Part
from transfer.ports import Buffer, StoredItem, StoredKind

_CHUNK_BYTES = 1 << 20
_UNVERSIONED = "null"


@dataclass(frozen=True, slots=True)
class Call:
    """A call as the store got it; `operation` is the method's name."""

    operation: str
    key: str
    part_number: int | None = None


Hook = Callable[[Call], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Fault:
    operation: str
    error: Exception
    part_number: int | None
    done: bool

    def hits(self, call: Call) -> bool:
        return self.operation == call.operation and self.part_number in {None, call.part_number}


@dataclass(frozen=True, slots=True)
class _Version:
    id: str
    body: bytes | None  # None is a delete marker
    customer_key: bytes | None = field(default=None, repr=False)


@dataclass(slots=True)
class _Multipart:
    key: str
    customer_key: bytes | None = field(default=None, repr=False)
    parts: dict[int, tuple[str, bytes]] = field(default_factory=dict)

    def add(self, number: int, content: bytes) -> str:
        etag = f'"{crc64nvme_of(content):016x}"'
        self.parts[number] = (etag, content)
        return etag

    def joined(self, wanted: Sequence[Part], min_part_bytes: int) -> bytes:
        numbers = [part.number for part in wanted]
        if not wanted or numbers != sorted(set(numbers)):
            raise StoreUnavailableError("The object store answered InvalidPartOrder.")
        if any(self.parts.get(part.number, ("",))[0] != part.etag for part in wanted):
            raise StoreUnavailableError("The object store answered InvalidPart.")
        bodies = [self.parts[number][1] for number in numbers]
        if any(len(body) < min_part_bytes for body in bodies[:-1]):
            raise StoreUnavailableError("The object store answered EntityTooSmall.")
        return b"".join(bodies)


class MemoryObjectStore:
    """Plays the role `transfer.ports.ObjectStore`, and can be told to fail or to dawdle.

    With a `customer_key`, plays `transfer.storage.keyed.CustomerKeyStore` as well.

    `calls` is the request log. `before`, if set, is awaited ahead of every call: it may wait, or
    raise. `min_part_bytes` is what parts that aren't the last must have; S3 says 5 MiB.
    """

    def __init__(self, *, versioned: bool = False, min_part_bytes: int = MIN_PART_BYTES) -> None:
        self.calls: list[Call] = []
        self.before: Hook | None = None
        self._versioned = versioned
        self._min_part_bytes = min_part_bytes
        self._faults: list[_Fault] = []
        self._objects: dict[str, list[_Version]] = {}
        self._multiparts: dict[str, _Multipart] = {}
        self._numbers = count(1)

    # ── For tests ────────────────────────────────────────────────────────────────────────────

    def fail_next(
        self,
        operation: str,
        error: Exception | None = None,
        *,
        part_number: int | None = None,
        done: bool = False,
    ) -> None:
        """Make the next such call raise `error`, by default StoreUnavailableError.

        `done`: it takes effect all the same, and only its answer is lost. Faults add up.
        """
        fault = error or StoreUnavailableError("The object store was told to fail.")
        self._faults.append(_Fault(operation, fault, part_number, done))

    @property
    def objects(self) -> dict[str, bytes]:
        """The present content of every object."""
        latest = ((key, versions[-1].body) for key, versions in self._objects.items())
        return {key: body for key, body in latest if body is not None}

    @property
    def multiparts(self) -> dict[str, str]:
        """The keys of the open multipart uploads, by id."""
        return {multipart_id: found.key for multipart_id, found in self._multiparts.items()}

    # ── Writing ──────────────────────────────────────────────────────────────────────────────

    async def put(
        self, key: str, body: Buffer, *, crc64nvme: int, customer_key: bytes | None = None
    ) -> None:
        """Store `body` whole."""
        async with self._call("put", key):
            self._store(key, _checked(body, crc64nvme), customer_key)

    async def create_multipart(self, key: str, *, customer_key: bytes | None = None) -> str:
        """Begin a multipart upload."""
        async with self._call("create_multipart", key):
            multipart_id = f"multipart-{next(self._numbers)}"
            self._multiparts[multipart_id] = _Multipart(key, customer_key)
            return multipart_id

    async def upload_part(
        self,
        key: str,
        multipart_id: str,
        part_number: int,
        body: Buffer,
        *,
        crc64nvme: int,
        customer_key: bytes | None = None,
    ) -> str:
        """Store one part."""
        async with self._call("upload_part", key, part_number):
            content = _checked(body, crc64nvme)
            found = self._multipart(key, multipart_id, customer_key)
            return found.add(part_number, content)

    async def copy_part(  # noqa: PLR0913 -- the role's, and two keys
        self,
        key: str,
        multipart_id: str,
        part_number: int,
        *,
        source: str,
        start: int,
        size: int,
        customer_key: bytes | None = None,
        source_key: bytes | None = None,
    ) -> str:
        """Make a range of another object a part."""
        async with self._call("copy_part", key, part_number):
            content = self._range(source, start, size, source_key)
            return self._multipart(key, multipart_id, customer_key).add(part_number, content)

    async def complete_multipart(
        self,
        key: str,
        multipart_id: str,
        parts: Sequence[Part],
        *,
        crc64nvme: int,
        customer_key: bytes | None = None,
    ) -> None:
        """Put the parts together, or see that it was done."""
        async with self._call("complete_multipart", key):
            found = self._multiparts.get(multipart_id)
            if found is None or found.key != key:
                size = sum(part.size for part in parts)
                self._check_finished(key, size, crc64nvme, customer_key)
                return
            _check_key(found.customer_key, customer_key)
            content = found.joined(parts, self._min_part_bytes)
            if crc64nvme_of(content) != crc64nvme:
                raise DigestMismatchError("The parts have another checksum together.")
            self._store(key, content, customer_key)
            del self._multiparts[multipart_id]

    async def abort_multipart(self, key: str, multipart_id: str) -> None:
        """Forget a multipart upload."""
        async with self._call("abort_multipart", key):
            self._multiparts.pop(multipart_id, None)

    # ── Reading ──────────────────────────────────────────────────────────────────────────────

    @asynccontextmanager
    async def read(
        self, key: str, start: int, size: int, *, customer_key: bytes | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Stream a range of an object; no call at all for a `size` of 0."""
        if not size:
            yield _Chunks(b"")
            return
        async with self._call("read", key):
            chunks = _Chunks(self._range(key, start, size, customer_key))
        yield chunks

    async def presign(self, key: str, *, lifetime: timedelta, disposition: str) -> str | None:  # noqa: ARG002 -- the role's
        """Return nothing: memory has no URLs."""
        return None

    # ── Listing and deleting ─────────────────────────────────────────────────────────────────

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete every version of each of `keys`."""
        for key in keys:
            async with self._call("delete", key):
                self._objects.pop(key, None)

    async def list_everything(self, prefix: str, limit: int = 1000) -> list[StoredItem]:
        """List what is below `prefix`."""
        async with self._call("list_everything", prefix):
            items = [
                item for item in (*self._versions(), *self._open()) if item.key.startswith(prefix)
            ]
            return items[:limit]

    async def list_page(
        self, prefix: str, after: str | None, limit: int = 1000
    ) -> tuple[list[StoredItem], str | None]:
        """List a page of what is below `prefix`."""
        async with self._call("list_page", prefix):
            found = [
                item for item in (*self._versions(), *self._open()) if item.key.startswith(prefix)
            ]
            ordered = sorted(found, key=_place)
            behind = [item for item in ordered if after is None or _place(item) > _read(after)]
            shown = behind[:limit]
            more = len(behind) > limit
            return shown, json.dumps(_place(shown[-1])) if more else None

    async def delete_items(self, items: Sequence[StoredItem]) -> None:
        """Delete exactly these."""
        for item in items:
            async with self._call("delete_items", item.key):
                if item.kind is StoredKind.MULTIPART:
                    self._multiparts.pop(item.id, None)
                else:
                    self._drop(item)

    def mark_deleted(self, key: str) -> None:
        """Delete as a plain S3 client does: where versions are kept, that adds a marker."""
        if self._versioned:
            self._store(key, None)
        else:
            self._objects.pop(key, None)

    # ── Inside ───────────────────────────────────────────────────────────────────────────────

    @asynccontextmanager
    async def _call(
        self, operation: str, key: str, part_number: int | None = None
    ) -> AsyncIterator[None]:
        call = Call(operation, key, part_number)
        self.calls.append(call)
        if self.before is not None:
            await self.before(call)
        fault = next((fault for fault in self._faults if fault.hits(call)), None)
        if fault is not None:
            self._faults.remove(fault)
            if not fault.done:
                raise fault.error
        yield
        if fault is not None:
            raise fault.error

    def _store(self, key: str, body: bytes | None, customer_key: bytes | None = None) -> None:
        if self._versioned:
            version = _Version(f"version-{next(self._numbers)}", body, customer_key)
            self._objects.setdefault(key, []).append(version)
        else:
            self._objects[key] = [_Version(_UNVERSIONED, body, customer_key)]

    def _multipart(self, key: str, multipart_id: str, customer_key: bytes | None) -> _Multipart:
        found = self._multiparts.get(multipart_id)
        if found is None or found.key != key:
            raise UploadGoneError("The store knows no such upload.")
        _check_key(found.customer_key, customer_key)
        return found

    def _latest(self, key: str, customer_key: bytes | None) -> bytes | None:
        """Return the present content of an object, None if there is none."""
        versions = self._objects.get(key)
        if not versions or versions[-1].body is None:
            return None
        _check_key(versions[-1].customer_key, customer_key)
        return versions[-1].body

    def _range(self, key: str, start: int, size: int, customer_key: bytes | None) -> bytes:
        body = self._latest(key, customer_key)
        if body is None:
            raise EntryMissingError("The stored bytes are not there.")
        if start + size > len(body):
            raise StoreUnavailableError("The object has fewer bytes than were asked for.")
        return body[start : start + size]

    def _check_finished(
        self, key: str, size: int, crc64nvme: int, customer_key: bytes | None
    ) -> None:
        body = self._latest(key, customer_key)
        if body is None:
            raise UploadGoneError("Neither the upload nor its object is in the store.")
        if (len(body), crc64nvme_of(body)) != (size, crc64nvme):
            raise DigestMismatchError("The stored object is not the one that was sent.")

    def _versions(self) -> Iterator[StoredItem]:
        for key, versions in sorted(self._objects.items()):
            for version in versions:
                if version.body is None:
                    yield StoredItem(StoredKind.DELETE_MARKER, key, version.id)
                else:
                    yield StoredItem(StoredKind.VERSION, key, version.id, len(version.body))

    def _open(self) -> Iterator[StoredItem]:
        for multipart_id, found in self._multiparts.items():
            yield StoredItem(StoredKind.MULTIPART, found.key, multipart_id)

    def _drop(self, item: StoredItem) -> None:
        left = [version for version in self._objects.get(item.key, []) if version.id != item.id]
        self._objects.pop(item.key, None)
        if left:
            self._objects[item.key] = left


def _place(item: StoredItem) -> tuple[bool, str, str]:
    return item.kind is StoredKind.MULTIPART, item.key, item.id


def _read(cursor: str) -> tuple[bool, str, str]:
    is_multipart, key, item_id = json.loads(cursor)
    return is_multipart, key, item_id


class _Chunks:
    """The chunks of a range."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._position = 0

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        chunk = self._content[self._position : self._position + _CHUNK_BYTES]
        if not chunk:
            raise StopAsyncIteration
        self._position += len(chunk)
        return chunk


def _check_key(encrypted: bytes | None, given: bytes | None) -> None:
    if encrypted != given:
        raise StoreUnavailableError("The object store answered InvalidRequest: another key.")


def _checked(body: Buffer, crc64nvme: int) -> bytes:
    content = bytes(body)
    if crc64nvme_of(content) != crc64nvme:
        raise StoreUnavailableError("The object store found another checksum; nothing was stored.")
    return content
