"""Digests that clients ask for: stored ones at once, others by reading the file, once."""

import hashlib
import zlib
from dataclasses import replace

import pytest

from tests.engine_room import ANALYST, KIB, NUMBER, EngineRoom, customer
from transfer.core.access import Action, Principal
from transfer.core.errors import ForbiddenError, InvalidRequestError, UnsupportedAlgorithmError
from transfer.core.names import CasePath
from transfer.core.uploads import FileId, StoredFile, UploadState
from transfer.engine.beginnings import FileToSend
from transfer.engine.hashes import ALGORITHMS, MAX_BLOCKS, FileHashes, HashedRange
from transfer.engine.known_digests import KnownDigests
from transfer.engine.writer import UploadWriter
from transfer.storage.memory import MemoryObjectStore

DATA = bytes(range(256)) * 5 * KIB
"""More than a chunk, so that blocks end in the middle of one."""


async def sent(room: EngineRoom, data: bytes = DATA) -> StoredFile:
    await room.send("a.log", data)
    entry = await room.files.entry(customer(), NUMBER, CasePath("a.log"))
    assert isinstance(entry, StoredFile)
    return entry


def expected(algorithm: str, data: bytes) -> bytes:
    if algorithm == "crc32":
        return zlib.crc32(data).to_bytes(4, "big")
    return hashlib.new(algorithm, data, usedforsecurity=False).digest()


def reads(store: MemoryObjectStore) -> int:
    return sum(call.operation == "read" for call in store.calls)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_each_algorithm_gives_what_all_others_give(room: EngineRoom, algorithm: str) -> None:
    file = await sent(room)
    hashes = FileHashes(room.tools)
    assert await hashes.whole(file, algorithm) == expected(algorithm, DATA)
    part = HashedRange(start=1000, size=300_000)
    assert await hashes.digests(file, algorithm, part) == [expected(algorithm, DATA[1000:301_000])]


async def test_what_is_known_of_a_file_is_not_read_again(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    file = await sent(room)
    hashes = FileHashes(room.tools)
    for _ in range(2):
        for algorithm in ("sha256", "crc32"):
            await hashes.whole(file, algorithm)
    assert reads(store) == 0
    for _ in range(2):
        await hashes.whole(file, "md5")
        await hashes.whole(file, "sha1")
    assert reads(store) == 2


async def test_a_crc_that_nobody_noted_is_found(room: EngineRoom) -> None:
    file = await sent(room)
    old = replace(file, digest=replace(file.digest, crc32=None))
    assert await FileHashes(room.tools).whole(old, "crc32") == expected("crc32", DATA)


@pytest.mark.parametrize("block", [256, 1000, 64 * KIB, len(DATA), len(DATA) + 1])
async def test_blocks_are_hashed_each_by_itself(room: EngineRoom, block: int) -> None:
    file = await sent(room)
    size = min(len(DATA) - 100, MAX_BLOCKS * block)
    asked = HashedRange(start=100, size=size, block=block)
    found = await FileHashes(room.tools).digests(file, "sha256", asked)
    data = DATA[100 : 100 + size]
    blocks = [data[start : start + block] for start in range(0, size, block)]
    assert found == [expected("sha256", one) for one in blocks]


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        (HashedRange(start=5), 5, None),
        (HashedRange(start=5, size=10**12), 5, None),
        (HashedRange(start=10**12), len(DATA), None),
        (HashedRange(start=10**12, size=1, block=256), len(DATA), None),
    ],
)
async def test_a_range_ends_with_the_file(
    room: EngineRoom, asked: HashedRange, start: int, end: int | None
) -> None:
    file = await sent(room)
    found = await FileHashes(room.tools).digests(file, "md5", asked)
    assert found == [expected("md5", DATA[start:end])]


async def test_an_empty_file_has_the_digest_of_nothing(room: EngineRoom) -> None:
    file = await sent(room, b"")
    for algorithm in ALGORITHMS:
        assert await FileHashes(room.tools).whole(file, algorithm) == expected(algorithm, b"")


@pytest.mark.parametrize(
    "asked", [HashedRange(block=255), HashedRange(block=256, size=256 * MAX_BLOCKS + 1)]
)
async def test_blocks_that_are_too_small_are_refused(room: EngineRoom, asked: HashedRange) -> None:
    file = await sent(room)
    with pytest.raises(InvalidRequestError, match=r"256|2048"):
        await FileHashes(room.tools).digests(file, "md5", asked)


@pytest.mark.parametrize("algorithm", ["", "sha3-256", "shake_128", "MD5"])
async def test_other_algorithms_are_refused(room: EngineRoom, algorithm: str) -> None:
    file = await sent(room)
    with pytest.raises(UnsupportedAlgorithmError, match="sha256"):
        await FileHashes(room.tools).whole(file, algorithm)


async def test_who_may_not_download_learns_no_digest(room: EngineRoom) -> None:
    file = await sent(room)
    sender: Principal = replace(customer(), actions=frozenset({Action.SEE, Action.UPLOAD}))
    with pytest.raises(ForbiddenError):
        await room.files.digests(sender, file, "md5")
    assert await room.files.digests(customer(), file, "md5") == [expected("md5", DATA)]


# ── Found while the file is sent ─────────────────────────────────────────────────────────────────


async def write(
    room: EngineRoom, data: bytes, path: str = "b.log"
) -> tuple[UploadWriter, StoredFile]:
    new = FileToSend(case_number=NUMBER, path=CasePath(path), replaces=True)
    writer = await room.uploads.create_writer(customer(), new)
    for start in range(0, len(data), 100_000):
        await writer.write(data[start : start + 100_000])
    return writer, await room.uploads.finish_writer(customer(), writer)


@pytest.mark.parametrize("data", [b"", DATA[:1000], DATA])
async def test_who_has_asked_before_has_the_digest_found_while_sending(
    room: EngineRoom, store: MemoryObjectStore, data: bytes
) -> None:
    room.files.expect_digests(customer(), "sha1")
    _, file = await write(room, data)
    assert await room.files.digests(customer(), file, "sha1") == [expected("sha1", data)]
    assert reads(store) == 0


async def test_who_has_not_asked_pays_for_no_other_digest(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    room.files.expect_digests(ANALYST, "sha1")
    room.files.expect_digests(customer(), "sha512")
    writer, file = await write(room, DATA)
    assert writer._pipeline.digest.beside == {}
    await room.files.digests(customer(), file, "sha1")
    assert reads(store) == 1
    writer, file = await write(room, DATA, "c.log")
    assert writer._pipeline.digest.beside.keys() == {"sha1"}
    await room.files.digests(customer(), file, "sha1")
    assert reads(store) == 1


async def test_what_was_sent_in_two_turns_is_read(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    room.files.expect_digests(customer(), "sha1")
    new = FileToSend(case_number=NUMBER, path=CasePath("b.log"), replaces=True)
    writer = await room.uploads.create_writer(customer(), new)
    await writer.write(DATA[:300_000])
    await room.uploads.close_writer(writer, UploadState.INTERRUPTED)
    writer = await room.uploads.open_writer(customer(), writer.upload.id)
    writer.hash_beside(["sha1"])
    await writer.write(DATA[300_000:])
    file = await room.uploads.finish_writer(customer(), writer)
    begun = reads(store)
    assert await room.files.digests(customer(), file, "sha1") == [expected("sha1", DATA)]
    assert reads(store) == begun + 1


async def test_a_digest_of_other_bytes_is_not_kept(room: EngineRoom) -> None:
    room.files.expect_digests(customer(), "md5")
    writer, file = await write(room, DATA)
    writer.note_digests(replace(file, id=FileId("other"), sha256="0" * 64))
    assert room.tools.known_digests.get(FileId("other"), "md5") is None
    assert room.tools.known_digests.get(file.id, "md5") == expected("md5", DATA)


def test_only_so_much_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transfer.engine.known_digests._KEPT_DIGESTS", 2)
    monkeypatch.setattr("transfer.engine.known_digests._KEPT_NAMES", 2)
    known = KnownDigests()
    for number in range(3):
        known.keep(FileId(str(number)), "md5", b"digest")
        known.want(str(number), "md5")
        known.want("0", "sha1")
    assert [known.get(FileId(str(number)), "md5") is None for number in range(3)] == [
        *(True, False, False)
    ]
    assert known.wanted("0") == {"md5", "sha1"}
    assert [bool(known.wanted(str(number))) for number in range(3)] == [True, False, True]
