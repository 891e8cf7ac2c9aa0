"""The stores that there are, held to the contract."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.contract.storage.multipart_contract import Multiparts
from tests.contract.storage.object_store_contract import Versions, WholeObjects, purge, put
from tests.seaweed import fresh_bucket, plain_client
from transfer.ports import ObjectStore
from transfer.storage.memory import MemoryObjectStore
from transfer.storage.s3 import S3ObjectStore
from transfer.storage.s3_client import S3Settings

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


# A store belongs to one loop, and one store serves all tests of this module: so they share a loop.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def s3_store(seaweed: S3Settings) -> AsyncIterator[S3ObjectStore]:
    with fresh_bucket(seaweed) as settings:
        async with S3ObjectStore(settings) as store:
            yield store


@pytest.fixture(scope="module")
def versioned_bucket(seaweed: S3Settings) -> Iterator[S3Settings]:
    with fresh_bucket(seaweed, versioned=True) as settings:
        yield settings


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def versioned_s3_store(versioned_bucket: S3Settings) -> AsyncIterator[S3ObjectStore]:
    async with S3ObjectStore(versioned_bucket) as store:
        yield store


@pytest.fixture(scope="module")
def versioned_client(versioned_bucket: S3Settings) -> "Iterator[S3Client]":
    client = plain_client(versioned_bucket)
    yield client
    client.close()


class TestMemory(WholeObjects, Multiparts):
    @pytest.fixture
    def store(self) -> ObjectStore:
        return MemoryObjectStore()


class TestMemoryWithVersions(WholeObjects, Multiparts, Versions):
    @pytest.fixture
    def store(self) -> MemoryObjectStore:
        return MemoryObjectStore(versioned=True)

    @pytest.fixture
    def mark_deleted(self, store: MemoryObjectStore) -> Callable[[str], None]:
        return store.mark_deleted


class TestS3(WholeObjects, Multiparts):
    @pytest.fixture
    def store(self, s3_store: S3ObjectStore) -> S3ObjectStore:
        return s3_store

    async def test_a_purge_goes_on_beyond_one_page(self, store: ObjectStore, prefix: str) -> None:
        keys = [f"{prefix}{number:04}" for number in range(1005)]
        await asyncio.gather(*(put(store, key, b"x") for key in keys))
        assert len(await store.list_everything(prefix)) == 1000
        assert len(await store.list_everything(prefix, 2000)) == 1005
        assert await purge(store, prefix) == 1005

    async def test_keys_are_deleted_by_the_thousand(self, store: ObjectStore, prefix: str) -> None:
        await put(store, f"{prefix}last", b"x")
        await store.delete([*(f"{prefix}{number}" for number in range(1000)), f"{prefix}last"])
        assert await store.list_everything(prefix) == []

    async def test_the_server_is_known_to_check_checksums(self, store: S3ObjectStore) -> None:
        assert await store.refuses_damage()

    async def test_a_bucket_that_is_there_is_left_as_it_is(
        self, store: S3ObjectStore, prefix: str
    ) -> None:
        await put(store, f"{prefix}a", b"x")
        await store.ensure_bucket()
        await store.probe()
        assert len(await store.list_everything(prefix)) == 1


class TestS3WithVersions(WholeObjects, Multiparts, Versions):
    @pytest.fixture
    def store(self, versioned_s3_store: S3ObjectStore) -> S3ObjectStore:
        return versioned_s3_store

    @pytest.fixture
    def mark_deleted(
        self, versioned_bucket: S3Settings, versioned_client: "S3Client"
    ) -> Callable[[str], None]:
        def mark(key: str) -> None:
            versioned_client.delete_object(Bucket=versioned_bucket.bucket, Key=key)

        return mark
