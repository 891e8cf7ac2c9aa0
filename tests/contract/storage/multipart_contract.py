"""What every object store must do with multipart uploads."""

from itertools import accumulate

import pytest
from awscrt.checksums import crc64nvme

from tests.contract.storage.object_store_contract import (
    DAMAGE,
    MIB,
    content,
    is_missing,
    put,
    some_bytes,
)
from transfer.core.errors import (
    DigestMismatchError,
    EntryMissingError,
    StoreUnavailableError,
    UploadGoneError,
)
from transfer.core.uploads import Part
from transfer.ports import ObjectStore, StoredKind

A = some_bytes(5 * MIB, seed=2)
B = some_bytes(5 * MIB + 1, seed=3)
C = some_bytes(1000, seed=4)


class Assembly:
    """A multipart upload in the making, with the parts in the order of the file."""

    def __init__(self, store: ObjectStore, key: str, multipart_id: str) -> None:
        self.store = store
        self.key = key
        self.multipart_id = multipart_id

    @classmethod
    async def begin(cls, store: ObjectStore, key: str) -> "Assembly":
        return cls(store, key, await store.create_multipart(key))

    async def upload(self, number: int, body: bytes, *, crc: int | None = None) -> str:
        checksum = crc64nvme(body) if crc is None else crc
        return await self.store.upload_part(
            self.key, self.multipart_id, number, body, crc64nvme=checksum
        )

    async def copy(self, number: int, source: str, start: int, size: int) -> str:
        return await self.store.copy_part(
            self.key, self.multipart_id, number, source=source, start=start, size=size
        )

    async def complete(self, parts: list[Part], crc: int) -> None:
        await self.store.complete_multipart(self.key, self.multipart_id, parts, crc64nvme=crc)


def parts_of(*described: tuple[int, int, str]) -> list[Part]:
    """Parts from number, size and ETag; what they don't know of each other is left 0."""
    starts = accumulate((size for _, size, _ in described), initial=0)
    return [
        Part(number=number, start=start, size=size, etag=etag, crc64nvme=0)
        for (number, size, etag), start in zip(described, starts, strict=False)
    ]


class Multiparts:
    """Parts, copies, completion."""

    @pytest.fixture
    async def assembly(self, store: ObjectStore, prefix: str) -> Assembly:
        return await Assembly.begin(store, f"{prefix}m")

    async def finished(self, store: ObjectStore, key: str) -> tuple[Assembly, list[Part]]:
        assembly = await Assembly.begin(store, key)
        parts = parts_of(
            (1, len(A), await assembly.upload(1, A)), (2, len(C), await assembly.upload(2, C))
        )
        await assembly.complete(parts, crc64nvme(A + C))
        return assembly, parts

    # ── Parts ────────────────────────────────────────────────────────────────────────────────

    async def test_parts_come_in_any_order_and_with_gaps(self, assembly: Assembly) -> None:
        last = await assembly.upload(9000, C)
        first = await assembly.upload(3, A)
        middle = await assembly.upload(7, B)
        assert await is_missing(assembly.store, assembly.key)
        parts = parts_of((3, len(A), first), (7, len(B), middle), (9000, len(C), last))
        await assembly.complete(parts, crc64nvme(A + B + C))
        whole = A + B + C
        assert await content(assembly.store, assembly.key, 0, len(whole)) == whole

    async def test_parts_that_are_not_named_are_left_out(self, assembly: Assembly) -> None:
        await assembly.upload(1, B)
        wanted = await assembly.upload(2, A)
        await assembly.complete(parts_of((2, len(A), wanted)), crc64nvme(A))
        assert await content(assembly.store, assembly.key, 0, len(A)) == A
        assert len(await assembly.store.list_everything(assembly.key)) == 1

    async def test_a_lone_part_may_be_small(self, assembly: Assembly) -> None:
        await assembly.complete(parts_of((1, 1000, await assembly.upload(1, C))), crc64nvme(C))
        assert await content(assembly.store, assembly.key, 0, 1000) == C

    async def test_a_part_that_arrives_damaged_is_refused(self, assembly: Assembly) -> None:
        with pytest.raises(StoreUnavailableError, match="checksum"):
            await assembly.upload(1, A, crc=DAMAGE)
        sound = await assembly.upload(1, A)
        await assembly.complete(parts_of((1, len(A), sound)), crc64nvme(A))
        assert await content(assembly.store, assembly.key, 0, len(A)) == A

    async def test_a_part_that_arrived_damaged_can_not_be_put_together(
        self, assembly: Assembly
    ) -> None:
        other = await assembly.upload(2, C)
        with pytest.raises(StoreUnavailableError):
            await assembly.upload(1, A, crc=DAMAGE)
        with pytest.raises(StoreUnavailableError):
            await assembly.complete(parts_of((1, len(A), other)), crc64nvme(A))

    async def test_a_part_sent_again_counts_as_sent_last(self, assembly: Assembly) -> None:
        await assembly.upload(1, B)
        again = await assembly.upload(1, A)
        await assembly.complete(parts_of((1, len(A), again)), crc64nvme(A))
        assert await content(assembly.store, assembly.key, 0, len(A)) == A

    async def test_no_part_goes_to_an_upload_that_is_over(self, assembly: Assembly) -> None:
        await assembly.store.abort_multipart(assembly.key, assembly.multipart_id)
        with pytest.raises(UploadGoneError):
            await assembly.upload(1, A)
        await put(assembly.store, f"{assembly.key}-source", A)
        with pytest.raises(UploadGoneError):
            await assembly.copy(1, f"{assembly.key}-source", 0, len(A))

    # ── Copies ───────────────────────────────────────────────────────────────────────────────

    async def test_copied_parts_and_uploaded_parts_make_one_object(
        self, store: ObjectStore, prefix: str, assembly: Assembly
    ) -> None:
        await self.finished(store, f"{prefix}source")
        split = len(A) // 2 + 5 * MIB // 2
        parts = parts_of(
            (1, split, await assembly.copy(1, f"{prefix}source", 0, split)),
            (4, len(B), await assembly.upload(4, B)),
            (5, len(C), await assembly.copy(5, f"{prefix}source", len(A), len(C))),
        )
        whole = A[:split] + B + C
        with pytest.raises(DigestMismatchError):
            await assembly.complete(parts, crc64nvme(A[:split] + B))
        await assembly.complete(parts, crc64nvme(whole))
        assert await content(store, assembly.key, 0, len(whole)) == whole

    async def test_an_object_can_be_continued_under_its_own_key(
        self, store: ObjectStore, prefix: str
    ) -> None:
        key = f"{prefix}m"
        await put(store, key, A)
        assembly = await Assembly.begin(store, key)
        parts = parts_of(
            (1, len(A), await assembly.copy(1, key, 0, len(A))),
            (2, len(C), await assembly.upload(2, C)),
        )
        assert await content(store, key, 0, len(A)) == A
        await assembly.complete(parts, crc64nvme(A + C))
        assert await content(store, key, 0, len(A) + len(C)) == A + C

    async def test_what_is_not_there_can_not_be_copied(self, assembly: Assembly) -> None:
        with pytest.raises(EntryMissingError):
            await assembly.copy(1, f"{assembly.key}-never-put", 0, len(A))

    async def test_more_than_there_is_can_not_be_copied(self, assembly: Assembly) -> None:
        await put(assembly.store, f"{assembly.key}-source", A)
        with pytest.raises(StoreUnavailableError):
            await assembly.copy(1, f"{assembly.key}-source", 1, len(A))

    # ── Completion ───────────────────────────────────────────────────────────────────────────

    async def test_a_whole_with_another_checksum_is_refused(self, assembly: Assembly) -> None:
        parts = parts_of(
            (1, len(A), await assembly.upload(1, A)), (2, len(C), await assembly.upload(2, C))
        )
        with pytest.raises(DigestMismatchError):
            await assembly.complete(parts, crc64nvme(C + A))
        assert await is_missing(assembly.store, assembly.key)
        await assembly.complete(parts, crc64nvme(A + C))
        assert await content(assembly.store, assembly.key, 0, len(A + C)) == A + C

    async def test_a_completion_can_be_repeated(self, store: ObjectStore, prefix: str) -> None:
        assembly, parts = await self.finished(store, f"{prefix}m")
        await assembly.complete(parts, crc64nvme(A + C))
        assert await content(store, assembly.key, 0, len(A + C)) == A + C

    async def test_a_repeated_completion_expects_the_same_object(
        self, store: ObjectStore, prefix: str
    ) -> None:
        assembly, parts = await self.finished(store, f"{prefix}m")
        with pytest.raises(DigestMismatchError):
            await assembly.complete(parts, crc64nvme(C + A))
        assert await content(store, assembly.key, 0, len(A + C)) == A + C

    async def test_what_was_put_together_by_another_upload_counts_too(
        self, store: ObjectStore, prefix: str
    ) -> None:
        _, parts = await self.finished(store, f"{prefix}m")
        late = await Assembly.begin(store, f"{prefix}m")
        await store.abort_multipart(late.key, late.multipart_id)
        await late.complete(parts, crc64nvme(A + C))
        with pytest.raises(DigestMismatchError):
            await late.complete(parts[:1], crc64nvme(A))

    async def test_nothing_is_put_together_from_an_upload_that_is_over(
        self, assembly: Assembly
    ) -> None:
        etag = await assembly.upload(1, A)
        await assembly.store.abort_multipart(assembly.key, assembly.multipart_id)
        with pytest.raises(UploadGoneError):
            await assembly.complete(parts_of((1, len(A), etag)), crc64nvme(A))
        assert await assembly.store.list_everything(assembly.key) == []

    async def test_only_the_last_part_may_be_small(self, assembly: Assembly) -> None:
        small, big = await assembly.upload(1, C), await assembly.upload(2, A)
        with pytest.raises(StoreUnavailableError):
            await assembly.complete(
                parts_of((1, len(C), small), (2, len(A), big)), crc64nvme(C + A)
            )
        (left,) = await assembly.store.list_everything(assembly.key)
        assert left.kind is StoredKind.MULTIPART

    async def test_parts_are_put_together_in_the_order_of_their_numbers(
        self, assembly: Assembly
    ) -> None:
        first, second = await assembly.upload(1, A), await assembly.upload(2, B)
        with pytest.raises(StoreUnavailableError):
            await assembly.complete(
                parts_of((2, len(B), second), (1, len(A), first)), crc64nvme(B + A)
            )
        assert await is_missing(assembly.store, assembly.key)

    async def test_an_abort_can_be_repeated(self, assembly: Assembly) -> None:
        await assembly.upload(1, A)
        await assembly.store.abort_multipart(assembly.key, assembly.multipart_id)
        await assembly.store.abort_multipart(assembly.key, assembly.multipart_id)
        await assembly.store.abort_multipart(assembly.key, "never-begun")
        assert await assembly.store.list_everything(assembly.key) == []

    async def test_an_abort_that_comes_too_late_changes_nothing(
        self, store: ObjectStore, prefix: str
    ) -> None:
        assembly, _ = await self.finished(store, f"{prefix}m")
        await store.abort_multipart(assembly.key, assembly.multipart_id)
        assert await content(store, assembly.key, 0, len(A + C)) == A + C
