import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from transfer.engine.writer import UploadWriter
from transfer.ports import Buffer
from transfer.sftp.patching import PatchedFile
from transfer.sftp.readahead import MAX_READ_BYTES, FileReader
from transfer.sftp.reading_room import ReadingRoom
from transfer.sftp.spool import SpoolSpace

KIB = 1024


class _Sink(UploadWriter):
    """Takes what is poured."""

    def __init__(self) -> None:
        self.data = bytearray()

    async def write(self, data: Buffer) -> None:
        self.data += memoryview(data)


def _base(data: bytes) -> FileReader:
    @asynccontextmanager
    async def stream(start: int, size: int) -> AsyncIterator[AsyncIterator[bytes]]:
        async def chunks() -> AsyncIterator[bytes]:
            for at in range(start, start + size, 50_000):
                yield data[at : min(at + 50_000, start + size)]

        yield chunks()

    return FileReader(stream, len(data), ReadingRoom())


async def _all_of(file: PatchedFile) -> bytes:
    data = bytearray()
    while piece := await file.read(len(data), MAX_READ_BYTES):
        data += piece
    return bytes(data)


@pytest.mark.parametrize("seed", range(12))
async def test_a_file_is_what_was_done_to_it_in_any_order(tmp_path: Path, seed: int) -> None:
    source = random.Random(seed)
    expected = bytearray(source.randbytes(source.choice((0, 1, 700 * KIB))))
    base = _base(bytes(expected)) if expected else None
    file = PatchedFile(SpoolSpace(folder=tmp_path), base, len(expected))
    for _ in range(40):
        if source.random() < 0.2:
            size = source.randrange(800 * KIB)
            file.resize(size)
            expected = expected[:size] + bytes(size - len(expected[:size]))
        else:
            offset, data = source.randrange(800 * KIB), source.randbytes(source.randrange(90_000))
            if not data:
                continue
            await file.write(offset, data)
            expected += bytes(max(0, offset - len(expected)))
            expected[offset : offset + len(data)] = data
        assert file.size == len(expected)
    assert await _all_of(file) == expected
    sink = _Sink()
    await file.pour(sink, len(expected) // 2)
    assert sink.data == expected[: len(expected) // 2]
    await file.close()


async def test_holes_are_what_nobody_has_sent(tmp_path: Path) -> None:
    file = PatchedFile(SpoolSpace(folder=tmp_path), _base(bytes(100)), 100)
    assert (file.first_hole(), file.hole_bytes) == (None, 0)
    await file.write(150, b"x" * 10)
    assert (file.first_hole(), file.hole_bytes) == (100, 50)
    await file.write(100, b"x" * 50)
    assert file.first_hole() is None
    file.resize(40)
    file.resize(60)
    assert (file.first_hole(), file.hole_bytes) == (40, 20)
    assert await file.read(30, 100) == bytes(30)
    await file.close()
