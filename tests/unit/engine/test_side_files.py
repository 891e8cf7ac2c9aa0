"""What side files tell is compared with the files, whichever of them comes first."""

import asyncio
import hashlib
from contextlib import suppress
from datetime import timedelta

import pytest

from tests.engine_room import ANALYST, NUMBER, EngineRoom, customer
from transfer.core.errors import StoreUnavailableError
from transfer.core.names import CasePath
from transfer.core.side_files import MAX_SIDE_FILE_BYTES
from transfer.core.uploads import StoredFile
from transfer.engine.side_files import SideFiles
from transfer.ports import JobKind
from transfer.storage.memory import Call, MemoryObjectStore

DATA = b"trace " * 1000
SHA256 = hashlib.sha256(DATA).hexdigest()
MD5 = hashlib.md5(DATA, usedforsecurity=False).hexdigest()
WRONG = "0" * 64


@pytest.fixture
def side_files(room: EngineRoom) -> SideFiles:
    return SideFiles(room.tools, "node")


async def the_file(room: EngineRoom, path: str = "trace.log") -> StoredFile:
    entry = await room.files.entry(ANALYST, NUMBER, CasePath(path))
    assert isinstance(entry, StoredFile)
    return entry


async def stands(room: EngineRoom, path: str = "trace.log") -> tuple[bool, str | None]:
    file = await the_file(room, path)
    return file.verified, file.claimed_digest


async def audited(room: EngineRoom) -> list[str]:
    events = await room.records.audit.events(NUMBER)
    wanted = ("file.verified", "file.digest-mismatch")
    return [event.action for event in events if event.action in wanted]


async def waiting(room: EngineRoom) -> int:
    """How many side files are still looked after."""
    now = room.clock.now() + timedelta(days=365)
    jobs = await room.records.jobs.claim("test", now, now, 100, kind=JobKind.SIDE_FILE)
    for job in jobs:
        await room.records.jobs.put_off(job, room.clock.now(), job.payload)
    return len(jobs)


@pytest.mark.parametrize(
    ("name", "digest"), [("trace.log.sha256", SHA256), ("trace.log.md5", MD5), ("SHA256SUMS", MD5)]
)
async def test_a_file_that_was_there_before_is_verified(
    room: EngineRoom, side_files: SideFiles, name: str, digest: str
) -> None:
    await room.send("trace.log", DATA)
    await room.send(name, f"{digest}  trace.log\n".encode())
    assert await side_files.run_once() == 1
    assert await stands(room) == (True, None)
    assert await audited(room) == ["file.verified"]
    assert await waiting(room) == 0


async def test_a_file_that_comes_later_is_verified(room: EngineRoom, side_files: SideFiles) -> None:
    await room.send("trace.log.sha256", f"{SHA256}  trace.log\n".encode())
    assert await side_files.run_once() == 1
    assert await side_files.run_once() == 0
    await room.send("trace.log", DATA)
    room.clock.advance(timedelta(seconds=2))
    assert await side_files.run_once() == 1
    assert await stands(room) == (True, None)
    assert await waiting(room) == 0


async def test_who_waits_long_is_asked_for_rarely_and_not_for_ever(
    room: EngineRoom, side_files: SideFiles
) -> None:
    await room.send("trace.log.sha256", f"{SHA256}  trace.log\n".encode())
    looks = []
    began = room.clock.now()
    for _ in range(9 * 24):
        if await side_files.run_once():
            looks.append(room.clock.now() - began)
        room.clock.advance(timedelta(hours=1))
    assert 160 < len(looks) < 180
    assert timedelta(days=7) <= looks[-1] < timedelta(days=7, hours=2)
    assert await waiting(room) == 0


@pytest.mark.parametrize("digest", [WRONG, "0" * 32])
async def test_a_file_that_differs_is_told_of_until_it_is_sent_again(
    room: EngineRoom, side_files: SideFiles, digest: str
) -> None:
    algorithm = {64: "sha256", 32: "md5"}[len(digest)]
    await room.send("trace.log", DATA)
    await room.send("trace.log.sha256", digest.encode())
    await side_files.run_once()
    assert await stands(room) == (False, f"{algorithm}:{digest}")
    for _ in range(2):
        room.clock.advance(timedelta(minutes=1))
        assert await side_files.run_once() == 1
    assert await audited(room) == ["file.digest-mismatch"]
    [told] = [
        event
        for event in await room.records.audit.events(NUMBER)
        if event.action == "file.digest-mismatch"
    ]
    side_file = await the_file(room, "trace.log.sha256")
    assert told.actor == "service"
    assert told.details["side_file"] == "trace.log.sha256"
    assert told.details["side_file_id"] == side_file.id
    assert told.details["claimed_digest"] == f"{algorithm}:{digest}"


async def test_a_file_that_is_sent_again_as_it_should_be_becomes_verified(
    room: EngineRoom, side_files: SideFiles
) -> None:
    await room.send("trace.log", b"damaged")
    await room.send("trace.log.sha256", SHA256.encode())
    await side_files.run_once()
    await room.send("trace.log", DATA, replaces=True)
    room.clock.advance(timedelta(seconds=2))
    await side_files.run_once()
    assert await stands(room) == (True, None)
    assert await audited(room) == ["file.digest-mismatch", "file.verified"]
    assert await waiting(room) == 0


async def test_what_its_sender_says_afterwards_is_not_undone(
    room: EngineRoom, side_files: SideFiles
) -> None:
    upload = await room.send("trace.log", DATA)
    await room.send("trace.log.sha256", WRONG.encode())
    await side_files.run_once()
    await room.uploads.promise(customer(), upload.id, SHA256)
    room.clock.advance(timedelta(minutes=1))
    await side_files.run_once()
    assert await stands(room) == (True, None)
    assert await waiting(room) == 0


async def test_a_list_is_done_when_all_of_its_files_are(
    room: EngineRoom, side_files: SideFiles
) -> None:
    await room.files.make_folder(customer(), NUMBER, CasePath("logs"))
    await room.files.make_folder(customer(), NUMBER, CasePath("logs/node1"))
    lines = f"{SHA256}  a.log\n{SHA256}  node1/b.log\n{WRONG}  ../c.log\n"
    await room.send("logs/SHA256SUMS", lines.encode())
    for path, verified in (("logs/a.log", True), ("logs/node1/b.log", True), ("c.log", False)):
        await room.send(path, DATA)
        room.clock.advance(timedelta(minutes=1))
        await side_files.run_once()
        assert (await stands(room, path))[0] is verified
    assert await waiting(room) == 1


async def test_nobody_vouches_for_the_files_of_the_other_side(
    room: EngineRoom, side_files: SideFiles
) -> None:
    await room.send("shared/notes.txt", DATA, principal=ANALYST)
    await room.send("SHA256SUMS", f"{WRONG}  shared/notes.txt\n".encode())
    await room.send("checksums.txt", f"{SHA256}  ../../etc/passwd\n".encode())
    await side_files.run_once()
    assert await stands(room, "shared/notes.txt") == (False, None)
    await room.send("shared/notes.txt.sha256", SHA256.encode(), principal=ANALYST)
    await side_files.run_once()
    assert await stands(room, "shared/notes.txt") == (True, None)


async def test_a_side_file_is_no_witness_of_itself(room: EngineRoom, side_files: SideFiles) -> None:
    await room.send("SHA256SUMS", f"{WRONG}  SHA256SUMS\n".encode())
    await side_files.run_once()
    assert await stands(room, "SHA256SUMS") == (False, None)


@pytest.mark.parametrize("content", [b"nothing", b"x" * (MAX_SIDE_FILE_BYTES + 1)])
async def test_what_tells_nothing_is_looked_at_once_at_most(
    room: EngineRoom, side_files: SideFiles, content: bytes
) -> None:
    await room.send("trace.log.sha256", content)
    assert await side_files.run_once() == (len(content) < 100)
    assert await waiting(room) == 0


async def test_a_file_that_gets_such_a_name_later_is_a_side_file_then(
    room: EngineRoom, side_files: SideFiles
) -> None:
    await room.send("trace.log", DATA)
    await room.send("trace.log.sha256.x7.partial", SHA256.encode())
    assert await side_files.run_once() == 0
    source, target = CasePath("trace.log.sha256.x7.partial"), CasePath("trace.log.sha256")
    await room.files.move(customer(), NUMBER, source, target)
    assert await side_files.run_once() == 1
    assert await stands(room) == (True, None)


async def test_a_side_file_that_is_removed_says_nothing_any_more(
    room: EngineRoom, side_files: SideFiles
) -> None:
    await room.send("trace.log.sha256", SHA256.encode())
    await room.files.remove(customer(), NUMBER, CasePath("trace.log.sha256"))
    await room.send("trace.log", DATA)
    assert await side_files.run_once() == 1
    assert await stands(room) == (False, None)
    assert await waiting(room) == 0


async def test_of_a_closed_case_nothing_is_compared(
    room: EngineRoom, side_files: SideFiles
) -> None:
    await room.send("trace.log", DATA)
    await room.send("trace.log.sha256", SHA256.encode())
    await room.core.close(NUMBER, None, "analyst")
    await side_files.run_once()
    assert await stands(room) == (False, None)
    assert await waiting(room) == 0


async def test_a_file_that_goes_while_it_is_read_is_waited_for(
    room: EngineRoom, side_files: SideFiles, store: MemoryObjectStore
) -> None:
    await room.send("trace.log", DATA)
    await room.send("trace.log.md5", MD5.encode())
    file = await the_file(room)

    async def remove(call: Call) -> None:
        if call.operation == "read" and call.key == file.object_key:
            await room.files.remove(customer(), NUMBER, CasePath("trace.log"))

    store.before = remove
    await side_files.run_once()
    store.before = None
    assert await waiting(room) == 1


async def test_a_store_that_is_away_delays_the_comparison(
    room: EngineRoom, side_files: SideFiles, store: MemoryObjectStore
) -> None:
    await room.send("trace.log", DATA)
    await room.send("trace.log.sha256", SHA256.encode())
    store.fail_next("read")
    assert await side_files.run_once() == 1
    assert await stands(room) == (False, None)
    assert await side_files.run_once() == 0
    room.clock.advance(timedelta(seconds=30))
    assert await side_files.run_once() == 1
    assert await stands(room) == (True, None)


async def test_a_node_that_stops_leaves_what_it_had_begun_to_others(
    room: EngineRoom, side_files: SideFiles, store: MemoryObjectStore
) -> None:
    await room.send("trace.log", DATA)
    await room.send("trace.log.md5", MD5.encode())
    reading = asyncio.Event()

    async def stall(call: Call) -> None:
        if call.operation == "read":
            reading.set()
            await asyncio.Event().wait()

    store.before = stall
    running = asyncio.create_task(side_files.run())
    await asyncio.wait_for(reading.wait(), 5)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    store.before = None
    assert await SideFiles(room.tools, "other").run_once() == 1
    assert await stands(room) == (True, None)


async def test_rounds_go_on_after_one_failed(
    running_room: EngineRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = running_room
    side_files = SideFiles(room.tools, "node")
    rounds = asyncio.Event()
    begun = 0

    async def away(*_: object, **__: object) -> list[object]:
        nonlocal begun
        begun += 1
        if begun == 1:
            raise StoreUnavailableError("away")
        rounds.set()
        return []

    monkeypatch.setattr(room.records.jobs, "claim", away)
    running = asyncio.create_task(side_files.run())
    side_files.wake()
    await asyncio.wait_for(rounds.wait(), 10)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_a_round_ends_though_more_is_due(
    room: EngineRoom, side_files: SideFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transfer.engine.side_files._A_ROUND", 2)
    for number in range(3):
        await room.send(f"{number}.sha256", b"nothing")
    assert [await side_files.run_once() for _ in range(3)] == [2, 1, 0]
