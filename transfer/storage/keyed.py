"""Objects that are encrypted under keys of their cases, in a store that forgets the keys."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Protocol

from awscrt.checksums import crc64nvme as crc64nvme_of

from transfer.core.errors import TransferError
from transfer.core.uploads import Part
from transfer.ports import Buffer, CaseKeys, ObjectStore, StoredItem

_PROBES = "probe/"
_PROBE_BODY = b"probe"


class CustomerKeyStore(ObjectStore, Protocol):
    """An object store that encrypts what it is given a key of 32 bytes for, and keeps no key.

    An object is read, and its parts are put together, with the key that it was begun with and no
    other; StoreUnavailableError otherwise.
    """

    async def put(
        self, key: str, body: Buffer, *, crc64nvme: int, customer_key: bytes | None = None
    ) -> None:
        """See ObjectStore."""

    async def create_multipart(self, key: str, *, customer_key: bytes | None = None) -> str:
        """See ObjectStore."""

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
        """See ObjectStore."""

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
        """See ObjectStore; `source_key` is that of the object `source`."""

    async def complete_multipart(
        self,
        key: str,
        multipart_id: str,
        parts: Sequence[Part],
        *,
        crc64nvme: int,
        customer_key: bytes | None = None,
    ) -> None:
        """See ObjectStore."""

    def read(
        self, key: str, start: int, size: int, *, customer_key: bytes | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """See ObjectStore."""


class KeyedStore:
    """`transfer.ports.ObjectStore` whose objects are encrypted where their own keys say so."""

    def __init__(self, store: CustomerKeyStore, keys: CaseKeys) -> None:
        self._store = store
        self._keys = keys

    async def put(self, key: str, body: Buffer, *, crc64nvme: int) -> None:
        """Store `body` whole."""
        customer_key = await self._keys.for_writing(key)
        await self._store.put(key, body, crc64nvme=crc64nvme, customer_key=customer_key)

    async def create_multipart(self, key: str) -> str:
        """Begin a multipart upload."""
        customer_key = await self._keys.for_writing(key)
        return await self._store.create_multipart(key, customer_key=customer_key)

    async def upload_part(
        self, key: str, multipart_id: str, part_number: int, body: Buffer, *, crc64nvme: int
    ) -> str:
        """Store one part."""
        customer_key = await self._keys.for_writing(key)
        return await self._store.upload_part(
            key, multipart_id, part_number, body, crc64nvme=crc64nvme, customer_key=customer_key
        )

    async def copy_part(
        self, key: str, multipart_id: str, part_number: int, *, source: str, start: int, size: int
    ) -> str:
        """Make a range of another object a part, whichever of them is encrypted."""
        customer_key = await self._keys.for_writing(key)
        source_key = await self._keys.for_reading(source)
        return await self._store.copy_part(
            key,
            multipart_id,
            part_number,
            source=source,
            start=start,
            size=size,
            customer_key=customer_key,
            source_key=source_key,
        )

    async def complete_multipart(
        self, key: str, multipart_id: str, parts: Sequence[Part], *, crc64nvme: int
    ) -> None:
        """Put the parts together."""
        customer_key = await self._keys.for_writing(key)
        await self._store.complete_multipart(
            key, multipart_id, parts, crc64nvme=crc64nvme, customer_key=customer_key
        )

    async def abort_multipart(self, key: str, multipart_id: str) -> None:
        """Forget a multipart upload."""
        await self._store.abort_multipart(key, multipart_id)

    @asynccontextmanager
    async def read(self, key: str, start: int, size: int) -> AsyncIterator[AsyncIterator[bytes]]:
        """Stream a range of an object; for a `size` of 0, nobody is asked anything."""
        customer_key = await self._keys.for_reading(key) if size else None
        async with self._store.read(key, start, size, customer_key=customer_key) as chunks:
            yield chunks

    async def presign(self, key: str, *, lifetime: timedelta, disposition: str) -> str | None:
        """Return a URL of an object that isn't encrypted: no URL can bring the key along."""
        if await self._keys.for_reading(key) is not None:
            return None
        return await self._store.presign(key, lifetime=lifetime, disposition=disposition)

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete every version of each of `keys`."""
        await self._store.delete(keys)

    async def list_everything(self, prefix: str, limit: int = 1000) -> list[StoredItem]:
        """List what is below `prefix`."""
        return await self._store.list_everything(prefix, limit)

    async def list_page(
        self, prefix: str, after: str | None, limit: int = 1000
    ) -> tuple[list[StoredItem], str | None]:
        """List a page of what is below `prefix`."""
        return await self._store.list_page(prefix, after, limit)

    async def delete_items(self, items: Sequence[StoredItem]) -> None:
        """Delete exactly these."""
        await self._store.delete_items(items)


async def keeps_to_keys(store: CustomerKeyStore, key: bytes, another: bytes) -> bool:
    """Whether `store` gives what is encrypted under `key` to whoever has it, and nobody else.

    Some that speak S3 take no notice of keys, and keep everything readable.

    Raises:
        StoreUnavailableError: it takes nothing now, or nothing with a key.
    """
    crc = crc64nvme_of(_PROBE_BODY)
    probe = f"{_PROBES}{secrets.token_hex(8)}"  # other nodes may be trying the store just now
    await store.put(probe, _PROBE_BODY, crc64nvme=crc, customer_key=key)
    try:
        given = [await _gives(store, probe, each) for each in (key, another, None)]
    finally:
        await store.delete([probe])
    return given == [True, False, False]


async def _gives(store: CustomerKeyStore, probe: str, customer_key: bytes | None) -> bool:
    size = len(_PROBE_BODY)
    try:
        async with store.read(probe, 0, size, customer_key=customer_key) as chunks:
            return b"".join([chunk async for chunk in chunks]) == _PROBE_BODY
    except TransferError:
        return False
