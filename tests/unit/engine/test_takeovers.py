"""Who asks for an upload's offset ends what hangs on it, on whichever node."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.engine_room import KIB, EngineRoom, customer
from tests.unit.engine.stalling import DATA, a_file, begun
from transfer.core.access import Role
from transfer.core.errors import UploadGoneError, WriterReplacedError
from transfer.core.uploads import Upload, UploadId, UploadState
from transfer.engine.leases import Leases
from transfer.engine.uploads import Uploads


async def test_asking_for_the_offset_ends_a_request_that_hangs_and_tells_all_it_brought(
    running_room: EngineRoom,
) -> None:
    upload, stalled = await begun(running_room, 150 * KIB)
    settled = await running_room.uploads.settle(customer(), upload.id)
    assert settled.offset == 150 * KIB
    with pytest.raises(WriterReplacedError):
        await stalled
    again = await running_room.uploads.settle(customer(), upload.id)
    assert again.fence == settled.fence, "nobody held it: asking changed nothing"


async def test_asking_for_the_offset_on_another_node_ends_the_request_that_hangs(
    running_room: EngineRoom,
) -> None:
    room, other = running_room, running_room.another_node()
    upload, stalled = await begun(room, 150 * KIB)
    settling = asyncio.create_task(other.uploads.settle(customer(), upload.id))
    while not stalled.done():
        await room.leases.watch_once()
        await asyncio.sleep(0)  # noqa: TID251 - lets the others go on
    assert (await settling).offset == 150 * KIB
    with pytest.raises(WriterReplacedError):
        await stalled


@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "on another node"])
async def test_what_a_client_sent_before_it_left_is_taken_though_it_asks_at_once(
    room: EngineRoom, elsewhere: bool
) -> None:
    asked = room.another_node() if elsewhere else room
    upload = await room.uploads.create(customer(), a_file())
    begun, asking, is_on_its_way = asyncio.Event(), asyncio.Event(), False

    async def lies_in_the_sockets_buffer() -> AsyncIterator[bytes]:
        nonlocal is_on_its_way
        yield DATA[: 30 * KIB]
        begun.set()
        await asking.wait()
        for start in range(30 * KIB, 150 * KIB, 30 * KIB):
            is_on_its_way = True
            await room.clock.sleep(0.04)
            is_on_its_way = False
            yield DATA[start : start + 30 * KIB]
        raise ConnectionResetError("The client has left.")

    left = asyncio.create_task(room.append(customer(), upload.id, 0, lies_in_the_sockets_buffer()))
    await begun.wait()
    settling = asyncio.create_task(asked.uploads.settle(customer(), upload.id))
    while not settling.done():
        await room.leases.watch_once()
        if room.leases._handovers:
            asking.set()
        if is_on_its_way or left.done():  # to take what came takes no time, however busy it is here
            room.clock.advance(0.01)
        await asyncio.sleep(0)  # noqa: TID251 - lets the others go on
    assert (await settling).offset == 150 * KIB
    with pytest.raises(ConnectionResetError):
        await left


async def test_a_sender_who_never_pauses_is_replaced_all_the_same(
    running_room: EngineRoom,
) -> None:
    room = running_room
    upload = await room.uploads.create(customer(), a_file())
    taken = 0

    async def a_byte_now_and_then() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            yield DATA[taken : taken + 1]
            taken += 1
            await room.tools.clock.sleep(0.02)

    moving = asyncio.create_task(room.append(customer(), upload.id, 0, a_byte_now_and_then()))
    while not taken:
        await room.tools.clock.sleep(0.01)
    settled = await room.uploads.settle(customer(), upload.id)
    assert 0 < settled.offset <= taken
    with pytest.raises(WriterReplacedError):
        await moving


async def test_nobody_waits_for_a_sender_whose_writer_has_ended(room: EngineRoom) -> None:
    writer = await room.uploads.create_writer(customer(), a_file())
    await writer.write(DATA[:10])
    writer.end(UploadGoneError("It was cancelled."))
    await asyncio.wait_for(room.leases._handing_over(writer), 20)  # and its clock stands still


async def test_cancelling_an_upload_ends_its_request_at_once(running_room: EngineRoom) -> None:
    upload, stalled = await begun(running_room, 150 * KIB)
    await running_room.uploads.abandon(customer(), upload.id)
    with pytest.raises(UploadGoneError):
        await asyncio.wait_for(stalled, 20)


async def test_who_may_only_look_ends_nobodys_request(running_room: EngineRoom) -> None:
    upload, stalled = await begun(running_room, 150 * KIB)
    reader = replace(customer(), role=Role.READ_ONLY)
    assert (await running_room.uploads.settle(reader, upload.id)).fence == upload.fence + 1
    assert not stalled.done()
    await running_room.uploads.settle(customer(), upload.id)
    await asyncio.gather(stalled, return_exceptions=True)


async def test_asking_for_the_offset_of_an_upload_that_just_became_a_file_tells_the_file(
    room: EngineRoom,
) -> None:
    upload = await room.send("a.log", b"whole")
    ledger = room.records.uploads
    held = replace(await ledger.upload(upload.id), held=True)

    class Stale:
        first = True

        async def upload(self, upload_id: UploadId) -> Upload:
            if self.first:
                self.first = False
                return held
            return await ledger.upload(upload_id)

        def __getattr__(self, name: str) -> object:
            return getattr(ledger, name)

    records = replace(room.records, uploads=Stale())  # type: ignore[arg-type]  # one stale answer
    tools = replace(room.tools, records=records)
    uploads = Uploads(tools, Leases(tools, "other"))
    assert (await uploads.settle(customer(), upload.id)).state is UploadState.RECEIVED


async def test_leases_are_renewed_now_and_then_and_only_looked_at_in_between(
    room: EngineRoom,
) -> None:
    writer = await room.uploads.create_writer(customer(), a_file())
    asked: list[str] = []

    class Watched:
        def __getattr__(self, name: str) -> object:
            asked.append(name)
            return getattr(room.records.uploads, name)

    records = replace(room.records, uploads=Watched())  # type: ignore[arg-type]  # counts
    leases = Leases(replace(room.tools, records=records), "other")
    leases.keep(writer)
    for _ in range(24):
        room.clock.advance(room.tools.policy.takeover_interval)
        await leases.watch_once()
    assert asked.count("renew") == 1, "six seconds, and a lease of thirty"
    assert asked.count("standings") == 23
    await room.uploads.close_writer(writer, UploadState.INTERRUPTED)
