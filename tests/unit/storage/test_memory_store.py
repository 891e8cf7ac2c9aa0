"""What the store in memory offers to tests; the rest is in the contract."""

import asyncio

import pytest
from awscrt.checksums import crc64nvme

from transfer.core.errors import StoreUnavailableError, UploadGoneError
from transfer.core.uploads import Part
from transfer.storage.memory import Call, MemoryObjectStore


async def put(store: MemoryObjectStore, key: str) -> None:
    await store.put(key, b"body", crc64nvme=crc64nvme(b"body"))


async def upload(store: MemoryObjectStore, multipart_id: str, number: int) -> str:
    return await store.upload_part(
        "key", multipart_id, number, b"body", crc64nvme=crc64nvme(b"body")
    )


async def test_calls_are_logged_in_their_order() -> None:
    store = MemoryObjectStore()
    await put(store, "a")
    await upload(store, await store.create_multipart("key"), 3)
    async with store.read("a", 0, 4):
        pass
    await store.delete(["a", "b"])
    assert store.calls == [
        Call("put", "a"),
        Call("create_multipart", "key"),
        Call("upload_part", "key", 3),
        Call("read", "a"),
        Call("delete", "a"),
        Call("delete", "b"),
    ]


async def test_one_part_can_fail_while_the_next_succeeds() -> None:
    store = MemoryObjectStore()
    multipart_id = await store.create_multipart("key")
    store.fail_next("upload_part", part_number=1)
    outcomes = await asyncio.gather(
        *(upload(store, multipart_id, number) for number in (1, 2)), return_exceptions=True
    )
    assert isinstance(outcomes[0], StoreUnavailableError)
    assert isinstance(outcomes[1], str)
    await upload(store, multipart_id, 1)


async def test_faults_add_up_and_wear_off() -> None:
    store = MemoryObjectStore()
    store.fail_next("put")
    store.fail_next("put", ValueError("another"))
    with pytest.raises(StoreUnavailableError):
        await put(store, "a")
    with pytest.raises(ValueError, match="another"):
        await put(store, "a")
    assert store.objects == {}
    await put(store, "a")
    assert store.objects == {"a": b"body"}


async def test_an_answer_can_be_lost_after_the_deed() -> None:
    store = MemoryObjectStore()
    store.fail_next("put", done=True)
    with pytest.raises(StoreUnavailableError):
        await put(store, "a")
    assert store.objects == {"a": b"body"}


async def test_a_completion_whose_answer_was_lost_can_be_repeated() -> None:
    store = MemoryObjectStore()
    multipart_id = await store.create_multipart("key")
    etag = await upload(store, multipart_id, 1)
    parts = [Part(number=1, start=0, size=4, etag=etag, crc64nvme=0)]
    store.fail_next("complete_multipart", done=True)
    with pytest.raises(StoreUnavailableError):
        await store.complete_multipart("key", multipart_id, parts, crc64nvme=crc64nvme(b"body"))
    assert store.multiparts == {}
    await store.complete_multipart("key", multipart_id, parts, crc64nvme=crc64nvme(b"body"))


async def test_a_call_can_be_held_up() -> None:
    store = MemoryObjectStore()
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def hold(call: Call) -> None:
        if call.key == "slow":
            reached.set()
            await go_on.wait()

    store.before = hold
    slow = asyncio.create_task(put(store, "slow"))
    await reached.wait()
    await put(store, "fast")
    assert set(store.objects) == {"fast"}
    go_on.set()
    await slow
    assert set(store.objects) == {"fast", "slow"}


async def test_what_happens_before_a_call_can_end_it() -> None:
    store = MemoryObjectStore()

    async def refuse(call: Call) -> None:
        raise UploadGoneError(call.operation)

    store.before = refuse
    with pytest.raises(UploadGoneError, match="create_multipart"):
        await store.create_multipart("key")
    assert store.multiparts == {}


async def test_small_parts_are_taken_if_wanted() -> None:
    store = MemoryObjectStore(min_part_bytes=4)
    multipart_id = await store.create_multipart("key")
    parts = [
        Part(
            number=number,
            start=0,
            size=4,
            etag=await upload(store, multipart_id, number),
            crc64nvme=0,
        )
        for number in (1, 2)
    ]
    await store.complete_multipart("key", multipart_id, parts, crc64nvme=crc64nvme(b"bodybody"))
    assert store.objects == {"key": b"bodybody"}
