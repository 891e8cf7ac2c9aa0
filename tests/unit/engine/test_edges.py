"""Failures in the middle: of the store, of the records, of the platform, at any moment."""

import asyncio
import hashlib
import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.engine_room import (
    KIB,
    MIB,
    NUMBER,
    EngineRoom,
    chunks,
    customer,
    engine_room,
    stall,
)
from transfer.core.access import Role
from transfer.core.errors import (
    ChecksumMismatchError,
    DigestMismatchError,
    LengthMismatchError,
    OffsetMismatchError,
    RecordsUnavailableError,
    StoreUnavailableError,
    TooLargeError,
    UnavailableError,
    UploadBusyError,
    UploadGoneError,
    WriterReplacedError,
)
from transfer.core.names import CasePath
from transfer.core.parts import PartPlan
from transfer.core.uploads import UploadId, UploadState
from transfer.engine import digest
from transfer.engine.beginnings import FileToSend
from transfer.engine.checksums import ChunkChecksum
from transfer.engine.completion import complete
from transfer.engine.leases import Leases
from transfer.engine.policy import UploadPolicy
from transfer.engine.writer import UploadWriter, check_digest
from transfer.ports import LeaseStanding
from transfer.storage.memory import Call, MemoryObjectStore

DATA = random.Random(1).randbytes(300 * KIB)


def a_file(path: str = "a.log", length: int | None = len(DATA)) -> FileToSend:
    return FileToSend(case_number=NUMBER, path=CasePath(path), length=length)


def sha256(data: bytes) -> ChunkChecksum:
    return ChunkChecksum("sha256", hashlib.sha256(data).digest())


async def test_a_small_checked_chunk_counts_once_it_was_right(room: EngineRoom) -> None:
    upload = await room.uploads.create(customer(), a_file())
    upload = await room.append(customer(), upload.id, 0, chunks(DATA[:10]), sha256(DATA[:10]))
    assert upload.offset == 10


async def test_a_creation_whose_bytes_were_damaged_or_too_many_leaves_nothing(
    room: EngineRoom,
) -> None:
    with pytest.raises(ChecksumMismatchError):
        await room.uploads.receive(customer(), a_file(), chunks(DATA[:10]), sha256(b"other"))
    with pytest.raises(LengthMismatchError):
        await room.uploads.receive(customer(), a_file(length=5), chunks(DATA[:10]))
    assert (await room.files.listing(customer(), NUMBER)).uploads == []


async def test_a_limit_on_files_holds_for_an_unknown_length_too(tmp_path: Path) -> None:
    async with engine_room(tmp_path, policy=UploadPolicy(max_file_bytes=1000)) as room:
        upload = await room.uploads.create(customer(), a_file(length=None))
        await room.append(customer(), upload.id, 0, chunks(DATA[:1000]))
        with pytest.raises(TooLargeError):
            await room.append(customer(), upload.id, 1000, chunks(b"x"))


async def test_a_holder_that_moves_on_after_the_look_is_noticed(running_room: EngineRoom) -> None:
    """The offset was right when the request came, and isn't once the holder has let go."""
    room = running_room
    upload = await room.uploads.create(customer(), a_file())
    holder = asyncio.create_task(
        room.append(customer(), upload.id, 0, chunks(DATA[:100], then=stall))
    )
    async with asyncio.timeout(20):
        while not room.leases.writers or room.leases.writers[0].position < 100:
            await room.clock.sleep(0.01)
    with pytest.raises(OffsetMismatchError) as caught:
        await room.append(customer(), upload.id, 0, chunks(b"x"))
    assert caught.value.offset == 100
    with pytest.raises(WriterReplacedError):
        await holder


async def test_a_look_by_someone_who_may_not_send_finishes_nothing(room: EngineRoom) -> None:
    upload = await room.uploads.create(customer(), a_file(length=None))
    await room.append(customer(), upload.id, 0, chunks(DATA[:100]))
    await room.uploads.announce(customer(), upload.id, 100)
    seen = await room.uploads.show(customer(role=Role.READ_ONLY), upload.id)
    assert seen.state is UploadState.RECEIVING


async def test_a_timeout_of_the_sender_is_not_taken_for_a_takeover(room: EngineRoom) -> None:
    async def late() -> None:
        raise TimeoutError("the client is too slow")

    upload = await room.uploads.create(customer(), a_file())
    with pytest.raises(TimeoutError, match="too slow"):
        await room.append(customer(), upload.id, 0, chunks(DATA[:10], then=late))
    assert (await room.uploads.show(customer(), upload.id)).offset == 10


async def test_an_upload_completed_twice_at_once_is_one_file(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    upload = await room.uploads.create(customer(), a_file())
    store.fail_next("complete_multipart")
    with pytest.raises(StoreUnavailableError):
        await room.append(customer(), upload.id, 0, chunks(DATA))
    files = await asyncio.gather(*(complete(room.tools, upload.id, None) for _ in range(3)))
    assert len({file.id for file in files}) == 1
    assert await complete(room.tools, upload.id, None) == files[0]
    assert await room.uploads.finish(customer(), upload.id) == files[0]


async def test_completing_what_has_no_parts_is_refused(room: EngineRoom) -> None:
    upload = await room.uploads.create(customer(), a_file(length=None))
    await room.append(customer(), upload.id, 0, chunks(DATA[:100]))
    await room.uploads.announce(customer(), upload.id, 100)
    with pytest.raises(UploadGoneError):
        await complete(room.tools, upload.id, None)


async def test_what_the_store_put_together_wrongly_never_becomes_a_file(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    upload = await room.uploads.create(customer(), a_file())
    store.fail_next("complete_multipart", DigestMismatchError("another checksum"))
    with pytest.raises(DigestMismatchError):
        await room.append(customer(), upload.id, 0, chunks(DATA))
    assert (await room.records.uploads.upload(upload.id)).state is UploadState.ABANDONED
    with pytest.raises(UploadGoneError):
        await room.uploads.finish(customer(), upload.id)


async def test_a_tail_behind_parts_becomes_the_last_part(room: EngineRoom) -> None:
    writer = await room.uploads.create_writer(customer(), a_file(length=None))
    await writer.write(DATA[: 100 * KIB])
    await writer.flush()
    await room.uploads.close_writer(writer, UploadState.RECEIVING)
    await room.uploads.announce(customer(), writer.upload.id, 100 * KIB)
    file = await room.uploads.finish(customer(), writer.upload.id)
    assert await room.content_of(file) == DATA[: 100 * KIB]


async def test_a_file_of_whole_parts_needs_no_last_one(room: EngineRoom) -> None:
    writer = await room.uploads.create_writer(customer(), a_file(length=None))
    await writer.write(DATA[: 128 * KIB])
    file = await room.uploads.finish_writer(customer(), writer)
    assert await room.content_of(file) == DATA[: 128 * KIB]


async def test_a_stop_that_cannot_make_bytes_durable_says_why(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    writer = await room.uploads.create_writer(customer(), a_file())
    await writer.write(DATA[:10])
    store.fail_next("put")
    await room.leases.close()
    with pytest.raises(StoreUnavailableError):
        await writer.write(b"x")
    await room.leases.close()
    assert (await room.records.uploads.upload(writer.upload.id)).state is UploadState.INTERRUPTED


async def test_a_release_that_cannot_make_bytes_durable_is_told(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    upload = await room.uploads.create(customer(), a_file())
    store.fail_next("put")
    with pytest.raises(StoreUnavailableError):
        await room.append(customer(), upload.id, 0, chunks(DATA[:10]))
    stood = await room.records.uploads.upload(upload.id)
    assert (stood.offset, stood.state) == (0, UploadState.INTERRUPTED)


async def test_a_watcher_survives_what_fails(room: EngineRoom, store: MemoryObjectStore) -> None:
    writer = await room.uploads.create_writer(customer(), a_file())
    await writer.write(DATA[:10])
    watch = asyncio.create_task(room.leases.watch())
    await room.clock.wait_for_sleepers()
    store.fail_next("put")
    room.clock.advance(3)
    assert isinstance(await writer.ended, StoreUnavailableError)
    await room.clock.wait_for_sleepers()
    watch.cancel()
    await room.uploads.close_writer(writer, UploadState.INTERRUPTED)


async def test_watchers_go_on_when_the_records_are_away(room: EngineRoom) -> None:
    class Away:
        def __getattr__(self, name: str) -> object:
            async def away(*_: object, **__: object) -> None:
                raise RecordsUnavailableError("the database is away")

            return away

    writer = await room.uploads.create_writer(customer(), a_file())
    account = (await room.accounts.issue(replace(customer(), role=Role.ANALYST), NUMBER)).account
    session = asyncio.create_task(room.accounts._presence.ended(account.id, account.issue))
    await room.clock.wait_for_sleepers()
    tools = replace(
        room.tools,
        records=replace(room.records, uploads=Away(), accounts=Away()),  # type: ignore[arg-type]  # a database that is away
    )
    leases = Leases(tools, "other")
    leases.keep(writer)
    room.accounts._presence._records = tools.records.accounts
    watches = [asyncio.create_task(leases.watch()), asyncio.create_task(room.accounts.watch())]
    await room.clock.wait_for_sleepers(3)
    for _ in range(2):
        room.clock.advance(room.tools.policy.lease)
        await room.clock.wait_for_sleepers(3)
    assert not any(task.done() for task in (session, *watches))
    for watch in (session, *watches):
        watch.cancel()
    await room.uploads.close_writer(writer, UploadState.INTERRUPTED)


async def test_a_request_that_is_cancelled_ends_its_writer_and_keeps_the_offset(
    tmp_path: Path,
) -> None:
    store = MemoryObjectStore(min_part_bytes=1)
    entered = asyncio.Event()

    async def hang(call: Call) -> None:
        if call.operation == "upload_part":
            entered.set()
            await asyncio.Event().wait()

    policy = UploadPolicy(
        plan=PartPlan(base_bytes=64 * KIB), takeover_grace=timedelta(milliseconds=50)
    )
    async with engine_room(tmp_path, store=store, running=True, policy=policy) as room:
        store.before = hang
        upload = await room.uploads.create(customer(), a_file())
        request = asyncio.create_task(room.append(customer(), upload.id, 0, chunks(DATA)))
        await entered.wait()
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        store.before = None
        stood = await room.uploads.show(customer(), upload.id)
        assert (stood.offset, stood.state) == (0, UploadState.INTERRUPTED)
        await room.append(customer(), upload.id, 0, chunks(DATA))
        assert await room.content("a.log") == DATA


@pytest.mark.parametrize("broken", ["save", "missing"])
def test_a_platform_that_cannot_save_the_state_is_found_out(
    broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(self: object) -> bytes:
        if broken == "missing":
            raise AttributeError("SHA256_Init")
        return bytes(40)

    digest.can_save_state.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(digest.SavableSha256, "save", save)
        assert not digest.can_save_state()
    digest.can_save_state.cache_clear()
    assert digest.can_save_state()


async def test_a_writer_without_a_known_hash_refuses_to_guess(room: EngineRoom) -> None:
    upload = await room.uploads.create(customer(), a_file())
    unknown = digest.StreamDigest(upload.digest, offset=1)
    with pytest.raises(UnavailableError):
        check_digest(upload, unknown)


async def test_who_finds_an_upload_taken_even_by_force_is_told_to_try_again(
    room: EngineRoom,
) -> None:
    class Taken:
        async def acquire(self, *_: object, **__: object) -> None:
            return None

    policy = replace(room.tools.policy, takeover_grace=timedelta(0))
    records = replace(room.records, uploads=Taken())  # type: ignore[arg-type]  # all it is asked for
    leases = Leases(replace(room.tools, records=records, policy=policy), "other")
    with pytest.raises(UploadBusyError):
        await leases.acquire(UploadId("any"))


async def test_a_writer_that_ends_while_leases_are_renewed_is_left_alone(
    room: EngineRoom,
) -> None:
    writer = await room.uploads.create_writer(customer(), a_file())
    renew = room.records.uploads.renew

    class Slow:
        async def renew(
            self, held: Mapping[UploadId, int], until: datetime
        ) -> dict[UploadId, LeaseStanding]:
            await room.uploads.close_writer(writer, UploadState.RECEIVING)
            leases.forget(writer)
            return await renew(held, until)

    records = replace(room.records, uploads=Slow())  # type: ignore[arg-type]  # all it is asked for
    leases = Leases(replace(room.tools, records=records), "other")
    leases.keep(writer)
    room.clock.advance(room.tools.policy.lease)
    await leases.watch_once()
    assert leases.writers == []


async def test_a_stop_goes_on_when_a_lease_cannot_be_let_go(room: EngineRoom) -> None:
    class Away:
        async def release(self, *_: object) -> None:
            raise RecordsUnavailableError("the database is away")

    upload = await room.uploads.create(customer(), a_file())
    leased = await room.leases.acquire(upload.id)
    records = replace(room.records, uploads=Away())  # type: ignore[arg-type]  # all it is asked for
    writer = UploadWriter(leased, replace(room.tools, records=records))
    other = await room.uploads.create_writer(customer(), a_file("b.log"))
    room.leases.keep(writer)
    await other.write(DATA[:10])
    await room.leases.close()
    assert (await room.records.uploads.upload(other.upload.id)).offset == 10


async def test_a_pause_that_ends_in_a_takeover_flushes_nothing(room: EngineRoom) -> None:
    writer = await room.uploads.create_writer(customer(), a_file())
    await writer.write(DATA[:10])
    room.clock.advance(10)
    await writer._lock.acquire()
    taking = asyncio.create_task(writer.hand_over(WriterReplacedError("taken")))
    await asyncio.sleep(0)  # noqa: TID251 - lets it wait for the lock
    writer._lock.release()
    await writer.flush_if_idle()
    await taking
    assert isinstance(writer.ended.result(), WriterReplacedError)


async def test_an_empty_file_is_received_as_soon_as_it_is_announced(room: EngineRoom) -> None:
    upload = await room.uploads.create(customer(), a_file(length=0))
    assert upload.state is UploadState.RECEIVED
    assert await room.content("a.log") == b""


async def test_what_is_left_of_a_request_becomes_a_part_from_5_mib_on(tmp_path: Path) -> None:
    data = random.Random(4).randbytes(11 * MIB)
    async with engine_room(tmp_path, store=MemoryObjectStore(), plan=PartPlan()) as room:
        upload = await room.uploads.create(customer(), a_file(length=len(data)))
        for start, end in ((0, 6 * MIB), (6 * MIB, 11 * MIB)):
            await room.append(customer(), upload.id, start, chunks(data[start:end]))
            stood = await room.records.uploads.upload(upload.id)
            assert stood.tail is None
        assert await room.content("a.log") == data


async def test_a_watch_with_nothing_to_watch_asks_nobody(room: EngineRoom) -> None:
    class Unasked:
        pass

    records = replace(room.records, uploads=Unasked())  # type: ignore[arg-type]  # never asked
    await Leases(replace(room.tools, records=records), "other").watch_once()
