"""The engine on a real store, and what it asks of it."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.engine_room import MIB, NUMBER, EngineRoom, chunks, customer, cut, engine_room
from tests.s3_log import RequestLog, request_log
from transfer.core.names import CasePath
from transfer.core.parts import PartPlan
from transfer.core.uploads import StoredFile, UploadState
from transfer.engine.beginnings import FileToSend
from transfer.engine.policy import UploadPolicy
from transfer.storage.s3 import S3ObjectStore
from transfer.storage.s3_client import S3Settings

pytestmark = pytest.mark.e2e

DATA = random.Random(5).randbytes(40 * MIB + 1234)


@pytest.fixture
async def log(bucket: S3Settings) -> AsyncIterator[RequestLog]:
    async with request_log(bucket) as made:
        yield made


@pytest.fixture
async def room(tmp_path: Path, log: RequestLog) -> AsyncIterator[EngineRoom]:
    policy = UploadPolicy(plan=PartPlan())
    async with (
        S3ObjectStore(log.settings) as store,
        engine_room(tmp_path, store=store, policy=policy, running=True) as made,
    ):
        yield made


async def received(room: EngineRoom, path: str) -> StoredFile:
    entry = await room.files.entry(customer(), NUMBER, CasePath(path))
    assert isinstance(entry, StoredFile)
    return entry


async def test_a_file_in_ragged_requests_is_put_together_and_checked_by_the_store(
    room: EngineRoom, log: RequestLog
) -> None:
    file = FileToSend(case_number=NUMBER, path=CasePath("a.log"), length=len(DATA))
    upload = await room.uploads.create(customer(), file)
    offset = 0
    for size in (1000, 6 * MIB, 3 * MIB, 17 * MIB):
        piece = DATA[offset : offset + size]
        await room.append(customer(), upload.id, offset, chunks(piece, 300_000))
        offset += size
    piece = DATA[offset : offset + 2 * MIB]
    with pytest.raises(ConnectionResetError):
        await room.append(customer(), upload.id, offset, chunks(piece, 300_000, then=cut))
    stood = await room.uploads.show(customer(), upload.id)
    assert (stood.offset, stood.state) == (offset + 2 * MIB, UploadState.INTERRUPTED)
    rest = DATA[stood.offset :]
    await room.append(customer(), upload.id, stood.offset, chunks(rest, 300_000))
    assert log.sent_bytes < 1.5 * len(DATA), "the tails cost too much"
    assert await room.content("a.log") == DATA


async def test_a_rename_asks_nothing_of_the_store(room: EngineRoom, log: RequestLog) -> None:
    await room.send("a.log", DATA)
    log.requests.clear()
    await room.files.move(customer(), NUMBER, CasePath("a.log"), CasePath("b.log"))
    assert log.requests == []
    assert await room.content("b.log") == DATA


async def test_a_received_file_is_continued_without_being_downloaded(
    room: EngineRoom, log: RequestLog
) -> None:
    await room.send("a.log", DATA)
    file = await received(room, "a.log")
    log.requests.clear()
    writer = await room.uploads.extend(customer(), file, file.size)
    await writer.write(b"and more")
    await room.uploads.finish_writer(customer(), writer)
    assert (log.reads, log.copies, log.sent_bytes) == (0, 1, len(b"and more"))
    assert await room.content("a.log") == DATA + b"and more"


async def test_an_offset_is_told_without_asking_the_store(
    room: EngineRoom, log: RequestLog
) -> None:
    file = FileToSend(case_number=NUMBER, path=CasePath("a.log"), length=len(DATA))
    upload = await room.uploads.create(customer(), file)
    await room.append(customer(), upload.id, 0, chunks(DATA[: 20 * MIB], 300_000))
    log.requests.clear()
    await asyncio.gather(*(room.uploads.show(customer(), upload.id) for _ in range(10)))
    assert log.requests == []
