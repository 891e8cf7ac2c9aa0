import asyncio
import errno
import os
from pathlib import Path

import pytest

from transfer.core.errors import TooLargeError, UnavailableError
from transfer.sftp.spool import Spool, SpoolSpace


async def test_bytes_are_kept_at_their_places(tmp_path: Path) -> None:
    space = SpoolSpace(folder=tmp_path / "spool", limit_bytes=100)
    spool = Spool(space)
    await spool.write(1_000_000, b"far")
    await spool.write(0, b"near")
    await spool.write(2, b"ws")
    assert await spool.read(0, 4) == b"news"
    assert await spool.read(1_000_000, 1_000_003) == b"far"
    assert space.used_bytes == 7
    spool.close()
    spool.close()
    assert space.used_bytes == 0


async def test_the_room_is_shared_and_has_an_end(tmp_path: Path) -> None:
    space = SpoolSpace(folder=tmp_path, limit_bytes=10)
    one, other = Spool(space), Spool(space)
    await one.write(0, bytes(6))
    with pytest.raises(TooLargeError, match="10 bytes"):
        await other.write(0, bytes(5))
    await one.write(0, bytes(6))
    one.close()
    await other.write(0, bytes(5))
    other.close()


async def test_nothing_of_it_has_a_name(tmp_path: Path) -> None:
    spool = Spool(SpoolSpace(folder=tmp_path))
    await spool.write(0, b"secret")
    assert not next(tmp_path.iterdir(), None)  # noqa: ASYNC240 - a folder in memory or nearly so
    spool.close()


async def test_what_was_cut_off_is_not_there_any_more(tmp_path: Path) -> None:
    spool = Spool(SpoolSpace(folder=tmp_path))
    await spool.write(0, b"0123456789")
    spool.cut(4)
    assert spool.extents.missing(0, 10) == 6
    spool.close()


async def test_a_disk_that_fails_is_told_and_not_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    spool = Spool(SpoolSpace(folder=tmp_path / "file" / "below"))
    with pytest.raises(UnavailableError, match="disk failed") as told:
        await spool.write(0, b"x")
    assert "below" not in str(told.value)
    spool.close()
    spool.close()


async def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    spool = Spool(SpoolSpace(folder=tmp_path))
    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(UnavailableError, match="no room"):
        await spool.write(0, b"x")
    spool.close()


async def test_what_the_disk_has_lost_is_told(tmp_path: Path) -> None:
    spool = Spool(SpoolSpace(folder=tmp_path))
    await spool.write(0, b"x")
    with pytest.raises(UnavailableError):
        await spool.read(0, 2)
    spool.close()


async def test_a_request_that_was_given_up_writes_to_no_other_file(tmp_path: Path) -> None:
    spool = Spool(SpoolSpace(folder=tmp_path))
    await spool.write(0, b"x")
    spool._lock.acquire()
    late = asyncio.create_task(spool.write(1, b"late"))
    await asyncio.sleep(0)  # noqa: TID251 - lets its thread begin
    spool._lock.release()
    late.cancel()
    await asyncio.gather(late, return_exceptions=True)
    spool.close()
    with pytest.raises(OSError, match="closed"):
        spool._put(0, b"later")
