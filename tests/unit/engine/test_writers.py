"""Writers: takeovers, pauses, memory pressure, a clean stop."""

import asyncio
import contextlib
import random
from datetime import timedelta
from pathlib import Path

import pytest

from tests.engine_room import (
    KIB,
    MIB,
    SMALL_PARTS,
    EngineRoom,
    chunks,
    customer,
    engine_room,
    stall,
)
from tests.unit.engine.stalling import DATA, a_file, begun, offset_becomes
from transfer.core.errors import (
    LengthMismatchError,
    ShuttingDownError,
    StoreUnavailableError,
    TransferError,
    UploadBusyError,
    WriterReplacedError,
)
from transfer.core.parts import PartPlan
from transfer.core.uploads import UploadState
from transfer.engine.checksums import ChunkChecksum
from transfer.engine.policy import UploadPolicy
from transfer.storage.memory import Call, MemoryObjectStore


async def test_a_newcomer_takes_over_from_a_stalled_request_at_once(
    running_room: EngineRoom,
) -> None:
    room = running_room
    upload, stalled = await begun(room, 150 * KIB)
    writer = await room.uploads.open_writer(customer(), upload.id)
    with pytest.raises(WriterReplacedError):
        await stalled
    assert writer.position == 150 * KIB, "what the stalled one had was made durable"
    await writer.write(DATA[150 * KIB :])
    await room.uploads.finish_writer(customer(), writer)
    assert await room.content("a.log") == DATA


async def test_what_somebody_goes_on_with_is_not_given_up(
    room: EngineRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = await room.uploads.create_writer(customer(), a_file())
    ledger, other = room.records.uploads, room.another_node()
    release, taken = ledger.release, []

    async def release_to_a_newcomer(*given: object) -> None:
        await release(*given)  # type: ignore[arg-type]  # as they were given
        monkeypatch.undo()
        taken.append(await other.uploads.open_writer(customer(), writer.upload.id))

    monkeypatch.setattr(ledger, "release", release_to_a_newcomer)
    await room.uploads.give_up_writer(customer(), writer)
    [newcomer] = taken
    await newcomer.write(DATA)
    await other.uploads.finish_writer(customer(), newcomer)
    assert await room.content("a.log") == DATA


async def test_a_newcomer_on_another_node_takes_over_once_the_holder_has_let_go(
    running_room: EngineRoom,
) -> None:
    room, other = running_room, running_room.another_node()
    upload, stalled = await begun(room, 150 * KIB)
    opening = asyncio.create_task(other.uploads.open_writer(customer(), upload.id))
    while not stalled.done():
        await room.leases.watch_once()
        await asyncio.sleep(0)  # noqa: TID251 - lets the others go on
    with pytest.raises(WriterReplacedError):
        await stalled
    writer = await opening
    assert writer.position == 150 * KIB
    await writer.write(DATA[150 * KIB :])
    await other.uploads.finish_writer(customer(), writer)
    assert await room.content("a.log") == DATA


async def test_a_holder_that_does_not_let_go_is_replaced_by_force(tmp_path: Path) -> None:
    policy = UploadPolicy(
        plan=PartPlan(base_bytes=64 * KIB), takeover_grace=timedelta(milliseconds=200)
    )
    async with engine_room(tmp_path, running=True, policy=policy) as room:
        other = room.another_node()
        upload, stalled = await begun(room, 150 * KIB)
        writer = await other.uploads.open_writer(customer(), upload.id)
        assert writer.position == 128 * KIB, "only what was durable"
        await room.leases.watch_once()
        with pytest.raises(WriterReplacedError):
            await stalled
        await writer.write(DATA[128 * KIB :])
        await other.uploads.finish_writer(customer(), writer)
        assert await room.content("a.log") == DATA


async def test_what_a_slow_store_is_just_taking_is_not_thrown_away(tmp_path: Path) -> None:
    """Whoever comes back meanwhile is asked to wait, however often, and loses nothing."""
    store = MemoryObjectStore(min_part_bytes=1)
    go = asyncio.Event()

    async def dawdle(call: Call) -> None:
        if call.operation == "put":
            await go.wait()

    policy = UploadPolicy(
        plan=PartPlan(base_bytes=64 * KIB), takeover_grace=timedelta(milliseconds=50)
    )
    async with engine_room(tmp_path, running=True, policy=policy, store=store) as room:
        upload, stalled = await begun(room, 150 * KIB)
        store.before = dawdle
        for _ in range(2):
            with pytest.raises(UploadBusyError, match="being stored"):
                await room.uploads.settle(customer(), upload.id)
        go.set()
        with pytest.raises(WriterReplacedError):
            await stalled
        assert (await room.uploads.settle(customer(), upload.id)).offset == 150 * KIB


@pytest.mark.parametrize(("operation", "durable"), [("put", 128 * KIB), ("upload_part", 64 * KIB)])
async def test_a_store_that_never_takes_it_is_not_waited_for_for_ever(
    tmp_path: Path, operation: str, durable: int
) -> None:
    """Whether the hand-over itself is stuck, or the write that it waits for."""
    store = MemoryObjectStore(min_part_bytes=1)

    async def stuck(call: Call) -> None:
        if call.operation == operation and (call.part_number or 2) > 1:
            await asyncio.Event().wait()

    policy = UploadPolicy(
        plan=PartPlan(base_bytes=64 * KIB),
        takeover_grace=timedelta(milliseconds=50),
        lease=timedelta(milliseconds=300),
    )
    async with engine_room(tmp_path, running=True, policy=policy, store=store) as room:
        store.before = stuck
        upload = await room.uploads.create(customer(), a_file())
        size = 150 * KIB if operation == "put" else 290 * KIB
        stalled = asyncio.create_task(
            room.append(customer(), upload.id, 0, chunks(DATA[:size], then=stall))
        )
        await offset_becomes(room, upload.id, durable)
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(UploadBusyError):
                    await room.leases.take_away(upload.id)
                    break
        assert (await room.uploads.settle(customer(), upload.id)).offset == durable
        # On a busy machine the lease may just have run out: then it is the watch that tells.
        await room.leases.watch_once()
        with pytest.raises(TransferError):
            await asyncio.wait_for(stalled, 20)


async def test_a_late_part_of_a_replaced_writer_changes_nothing(tmp_path: Path) -> None:
    store = MemoryObjectStore(min_part_bytes=1)
    late, go = asyncio.Event(), asyncio.Event()

    async def dawdle(call: Call) -> None:
        if call.operation == "upload_part" and call.part_number == 2 and not late.is_set():
            late.set()
            await go.wait()

    policy = UploadPolicy(
        plan=PartPlan(base_bytes=64 * KIB), takeover_grace=timedelta(milliseconds=200)
    )
    async with engine_room(tmp_path, running=True, policy=policy, store=store) as room:
        store.before = dawdle
        upload = await room.uploads.create(customer(), a_file())
        first = asyncio.create_task(room.append(customer(), upload.id, 0, chunks(DATA, then=stall)))
        await late.wait()
        await offset_becomes(room, upload.id, 64 * KIB)
        writer = await room.another_node().uploads.open_writer(customer(), upload.id)
        await writer.write(b"X" * (100 * KIB))
        go.set()
        with pytest.raises(TransferError):
            await first
        await writer.write(DATA[164 * KIB :])
        await room.nodes[0].uploads.finish_writer(customer(), writer)
        expected = DATA[: 64 * KIB] + b"X" * (100 * KIB) + DATA[164 * KIB :]
        assert await room.content("a.log") == expected


async def test_a_clean_stop_makes_durable_what_was_taken(running_room: EngineRoom) -> None:
    room = running_room
    upload, request = await begun(room, 150 * KIB + 7)
    await room.leases.close()
    with pytest.raises(ShuttingDownError):
        await request
    stood = await room.records.uploads.upload(upload.id)
    assert (stood.offset, stood.state) == (150 * KIB + 7, UploadState.INTERRUPTED)
    with pytest.raises(ShuttingDownError):
        await room.uploads.open_writer(customer(), upload.id)


async def test_a_pause_makes_durable_what_was_taken(room: EngineRoom) -> None:
    writer = await room.uploads.create_writer(customer(), a_file())
    await writer.write(DATA[:1000])
    await room.leases.watch_once()
    assert writer.offset == 0, "too early"
    room.clock.advance(3)
    await room.leases.watch_once()
    assert writer.offset == 1000
    assert room.tools.pool.used_bytes == 0
    await writer.write(DATA[1000:])
    await room.uploads.finish_writer(customer(), writer)
    assert await room.content("a.log") == DATA


async def test_a_slow_stream_is_made_durable_now_and_then(room: EngineRoom) -> None:
    writer = await room.uploads.create_writer(customer(), a_file())
    for second in range(40):
        room.clock.advance(1)
        await writer.write(DATA[second * 100 : (second + 1) * 100])
    assert writer.offset >= 3000
    await room.uploads.close_writer(writer, UploadState.INTERRUPTED)
    assert (await room.records.uploads.upload(writer.upload.id)).offset == 4000


async def test_a_flush_is_durable_and_goes_on(room: EngineRoom) -> None:
    writer = await room.uploads.create_writer(customer(), a_file(length=None))
    position = 0
    for size in (10, 0, 100, 70_000, 1):
        await writer.write(DATA[position : position + size])
        position += size
        assert await writer.flush() == position
        stood = await room.records.uploads.upload(writer.upload.id)
        assert stood.offset == position
    file = await room.uploads.finish_writer(customer(), writer)
    assert await room.content_of(file) == DATA[:position]


async def test_a_kept_lease_is_renewed_and_a_lost_one_ends_the_writer(room: EngineRoom) -> None:
    writer = await room.uploads.create_writer(customer(), a_file())
    await room.leases.watch_once()
    assert not writer.ended.done()
    await room.records.uploads.abandon(writer.upload.id, None, "test", room.clock.now())
    await room.leases.watch_once()
    with pytest.raises(WriterReplacedError):
        await writer.write(b"x")
    await room.uploads.close_writer(writer, UploadState.INTERRUPTED)


async def test_the_first_failure_is_kept_and_the_lease_let_go(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    writer = await room.uploads.create_writer(customer(), a_file())
    await writer.write(DATA[:10])
    store.fail_next("put")
    with pytest.raises(StoreUnavailableError):
        await writer.flush()
    with pytest.raises(StoreUnavailableError):
        await writer.write(b"x")
    await room.uploads.close_writer(writer, UploadState.RECEIVING)
    again = await room.uploads.open_writer(customer(), writer.upload.id)
    assert again.position == 0
    await room.uploads.close_writer(again, UploadState.RECEIVING)


async def test_an_announcement_fits_what_was_taken(room: EngineRoom) -> None:
    writer = await room.uploads.create_writer(customer(), a_file(length=None))
    await writer.write(DATA[:100])
    with pytest.raises(LengthMismatchError):
        await writer.announce(99)
    await writer.announce(100)
    with pytest.raises(LengthMismatchError):
        await writer.write(b"x")
    await room.uploads.finish_writer(customer(), writer)


async def test_many_uploads_share_little_memory_and_all_come_out_right(tmp_path: Path) -> None:
    """Twenty uploads, checked and unchecked, in a budget that holds a few of their parts."""
    plan = PartPlan(base_bytes=2 * MIB)
    data = [random.Random(seed).randbytes(5 * MIB // 2) for seed in range(20)]
    async with engine_room(
        tmp_path, running=True, policy=UploadPolicy(plan=plan), budget_bytes=5 * MIB
    ) as room:
        peak = 0

        async def send(number: int) -> None:
            nonlocal peak
            file = a_file(f"{number}.log", len(data[number]))
            checksum = None
            if number % 2:
                import hashlib

                checksum = ChunkChecksum("sha256", hashlib.sha256(data[number]).digest())
            await room.uploads.receive(customer(), file, chunks(data[number], 300_000), checksum)
            peak = max(peak, room.tools.pool.used_bytes)

        async with asyncio.timeout(60):
            await asyncio.gather(*(send(number) for number in range(20)))
        assert peak <= 5 * MIB
        assert room.tools.pool.used_bytes == 0
        for number in range(20):
            assert await room.content(f"{number}.log") == data[number]


async def test_bytes_are_taken_at_once_only_where_nothing_has_to_wait(room: EngineRoom) -> None:
    view = memoryview(DATA)
    writer = await room.uploads.create_writer(customer(), a_file(length=200 * KIB))
    assert not writer.write_now(view[:10]), "there is no buffer yet"
    await writer.write(view[:10])
    assert writer.write_now(view[10:100])
    assert not writer.write_now(view[100 : 100 + 64 * KIB]), "that fills a part"
    room.clock.advance(31)
    assert not writer.write_now(view[100:200]), "what came before has waited long enough"
    await writer.write(view[100:200])
    async with writer._lock:
        assert not writer.write_now(view[200:300]), "a watcher is at work"
    assert writer.write_now(view[200:300])
    assert writer.position == 300
    await writer.write(view[300 : 195 * KIB])
    assert not writer.write_now(view[195 * KIB : 200 * KIB]), "that is the last of it"
    assert writer.write_now(view[195 * KIB : 196 * KIB])
    await writer.write(view[196 * KIB : 200 * KIB])
    await room.uploads.finish_writer(customer(), writer)
    assert not writer.write_now(view[:1]), "it is over"
    assert await room.content("a.log") == DATA[: 200 * KIB]


async def test_bytes_are_not_taken_at_once_beyond_what_a_file_may_have(tmp_path: Path) -> None:
    policy = UploadPolicy(plan=SMALL_PARTS, max_file_bytes=1000)
    async with engine_room(tmp_path, policy=policy) as room:
        writer = await room.uploads.create_writer(customer(), a_file(length=None))
        await writer.write(memoryview(DATA)[:900])
        assert not writer.write_now(memoryview(DATA)[900:1001])
        assert writer.write_now(memoryview(DATA)[900:1000])


async def test_bytes_are_not_taken_at_once_while_memory_is_short(tmp_path: Path) -> None:
    async with engine_room(tmp_path, plan=PartPlan(), budget_bytes=2 * MIB) as room:
        pool, view = room.tools.pool, memoryview(DATA)
        writer = await room.uploads.create_writer(customer(), a_file(length=None))
        await writer.write(view)
        other, third = pool.buffer(MIB), pool.buffer(MIB)
        assert pool.try_charge(other, MIB)
        while writer.position + len(view) <= MIB:
            assert writer.write_now(view)
        assert not writer.write_now(view), "that needs another MiB"
        waiting = asyncio.create_task(pool.charge(third, MIB))
        await asyncio.sleep(0)  # noqa: TID251 - lets the other one begin to wait
        assert pool.is_pressed
        assert not writer.write_now(view[:1]), "somebody waits for memory"
        pool.give_back(other)
        await waiting
        assert writer.write_now(view[:1])


async def test_a_file_that_is_shorter_than_announced_isnt_received(room: EngineRoom) -> None:
    writer = await room.uploads.create_writer(customer(), a_file())
    await writer.write(DATA[:1000])
    with pytest.raises(LengthMismatchError):
        await room.uploads.finish_writer(customer(), writer)
    stood = await room.records.uploads.upload(writer.upload.id)
    assert (stood.state, stood.offset) == (UploadState.INTERRUPTED, 1000)
