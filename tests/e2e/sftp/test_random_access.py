"""Files that are written in no order, read while they are written, cut off and lengthened."""

import asyncio
import random
import zipfile

import asyncssh
import pytest
from asyncssh import FXF_CREAT, FXF_READ, FXF_TRUNC, FXF_WRITE, SFTPAttrs, SFTPClientFile

from tests.e2e.sftp.gateway import (
    Gateway,
    bytes_of,
    data_of,
    eventually,
    gateway_of,
    sha256,
    size_of,
)
from tests.engine_room import KIB, MIB, NUMBER, customer
from transfer.sftp.hostkeys import HostKeys

PART = 64 * KIB
NEW = FXF_WRITE | FXF_CREAT | FXF_TRUNC
BOTH = FXF_READ | FXF_WRITE
IN_PLACE = FXF_WRITE | FXF_CREAT
WHEN = 1_700_000_000


async def _has_only(gateway: Gateway, path: str, data: bytes) -> None:
    """Check that the case holds one file, with `data`, and nothing unfinished."""
    listing = await gateway.room.files.listing(customer(), NUMBER)
    assert [file.path for file in listing.files] == [path]
    assert not listing.uploads
    assert await gateway.content(path) == data
    assert await _is_let_go(gateway)


async def _is_let_go(gateway: Gateway) -> bool:
    """Whether nothing is left in the room that all open files share."""
    space = gateway.server._services.space
    return (space.used_bytes, space.ahead.used_bytes) == (0, 0)


# ── In any order ─────────────────────────────────────────────────────────────────────────────


async def test_writes_that_come_a_little_mixed_are_put_in_order_and_nothing_is_read_again(
    gateway: Gateway,
) -> None:
    data = data_of(40 * PART + 5)
    blocks = [(at, data[at : at + 32 * KIB]) for at in range(0, len(data), 32 * KIB)]
    source = random.Random(3)
    async with gateway.opened("trace.log", NEW) as file:
        while blocks:
            near = blocks[:20]
            source.shuffle(near)
            for offset, block in near:
                await file.write(block, offset)
            del blocks[:20]
    await _has_only(gateway, "trace.log", data)
    assert (gateway.calls("read"), gateway.calls("complete_multipart")) == (1, 1), "by this test"


@pytest.mark.parametrize("size", [3 * PART, 6 * MIB + 5], ids=["near", "far"])
async def test_a_file_may_come_from_its_end_to_its_beginning(gateway: Gateway, size: int) -> None:
    data = data_of(size)
    async with gateway.opened("trace.log", NEW) as file:
        for offset in reversed(range(0, size, 32 * KIB)):
            await file.write(data[offset : offset + 32 * KIB], offset)
    await _has_only(gateway, "trace.log", data)


@pytest.mark.parametrize("size", [1000, PART, 5 * PART + 100, 6 * MIB], ids=str)
async def test_a_header_is_put_right_at_the_end(gateway: Gateway, size: int) -> None:
    data = data_of(size)
    async with gateway.opened("trace.log", NEW) as file:
        await file.write(bytes(30) + data[30:], 0)
        await file.write(data[:30], 0)
    await _has_only(gateway, "trace.log", data)


async def test_bytes_that_overlap_are_those_that_came_last(gateway: Gateway) -> None:
    async with gateway.opened("trace.log", NEW) as file:
        for offset, data in ((0, b"0123456789"), (14, b"yyyy"), (8, b"xxxxxxxx"), (2, b"zz")):
            await file.write(data, offset)
    await _has_only(gateway, "trace.log", b"01zz4567xxxxxxxxyy")


async def test_a_zip_is_written_straight_onto_the_server(gateway: Gateway) -> None:
    """zipfile goes back to the header of each member, once it knows how large that became."""
    members = {f"log-{number}": data_of(3 * PART, number) for number in range(3)}

    def write() -> None:
        with (
            gateway.paramiko_client() as client,
            client.open("logs.zip", "wb") as file,
            zipfile.ZipFile(file, "w") as archive,
        ):
            for name, data in members.items():
                archive.writestr(name, data)

    def read() -> dict[str, bytes]:
        with (
            gateway.paramiko_client() as client,
            client.open("logs.zip", "rb") as file,
            zipfile.ZipFile(file) as archive,
        ):
            return {name: archive.read(name) for name in archive.namelist()}

    await asyncio.to_thread(write)
    assert await asyncio.to_thread(read) == members


async def test_bytes_that_never_came_leave_the_file_interrupted(gateway: Gateway) -> None:
    data = data_of(3 * PART)
    async with gateway.client() as client:
        file = await client.open("trace.log", NEW, encoding=None)
        await file.write(data[:PART], 0)
        await file.write(data[2 * PART :], 2 * PART)
        with pytest.raises(asyncssh.SFTPFailure, match=f"Only {PART} bytes"):
            await file.fsync()
        assert await size_of(file) == PART
        with pytest.raises(asyncssh.SFTPFailure, match=f"resume at byte {PART}"):
            await file.close()
        assert await gateway.is_interrupted("trace.log")
        async with client.open("trace.log", IN_PLACE, encoding=None) as file:
            await file.write(data[PART:], await size_of(file))
    await _has_only(gateway, "trace.log", data)


async def test_a_gap_that_is_too_far_ahead_to_wait_for_leaves_it_interrupted_too(
    gateway: Gateway,
) -> None:
    data = data_of(3 * PART)
    async with gateway.client() as client:
        file = await client.open("trace.log", NEW, encoding=None)
        await file.write(data, 0)
        await file.write(data_of(5 * MIB), 100 * MIB)
        with pytest.raises(asyncssh.SFTPFailure, match=f"resume at byte {len(data)}"):
            await file.close()
        assert (await gateway.upload("trace.log")).offset == len(data)
        async with client.open("trace.log", IN_PLACE, encoding=None) as file:
            await file.write(b"more", await size_of(file))
    await _has_only(gateway, "trace.log", data + b"more")


async def test_there_is_so_much_room_for_what_is_out_of_order_and_the_client_is_told(
    gateway: Gateway,
) -> None:
    gateway.server._services.space.limit_bytes = 100 * KIB
    data = data_of(3 * PART + 10)
    async with gateway.client() as client:
        file = await client.open("trace.log", NEW, encoding=None)
        await file.write(data, 0)
        await file.write(data[: 90 * KIB], 0)
        with pytest.raises(asyncssh.SFTPFailure, match="isn't sent in order"):
            await file.write(data[: 20 * KIB], 90 * KIB)
        with pytest.raises(asyncssh.SFTPFailure, match="isn't sent in order"):
            await file.close()
        assert (await gateway.upload("trace.log")).offset == len(data)
        async with client.open("trace.log", IN_PLACE, encoding=None) as file:
            await file.write(b"more", await size_of(file))
    await _has_only(gateway, "trace.log", data + b"more")


async def test_what_finds_no_room_in_memory_goes_to_the_disk(gateway: Gateway) -> None:
    gateway.server._services.space.ahead.limit_bytes = 8
    async with gateway.opened("trace.log", NEW) as file:
        await file.write(b"world", 6)
        await file.write(b"more", 12)
        assert gateway.server._services.space.used_bytes == 9
        await file.write(b"hello ", 0)
        await file.write(b" ", 11)
    await _has_only(gateway, "trace.log", b"hello world more")


async def test_a_small_file_that_finds_no_room_keeps_what_it_had(gateway: Gateway) -> None:
    gateway.server._services.space.limit_bytes = 10
    async with gateway.client() as client:
        file = await client.open("trace.log", NEW | FXF_READ, encoding=None)
        await file.write(data_of(1000), 0)
        await file.write(b"x", 100 * MIB)
        with pytest.raises(asyncssh.SFTPFailure, match="isn't sent in order"):
            await file.truncate(500)
        with pytest.raises(asyncssh.SFTPFailure):
            await file.close()
    assert (await gateway.upload("trace.log")).offset == 1000


# ── Read while it is written ─────────────────────────────────────────────────────────────────


async def _change(file: SFTPClientFile, content: bytearray, source: random.Random) -> None:
    """Do one thing to a file, and the same to what it should be."""
    offset, size = source.randrange(300 * KIB), source.randrange(1, 40 * KIB)
    kind = source.choice(("write", "write", "append", "append", "read", "cut", "fsync"))
    if kind in ("write", "append"):
        offset = len(content) if kind == "append" else offset
        data = source.randbytes(size)
        await file.write(data, offset)
        content += bytes(max(0, offset - len(content)))
        content[offset : offset + size] = data
    elif kind == "read":
        assert await bytes_of(file, size, offset) == content[offset : offset + size]
    elif kind == "cut":
        await file.truncate(offset)
        content[offset:] = bytes(max(0, offset - len(content)))
    else:
        await file.fsync()
    assert await size_of(file) == len(content)


@pytest.mark.parametrize("seed", range(8))
async def test_a_file_that_is_opened_for_both_is_like_any_file(gateway: Gateway, seed: int) -> None:
    source = random.Random(seed)
    content = bytearray()
    if seed % 2:
        content = bytearray(source.randbytes(200 * KIB))
        await gateway.room.send("trace.log", bytes(content))
    flags = BOTH | FXF_CREAT | (0 if seed % 2 else FXF_TRUNC)
    async with gateway.opened("trace.log", flags) as file:
        for _ in range(30):
            await _change(file, content, source)
    await _has_only(gateway, "trace.log", bytes(content))


async def test_what_was_just_written_is_read(gateway: Gateway) -> None:
    data = data_of(3 * PART + 100)
    async with gateway.opened("trace.log", NEW | FXF_READ) as file:
        await file.write(data, 0)
        assert await bytes_of(file, 100, 3 * PART) == data[3 * PART :]
        assert await bytes_of(file, 100, len(data)) == b""
        assert not gateway.calls("complete_multipart"), "that much is at hand"
        assert await bytes_of(file, PART, 100) == data[100 : PART + 100]
        await file.write(b"more", len(data))
        assert await bytes_of(file, 20, len(data) - 10) == data[-10:] + b"more"
    await _has_only(gateway, "trace.log", data + b"more")


async def test_who_opens_for_writing_only_reads_nothing(gateway: Gateway) -> None:
    async with gateway.opened("trace.log", NEW) as file:
        await file.write(b"some")
        with pytest.raises(asyncssh.SFTPOpUnsupported):
            await file.read(4, 0)
    await _has_only(gateway, "trace.log", b"some")


async def test_to_read_an_interrupted_file_does_not_make_it_complete(gateway: Gateway) -> None:
    data = data_of(3 * PART)
    async with gateway.connect() as connection:
        async with connection.start_sftp_client() as client:
            await (await client.open("trace.log", "wb")).write(data)
        await eventually(lambda: gateway.is_interrupted("trace.log"))
    async with gateway.client() as client:
        async with client.open("trace.log", BOTH, encoding=None) as file:
            assert await bytes_of(file, 100, 0) == data[:100]
        assert await gateway.is_interrupted("trace.log")
        async with client.open("trace.log", BOTH, encoding=None) as file:
            assert await bytes_of(file, 100, 50) == data[50:150]
            await file.write(b"more", await size_of(file))
    await _has_only(gateway, "trace.log", data + b"more")


# ── Received files ───────────────────────────────────────────────────────────────────────────


async def test_a_write_into_the_middle_of_a_received_file_changes_that_alone(
    gateway: Gateway,
) -> None:
    await gateway.room.send("trace.log", b"0123456789")
    async with gateway.opened("trace.log", FXF_WRITE) as file:
        await file.write(b"xy", 5)
        assert (await gateway.file("trace.log")).size == 10
    await _has_only(gateway, "trace.log", b"01234xy789")


async def test_bytes_far_behind_a_received_file_are_refused_unless_it_is_edited(
    gateway: Gateway,
) -> None:
    await gateway.room.send("trace.log", b"some")
    async with gateway.client() as client:
        file = await client.open("trace.log", FXF_WRITE, encoding=None)
        with pytest.raises(asyncssh.SFTPFailure, match="byte 4"):
            await file.write(b"x", 6)
        with pytest.raises(asyncssh.SFTPFailure):
            await file.close()
        async with client.open("trace.log", BOTH, encoding=None) as file:
            await file.write(b"x", 6)
    await _has_only(gateway, "trace.log", b"some\0\0x")


async def test_readers_of_all_sessions_share_the_memory_for_reading_ahead(gateway: Gateway) -> None:
    data = data_of(PART)
    await gateway.room.send("trace.log", data)
    room = gateway.server._services.space.reading
    async with (
        gateway.opened("trace.log", FXF_READ) as read,
        gateway.opened("trace.log", BOTH) as edited,
    ):
        await edited.write(b"xy", 5)
        for number, file in enumerate((read, edited), start=1):
            assert await bytes_of(file, 4, 0) == data[:4]
            assert room.used_bytes == number * PART
    assert room.used_bytes == 0


async def test_a_received_file_is_lengthened_by_zeros(gateway: Gateway) -> None:
    await gateway.room.send("trace.log", b"some")
    async with gateway.client() as client:
        await client.truncate("trace.log", 6)
        assert await gateway.content("trace.log") == b"some\0\0"
        async with client.open("trace.log", BOTH, encoding=None) as file:
            await file.truncate(8)
            await client.truncate("trace.log", 9)
    await _has_only(gateway, "trace.log", b"some" + bytes(5))


async def test_zeros_take_no_more_than_the_room_that_there_is(gateway: Gateway) -> None:
    await gateway.room.send("trace.log", b"some")
    async with gateway.client() as client:
        with pytest.raises(asyncssh.SFTPFailure, match="at most"):
            await client.truncate("trace.log", 2**50)
        file = await client.open("trace.log", BOTH, encoding=None)
        with pytest.raises(asyncssh.SFTPFailure, match="weren't sent"):
            await file.truncate(2**50)
        with pytest.raises(asyncssh.SFTPFailure):
            await file.close()
    await _has_only(gateway, "trace.log", b"some")


async def test_zeros_that_cannot_be_stored_leave_the_file_as_it_was(gateway: Gateway) -> None:
    await gateway.room.send("trace.log", b"some")
    gateway.store.fail_next("upload_part")
    async with gateway.client() as client:
        with pytest.raises(asyncssh.SFTPFailure):
            await client.truncate("trace.log", 4 * PART)
    await _has_only(gateway, "trace.log", b"some")


async def test_an_unfinished_upload_is_not_resized_by_its_path(gateway: Gateway) -> None:
    async with gateway.client() as before, gateway.client() as client:
        await (await before.open("trace.log", "wb")).write(b"some")
        with pytest.raises(asyncssh.SFTPOpUnsupported):
            await client.truncate("trace.log", 2)


async def test_bytes_that_were_just_sent_are_cut_off(gateway: Gateway) -> None:
    data = data_of(3 * PART)
    async with gateway.opened("trace.log", NEW) as file:
        await file.write(data)
        await file.truncate(PART + 10)
        await file.write(b"and more", PART + 10)
    await _has_only(gateway, "trace.log", data[: PART + 10] + b"and more")


@pytest.mark.parametrize(("size", "told"), [(3 * PART, "more"), (5 * PART, "missing")])
async def test_a_size_that_is_announced_is_kept_out_of_order_too(
    gateway: Gateway, size: int, told: str
) -> None:
    data = data_of(4 * PART)
    async with gateway.client() as client:
        file = await client.open("trace.log", NEW, SFTPAttrs(size=size), encoding=None)
        await file.write(data[:PART], 0)
        await file.write(b"x", 0)
        await file.write(data[PART:], PART)
        with pytest.raises(asyncssh.SFTPFailure, match=told):
            await file.close()
    assert await gateway.is_interrupted("trace.log")


async def test_a_time_that_is_set_before_the_first_write_stays(gateway: Gateway) -> None:
    await gateway.room.send("one", b"some")
    await gateway.room.send("two", b"some")
    async with gateway.client() as client:
        for path, offset in (("one", 4), ("two", 1)):
            async with client.open(path, FXF_WRITE, encoding=None) as file:
                await file.setstat(SFTPAttrs(atime=WHEN, mtime=WHEN))
                await file.write(b"x", offset)
            assert (await client.stat(path)).mtime == WHEN
    assert await gateway.content("two") == b"sxme"


async def test_a_time_is_kept_when_a_file_is_sent_anew(gateway: Gateway) -> None:
    async with gateway.client() as client:
        async with client.open("trace.log", NEW, encoding=None) as file:
            await file.write(data_of(2 * PART))
            await file.setstat(SFTPAttrs(atime=WHEN, mtime=WHEN))
            await file.write(b"x", 0)
            await client.rename("trace.log", "renamed.log")
        assert (await client.stat("renamed.log")).mtime == WHEN
    await _has_only(gateway, "renamed.log", b"x" + data_of(2 * PART)[1:])


async def test_a_revision_of_a_file_goes_where_the_file_went(gateway: Gateway) -> None:
    await gateway.room.send("trace.log", b"0123456789")
    async with (
        gateway.client() as client,
        client.open("trace.log", FXF_WRITE, encoding=None) as file,
    ):
        await file.write(b"x", 5)
        await client.rename("trace.log", "renamed.log")
    await _has_only(gateway, "renamed.log", b"01234x6789")


# ── What ends early ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [1000, 5 * PART + 100], ids=str)
async def test_a_lost_connection_keeps_what_was_written_out_of_order(
    gateway: Gateway, size: int
) -> None:
    data = data_of(size)
    async with gateway.connect() as connection:
        async with connection.start_sftp_client() as client:
            file = await client.open("trace.log", NEW, encoding=None)
            await file.write(bytes(30) + data[30:], 0)
            await file.fsync()
            await file.write(data[:30], 0)
        await eventually(lambda: gateway.is_interrupted("trace.log"))
        assert len((await gateway.room.files.listing(customer(), NUMBER)).uploads) == 1
        async with (
            connection.start_sftp_client() as client,
            client.open("trace.log", IN_PLACE, encoding=None) as file,
        ):
            assert await size_of(file) == size
            await file.write(b"more", size)
    await _has_only(gateway, "trace.log", data + b"more")


async def test_a_lost_connection_leaves_a_received_file_as_it_was(gateway: Gateway) -> None:
    await gateway.room.send("trace.log", b"0123456789")
    async with gateway.connect() as connection:
        async with connection.start_sftp_client() as client:
            file = await client.open("trace.log", BOTH, encoding=None)
            await file.write(b"x", 5)
        await eventually(lambda: _is_let_go(gateway))
    await _has_only(gateway, "trace.log", b"0123456789")


@pytest.mark.parametrize("size", [1000, 5 * PART + 100], ids=str)
async def test_fsync_makes_durable_what_was_written_out_of_order(
    gateway: Gateway, size: int, host_keys: HostKeys
) -> None:
    data = data_of(size)
    node = gateway.room.another_node()
    async with gateway.client() as client, gateway_of(node, host_keys) as elsewhere:
        file = await client.open("trace.log", NEW, encoding=None)
        await file.write(bytes(30) + data[30:], 0)
        await file.write(data[:30], 0)
        await file.fsync()
        assert (await gateway.upload("trace.log")).offset == size
        async with elsewhere.opened("trace.log", IN_PLACE) as again:
            assert await size_of(again) == size
            await again.write(b"more", size)
        with pytest.raises(asyncssh.SFTPFailure, match="taken over"):
            await file.close()
    assert await gateway.content("trace.log") == data + b"more"


@pytest.mark.parametrize("leaves", ["closes", "fsyncs", "is lost"])
async def test_a_session_that_was_taken_over_takes_nothing_back(
    gateway: Gateway, host_keys: HostKeys, leaves: str
) -> None:
    """What it had still to send is its own loss: its successor was told that more is durable."""
    data = data_of(5 * PART + 100)
    node = gateway.room.another_node()
    async with gateway_of(node, host_keys) as elsewhere:
        async with gateway.client() as client:
            file = await client.open("trace.log", NEW, encoding=None)
            await file.write(data, 0)
            await file.write(data[:30], 0)
            await file.fsync()
            await file.write(b"older", 10)
            async with elsewhere.opened("trace.log", IN_PLACE) as again:
                await again.write(b"more", len(data))
                await again.fsync()
                if leaves != "is lost":
                    with pytest.raises(asyncssh.SFTPError):
                        await (file.close() if leaves == "closes" else file.fsync())
        async with elsewhere.opened("trace.log", IN_PLACE) as again:
            assert await size_of(again) == len(data) + 4
            await again.write(b"!", len(data) + 4)
    assert await gateway.content("trace.log") == data + b"more!"


async def test_a_store_that_is_away_fails_the_close_and_nothing_is_lost(gateway: Gateway) -> None:
    data = data_of(3 * PART + 100)
    async with gateway.client() as client:
        file = await client.open("trace.log", NEW, encoding=None)
        await file.write(data, 0)
        await file.write(b"x", 0)
        gateway.store.fail_next("upload_part")
        with pytest.raises(asyncssh.SFTPFailure):
            await file.close()
        assert (await gateway.upload("trace.log")).offset == len(data)
        async with client.open("trace.log", IN_PLACE, encoding=None) as file:
            await file.write(b"more", await size_of(file))
    await _has_only(gateway, "trace.log", data + b"more")


async def test_a_store_that_is_away_fails_the_fsync_and_nothing_is_lost(gateway: Gateway) -> None:
    data = data_of(3 * PART + 100)
    async with gateway.client() as client, client.open("trace.log", NEW, encoding=None) as file:
        await file.write(data, 0)
        await file.write(b"x", 0)
        gateway.store.fail_next("put")
        with pytest.raises(asyncssh.SFTPFailure):
            await file.fsync()
    await _has_only(gateway, "trace.log", b"x" + data[1:])
    assert not gateway.room.leases.writers, "what could not be sent has been given up"


@pytest.mark.parametrize("writes_back", [False, True], ids=["in order", "out of order"])
async def test_an_open_file_is_removed_with_all_that_was_sent(
    gateway: Gateway, *, writes_back: bool
) -> None:
    async with gateway.client() as client:
        file = await client.open("trace.log", NEW, encoding=None)
        await file.write(data_of(3 * PART))
        if writes_back:
            await file.write(b"x", 0)
            await file.fsync()
        await client.remove("trace.log")
        assert await client.listdir() == ["shared"]
        with pytest.raises(asyncssh.SFTPFailure, match="removed while it was open"):
            await file.write(b"more", 3 * PART)
        await file.close()
        assert await client.listdir() == ["shared"]


async def test_a_received_file_is_removed_while_it_is_edited(gateway: Gateway) -> None:
    await gateway.room.send("trace.log", b"0123456789")
    async with gateway.client() as client:
        file = await client.open("trace.log", BOTH, encoding=None)
        await file.write(b"x", 5)
        await client.remove("trace.log")
        await file.close()
        assert await client.listdir() == ["shared"]


async def test_a_file_that_another_session_removed_is_not_brought_back(gateway: Gateway) -> None:
    await gateway.room.send("trace.log", b"0123456789")
    async with gateway.client() as client, gateway.client() as other:
        file = await client.open("trace.log", BOTH, encoding=None)
        await file.write(b"x", 5)
        await other.remove("trace.log")
        with pytest.raises(asyncssh.SFTPNoSuchFile):
            await file.close()
        assert await client.listdir() == ["shared"]


async def test_many_files_are_open_at_once_each_in_its_own_order(gateway: Gateway) -> None:
    data = {f"log-{number}": data_of(PART + number, number) for number in range(20)}
    async with gateway.client() as client:
        files = {name: await client.open(name, NEW, encoding=None) for name in data}
        for offset in (PART // 2, 0):
            for name, file in files.items():
                await file.write(data[name][offset : offset + PART], offset)
        for file in files.values():
            await file.close()
    for name, expected in data.items():
        assert (await gateway.file(name)).sha256 == sha256(expected)
