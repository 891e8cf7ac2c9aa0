"""Interruptions: cut, stalled and slow requests"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping

import pytest

from tests.conformance.rufh import Rufh, since
from tests.conformance.tus import BYTES, SETTLE_SECONDS, VERSION, Tus, pause
from tests.conformance.wire import Connection, Heard
from transfer.clock import SystemClock

pytestmark = pytest.mark.e2e

MIB = 1 << 20
DATA = bytes(range(256)) * 4096 * 9
"""9 MiB: the buffers of a connection hold less, so that of what was sent the server has some."""
SENT = 7 * MIB
SLOW = 12
"""How many clients hang at once."""
_clock = SystemClock()


@contextlib.asynccontextmanager
async def hanging(
    tus: Tus, path: str, headers: Mapping[str, str] | None = None
) -> AsyncIterator[Connection]:
    """Send most of a file by one request, then nothing."""
    head = {**tus.target.entrance, **VERSION, **BYTES, "Upload-Offset": "0"}
    async with tus.target.connection() as connection:
        await connection.begin("PATCH", path, headers or head, size=len(DATA))
        await connection.send(DATA[:SENT])
        yield connection


async def finished(tus: Tus, path: str) -> None:
    """Go on from where the server says until the file is there, however often it takes."""
    deadline = _clock.monotonic() + SETTLE_SECONDS
    while (offset := await tus.offset(path)) < len(DATA):
        answer = await tus.patch(path, offset, DATA[offset:])
        assert answer.is_success or answer.status in (409, 423, 503), answer
        assert _clock.monotonic() < deadline, answer
    assert await tus.content(path) == DATA


async def test_what_came_before_a_cut_is_kept(tus: Tus) -> None:
    """Of what was received before a connection broke, as much as possible is kept."""
    path = await tus.begin(len(DATA))
    async with hanging(tus, path) as connection:
        connection.cut()
    offset = await tus.offset_above(path, 0)
    assert offset <= SENT
    await finished(tus, path)


async def test_an_offset_never_decreases(tus: Tus) -> None:
    """However often a connection breaks, an offset once told never decreases."""
    path, told = await tus.begin(len(DATA)), 0
    for cut in (1_000_003, 2_000_029, 4_300_017):
        async with tus.target.connection() as connection:
            head = {**tus.target.entrance, **VERSION, **BYTES, "Upload-Offset": str(told)}
            await connection.begin("PATCH", path, head, size=len(DATA) - told)
            await connection.send(DATA[told : told + cut])
            connection.cut()
        for _ in range(5):
            offset = await tus.offset(path)
            assert offset >= told
            told = offset
            await pause()
    await finished(tus, path)


async def test_head_is_answered_while_another_request_hangs(tus: Tus) -> None:
    """HEAD is answered while another request hangs on the upload, and keeps what came of it."""
    path = await tus.begin(len(DATA))
    async with hanging(tus, path):
        assert await tus.offset_above(path, 0) <= SENT


async def test_a_client_takes_over_from_a_request_that_hangs(tus: Tus) -> None:
    """A client that comes back while its old request hangs can finish, byte for byte."""
    path = await tus.begin(len(DATA))
    async with hanging(tus, path) as old:
        await finished(tus, path)
        assert await old.is_let_go(SETTLE_SECONDS)


async def test_slow_clients_do_not_hold_up_others(tus: Tus) -> None:
    """While a dozen clients hang in the middle of a file, another one's upload goes through."""
    paths = [await tus.begin(len(DATA)) for _ in range(SLOW)]
    async with contextlib.AsyncExitStack() as slow:
        for path in paths:
            await slow.enter_async_context(hanging(tus, path))
        async with asyncio.timeout(SETTLE_SECONDS):
            path = await tus.begin(len(DATA))
            answer = await tus.patch(path, 0, DATA)
        assert answer.status == 204, answer
    for path in paths:
        if "termination" in (await tus.options()).headers.get("Tus-Extension", ""):
            await tus.delete(path)


# ── RUFH ─────────────────────────────────────────────────────────────────────────────────────


async def told_by_104(rufh: Rufh, connection: Connection) -> int:
    """Return the offset that the server tells first."""
    heard = await connection.next_or_none(SETTLE_SECONDS)
    if heard is None:
        rufh.subject.not_offered("104 with Upload-Offset")
    return int(heard.headers["Upload-Offset"])


async def state(rufh: Rufh, path: str) -> Heard:
    """Return how far an upload is. A server that is busy with it may be asked again."""
    deadline = _clock.monotonic() + SETTLE_SECONDS
    while (told := await rufh.head(path)).status in (423, 503):
        assert _clock.monotonic() < deadline, told
        await pause()
    assert told.is_success, told
    return told


async def test_a_new_request_ends_the_one_that_runs(rufh: Rufh) -> None:
    """HEAD ends the request that is still running on the upload; no byte of that counts later."""
    path, tus = await rufh.begin(), Tus(rufh.subject)
    async with hanging(tus, path, rufh.appending(0, ends=True)) as old:
        ended = asyncio.create_task(old.is_let_go(SETTLE_SECONDS))
        while not ended.done():  # the server may have met our HEAD before the old request
            await state(rufh, path)
            await pause()
        assert await ended
        offset = (await state(rufh, path)).headers["Upload-Offset"]
        await old.send(DATA[SENT:])
    told = await state(rufh, path)
    assert (told.headers["Upload-Offset"], rufh.told_complete(told)) == (offset, False)


@since(5)
async def test_what_a_104_told_is_kept(rufh: Rufh) -> None:
    """An offset that a 104 has told doesn't decrease when the connection breaks."""
    path, tus = await rufh.begin(), Tus(rufh.subject)
    async with hanging(tus, path, rufh.appending(0, ends=True)) as connection:
        told = await told_by_104(rufh, connection)
        connection.cut()
    assert int((await state(rufh, path)).headers["Upload-Offset"]) >= told


async def test_deletion_ends_the_request_that_runs(rufh: Rufh) -> None:
    """DELETE ends the request that is still running on the upload."""
    path, tus = await rufh.begin(), Tus(rufh.subject)
    async with hanging(tus, path, rufh.appending(0, ends=True)) as old:
        assert (await rufh.delete(path)).status == 204
        assert await old.is_let_go(SETTLE_SECONDS)
