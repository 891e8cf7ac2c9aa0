"""What every object store must do: whole objects, listing, deletion.

A store plugs in with a class of its own that gives a fixture `store`.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import pytest
from awscrt.checksums import crc64nvme

from transfer.core.errors import EntryMissingError, StoreUnavailableError
from transfer.ports import Buffer, ObjectStore, StoredItem, StoredKind

MIB = 1 << 20
DAMAGE = 0x0123456789ABCDEF
"""A checksum that the bytes of these tests don't have."""


def some_bytes(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


async def put(store: ObjectStore, key: str, body: Buffer) -> None:
    await store.put(key, body, crc64nvme=crc64nvme(bytes(body)))


async def content(store: ObjectStore, key: str, start: int, size: int) -> bytes:
    async with store.read(key, start, size) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def is_missing(store: ObjectStore, key: str) -> bool:
    try:
        await content(store, key, 0, 1)
    except EntryMissingError:
        return True
    return False


async def purge(store: ObjectStore, prefix: str, *, at_once: int = 1000) -> int:
    """Delete what is listed until nothing is; return how much it was."""
    count = 0
    while items := await store.list_everything(prefix, at_once):
        assert len(items) <= at_once
        await store.delete_items(items)
        count += len(items)
        assert count < 10_000, "what is deleted stays listed"
    return count


async def pages(store: ObjectStore, prefix: str, limit: int) -> AsyncIterator[StoredItem]:
    """Yield what is listed page by page."""
    cursor: str | None = None
    for _ in range(50):
        items, cursor = await store.list_page(prefix, cursor, limit)
        assert len(items) <= limit
        for item in items:
            yield item
        if cursor is None:
            return
    raise AssertionError("the pages have no end")


class WholeObjects:
    """Put, read, list, delete."""

    @pytest.fixture
    def prefix(self) -> str:
        return f"c/{uuid4().hex}/"

    # ── Put and read ─────────────────────────────────────────────────────────────────────────

    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
    @pytest.mark.parametrize("size", [1, 10_000, 300_000, 3 * MIB + 7])
    async def test_what_was_put_is_read_back(
        self, store: ObjectStore, prefix: str, kind: Callable[[bytes], Buffer], size: int
    ) -> None:
        body = some_bytes(size)
        await put(store, f"{prefix}a", kind(body))
        assert await content(store, f"{prefix}a", 0, size) == body

    async def test_an_empty_object_can_be_put(self, store: ObjectStore, prefix: str) -> None:
        await put(store, f"{prefix}a", b"")
        (item,) = await store.list_everything(prefix)
        assert (item.key, item.size) == (f"{prefix}a", 0)

    async def test_a_put_replaces_what_was_there(self, store: ObjectStore, prefix: str) -> None:
        await put(store, f"{prefix}a", b"before")
        await put(store, f"{prefix}a", b"after!")
        assert await content(store, f"{prefix}a", 0, 6) == b"after!"

    @pytest.mark.parametrize("size", [10_000, 3 * MIB])
    async def test_a_put_that_arrives_damaged_stores_nothing(
        self, store: ObjectStore, prefix: str, size: int
    ) -> None:
        with pytest.raises(StoreUnavailableError, match="checksum"):
            await store.put(f"{prefix}a", some_bytes(size), crc64nvme=DAMAGE)
        assert await store.list_everything(prefix) == []

    async def test_a_put_that_arrives_damaged_leaves_what_was_there(
        self, store: ObjectStore, prefix: str
    ) -> None:
        await put(store, f"{prefix}a", b"before")
        with pytest.raises(StoreUnavailableError):
            await store.put(f"{prefix}a", b"after!", crc64nvme=DAMAGE)
        assert await content(store, f"{prefix}a", 0, 6) == b"before"

    @pytest.mark.parametrize(
        ("start", "size"),
        [
            (0, 1),
            (0, 2 * MIB + 1),
            (2 * MIB, 1),
            (MIB - 1, 2),
            (MIB, MIB),
            (1, 2 * MIB),
            (777, 0),
        ],
    )
    async def test_a_range_is_read_to_the_byte(
        self, store: ObjectStore, prefix: str, start: int, size: int
    ) -> None:
        body = some_bytes(2 * MIB + 1)
        await put(store, f"{prefix}a", body)
        assert await content(store, f"{prefix}a", start, size) == body[start : start + size]

    async def test_chunks_have_at_most_a_mebibyte(self, store: ObjectStore, prefix: str) -> None:
        await put(store, f"{prefix}a", some_bytes(3 * MIB + 1))
        async with store.read(f"{prefix}a", 0, 3 * MIB + 1) as chunks:
            sizes = [len(chunk) async for chunk in chunks]
        assert all(0 < size <= MIB for size in sizes)
        assert sum(sizes) == 3 * MIB + 1

    async def test_to_read_no_bytes_asks_nothing_of_the_store(
        self, store: ObjectStore, prefix: str
    ) -> None:
        assert await content(store, f"{prefix}never-put", 0, 0) == b""

    async def test_what_is_not_there_can_not_be_read(self, store: ObjectStore, prefix: str) -> None:
        with pytest.raises(EntryMissingError):
            await content(store, f"{prefix}never-put", 0, 1)

    @pytest.mark.parametrize(("start", "size"), [(0, 11), (9, 2), (10, 1), (4000, 5)])
    async def test_more_than_there_is_can_not_be_read(
        self, store: ObjectStore, prefix: str, start: int, size: int
    ) -> None:
        await put(store, f"{prefix}a", b"0123456789")
        with pytest.raises(StoreUnavailableError):
            await content(store, f"{prefix}a", start, size)

    async def test_a_read_that_is_left_early_harms_no_other(
        self, store: ObjectStore, prefix: str
    ) -> None:
        body = some_bytes(6 * MIB)
        await put(store, f"{prefix}a", body)
        for _ in range(3):
            async with store.read(f"{prefix}a", 0, len(body)) as chunks:
                first = await anext(aiter(chunks))
                assert first
                assert body.startswith(first)
        assert await content(store, f"{prefix}a", 0, len(body)) == body

    async def test_many_can_read_at_once(self, store: ObjectStore, prefix: str) -> None:
        body = some_bytes(2 * MIB)
        await put(store, f"{prefix}a", body)
        starts = range(0, 2 * MIB, 64 * 1024)
        got = await asyncio.gather(
            *(content(store, f"{prefix}a", start, 2 * MIB - start) for start in starts)
        )
        assert got == [body[start:] for start in starts]

    # ── List and delete ──────────────────────────────────────────────────────────────────────

    async def test_a_listing_tells_what_is_below_the_prefix_and_no_more(
        self, store: ObjectStore, prefix: str
    ) -> None:
        await put(store, f"{prefix}a", b"abc")
        await put(store, f"{prefix}a/b", b"")
        await put(store, f"{prefix[:-1]}0/a", b"another case")
        opened = await store.create_multipart(f"{prefix}m")
        listed = await store.list_everything(prefix)
        assert {(item.kind, item.key, item.size) for item in listed} == {
            (StoredKind.VERSION, f"{prefix}a", 3),
            (StoredKind.VERSION, f"{prefix}a/b", 0),
            (StoredKind.MULTIPART, f"{prefix}m", 0),
        }
        assert [item.id for item in listed if item.kind is StoredKind.MULTIPART] == [opened]

    async def test_a_listing_has_at_most_so_many(self, store: ObjectStore, prefix: str) -> None:
        for number in range(3):
            await put(store, f"{prefix}{number}", b"x")
        for number in range(2):
            await store.create_multipart(f"{prefix}m{number}")
        listed = await store.list_everything(prefix, 4)
        assert len(listed) == 4
        assert len(set(listed)) == 4
        assert len(await store.list_everything(prefix, 2)) == 2

    @pytest.mark.parametrize("limit", [1, 2, 3, 1000])
    async def test_pages_list_everything_in_order_and_once(
        self, store: ObjectStore, prefix: str, limit: int
    ) -> None:
        for key in ("a", "b/c", "b/d", "e"):
            await put(store, f"{prefix}{key}", b"abc")
        opened = [await store.create_multipart(f"{prefix}{key}") for key in ("m", "m", "a")]
        await put(store, f"{prefix[:-1]}0/a", b"another case")
        listed = [item async for item in pages(store, prefix, limit)]
        objects = [item for item in listed if item.kind is StoredKind.VERSION]
        assert [(item.key, item.size) for item in objects] == [
            (f"{prefix}{key}", 3) for key in ("a", "b/c", "b/d", "e")
        ]
        assert sorted(item.id for item in listed[4:]) == sorted(opened)
        assert {item.kind for item in listed[4:]} == {StoredKind.MULTIPART}

    async def test_pages_of_nothing_are_empty(self, store: ObjectStore, prefix: str) -> None:
        assert [item async for item in pages(store, prefix, 1000)] == []

    async def test_a_page_goes_on_behind_what_was_deleted_meanwhile(
        self, store: ObjectStore, prefix: str
    ) -> None:
        for key in ("a", "b", "c"):
            await put(store, f"{prefix}{key}", b"x")
        items, following = await store.list_page(prefix, None, 2)
        assert following is not None
        await store.delete_items(items)
        rest: list[str] = []
        cursor: str | None = following
        while cursor is not None:
            items, cursor = await store.list_page(prefix, cursor, 2)
            rest += [item.key for item in items]
        assert rest == [f"{prefix}c"]

    @pytest.mark.parametrize("at_once", [1, 2, 1000])
    async def test_nothing_is_listed_after_a_purge(
        self, store: ObjectStore, prefix: str, at_once: int
    ) -> None:
        for key in ("a", "a", "a-t1", "a/b", "b"):
            await put(store, f"{prefix}{key}", b"x")
        for key in ("a", "m", "m"):
            opened = await store.create_multipart(f"{prefix}{key}")
            await store.upload_part(f"{prefix}{key}", opened, 1, b"x", crc64nvme=crc64nvme(b"x"))
        assert await purge(store, prefix, at_once=at_once) >= 7
        assert await is_missing(store, f"{prefix}a")
        assert await is_missing(store, f"{prefix}a-t1")

    async def test_delete_takes_these_keys_and_no_other(
        self, store: ObjectStore, prefix: str
    ) -> None:
        for key in ("a", "a-t1", "a/b", "b", "c"):
            await put(store, f"{prefix}{key}", b"x")
        await store.delete([f"{prefix}a", f"{prefix}c", f"{prefix}never-put"])
        left = {item.key for item in await store.list_everything(prefix)}
        assert left == {f"{prefix}a-t1", f"{prefix}a/b", f"{prefix}b"}

    async def test_delete_can_be_repeated(self, store: ObjectStore, prefix: str) -> None:
        await put(store, f"{prefix}a", b"x")
        await store.delete([f"{prefix}a"])
        await store.delete([f"{prefix}a"])
        await store.delete([])
        assert await store.list_everything(prefix) == []

    async def test_exactly_the_given_items_are_deleted(
        self, store: ObjectStore, prefix: str
    ) -> None:
        for key in ("a", "b", "m"):
            await put(store, f"{prefix}{key}", b"x")
        first = await store.create_multipart(f"{prefix}m")
        second = await store.create_multipart(f"{prefix}m")
        listed = await store.list_everything(prefix)
        doomed = [item for item in listed if item.key == f"{prefix}a" or item.id == first]
        await store.delete_items(doomed)
        await store.delete_items(doomed)
        left = await store.list_everything(prefix)
        assert [item.key for item in left] == [f"{prefix}b", f"{prefix}m", f"{prefix}m"]
        assert left[1].kind is StoredKind.VERSION
        assert left[2] == StoredItem(StoredKind.MULTIPART, f"{prefix}m", second)


class Versions:
    """What a store that keeps versions must do besides; `mark_deleted` adds a delete marker."""

    async def test_former_versions_and_markers_are_listed(
        self, store: ObjectStore, prefix: str, mark_deleted: Callable[[str], None]
    ) -> None:
        await put(store, f"{prefix}a", b"one")
        await put(store, f"{prefix}a", b"three")
        mark_deleted(f"{prefix}a")
        listed = await store.list_everything(prefix)
        assert sorted((item.kind, item.size) for item in listed) == [
            (StoredKind.DELETE_MARKER, 0),
            (StoredKind.VERSION, 3),
            (StoredKind.VERSION, 5),
        ]
        assert len({item.id for item in listed}) == 3

    @pytest.mark.parametrize("limit", [1, 2, 1000])
    async def test_former_versions_and_markers_are_on_the_pages(
        self,
        store: ObjectStore,
        prefix: str,
        mark_deleted: Callable[[str], None],
        limit: int,
    ) -> None:
        for key in ("a", "b"):
            await put(store, f"{prefix}{key}", b"one")
            await put(store, f"{prefix}{key}", b"three")
            mark_deleted(f"{prefix}{key}")
        listed = [item async for item in pages(store, prefix, limit)]
        assert len(set(listed)) == len(listed) == 6
        assert [item.kind for item in listed].count(StoredKind.DELETE_MARKER) == 2

    async def test_delete_takes_every_version_and_marker(
        self, store: ObjectStore, prefix: str, mark_deleted: Callable[[str], None]
    ) -> None:
        for key in ("a", "a-t1"):
            await put(store, f"{prefix}{key}", b"one")
            await put(store, f"{prefix}{key}", b"two")
            mark_deleted(f"{prefix}{key}")
        await put(store, f"{prefix}a", b"three")
        await store.delete([f"{prefix}a"])
        left = await store.list_everything(prefix)
        assert {item.key for item in left} == {f"{prefix}a-t1"}
        assert len(left) == 3

    async def test_without_its_marker_an_object_is_back(
        self, store: ObjectStore, prefix: str, mark_deleted: Callable[[str], None]
    ) -> None:
        await put(store, f"{prefix}a", b"one")
        mark_deleted(f"{prefix}a")
        assert await is_missing(store, f"{prefix}a")
        listed = await store.list_everything(prefix)
        await store.delete_items([item for item in listed if item.kind is StoredKind.DELETE_MARKER])
        assert await content(store, f"{prefix}a", 0, 3) == b"one"

    @pytest.mark.parametrize("at_once", [1, 2, 3, 1000])
    async def test_a_purge_takes_every_version_and_marker(
        self,
        store: ObjectStore,
        prefix: str,
        mark_deleted: Callable[[str], None],
        at_once: int,
    ) -> None:
        for key in ("a", "a-t1", "a/b", "a-t2", "b"):
            await put(store, f"{prefix}{key}", b"one")
            await put(store, f"{prefix}{key}", b"two")
            mark_deleted(f"{prefix}{key}")
        await put(store, f"{prefix}a", b"three")
        assert await purge(store, prefix, at_once=at_once) == 16
