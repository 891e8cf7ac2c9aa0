"""WinSCP's packets where they are unlike those of others: parts, cancelling, overwriting."""

import os
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from asyncssh import FXF_CREAT, FXF_WRITE
from asyncssh.constants import FXP_CLOSE, FXP_FSTAT, FXP_LSTAT, FXP_OPEN, FXP_REMOVE, FXP_WRITE

from tests.clients.raw_sftp import RawSftp, attributes, number, offset_of, string
from tests.clients.room import CaseRoom, until
from tests.clients.winscp_client import FILEPART, RESUMABLE_BYTES, WinScp, open_part, upload
from tests.cutting_proxy import cutting_proxy
from transfer.core.uploads import UploadState

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

SIZE = 300 * 1024
DATA = random.Random(1).randbytes(SIZE)
PART = f"trace.log{FILEPART}"


@pytest.fixture
def winscp(room: CaseRoom, tmp_path: Path) -> WinScp:
    return WinScp(room.login, tmp_path)


@pytest.fixture
async def session(winscp: WinScp) -> AsyncIterator[RawSftp]:
    async with winscp.session() as session:
        yield session


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.log"
    path.write_bytes(b"new" * 1000)
    assert path.stat().st_size <= RESUMABLE_BYTES
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "trace.log"
    path.write_bytes(DATA)
    return path


async def _begin(session: RawSftp, data: bytes) -> bytes:
    """Begin an upload of SIZE bytes, and send these."""
    handle = await open_part(session, "/trace.log", SIZE)
    written = await session.ask(FXP_WRITE, string(handle), offset_of(0), string(data))
    written.succeeded()
    return handle


async def test_a_part_is_one_upload_that_is_received_by_its_new_name(
    session: RawSftp, room: CaseRoom, source: Path
) -> None:
    handle = await _begin(session, DATA[:1000])
    under_way = await room.upload(PART)
    assert (under_way["size"], under_way["state"]) == (SIZE, UploadState.RECEIVING)
    assert (await session.ask(FXP_FSTAT, string(handle))).size == 1000
    await session.ask(FXP_CLOSE, string(handle))
    assert (await room.upload(PART))["id"] == under_way["id"]
    await upload(session, source, "/trace.log")
    await room.is_whole("trace.log", DATA)
    assert list(await room.files()) == ["trace.log"]


async def test_a_cancelled_upload_stays_a_part_and_can_be_gone_on_with(
    session: RawSftp, room: CaseRoom, source: Path
) -> None:
    """Cancelling sends a normal CLOSE; only the size that was told at the OPEN shows it."""
    handle = await _begin(session, DATA[: SIZE // 2])
    await session.ask(FXP_CLOSE, string(handle))
    held = await room.upload(PART)
    assert (held["state"], held["offset"]) == (UploadState.INTERRUPTED, SIZE // 2)
    assert await room.files() == {}
    assert (await session.ask(FXP_LSTAT, string(f"/{PART}"))).size == SIZE // 2
    await upload(session, source, "/trace.log")
    await room.is_whole("trace.log", DATA)


async def test_the_rest_is_completed_although_only_the_new_name_was_missing(
    room: CaseRoom, winscp: WinScp, source: Path
) -> None:
    async with winscp.session() as session:
        handle = await _begin(session, DATA)
        (await session.ask(FXP_CLOSE, string(handle))).succeeded()
    assert (await winscp.put("trace.log", "trace.log")).code == 0
    await room.is_whole("trace.log", DATA)


async def test_an_old_file_stays_until_the_new_one_is_complete(
    session: RawSftp, room: CaseRoom, source: Path
) -> None:
    await room.send("trace.log", b"old")
    handle = await _begin(session, b"some")
    [old] = (await room.files()).values()
    assert old["size"] == len(b"old")
    await session.ask(FXP_CLOSE, string(handle))
    (await session.ask(FXP_REMOVE, string(f"/{PART}"))).succeeded()
    os.utime(source, (1_551_675_967, 1_551_675_967))
    await upload(session, source, "/trace.log")
    await room.is_whole("trace.log", DATA)
    [new] = (await room.files()).values()
    assert new["modified_at"] == "2019-03-04T05:06:07Z"


async def test_a_small_file_is_overwritten_though_opened_as_a_new_one_first(
    session: RawSftp, room: CaseRoom, small: Path
) -> None:
    await room.send("trace.log", b"old")
    await upload(session, small, "/trace.log")
    await room.is_whole("trace.log", b"new" * 1000)


async def test_a_received_file_is_appended_to(session: RawSftp, room: CaseRoom) -> None:
    """What "Append" and "Resume" do with a file that isn't a part: no flag tells so."""
    await room.send("trace.log", DATA[:1000])
    flags = number(FXF_WRITE | FXF_CREAT)
    opened = await session.ask(FXP_OPEN, string("/trace.log"), flags, attributes())
    writing = (string(opened.handle), offset_of(1000), string(DATA[1000:]))
    (await session.ask(FXP_WRITE, *writing)).succeeded()
    (await session.ask(FXP_CLOSE, string(opened.handle))).succeeded()
    await room.is_whole("trace.log", DATA)


async def test_a_lost_connection_leaves_the_part_interrupted(
    room: CaseRoom, winscp: WinScp, source: Path
) -> None:
    async with (
        cutting_proxy(winscp.login.port) as proxy,
        winscp.through(proxy.port).session() as session,
    ):
        await _begin(session, DATA[:1000])
        proxy.cut_now()

    async def is_interrupted() -> bool:
        held = await room.upload(PART)
        return held is not None and held["state"] == UploadState.INTERRUPTED

    await until(is_interrupted, "the part is interrupted")
    assert await room.files() == {}
    assert (await winscp.put("trace.log", "trace.log")).code == 0
    await room.is_whole("trace.log", DATA)
