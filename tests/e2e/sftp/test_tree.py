import stat
from pathlib import Path

import asyncssh
import pytest
from asyncssh import SFTPAttrs

from tests.e2e.sftp.gateway import Gateway, bytes_of, gateway_of
from tests.engine_room import ANALYST, KIB, NUMBER, SMALL_PARTS, customer, engine_room
from transfer.engine.policy import UploadPolicy
from transfer.sftp.hostkeys import HostKeys

WHEN = 1_234_567_890


async def test_files_and_folders_are_listed_with_their_attributes(gateway: Gateway) -> None:
    async with gateway.client() as client:
        await client.mkdir("logs")
        async with client.open("logs/trace.log", "wb") as file:
            await file.write(b"12345")
        await client.setstat("logs/trace.log", SFTPAttrs(atime=WHEN, mtime=WHEN))
        [root] = [name for name in await client.readdir("/") if name.filename == "logs"]
        [listed] = await client.readdir("logs")
        assert root.attrs.permissions == stat.S_IFDIR | 0o755
        assert (listed.filename, listed.attrs.size) == ("trace.log", 5)
        assert (listed.attrs.mtime, listed.attrs.atime) == (WHEN, WHEN)
        assert listed.attrs.permissions == stat.S_IFREG | 0o644
        assert (listed.attrs.uid, listed.attrs.gid) == (0, 0)
        assert str(listed.longname).endswith("5 Feb 13  2009 trace.log")
        for look in (client.stat, client.lstat):
            assert (await look("logs/trace.log")).size == 5


async def test_unfinished_files_are_listed_with_the_size_to_go_on_from(gateway: Gateway) -> None:
    async with gateway.client() as client, client.open("trace.log", "wb") as file:
        await file.write(b"12345")
        await file.fsync()
        listed = {str(name.filename): name.attrs for name in await client.readdir()}
        assert listed["trace.log"].size == 5


async def test_a_missing_folder_is_missing_as_soon_as_it_is_opened(gateway: Gateway) -> None:
    await gateway.room.send("file", b"")
    async with gateway.client() as client:
        for path in ("nowhere", "file", "file/below"):
            with pytest.raises(asyncssh.SFTPNoSuchFile):
                await client.listdir(path)


async def test_a_file_needs_its_folder(gateway: Gateway) -> None:
    async with gateway.client() as client:
        with pytest.raises(asyncssh.SFTPNoSuchFile):
            await client.open("nowhere/trace.log", "wb")
        await client.mkdir("nowhere")
        await (await client.open("nowhere/trace.log", "wb")).close()
        with pytest.raises(asyncssh.SFTPFailure, match="already there"):
            await client.mkdir("nowhere")
        with pytest.raises(asyncssh.SFTPNoSuchFile):
            await client.mkdir("not/there")


async def test_a_folder_is_removed_once_it_is_empty(gateway: Gateway) -> None:
    async with gateway.client() as client:
        await client.mkdir("logs")
        await (await client.open("logs/trace.log", "wb")).close()
        with pytest.raises(asyncssh.SFTPFailure, match="isn't empty"):
            await client.rmdir("logs")
        with pytest.raises(asyncssh.SFTPFailure):
            await client.remove("logs")
        await client.remove("logs/trace.log")
        with pytest.raises(asyncssh.SFTPNoSuchFile):
            await client.remove("logs/trace.log")
        await client.rmdir("logs")
        assert await client.listdir() == ["shared"]


async def test_plain_rename_takes_no_name_that_is_taken_and_posix_rename_does(
    gateway: Gateway,
) -> None:
    await gateway.room.send("new", b"new")
    await gateway.room.send("old", b"old")
    async with gateway.client() as client:
        with pytest.raises(asyncssh.SFTPFailure, match="already there"):
            await client.rename("new", "old")
        assert await gateway.content("old") == b"old"
        await client.posix_rename("new", "old")
        assert await client.listdir() == ["old", "shared"]
    assert await gateway.content("old") == b"new"


async def test_a_rename_touches_no_byte(gateway: Gateway) -> None:
    await gateway.room.send("logs/deep/trace.log", b"x" * 300 * KIB)
    gateway.store.calls.clear()
    async with gateway.client() as client:
        await client.rename("logs/deep/trace.log", "logs/trace.log")
        await client.rename("logs", "evidence")
        with pytest.raises(asyncssh.SFTPNoSuchFile):
            await client.rename("logs", "elsewhere")
        assert (await client.stat("evidence/trace.log")).size == 300 * KIB
    assert not gateway.store.calls


async def test_a_file_may_be_renamed_while_it_is_written(gateway: Gateway) -> None:
    async with gateway.client() as client:
        async with client.open("before", "wb") as file:
            await file.write(b"some")
            await client.rename("before", "after")
            await file.setstat(SFTPAttrs(atime=WHEN, mtime=WHEN))
            await file.write(b" more")
        assert await client.listdir() == ["after", "shared"]
    assert await gateway.content("after") == b"some more"
    assert (await gateway.file("after")).modified_at.timestamp() == WHEN


async def test_a_time_that_is_set_before_the_close_stays(gateway: Gateway) -> None:
    async with gateway.client() as client:
        async with client.open("trace.log", "wb") as file:
            await file.setstat(SFTPAttrs(atime=WHEN, mtime=WHEN))
            await file.write(b"some")
        assert (await client.stat("trace.log")).mtime == WHEN


async def test_folders_keep_the_time_that_is_set(gateway: Gateway) -> None:
    async with gateway.client() as client:
        await client.mkdir("logs")
        await client.utime("logs", (WHEN, WHEN))
        assert (await client.stat("logs")).mtime == WHEN


async def test_permissions_and_owners_are_taken_as_set(gateway: Gateway) -> None:
    await gateway.room.send("trace.log", b"some")
    async with gateway.client() as client:
        await client.chmod("trace.log", 0o600)
        await client.chown("trace.log", 1000, 1000)
        assert (await client.stat("trace.log")).permissions == stat.S_IFREG | 0o644
        with pytest.raises(asyncssh.SFTPNoSuchFile):
            await client.chmod("nowhere", 0o600)


async def test_there_is_room(gateway: Gateway) -> None:
    await gateway.room.send("trace.log", b"x" * 10_000)
    async with gateway.client() as client:
        space = await client.statvfs("/")
        async with client.open("trace.log", "rb") as file:
            assert (await file.statvfs()).blocks == space.blocks
    assert space.bavail * space.frsize > 48 * 2**40
    assert (space.blocks - space.bfree) * space.frsize == 12_288
    assert (space.files - space.ffree, space.namemax) == (1, 255)


async def test_the_room_that_is_left_is_told_and_is_not_exceeded(
    tmp_path: Path, host_keys: HostKeys
) -> None:
    policy = UploadPolicy(plan=SMALL_PARTS, max_case_bytes=1_000_000)
    async with engine_room(tmp_path, running=True, policy=policy) as room:
        await room.send("trace.log", bytes(300_000))
        async with gateway_of(room, host_keys) as gateway, gateway.client() as client:
            space = await client.statvfs("/")
            assert (space.bavail * space.frsize) // 4096 == 700_000 // 4096
            file = await client.open("more.log", "wb")
            await file.write(bytes(600_000))
            with pytest.raises(asyncssh.SFTPFailure, match="at most 1000000 bytes"):
                await file.write(bytes(200_000))
            with pytest.raises(asyncssh.SFTPFailure, match="at most 1000000 bytes"):
                await file.close()
            with pytest.raises(asyncssh.SFTPFailure, match="at most 1000000 bytes"):
                await client.open("large.log", "wb", SFTPAttrs(size=200_000))
            await client.remove("more.log")
            async with client.open("large.log", "wb", SFTPAttrs(size=200_000)) as large:
                await large.write(bytes(200_000))


async def test_the_root_is_where_a_client_starts(gateway: Gateway) -> None:
    async with gateway.client() as client:
        assert await client.realpath(".") == "/"
        assert await client.getcwd() == "/"
        await client.mkdir("logs")
        await client.chdir("logs")
        await (await client.open("trace.log", "wb")).close()
        assert await client.realpath("x/../../logs//trace.log") == "/logs/trace.log"
    assert (await gateway.file("logs/trace.log")).size == 0


async def test_what_is_shared_is_read_and_not_changed(gateway: Gateway) -> None:
    await gateway.room.send("patch.zip", b"from us", principal=ANALYST)
    async with gateway.client() as client:
        assert (await client.stat("shared")).permissions == stat.S_IFDIR | 0o555
        assert (await client.stat("shared/patch.zip")).permissions == stat.S_IFREG | 0o444
        async with client.open("shared/patch.zip", "rb") as file:
            assert await bytes_of(file) == b"from us"
        for mode in ("wb", "ab", "r+b", "xb"):
            with pytest.raises((asyncssh.SFTPPermissionDenied, asyncssh.SFTPFailure)):
                await client.open("shared/patch.zip", mode)
        for attempt in (
            client.open("shared/mine", "wb"),
            client.remove("shared/patch.zip"),
            client.rename("shared/patch.zip", "mine"),
            client.mkdir("shared/logs"),
            client.rmdir("shared"),
            client.rename("shared", "mine"),
            client.utime("shared/patch.zip", (1, 1)),
            client.chmod("shared/patch.zip", 0o777),
            client.truncate("shared/patch.zip", 0),
        ):
            with pytest.raises(asyncssh.SFTPPermissionDenied):
                await attempt
        await gateway.room.send("mine", b"mine")
        for step in (client.rename, client.posix_rename):
            with pytest.raises(asyncssh.SFTPPermissionDenied):
                await step("mine", "shared/mine")
    assert await gateway.content("shared/patch.zip") == b"from us"
    listing = await gateway.room.files.listing(customer(), NUMBER)
    assert sorted(file.path for file in listing.files) == ["mine", "shared/patch.zip"]
