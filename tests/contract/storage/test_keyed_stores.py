"""Stores that encrypt under keys of ours: held to the contract of all stores, and to more."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from awscrt.checksums import crc64nvme

from tests.contract.storage.multipart_contract import A, B, C, Multiparts, parts_of
from tests.contract.storage.object_store_contract import (
    MIB,
    WholeObjects,
    content,
    put,
    some_bytes,
)
from tests.keys import KEY, OTHER_KEY, FixedKeys, HeedlessStore
from tests.seaweed import fresh_bucket, plain_client
from transfer.core.errors import StoreUnavailableError
from transfer.ports import ObjectStore, StoredKind
from transfer.storage.keyed import CustomerKeyStore, KeyedStore, keeps_to_keys
from transfer.storage.memory import Call, MemoryObjectStore
from transfer.storage.s3 import S3ObjectStore
from transfer.storage.s3_client import S3Settings

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

# A store belongs to one loop, and one store serves all tests of this module: so they share a loop.
pytestmark = pytest.mark.asyncio(loop_scope="module")

ONE_DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def versioned_bucket(seaweed: S3Settings) -> Iterator[S3Settings]:
    with fresh_bucket(seaweed, versioned=True) as settings:
        yield settings


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def s3_store(versioned_bucket: S3Settings) -> AsyncIterator[S3ObjectStore]:
    async with S3ObjectStore(versioned_bucket) as store:
        yield store


@pytest.fixture(scope="module")
def client(versioned_bucket: S3Settings) -> "Iterator[S3Client]":
    client = plain_client(versioned_bucket)
    yield client
    client.close()


class Encryption:
    """What a store must do with keys; `bare` is the one that `store` encrypts by."""

    async def test_what_is_encrypted_is_read_with_its_key_alone(
        self, bare: CustomerKeyStore, store: ObjectStore, prefix: str
    ) -> None:
        for name, body in (("small", C), ("large", A)):
            await put(store, f"{prefix}{name}", body)
            for key in (None, OTHER_KEY):
                assert not await gives(bare, f"{prefix}{name}", len(body), key)
            assert await gives(bare, f"{prefix}{name}", len(body), KEY)

    async def test_what_was_put_together_is_read_with_its_key_alone(
        self, bare: CustomerKeyStore, store: ObjectStore, prefix: str
    ) -> None:
        key = f"{prefix}m"
        opened = await store.create_multipart(key)
        etags = [
            await store.upload_part(key, opened, number, body, crc64nvme=crc64nvme(body))
            for number, body in ((1, A), (2, C))
        ]
        parts = parts_of((1, len(A), etags[0]), (2, len(C), etags[1]))
        await store.complete_multipart(key, opened, parts, crc64nvme=crc64nvme(A + C))
        for other in (None, OTHER_KEY):
            assert not await gives(bare, key, len(A), other)
        assert await content(store, key, 0, len(A + C)) == A + C

    async def test_a_range_across_parts_is_read_to_the_byte(
        self, store: ObjectStore, prefix: str
    ) -> None:
        key, whole = f"{prefix}m", A + B + C
        opened = await store.create_multipart(key)
        described = []
        for number, body in ((1, A), (5, B), (9, C)):
            etag = await store.upload_part(key, opened, number, body, crc64nvme=crc64nvme(body))
            described.append((number, len(body), etag))
        await store.complete_multipart(
            key, opened, parts_of(*described), crc64nvme=crc64nvme(whole)
        )
        edge = len(A)
        for start, size in (
            (0, 1),
            (edge - 1, 2),
            (edge + 3, 16),
            (edge - MIB, 2 * MIB),
            (1, len(whole) - 1),
            (edge + len(B) - 7, 7 + len(C)),
            (len(whole) - 1, 1),
        ):
            assert await content(store, key, start, size) == whole[start : start + size]

    @pytest.mark.parametrize("source_key", [None, KEY, OTHER_KEY])
    async def test_copies_are_encrypted_whatever_they_are_made_of(
        self, bare: CustomerKeyStore, prefix: str, source_key: bytes | None
    ) -> None:
        source, key = f"{prefix}source", f"{prefix}m"
        body = some_bytes(11 * MIB, seed=7)
        await bare.put(source, body, crc64nvme=crc64nvme(body), customer_key=source_key)
        opened = await bare.create_multipart(key, customer_key=KEY)
        etag = await bare.copy_part(
            key,
            opened,
            1,
            source=source,
            start=3,
            size=10 * MIB,
            customer_key=KEY,
            source_key=source_key,
        )
        last = await bare.upload_part(key, opened, 2, C, crc64nvme=crc64nvme(C), customer_key=KEY)
        whole = body[3 : 3 + 10 * MIB] + C
        parts = parts_of((1, 10 * MIB, etag), (2, len(C), last))
        await bare.complete_multipart(
            key, opened, parts, crc64nvme=crc64nvme(whole), customer_key=KEY
        )
        assert not await gives(bare, key, len(whole), None)
        async with bare.read(key, 0, len(whole), customer_key=KEY) as chunks:
            assert b"".join([chunk async for chunk in chunks]) == whole

    async def test_nothing_is_copied_from_what_is_encrypted_without_its_key(
        self, bare: CustomerKeyStore, prefix: str
    ) -> None:
        await bare.put(f"{prefix}source", A, crc64nvme=crc64nvme(A), customer_key=KEY)
        opened = await bare.create_multipart(f"{prefix}m", customer_key=KEY)
        for source_key in (None, OTHER_KEY):
            with pytest.raises(StoreUnavailableError):
                await bare.copy_part(
                    f"{prefix}m",
                    opened,
                    1,
                    source=f"{prefix}source",
                    start=0,
                    size=len(A),
                    customer_key=KEY,
                    source_key=source_key,
                )

    async def test_it_is_seen_to_keep_to_keys(self, bare: CustomerKeyStore) -> None:
        assert await keeps_to_keys(bare, KEY, OTHER_KEY)
        assert await bare.list_everything("probe/") == []

    async def test_nothing_needs_a_key_to_be_listed_and_deleted(
        self, bare: CustomerKeyStore, store: ObjectStore, prefix: str
    ) -> None:
        await put(store, f"{prefix}a", C)
        opened = await store.create_multipart(f"{prefix}m")
        listed = await bare.list_everything(prefix)
        assert [(item.kind, item.size) for item in listed] == [
            (StoredKind.VERSION, len(C)),
            (StoredKind.MULTIPART, 0),
        ]
        await bare.abort_multipart(f"{prefix}m", opened)
        await bare.delete([f"{prefix}a"])
        assert await bare.list_everything(prefix) == []

    async def test_no_url_gives_what_is_encrypted(self, store: ObjectStore, prefix: str) -> None:
        await put(store, f"{prefix}a", C)
        assert await store.presign(f"{prefix}a", lifetime=ONE_DAY, disposition="inline") is None


async def gives(store: CustomerKeyStore, key: str, size: int, customer_key: bytes | None) -> bool:
    """Whether the store gives an object to whoever has this key."""
    try:
        async with store.read(key, 0, size, customer_key=customer_key) as chunks:
            return len(b"".join([chunk async for chunk in chunks])) == size
    except StoreUnavailableError:
        return False


class TestMemory(WholeObjects, Multiparts, Encryption):
    @pytest.fixture
    def bare(self) -> CustomerKeyStore:
        return MemoryObjectStore()

    @pytest.fixture
    def store(self, bare: CustomerKeyStore) -> ObjectStore:
        return KeyedStore(bare, FixedKeys())


class TestS3(WholeObjects, Multiparts, Encryption):
    @pytest.fixture
    def bare(self, s3_store: S3ObjectStore) -> CustomerKeyStore:
        return s3_store

    @pytest.fixture
    def store(self, s3_store: S3ObjectStore) -> ObjectStore:
        return KeyedStore(s3_store, FixedKeys())

    async def test_what_is_not_encrypted_has_a_url_as_ever(
        self, s3_store: S3ObjectStore, prefix: str
    ) -> None:
        store = KeyedStore(s3_store, FixedKeys(None))
        await put(store, f"{prefix}a", C)
        url = await store.presign(f"{prefix}a", lifetime=ONE_DAY, disposition="inline")
        assert url is not None
        assert f"{prefix}a" in url

    async def test_the_store_says_itself_that_an_object_is_encrypted(
        self,
        store: ObjectStore,
        versioned_bucket: S3Settings,
        client: "S3Client",
        prefix: str,
    ) -> None:
        await put(store, f"{prefix}a", C)
        found = client.head_object(
            Bucket=versioned_bucket.bucket,
            Key=f"{prefix}a",
            SSECustomerAlgorithm="AES256",
            SSECustomerKey=KEY,
        )
        assert found["SSECustomerAlgorithm"] == "AES256"


async def test_nodes_that_start_together_try_the_store_side_by_side() -> None:
    store, others = MemoryObjectStore(), 0

    async def another_node(call: Call) -> None:
        nonlocal others
        if call.operation == "read" and not others:
            others = 1
            assert await keeps_to_keys(store, KEY, OTHER_KEY)

    store.before = another_node
    assert await keeps_to_keys(store, KEY, OTHER_KEY)
    assert (others, store.objects) == (1, {})


async def test_a_store_that_takes_no_notice_of_keys_is_found_out() -> None:
    heedless = HeedlessStore()
    assert not await keeps_to_keys(heedless, KEY, OTHER_KEY)
    assert heedless.objects == {}
