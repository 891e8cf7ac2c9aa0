"""Copying a file into an upload that was just begun: a download and an upload."""

from dataclasses import replace

import pytest

from tests.engine_room import NUMBER, EngineRoom, customer
from transfer.core.access import Action
from transfer.core.cases import CaseNumber
from transfer.core.errors import (
    EntryMissingError,
    ForbiddenError,
    StoreUnavailableError,
    TransferError,
    UnavailableError,
)
from transfer.core.names import CasePath
from transfer.core.parts import MIN_PART_BYTES
from transfer.core.uploads import StoredFile
from transfer.engine.beginnings import FileToSend
from transfer.storage.memory import MemoryObjectStore

BIG = bytes(range(256)) * (MIN_PART_BYTES // 256 + 1)
NEW = FileToSend(case_number=NUMBER, path=CasePath("copy.log"), replaces=True)


async def sent(room: EngineRoom, data: bytes = BIG) -> StoredFile:
    await room.send("a.log", data)
    entry = await room.files.entry(customer(), NUMBER, CasePath("a.log"))
    assert isinstance(entry, StoredFile)
    return entry


@pytest.mark.parametrize("data", [b"", b"some", BIG])
async def test_a_copy_goes_on_as_any_upload_does(room: EngineRoom, data: bytes) -> None:
    file = await sent(room, data)
    writer = await room.uploads.create_writer(customer(), NEW)
    writer = await room.uploads.copy(customer(), writer, file)
    assert writer.position == len(data)
    await writer.write(b"and more")
    copy = await room.uploads.finish_writer(customer(), writer)
    assert await room.content_of(copy) == data + b"and more"
    [event] = [
        one for one in await room.records.audit.events(NUMBER) if one.action == "file.copied"
    ]
    assert (event.subject, event.details["upload_id"]) == (file.id, writer.upload.id)


async def test_a_file_of_another_case_is_not_copied(room: EngineRoom) -> None:
    other = replace(await sent(room), case_number=CaseNumber("0003256110"))
    writer = await room.uploads.create_writer(customer(), NEW)
    with pytest.raises(EntryMissingError):
        await room.uploads.copy(customer(), writer, other)


async def test_who_may_not_download_copies_nothing(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    file = await sent(room)
    sender = replace(customer(), actions=frozenset({Action.SEE, Action.UPLOAD}))
    writer = await room.uploads.create_writer(sender, NEW)
    with pytest.raises(ForbiddenError):
        await room.uploads.copy(sender, writer, file)
    with pytest.raises(UnavailableError):
        await writer.write(b"more")
    assert not any(call.operation == "copy_part" for call in store.calls)


async def test_after_a_copy_that_failed_its_writer_takes_nothing(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    file = await sent(room)
    writer = await room.uploads.create_writer(customer(), NEW)
    store.fail_next("copy_part")
    with pytest.raises(StoreUnavailableError):
        await room.uploads.copy(customer(), writer, file)
    for attempt in (writer.write(b"more"), room.uploads.finish_writer(customer(), writer)):
        with pytest.raises(TransferError):
            await attempt
