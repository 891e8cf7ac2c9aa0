"""Requests that have sent something, and hang."""

import asyncio
import random

from tests.engine_room import KIB, NUMBER, EngineRoom, chunks, customer, stall
from transfer.core.names import CasePath
from transfer.core.uploads import Upload, UploadId
from transfer.engine.beginnings import FileToSend

DATA = random.Random(1).randbytes(300 * KIB)


def a_file(path: str = "a.log", length: int | None = len(DATA)) -> FileToSend:
    return FileToSend(case_number=NUMBER, path=CasePath(path), length=length)


async def offset_becomes(room: EngineRoom, upload_id: UploadId, offset: int) -> None:
    async with asyncio.timeout(20):
        while (await room.records.uploads.upload(upload_id)).offset < offset:
            await room.tools.clock.sleep(0.01)


async def begun(room: EngineRoom, size: int) -> "tuple[Upload, asyncio.Task[Upload]]":
    """Return an upload whose request has sent `size` bytes, and stalls."""
    upload = await room.uploads.create(customer(), a_file())
    request = room.append(customer(), upload.id, 0, chunks(DATA[:size], then=stall))
    task = asyncio.create_task(request)
    await offset_becomes(room, upload.id, size // (64 * KIB) * 64 * KIB)
    return upload, task
