"""tus checksum, expiration and termination; and a finish that fails for a while."""

import base64
from datetime import timedelta

import pytest
from awscrt.checksums import crc32c

from tests.e2e.http.http_room import TUS, HttpRoom, checksum
from transfer.core.errors import StoreUnavailableError
from transfer.storage.memory import MemoryObjectStore

DATA = bytes(range(256)) * 1000


def crc32c_of(data: bytes) -> dict[str, str]:
    encoded = base64.b64encode(crc32c(data).to_bytes(4, "big")).decode()
    return {"Upload-Checksum": f"crc32c {encoded}"}


# ── Checksum ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
async def test_a_chunk_with_a_right_checksum_counts(room: HttpRoom, algorithm: str) -> None:
    location = await room.begin(len(DATA))
    for start in range(0, len(DATA), 100_000):
        chunk = DATA[start : start + 100_000]
        answer = await room.patch(location, start, chunk, headers=checksum(algorithm, chunk))
        assert answer.status == 204
    assert await room.engine.content("trace.log") == DATA


async def test_a_chunk_with_a_right_crc32c_counts(room: HttpRoom) -> None:
    location = await room.begin(len(DATA))
    assert (await room.patch(location, 0, DATA, headers=crc32c_of(DATA))).status == 204
    assert await room.engine.content("trace.log") == DATA


@pytest.mark.parametrize("size", [1000, 200_000])
async def test_a_damaged_chunk_counts_for_nothing_and_can_be_sent_again(
    room: HttpRoom, size: int
) -> None:
    location = await room.begin(len(DATA))
    await room.patch(location, 0, DATA[:7])
    chunk = DATA[7 : 7 + size]
    for declared in (checksum("sha1", b"other"), crc32c_of(b"other")):
        answer = await room.patch(location, 7, chunk, headers=declared)
        assert (answer.status, answer.code) == (460, "checksum-mismatch")
        assert await room.offset(location) == 7
    assert (await room.patch(location, 7, chunk, headers=checksum("sha1", chunk))).status == 204
    await room.patch(location, 7 + size, DATA[7 + size :])
    assert await room.engine.content("trace.log") == DATA


@pytest.mark.parametrize(
    ("declared", "code"),
    [
        ("md5 1B2M2Y8AsgTpgAmY7PhCfg==", "unsupported-algorithm"),
        ("sha1", "unsupported-algorithm"),
        ("sha1 not!base64", "unsupported-algorithm"),
        ("sha1 YWJj", "unsupported-algorithm"),
        ("", "unsupported-algorithm"),
    ],
)
async def test_a_checksum_that_cannot_be_is_refused(
    room: HttpRoom, declared: str, code: str
) -> None:
    location = await room.begin(len(DATA))
    answer = await room.patch(location, 0, DATA, headers={"Upload-Checksum": declared})
    assert (answer.status, answer.code) == (400, code)
    assert await room.offset(location) == 0


# ── Expiration ───────────────────────────────────────────────────────────────────────────────


async def test_an_expired_upload_is_gone_and_takes_nothing(room: HttpRoom) -> None:
    location = await room.begin(len(DATA))
    await room.patch(location, 0, DATA[:100])
    room.engine.clock.advance(timedelta(days=7))
    head = await room.head(location)
    assert head.status == 410
    assert "Upload-Offset" not in head.headers
    answer = await room.patch(location, 100, DATA[100:])
    assert (answer.status, answer.code) == (410, "upload-gone")
    await room.engine.uploads.tend_overdue()
    assert (await room.head(location)).status == 410


# ── Termination ──────────────────────────────────────────────────────────────────────────────


async def test_a_terminated_upload_is_gone(room: HttpRoom) -> None:
    location = await room.begin(len(DATA))
    await room.patch(location, 0, DATA[:100])
    answer = await room.ask("DELETE", location, headers=TUS)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert (await room.head(location)).status == 410
    assert (await room.patch(location, 100, DATA[100:])).status == 410
    assert await room.uploads() == []


async def test_a_received_file_is_not_terminated_by_its_upload(room: HttpRoom) -> None:
    location = await room.begin(len(DATA))
    await room.patch(location, 0, DATA)
    answer = await room.ask("DELETE", location, headers=TUS)
    assert (answer.status, answer.code) == (410, "upload-gone")
    assert await room.engine.content("trace.log") == DATA


# ── A store that is away ─────────────────────────────────────────────────────────────────────


def store_of(room: HttpRoom) -> MemoryObjectStore:
    store = room.engine.store
    assert isinstance(store, MemoryObjectStore)
    return store


async def test_a_finish_that_fails_is_not_told_as_done_and_head_makes_up_for_it(
    room: HttpRoom,
) -> None:
    location = await room.begin(len(DATA))
    store_of(room).fail_next("complete_multipart")
    answer = await room.patch(location, 0, DATA)
    assert (answer.status, answer.code) == (503, "store-unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert await room.files() == []
    head = await room.head(location)
    assert (head.status, head.headers["Upload-Offset"]) == (200, str(len(DATA)))
    assert await room.engine.content("trace.log") == DATA


async def test_a_passing_fault_at_head_is_no_4xx(room: HttpRoom) -> None:
    location = await room.begin(len(DATA))
    for _ in range(2):
        store_of(room).fail_next("complete_multipart", StoreUnavailableError("away"))
    await room.patch(location, 0, DATA)
    assert (await room.head(location)).status == 503
    assert (await room.head(location)).status == 200


async def test_a_part_that_fails_keeps_what_came_before(room: HttpRoom) -> None:
    location = await room.begin(len(DATA))
    store_of(room).fail_next("upload_part", part_number=3)
    answer = await room.patch(location, 0, DATA)
    assert answer.status == 503
    offset = await room.offset(location)
    assert offset <= 2 * 64 * 1024
    assert (await room.patch(location, offset, DATA[offset:])).status == 204
    assert await room.engine.content("trace.log") == DATA
