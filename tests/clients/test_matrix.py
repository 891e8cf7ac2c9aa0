"""What every client can do, each work a test."""

import asyncio
import hashlib
import os
import random
from pathlib import Path

import pytest

from tests.clients.asyncssh_client import AsyncSsh
from tests.clients.client import Client, Outcome
from tests.clients.room import CaseRoom, sha256, until
from tests.clients.works import Work
from tests.cutting_proxy import CuttingProxy, cutting_proxy
from transfer.core.uploads import UploadState

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

MIB = 1 << 20
SIZE = 20 * MIB + 7
"""One part of the store's, and some."""
CUT_AT = 7 * MIB
KILL_SIZE = 40 * MIB + 7
KILL_AT = 20 * MIB
TIME = 1_551_675_967
"""In 2019, an odd second."""
OVERHEAD = 2 * MIB
"""What SSH adds to this much, and what a client had sent but nobody taken."""


@pytest.mark.work(Work.PUT)
async def test_a_file_arrives(client: Client, room: CaseRoom) -> None:
    for name, size in (("trace.log", SIZE), ("empty.log", 0)):
        data = _written(client, name, size)
        await _succeeded(client, room, await client.put(name, name))
        await room.is_whole(name, data)


@pytest.mark.work(Work.RESUME)
async def test_an_upload_that_is_cut_is_completed(client: Client, room: CaseRoom) -> None:
    """What a client would complete by itself another one has begun."""
    data = _written(client, "trace.log", SIZE)
    beginner = AsyncSsh(client.login, client.folder) if client.persists else client
    async with cutting_proxy(client.login.port) as proxy:
        proxy.cut_after(CUT_AT)
        done = await beginner.through(proxy.port).put("trace.log", "trace.log")
        assert proxy.cut.is_set()
        assert done.code != 0, done.output
        offset = await _interrupted(room)
        assert 0 < offset < SIZE
        before = proxy.sent_bytes
        done = await client.through(proxy.port).resume("trace.log", "trace.log")
        await _succeeded(client, room, done)
        sent = proxy.sent_bytes - before
        assert (sent < SIZE - offset + OVERHEAD) == client.resumes, (sent, offset)
    await room.is_whole("trace.log", data)


@pytest.mark.work(Work.OVERWRITE)
async def test_a_file_is_overwritten(client: Client, room: CaseRoom) -> None:
    await room.send("trace.log", random.Random(1).randbytes(3 * MIB))
    for size in (2 * MIB + 1, 6 * MIB + 1):
        data = _written(client, "trace.log", size)
        await _succeeded(client, room, await client.put("trace.log", "trace.log"))
        await room.is_whole("trace.log", data)


@pytest.mark.work(Work.RENAME)
async def test_a_file_is_renamed(client: Client, room: CaseRoom) -> None:
    data = random.Random(1).randbytes(1000)
    await room.send("old.log", data)
    await _succeeded(client, room, await client.rename("old.log", "new.log"))
    assert list(await room.files()) == ["new.log"]
    await room.is_whole("new.log", data)


@pytest.mark.work(Work.TREE)
async def test_a_tree_of_300_files_arrives(client: Client, room: CaseRoom) -> None:
    digests = {}
    for number in range(300):
        path = client.folder / f"tree/{number % 6}/{number % 7}/{number}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        data = random.Random(number).randbytes(100 + number)
        path.write_bytes(data)
        digests[str(path.relative_to(client.folder))] = sha256(data)
    await _succeeded(client, room, await client.put_tree("tree"))
    listed = await room.listing()
    assert {one["path"]: one["sha256"] for one in listed["files"]} == digests
    assert listed["uploads"] == []


@pytest.mark.work(Work.TIME)
async def test_a_file_keeps_its_time(client: Client, room: CaseRoom) -> None:
    data = _written(client, "trace.log", 2 * MIB)
    os.utime(client.folder / "trace.log", (TIME, TIME))
    await _succeeded(client, room, await client.put_with_time("trace.log", "trace.log"))
    await room.is_whole("trace.log", data)
    assert (await room.files())["trace.log"]["modified_at"] == "2019-03-04T05:06:07Z"


@pytest.mark.work(Work.GET)
async def test_a_file_is_downloaded(client: Client, room: CaseRoom) -> None:
    data = random.Random(1).randbytes(SIZE)
    await room.send("trace.log", data)
    await _succeeded(client, room, await client.get("trace.log", "fetched.log"))
    assert sha256((client.folder / "fetched.log").read_bytes()) == sha256(data)


@pytest.mark.work(Work.GET_RESUME)
async def test_a_download_goes_on(client: Client, room: CaseRoom) -> None:
    """The beginning is another one, to tell that it was left as it is."""
    data = random.Random(1).randbytes(SIZE)
    beginning = random.Random(2).randbytes(CUT_AT)
    await room.send("trace.log", data)
    (client.folder / "fetched.log").write_bytes(beginning)
    await _succeeded(client, room, await client.resume_get("trace.log", "fetched.log"))
    fetched = (client.folder / "fetched.log").read_bytes()
    assert sha256(fetched) == sha256(beginning + data[CUT_AT:])


@pytest.mark.work(Work.KILL)
async def test_an_upload_outlives_the_server(frail_client: Client, frail_room: CaseRoom) -> None:
    client, room = frail_client, frail_room
    data = _written(client, "trace.log", KILL_SIZE)
    async with cutting_proxy(client.login.port) as proxy:
        putting = asyncio.create_task(client.through(proxy.port).put("trace.log", "trace.log"))
        try:
            durable = await _is_under_way(room, proxy)
            room.service.kill_9()
            proxy.cut_now()
            proxy.slow_down(None)
            proxy.resume()
            await asyncio.to_thread(room.service.start)
            if not client.persists:  # who does may have begun anew by now
                [upload] = (await room.listing())["uploads"]
                assert upload["offset"] >= durable, "what was durable is lost"
            done = await putting
        finally:
            putting.cancel()
        if not client.persists:
            assert done.code != 0, done.output
            assert await room.files() == {}
            done = await client.through(proxy.port).resume("trace.log", "trace.log")
        await _succeeded(client, room, done)
    await room.is_whole("trace.log", data)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.work(Work.BIG)
async def test_a_file_of_3_gib_arrives(client: Client, room: CaseRoom) -> None:
    block = random.Random(1).randbytes(64 * MIB)
    with (client.folder / "big.log").open("wb") as file:
        for number in range(48):
            file.write(number.to_bytes(8) + block[8:])
    client.seconds = 1500
    await _succeeded(client, room, await client.put("big.log", "big.log"))
    digest = await asyncio.to_thread(_sha256_of, client.folder / "big.log")
    (client.folder / "big.log").unlink()
    [file_here] = (await room.files()).values()
    assert (file_here["size"], file_here["sha256"]) == (3 << 30, digest)


# ── Steps ────────────────────────────────────────────────────────────────────────────────────


def _written(client: Client, name: str, size: int) -> bytes:
    """Make a local file, and return what is in it."""
    data = random.Random(size).randbytes(size)
    (client.folder / name).write_bytes(data)
    return data


async def _succeeded(client: Client, room: CaseRoom, done: Outcome) -> None:
    """Fail unless it says so; wait for what it had no patience for itself."""
    assert done.code == 0, done.output

    async def is_done() -> bool:
        return not (await room.listing())["uploads"]

    if client.closes_later:
        await until(is_done, "the last file is finished")


async def _interrupted(room: CaseRoom) -> int:
    """Wait until an upload is known to be interrupted, and return how much of it is here."""

    async def is_interrupted() -> bool:
        listed = await room.listing()
        assert listed["files"] == [], "what was cut looks received"
        return [one["state"] for one in listed["uploads"]] == [UploadState.INTERRUPTED]

    await until(is_interrupted, "the upload is interrupted")
    [upload] = (await room.listing())["uploads"]
    return int(upload["offset"])


async def _is_under_way(room: CaseRoom, proxy: CuttingProxy) -> int:
    """Stall an upload in its middle, and wait until some of it is durable; return how much."""
    proxy.slow_down(64 * MIB)

    async def has_sent() -> bool:
        return proxy.sent_bytes >= KILL_AT

    await until(has_sent, "half of it is sent")
    proxy.stall()

    async def is_durable() -> bool:
        return any(one["offset"] > 0 for one in (await room.listing())["uploads"])

    await until(is_durable, "some of it is durable")
    [upload] = (await room.listing())["uploads"]
    return int(upload["offset"])


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
