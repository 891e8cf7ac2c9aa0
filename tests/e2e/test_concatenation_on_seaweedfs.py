"""Files of pieces on a real store: what is copied there, and what is sent again."""

import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from tests.engine_room import MIB, NUMBER, EngineRoom, chunks, customer, engine_room
from tests.s3_log import RequestLog, request_log
from transfer.core.concatenation import Concatenation
from transfer.core.names import CasePath
from transfer.core.parts import PartPlan
from transfer.core.uploads import Concat, UploadId, UploadState
from transfer.engine.beginnings import FileToSend
from transfer.engine.policy import UploadPolicy
from transfer.storage.s3 import S3ObjectStore
from transfer.storage.s3_client import S3Settings

pytestmark = pytest.mark.e2e

DATA = random.Random(6).randbytes(46 * MIB + 1234)


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


async def send_pieces(room: EngineRoom, sizes: Sequence[int]) -> tuple[UploadId, ...]:
    pieces, begin = [], 0
    for size in sizes:
        piece = FileToSend(
            case_number=NUMBER,
            path=CasePath("unnamed"),
            length=size,
            concatenation=Concatenation(role=Concat.PARTIAL, header="partial"),
        )
        body = chunks(DATA[begin : begin + size], MIB)
        pieces.append((await room.uploads.receive(customer(), piece, body)).id)
        begin += size
    return tuple(pieces)


async def put_together(room: EngineRoom, pieces: tuple[UploadId, ...], path: str) -> None:
    named = Concatenation(role=Concat.FINAL, header=f"final;{pieces}", pieces=pieces)
    file = FileToSend(case_number=NUMBER, path=CasePath(path), concatenation=named)
    assert (await room.uploads.create(customer(), file)).state is UploadState.RECEIVED


async def test_big_pieces_are_copied_and_read_once_and_nothing_is_sent_again(
    room: EngineRoom, log: RequestLog
) -> None:
    sizes = (20 * MIB, 6 * MIB, len(DATA) - 26 * MIB)
    pieces = await send_pieces(room, sizes)
    log.requests.clear()
    await put_together(room, pieces, "a.log")
    assert (log.copies, log.reads, log.sent_bytes) == (3, 2, 0)
    assert len(log.requests) == 3 + 2 + 2, "beside them the upload begins and is completed"
    assert await room.content("a.log") == DATA


async def test_a_small_piece_between_big_ones_is_sent_again_with_as_little_as_makes_a_part(
    room: EngineRoom, log: RequestLog
) -> None:
    pieces = await send_pieces(room, (20 * MIB, 1000, len(DATA) - 20 * MIB - 1000))
    log.requests.clear()
    await put_together(room, pieces, "a.log")
    assert (log.copies, log.sent_bytes) == (2, 5 * MIB)
    assert await room.content("a.log") == DATA


async def test_small_pieces_make_one_object(room: EngineRoom, log: RequestLog) -> None:
    pieces = await send_pieces(room, (1 * MIB, 1234, 2 * MIB))
    log.requests.clear()
    await put_together(room, pieces, "a.log")
    assert (log.copies, log.reads, log.sent_bytes) == (0, 3, 3 * MIB + 1234)
    assert await room.content("a.log") == DATA[: 3 * MIB + 1234]


async def test_a_piece_is_used_for_two_files(room: EngineRoom) -> None:
    one, other = await send_pieces(room, (6 * MIB, 7 * MIB))
    await put_together(room, (other, one), "a.log")
    await put_together(room, (one, one, other), "b.log")
    begin, end = DATA[: 6 * MIB], DATA[6 * MIB : 13 * MIB]
    assert await room.content("a.log") == end + begin
    assert await room.content("b.log") == begin + begin + end
