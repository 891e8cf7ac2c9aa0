"""Downloads from a real store: by a URL of its own, and let go of when a client leaves."""

import asyncio
import contextlib
import random
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import psutil
import pytest

from tests.clock import MovableClock
from tests.e2e.http.http_room import HttpRoom, http_room
from tests.e2e.http.wire import wire
from tests.engine_room import MIB, NUMBER
from tests.programs import program
from transfer.clock import SystemClock
from transfer.core.parts import PartPlan
from transfer.engine.policy import UploadPolicy
from transfer.http.certificates import CertificateFiles
from transfer.http.listener import CurrentTls
from transfer.http.policy import HttpPolicy
from transfer.http.tls import own_certificate
from transfer.ports import Piped
from transfer.storage.s3 import S3ObjectStore
from transfer.storage.s3_client import S3Settings
from transfer.storage.s3_downloads import Download

pytestmark = pytest.mark.e2e
linux_only = pytest.mark.skipif(
    sys.platform != "linux", reason="other systems can't splice, and have no /proc"
)

DATA = random.Random(9).randbytes(24 * MIB)
ARCHIVE = f"/api/v1/cases/{NUMBER}/archive"
LIFETIME = timedelta(seconds=3)


def pipes_and_sockets() -> int:
    """Return how many this process has; files are opened by the records, whenever they like."""
    kinds = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # that of the listing itself
            kinds += str(descriptor.readlink()).startswith(("pipe:", "socket:"))
    return kinds


@pytest.fixture
async def s3_room(tmp_path: Path, bucket: S3Settings) -> AsyncIterator[HttpRoom]:
    async with (
        S3ObjectStore(bucket) as store,
        http_room(
            tmp_path,
            store=store,
            policy=HttpPolicy(redirect_lifetime=LIFETIME),
            engine_policy=UploadPolicy(plan=PartPlan()),
            running=True,
        ) as room,
    ):
        yield room


async def test_the_store_s_own_url_gives_the_file_for_a_short_while(
    s3_room: HttpRoom, tmp_path: Path
) -> None:
    name = "Bericht \u2013 ログ.txt"
    file = await s3_room.send(DATA[: 6 * MIB], name)
    answer = await s3_room.ask("GET", f"/api/v1/files/{file['id']}/content?redirect=1")
    assert answer.status == 307
    url = answer.headers["Location"]
    # As a browser: with no token of ours.
    async with s3_room.session.get(url) as given:
        assert (given.status, await given.read()) == (200, DATA[: 6 * MIB])
        assert given.headers["Content-Type"] == "application/octet-stream"
        assert given.content_disposition is not None
        assert given.content_disposition.filename == name
    async with s3_room.session.get(url, headers={"Range": "bytes=100-199"}) as given:
        assert (given.status, await given.read()) == (206, DATA[100:200])
    async with s3_room.session.get(url.replace("X-Amz-Expires=3", "X-Amz-Expires=300")) as forged:
        assert forged.status == 403
    status, clock = 200, SystemClock()
    async with asyncio.timeout(30):
        while status == 200:
            await clock.sleep(0.5)
            async with s3_room.session.get(url) as late:
                status = late.status
    assert status == 403


async def test_curl_follows_and_resumes_at_the_store(s3_room: HttpRoom, tmp_path: Path) -> None:
    file = await s3_room.send(DATA[: 6 * MIB], "trace.log")
    half = tmp_path / "half.log"
    half.write_bytes(DATA[: 2 * MIB + 77])
    token = f"Authorization: Bearer {s3_room.tokens['analyst']}"
    process = await asyncio.create_subprocess_exec(
        program("curl"),
        *("-sSfL", "--max-time", "60", "-C", "-", "-H", token, "-o", str(half)),
        f"{s3_room.url}/api/v1/files/{file['id']}/content?redirect=1",
    )
    assert await process.wait() == 0
    assert half.read_bytes() == DATA[: 6 * MIB]


async def test_an_archive_of_large_and_small_files_is_right(s3_room: HttpRoom) -> None:
    await s3_room.send(DATA, "big.bin")
    for number in range(30):
        await s3_room.send(DATA[number : number + 40_000], f"small/{number}.bin")
    whole = (await s3_room.ask("GET", ARCHIVE)).body
    again = await s3_room.ask("GET", ARCHIVE, headers={"Range": f"bytes={len(whole) // 3}-"})
    assert again.body == whole[len(whole) // 3 :]
    assert whole.count(DATA[:1000]) == 2


class WatchedStore(S3ObjectStore):
    """Counts what of its objects is read, what is lent, and what only passes it by pipe."""

    def __init__(self, settings: S3Settings) -> None:
        super().__init__(settings)
        self.read_bytes = 0
        self.piped_bytes = 0
        self.lent_bytes = 0

    @asynccontextmanager
    async def read(
        self, key: str, start: int, size: int, *, customer_key: bytes | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        async with super().read(key, start, size, customer_key=customer_key) as chunks:
            assert isinstance(chunks, Download)
            yield WatchedReading(self, chunks)


class WatchedReading(AsyncIterator[bytes]):
    def __init__(self, store: WatchedStore, chunks: Download) -> None:
        self._store = store
        self._chunks = chunks

    async def __anext__(self) -> bytes:
        chunk = await anext(self._chunks)
        self._store.read_bytes += len(chunk)
        return chunk

    async def piped(self) -> AsyncIterator[bytes | Piped]:
        async for chunk in self._chunks.piped():
            if isinstance(chunk, Piped):
                self._store.piped_bytes += chunk.size
            else:
                self._store.read_bytes += len(chunk)
            yield chunk

    async def lent(self) -> AsyncIterator[bytes | memoryview]:
        async for chunk in self._chunks.lent():
            if isinstance(chunk, memoryview):
                self._store.lent_bytes += len(chunk)
            else:
                self._store.read_bytes += len(chunk)
            yield chunk


@pytest.fixture
async def watched(bucket: S3Settings) -> AsyncIterator[WatchedStore]:
    async with WatchedStore(bucket) as store:
        yield store


@linux_only
async def test_what_is_sent_without_tls_is_hardly_read(
    tmp_path: Path, watched: WatchedStore
) -> None:
    policy = UploadPolicy(plan=PartPlan())
    async with http_room(tmp_path, store=watched, engine_policy=policy) as room:
        file = await room.send(DATA, "big.bin")
        watched.read_bytes = 0
        path = f"/api/v1/files/{file['id']}/content"
        assert (await room.ask("GET", path)).body == DATA
        half = await room.ask("GET", path, headers={"Range": f"bytes={len(DATA) // 2}-"})
        assert half.body == DATA[len(DATA) // 2 :]
        assert watched.read_bytes + watched.piped_bytes == len(DATA) * 3 // 2
        assert watched.piped_bytes > len(DATA) * 4 // 3
        several = await room.ask("GET", path, headers={"Range": "bytes=5-9999999,12000000-"})
        assert several.body.count(DATA[5:10_000_000]) == 1
        assert several.body.count(DATA[12_000_000:]) == 1
        assert room.server.connections == 1, "none was broken"


@linux_only
async def test_a_receiver_who_takes_nothing_of_a_pipe_is_ended(
    tmp_path: Path, watched: WatchedStore
) -> None:
    policy = HttpPolicy(stalled_write=timedelta(seconds=0.5))
    async with http_room(
        tmp_path, store=watched, policy=policy, engine_policy=UploadPolicy(plan=PartPlan())
    ) as room:
        file = await room.send(DATA, "big.bin")
        before = pipes_and_sockets()
        async with wire(room) as idle:
            await idle.say(
                f"GET /api/v1/files/{file['id']}/content HTTP/1.1\nHost: x\n"
                f"Authorization: Bearer {room.tokens['designated']}\n\n"
            )
            async with asyncio.timeout(20):
                while room.server.connections > 1:
                    await room.ask("GET", "/healthz", who=None)
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await idle.reader.readexactly(len(DATA))
        assert 0 < watched.piped_bytes < len(DATA)
        async with asyncio.timeout(20):
            while pipes_and_sockets() > before:
                await room.ask("GET", "/healthz", who=None)


@pytest.fixture
def tls(tmp_path: Path) -> CurrentTls:
    clock = MovableClock()
    made = own_certificate(tmp_path / "tls", [], clock.now())
    return CertificateFiles(made.certificate, made.key, clock).context


async def test_what_is_sent_under_tls_goes_by_memory_that_is_lent(
    tmp_path: Path, watched: WatchedStore, tls: CurrentTls
) -> None:
    policy = UploadPolicy(plan=PartPlan())
    async with http_room(tmp_path, store=watched, engine_policy=policy, tls=tls) as room:
        file = await room.send(DATA, "big.bin")
        watched.read_bytes = 0
        path = f"/api/v1/files/{file['id']}/content"
        assert (await room.ask("GET", path)).body == DATA
        half = await room.ask("GET", path, headers={"Range": f"bytes={len(DATA) // 2}-"})
        assert half.body == DATA[len(DATA) // 2 :]
        assert watched.read_bytes + watched.lent_bytes == len(DATA) * 3 // 2
        assert watched.lent_bytes > len(DATA) * 4 // 3
        several = await room.ask("GET", path, headers={"Range": "bytes=5-9999999,12000000-"})
        assert several.body.count(DATA[5:10_000_000]) == 1
        assert several.body.count(DATA[12_000_000:]) == 1
        assert room.server.connections == 1, "none was broken"


@linux_only
async def test_a_receiver_under_tls_who_takes_nothing_or_leaves_takes_nothing_with_it(
    tmp_path: Path, watched: WatchedStore, tls: CurrentTls
) -> None:
    policy = HttpPolicy(stalled_write=timedelta(seconds=0.5))
    plan = UploadPolicy(plan=PartPlan())
    async with http_room(
        tmp_path, store=watched, policy=policy, engine_policy=plan, tls=tls
    ) as room:
        file = await room.send(DATA, "big.bin")
        path = f"/api/v1/files/{file['id']}/content"
        before = pipes_and_sockets()
        for leaves in (False, True):
            answer = await room.session.get(room.url + path, headers=room.bearer("designated"))
            if leaves:
                answer.close()
            await room.ask("GET", "/healthz", who=None)
            async with asyncio.timeout(20):
                while room.server.connections > 1:
                    await room.ask("GET", "/healthz", who=None)
            if not leaves:
                with pytest.raises(aiohttp.ClientError):
                    await answer.read()
        async with asyncio.timeout(20):
            while pipes_and_sockets() > before:
                await room.ask("GET", "/healthz", who=None)
        assert 0 < watched.lent_bytes < 2 * len(DATA)


@pytest.mark.parametrize("kind", ["file", "archive"])
async def test_clients_who_leave_take_no_connection_and_no_thread_with_them(
    s3_room: HttpRoom, bucket: S3Settings, kind: str
) -> None:
    file = await s3_room.send(DATA, "big.bin")
    path = ARCHIVE if kind == "archive" else f"/api/v1/files/{file['id']}/content"
    assert len((await s3_room.ask("GET", path)).body) >= len(DATA)
    kept, threads = _connections(bucket), threading.active_count()
    tasks = len(asyncio.all_tasks())

    async def leave() -> None:
        answer = await s3_room.session.get(s3_room.url + path, headers=s3_room.bearer("analyst"))
        assert len(await answer.content.readexactly(100_000)) == 100_000
        answer.close()

    for _ in range(4):
        await asyncio.gather(*(leave() for _ in range(8)))
    clock = SystemClock()
    async with asyncio.timeout(30):
        while _connections(bucket) > kept or len(asyncio.all_tasks()) > tasks:
            await clock.sleep(0.1)
    assert threading.active_count() <= threads + 16
    assert len((await s3_room.ask("GET", path)).body) >= len(DATA)


def _connections(bucket: S3Settings) -> int:
    """Return how many connections this process has to the store."""
    port = urlsplit(str(bucket.endpoint_url)).port
    return sum(
        bool(connection.raddr) and connection.raddr.port == port
        for connection in psutil.Process().net_connections("tcp")
    )
