import asyncssh
import pytest
from asyncssh import FXF_APPEND, FXF_CREAT, FXF_TRUNC, FXF_WRITE, SFTPAttrs

from tests.cutting_proxy import cutting_proxy
from tests.e2e.sftp.gateway import Gateway, data_of, eventually, gateway_of, sha256, size_of
from tests.engine_room import KIB, NUMBER, chunks, customer, cut
from transfer.core.names import CasePath
from transfer.engine.beginnings import FileToSend
from transfer.sftp.hostkeys import HostKeys

PART = 64 * KIB
LOST = (asyncssh.Error, OSError)
RESUME = FXF_WRITE | FXF_CREAT
"""WinSCP's flags when it goes on."""


async def _cut_off(gateway: Gateway, path: str, data: bytes, after: int) -> int:
    """Send `data`, be cut after about `after` bytes, and return how many bytes are there."""
    async with cutting_proxy(gateway.port) as proxy:

        async def send() -> None:
            async with (
                gateway.client(port=proxy.port) as client,
                client.open(path, "wb", block_size=16 * KIB, max_requests=2) as file,
            ):
                proxy.cut_after(after)
                await file.write(data)

        with pytest.raises(LOST):
            await send()
    await eventually(lambda: gateway.is_interrupted(path))
    held = (await gateway.upload(path)).offset
    assert 0 < held < len(data)
    return held


async def test_a_cut_upload_shows_as_interrupted(gateway: Gateway) -> None:
    await _cut_off(gateway, "trace.log", data_of(20 * PART), 8 * PART)
    listing = await gateway.room.files.listing(customer(), NUMBER)
    assert [(one.path, one.state) for one in listing.uploads] == [("trace.log", "interrupted")]
    assert not listing.files


async def test_a_cut_upload_goes_on_where_its_size_says(gateway: Gateway) -> None:
    data = data_of(20 * PART + 77)
    await _cut_off(gateway, "trace.log", data, 8 * PART)
    async with gateway.client() as client:
        size = await size_of(client, "trace.log")
        async with client.open("trace.log", RESUME, encoding=None) as file:
            await file.write(data[size:], size)
    assert await gateway.content("trace.log") == data


async def test_a_write_only_open_tells_by_fstat_where_to_go_on(gateway: Gateway) -> None:
    data = data_of(5 * PART + 77)
    await _cut_off(gateway, "trace.log", data, 2 * PART)
    async with gateway.opened("trace.log", FXF_WRITE) as file:
        size = await size_of(file)
        assert size == (await gateway.upload("trace.log")).offset
        await file.write(data[size:], size)
    assert await gateway.content("trace.log") == data


async def test_bytes_that_the_session_before_still_held_are_not_written_twice(
    gateway: Gateway,
) -> None:
    data = data_of(4 * PART)
    async with gateway.client() as before, gateway.client() as client:
        held = await before.open("trace.log", "wb")
        await held.write(data[: 2 * PART + 100])
        size = await size_of(client, "trace.log")
        assert size < 2 * PART + 100
        async with client.open("trace.log", RESUME | FXF_APPEND, encoding=None) as file:
            assert (await file.stat()).size == 2 * PART + 100
            await file.write(data[size : 2 * PART], size)
            await file.write(data[2 * PART :], 2 * PART)
        with pytest.raises(asyncssh.SFTPFailure, match="taken over"):
            await held.close()
    assert await gateway.content("trace.log") == data


async def test_a_write_of_nothing_changes_nothing_wherever_it_is_meant_for(
    gateway: Gateway,
) -> None:
    async with gateway.client() as client, client.open("trace.log", "wb") as file:
        await file.write(b"one ")
        await file.write(b"", 1_000_000)
        await file.write(b"", 0)
        await file.write(b"two", 4)
    assert await gateway.content("trace.log") == b"one two"


async def test_the_session_that_was_replaced_is_told(gateway: Gateway) -> None:
    async with gateway.client() as first, gateway.client() as second:
        early = await first.open("trace.log", "wb")
        await early.write(b"one ")
        late = await second.open("trace.log", "ab")
        with pytest.raises(asyncssh.SFTPFailure, match="taken over"):
            await early.write(b"and a half ")
        await late.write(b"two")
        with pytest.raises(asyncssh.SFTPFailure, match="taken over"):
            await early.close()
        await late.close()
    assert await gateway.content("trace.log") == b"one two"


async def test_a_session_on_another_node_takes_over(gateway: Gateway, host_keys: HostKeys) -> None:
    data = data_of(4 * PART)
    node = gateway.room.another_node()
    async with gateway_of(node, host_keys) as elsewhere, gateway.client() as before:
        held = await before.open("trace.log", "wb")
        await held.write(data[: 2 * PART + 100])
        async with elsewhere.client() as client:
            size = await size_of(client, "trace.log")
            async with client.open("trace.log", RESUME | FXF_APPEND, encoding=None) as file:
                assert await size_of(file) == 2 * PART + 100
                await file.write(data[size:], size)
        with pytest.raises(asyncssh.SFTPFailure, match="taken over"):
            await held.close()
    assert await gateway.content("trace.log") == data


@pytest.mark.parametrize("flags", [RESUME, RESUME | FXF_APPEND], ids=["resume", "append"])
async def test_who_resumes_elsewhere_than_at_the_end_is_refused_and_so_is_the_file(
    gateway: Gateway, flags: int
) -> None:
    async with gateway.connect() as connection:
        async with connection.start_sftp_client() as client:
            await (await client.open("trace.log", "wb")).write(b"0123456789")
        await eventually(lambda: gateway.is_interrupted("trace.log"))
        async with connection.start_sftp_client() as client:
            file = await client.open("trace.log", flags, encoding=None)
            for offset in (11, 5):
                with pytest.raises(asyncssh.SFTPFailure, match="byte 10"):
                    await file.write(b"xxxxx", offset)
            with pytest.raises(asyncssh.SFTPFailure, match="byte 10"):
                await file.write(b"abc", 10)
            with pytest.raises(asyncssh.SFTPFailure):
                await file.close()
    assert await gateway.is_interrupted("trace.log")
    assert (await gateway.upload("trace.log")).offset == 10


async def test_a_close_before_the_announced_size_leaves_the_file_interrupted(
    gateway: Gateway,
) -> None:
    flags = FXF_WRITE | FXF_CREAT | FXF_TRUNC
    async with gateway.client() as client:
        file = await client.open("x.filepart", flags, SFTPAttrs(size=100), encoding=None)
        await file.write(b"a" * 40, 0)
        with pytest.raises(asyncssh.SFTPFailure, match="60 bytes are missing of 100"):
            await file.close()
        assert await gateway.is_interrupted("x.filepart")
        async with client.open("x.filepart", RESUME, encoding=None) as file:
            assert (await file.stat()).size == 40
            await file.write(b"b" * 60, 40)
    assert await gateway.content("x.filepart") == b"a" * 40 + b"b" * 60


async def test_a_size_that_is_announced_on_resuming_counts_and_never_changes(
    gateway: Gateway,
) -> None:
    await _cut_off(gateway, "x.filepart", data_of(5 * PART), 2 * PART)
    attributes = SFTPAttrs(size=5 * PART)
    async with gateway.client() as client:
        file = await client.open("x.filepart", RESUME, attributes, encoding=None)
        with pytest.raises(asyncssh.SFTPFailure, match=f"bytes are missing of {5 * PART}"):
            await file.close()
        for size in (5 * PART + 1, 1):
            with pytest.raises(asyncssh.SFTPFailure):
                await client.open("x.filepart", RESUME, SFTPAttrs(size=size), encoding=None)
            assert await gateway.is_interrupted("x.filepart")
        async with client.open("x.filepart", RESUME, attributes, encoding=None) as file:
            size = await size_of(file)
            await file.write(data_of(5 * PART)[size:], size)
    assert await gateway.content("x.filepart") == data_of(5 * PART)


async def test_bytes_that_cannot_be_kept_at_the_end_of_a_session_are_not_counted(
    gateway: Gateway,
) -> None:
    async with gateway.client() as client:
        file = await client.open("trace.log", "wb")
        await file.write(b"durable")
        await file.fsync()
        await file.write(b", and not durable")
        gateway.store.fail_next("put")
    await eventually(lambda: gateway.is_interrupted("trace.log"))
    assert (await gateway.upload("trace.log")).offset == len(b"durable")


async def test_more_than_the_announced_size_is_refused(gateway: Gateway) -> None:
    flags = FXF_WRITE | FXF_CREAT | FXF_TRUNC
    async with gateway.client() as client:
        file = await client.open("x", flags, SFTPAttrs(size=10), encoding=None)
        with pytest.raises(asyncssh.SFTPFailure, match="announced with 10 bytes"):
            await file.write(b"a" * 11, 0)
        with pytest.raises(asyncssh.SFTPFailure):
            await file.close()
    assert not (await gateway.room.files.listing(customer(), NUMBER)).files


async def test_winscp_sends_by_way_of_a_filepart(gateway: Gateway) -> None:
    """OPEN with SIZE, WRITEs, CLOSE, REMOVE of the old file, RENAME, SETSTAT."""
    await gateway.room.send("trace.log", b"old")
    data = data_of(3 * PART + 5)
    flags = FXF_WRITE | FXF_CREAT | FXF_TRUNC
    async with gateway.client() as client:
        attributes = SFTPAttrs(size=len(data))
        async with client.open("trace.log.filepart", flags, attributes, encoding=None) as file:
            await file.write(data)
        assert (await gateway.file("trace.log.filepart")).size == len(data)
        await client.remove("trace.log")
        await client.rename("trace.log.filepart", "trace.log")
        await client.setstat("trace.log", SFTPAttrs(atime=1_000_000_000, mtime=1_000_000_000))
    received = await gateway.file("trace.log")
    assert (received.sha256, received.modified_at.timestamp()) == (sha256(data), 1_000_000_000)


async def test_a_filepart_that_needs_no_more_bytes_is_finished_by_its_rename(
    gateway: Gateway,
) -> None:
    data = data_of(3 * PART)
    held = await _cut_off(gateway, "trace.log.filepart", data, 2 * PART)
    async with gateway.client() as client:
        async with client.open("trace.log.filepart", RESUME, encoding=None) as file:
            assert (await file.stat()).size == held
        assert await gateway.is_interrupted("trace.log.filepart")
        await client.rename("trace.log.filepart", "trace.log")
    assert await gateway.content("trace.log") == data[:held]


async def test_an_incomplete_filepart_stays_so_under_its_final_name(gateway: Gateway) -> None:
    flags = FXF_WRITE | FXF_CREAT | FXF_TRUNC
    async with gateway.client() as client:
        file = await client.open("x.filepart", flags, SFTPAttrs(size=100), encoding=None)
        await file.write(b"a" * 40, 0)
        with pytest.raises(asyncssh.SFTPFailure):
            await file.close()
        await client.rename("x.filepart", "x")
    assert await gateway.is_interrupted("x")


async def test_to_open_and_close_an_interrupted_file_does_not_make_it_complete(
    gateway: Gateway,
) -> None:
    await _cut_off(gateway, "trace.log", data_of(5 * PART), 2 * PART)
    async with gateway.client() as client:
        for mode in (FXF_WRITE, RESUME, RESUME | FXF_APPEND):
            async with client.open("trace.log", mode, encoding=None) as file:
                await file.setstat(SFTPAttrs(atime=1, mtime=1))
            assert await gateway.is_interrupted("trace.log")


async def test_a_client_that_was_stopped_while_it_resumed_leaves_the_file_interrupted(
    gateway: Gateway,
) -> None:
    """OpenSSH then sets the size, to what it had sent or to 0, and closes the file."""
    data = data_of(5 * PART)
    await _cut_off(gateway, "trace.log", data, 2 * PART)
    async with gateway.client() as client:
        for size_told in (lambda size: size, lambda _: 0):
            size = await size_of(client, "trace.log")
            async with client.open("trace.log", RESUME | FXF_APPEND, encoding=None) as file:
                await file.write(data[size : size + 100], size)
                try:
                    await file.truncate(size_told(size + 100))
                except asyncssh.SFTPOpUnsupported:
                    assert size_told(size) == 0
            assert await gateway.is_interrupted("trace.log")
            assert (await gateway.upload("trace.log")).offset == size + 100
        size = await size_of(client, "trace.log")
        async with client.open("trace.log", RESUME | FXF_APPEND, encoding=None) as file:
            await file.write(data[size:], size)
    assert await gateway.content("trace.log") == data


async def test_appending_clients_may_leave_the_offset_to_the_server(gateway: Gateway) -> None:
    await _cut_off(gateway, "trace.log", data_of(5 * PART), 2 * PART)
    held = (await gateway.upload("trace.log")).offset
    async with gateway.opened("trace.log", RESUME | FXF_APPEND) as file:
        for offset, data in ((0, b"from 0"), (6, b"counted from here"), (0, b"always 0")):
            await file.write(data, offset)
    assert await gateway.content("trace.log") == (
        data_of(5 * PART)[:held] + b"from 0counted from herealways 0"
    )


async def test_what_was_begun_by_http_is_finished_by_sftp(gateway: Gateway) -> None:
    data = data_of(5 * PART)
    begun = FileToSend(case_number=NUMBER, path=CasePath("trace.log"), length=len(data))
    with pytest.raises(ConnectionResetError):
        await gateway.room.uploads.receive(
            customer(), begun, chunks(data[: 3 * PART - 100], then=cut)
        )
    async with gateway.client() as client:
        size = await size_of(client, "trace.log")
        assert size == 3 * PART - 100
        async with client.open("trace.log", RESUME, encoding=None) as file:
            await file.write(data[size:], size)
    received = await gateway.file("trace.log")
    assert (received.sha256, received.door) == (sha256(data), "http")


async def test_what_was_begun_by_sftp_is_finished_by_http(gateway: Gateway) -> None:
    data = data_of(20 * PART)
    held = await _cut_off(gateway, "trace.log", data, 8 * PART)
    upload = await gateway.upload("trace.log")
    await gateway.room.uploads.announce(customer(), upload.id, len(data))
    await gateway.room.append(customer(), upload.id, held, chunks(data[held:]))
    assert await gateway.content("trace.log") == data


async def test_an_upload_that_lost_only_its_close_is_finished_when_it_is_opened(
    gateway: Gateway,
) -> None:
    data = data_of(2 * PART + 9)
    flags = FXF_WRITE | FXF_CREAT | FXF_TRUNC
    async with cutting_proxy(gateway.port) as proxy:

        async def send() -> None:
            async with gateway.client(port=proxy.port) as client:
                attributes = SFTPAttrs(size=len(data))
                file = await client.open("trace.log", flags, attributes, encoding=None)
                await file.write(data)
                proxy.cut_now()
                await file.close()

        with pytest.raises(LOST):
            await send()
    await eventually(lambda: gateway.is_interrupted("trace.log"))
    async with gateway.opened("trace.log", RESUME) as file:
        assert await size_of(file) == len(data)
    assert await gateway.content("trace.log") == data


async def test_an_upload_that_was_not_put_together_yet_is_when_it_is_opened(
    gateway: Gateway,
) -> None:
    data = data_of(2 * PART + 9)
    gateway.store.fail_next("complete_multipart")
    async with gateway.client() as client:
        file = await client.open("trace.log", "wb")
        await file.write(data)
        with pytest.raises(asyncssh.SFTPFailure):
            await file.close()
        assert (await gateway.upload("trace.log")).state == "completing"
        async with client.open("trace.log", RESUME, encoding=None) as file:
            assert await size_of(file) == len(data)
    assert await gateway.content("trace.log") == data


async def test_a_lost_channel_is_no_close(gateway: Gateway) -> None:
    async with gateway.connect() as connection:
        async with connection.start_sftp_client() as client:
            file = await client.open("trace.log", "wb")
            await file.write(b"some")
        await eventually(lambda: gateway.is_interrupted("trace.log"))
    assert (await gateway.upload("trace.log")).offset == 4


async def test_a_stalled_connection_does_not_hold_up_its_successor(gateway: Gateway) -> None:
    data = data_of(5 * PART)
    async with cutting_proxy(gateway.port) as proxy:

        async def stall() -> None:
            async with gateway.client(port=proxy.port) as stalled:
                file = await stalled.open("trace.log", "wb")
                await file.write(data[: 2 * PART])
                proxy.stall()
                async with gateway.opened("trace.log", RESUME) as again:
                    size = await size_of(again)
                    await again.write(data[size:], size)
                assert await gateway.content("trace.log") == data
                proxy.cut_now()
                await file.close()

        with pytest.raises(LOST):
            await stall()
    assert await gateway.content("trace.log") == data
