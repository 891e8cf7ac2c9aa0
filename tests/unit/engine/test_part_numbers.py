"""Part numbers: few transactions reserve them, few are lost, and none is used twice."""

import random
from pathlib import Path

import pytest

from tests.engine_room import KIB, NUMBER, SMALL_PARTS, EngineRoom, customer, engine_room
from transfer.core.names import CasePath
from transfer.core.parts import MAX_PART_NUMBER
from transfer.core.uploads import UploadId, UploadState
from transfer.engine.beginnings import FileToSend
from transfer.engine.policy import UploadPolicy
from transfer.engine.writer import UploadWriter

PART = 64 * KIB
DATA = random.Random(5).randbytes(80 * PART)


async def begun(room: EngineRoom, length: int | None = len(DATA)) -> UploadWriter:
    file = FileToSend(case_number=NUMBER, path=CasePath("a.log"), length=length)
    return await room.uploads.create_writer(customer(), file)


async def numbers(room: EngineRoom, writer: UploadWriter) -> list[int]:
    return [part.number for part in await room.records.uploads.parts(writer.upload.id)]


async def next_number(room: EngineRoom, writer: UploadWriter) -> int:
    return (await room.records.uploads.upload(writer.upload.id)).next_part_number


async def test_few_transactions_reserve_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with engine_room(tmp_path, policy=UploadPolicy(plan=SMALL_PARTS)) as room:
        reserve, counts = room.records.uploads.reserve_part, []

        async def counted(upload_id: UploadId, fence: int, count: int = 1) -> int:
            counts.append(count)
            return await reserve(upload_id, fence, count)

        monkeypatch.setattr(room.records.uploads, "reserve_part", counted)
        writer = await begun(room)
        await writer.write(DATA[: 70 * PART])
        await writer.flush()
        assert await numbers(room, writer) == list(range(1, 71))
        assert counts[:8] == [1] * 8
        assert len(counts) < 25
        await writer.write(DATA[70 * PART :])
        await room.uploads.finish_writer(customer(), writer)
        assert await room.content("a.log") == DATA


@pytest.mark.parametrize("sent", [1, 7, 13, 41])
async def test_a_newcomer_has_numbers_of_their_own_and_few_are_lost(
    tmp_path: Path, sent: int
) -> None:
    async with engine_room(tmp_path, policy=UploadPolicy(plan=SMALL_PARTS)) as room:
        writer = await begun(room)
        await writer.write(DATA[: sent * PART])
        await room.uploads.close_writer(writer, UploadState.INTERRUPTED)
        following = await next_number(room, writer)
        assert sent < following <= sent + 1 + sent // 4
        again = await room.uploads.open_writer(customer(), writer.upload.id)
        await again.write(DATA[sent * PART :])
        await room.uploads.finish_writer(customer(), again)
        assert await room.content("a.log") == DATA


async def test_the_last_numbers_are_used_up(tmp_path: Path) -> None:
    data = DATA[: 9 * PART]
    async with engine_room(tmp_path, policy=UploadPolicy(plan=SMALL_PARTS)) as room:
        first = await begun(room, None)
        taken = MAX_PART_NUMBER - 9
        await room.records.uploads.reserve_part(first.upload.id, first.upload.fence, taken)
        await room.uploads.close_writer(first, UploadState.INTERRUPTED)
        writer = await room.uploads.open_writer(customer(), first.upload.id)
        await writer.write(data)
        await writer.flush()
        assert await numbers(room, writer) == list(range(taken + 1, MAX_PART_NUMBER + 1))
        await room.uploads.finish_writer(customer(), writer)
        assert await room.content("a.log") == data
