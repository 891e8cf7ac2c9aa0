"""Downloads: each is noted, and an analyst's is told, once a day."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.engine_room import ANALYST, NUMBER, EngineRoom, customer, engine_room
from transfer.core.archive_contents import Selection
from transfer.core.names import CasePath
from transfer.core.uploads import StoredFile
from transfer.ports import CaseEvent


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[EngineRoom]:
    async with engine_room(tmp_path) as room:
        await room.send("trace.log", b"abc")
        yield room


async def the_file(room: EngineRoom) -> StoredFile:
    entry = await room.files.entry(ANALYST, NUMBER, CasePath("trace.log"))
    assert isinstance(entry, StoredFile)
    return entry


async def told(room: EngineRoom) -> list[CaseEvent]:
    now = room.clock.now()
    events = await room.records.outbox.claim("w", now, now)
    return [event for event in events if event.type.endswith(".downloaded")]


async def noted(room: EngineRoom) -> int:
    events = await room.records.audit.events(NUMBER)
    return sum(event.action.endswith(".downloaded") for event in events)


async def test_an_analysts_download_is_told_once_a_day_and_noted_every_time(
    room: EngineRoom,
) -> None:
    file = await the_file(room)
    for start in (0, 1, 2):
        await room.files.begin_download(ANALYST, file, start, 1)
    (event,) = await told(room)
    assert event.type == "file.downloaded"
    assert event.data["path"] == "trace.log"
    assert (event.data["actor"], event.data["file_id"]) == ("analyst", file.id)
    room.clock.advance(timedelta(days=1))
    await room.files.begin_download(ANALYST, file, 0, 3)
    assert len(await told(room)) == 2
    assert await noted(room) == 4


async def test_a_customers_download_is_noted_and_nobody_is_told(room: EngineRoom) -> None:
    await room.files.begin_download(customer(), await the_file(room), 0, 3)
    assert await told(room) == []
    assert await noted(room) == 1


async def test_an_archive_is_told_as_one(room: EngineRoom) -> None:
    async with room.archives.open(ANALYST, NUMBER, Selection()) as archive:
        await room.archives.begin(ANALYST, archive, start=0, known=False)
    (event,) = await told(room)
    assert event.type == "archive.downloaded"
    assert (event.data["files"], event.data["size"]) == (1, archive.size)
