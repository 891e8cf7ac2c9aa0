"""Copies that never leave the store, or at least never go to the client and back."""

import asyncio

import asyncssh
import pytest
from asyncssh import SFTPAttrs

from tests.e2e.sftp.gateway import Gateway, data_of, eventually, sha256
from tests.engine_room import ANALYST, KIB, MIB, NUMBER
from transfer.core.parts import MIN_PART_BYTES
from transfer.core.uploads import UploadState
from transfer.storage.memory import Call

BIG = data_of(MIN_PART_BYTES + 300 * KIB)
SMALL = data_of(700 * KIB)


async def actions(gateway: Gateway) -> list[str]:
    events = await gateway.room.records.audit.events(NUMBER)
    return [event.action for event in events if event.action.startswith("file.")]


async def copy(client: asyncssh.SFTPClient, source_path: str, target_path: str) -> None:
    """Copy a file as OpenSSH's `cp` does."""
    async with client.open(source_path, "rb") as source:
        target = await client.open(target_path, "wb", encoding=None)
        await client.remote_copy(source, target)
        await target.close()


async def test_a_big_file_is_copied_inside_the_store(gateway: Gateway) -> None:
    await gateway.room.send("trace.log", BIG)
    parts = gateway.calls("upload_part")
    async with gateway.client() as client:
        assert client.supports_remote_copy
        await copy(client, "trace.log", "copy.log")
    assert await gateway.content("copy.log") == BIG
    assert (await gateway.file("copy.log")).sha256 == sha256(BIG)
    assert gateway.calls("copy_part") == 1
    assert gateway.calls("upload_part") == parts
    assert "file.copied" in await actions(gateway)
    assert await gateway.content("trace.log") == BIG


async def test_what_is_written_after_a_copy_is_appended_to_it(gateway: Gateway) -> None:
    await gateway.room.send("trace.log", BIG)
    async with (
        gateway.client() as client,
        client.open("trace.log", "rb") as source,
        client.open("copy.log", "wb", encoding=None) as target,
    ):
        await client.remote_copy(source, target)
        await target.write(b"and more", len(BIG))
    assert await gateway.content("copy.log") == BIG + b"and more"


@pytest.mark.parametrize(
    ("start", "size", "offset"),
    [(0, 0, 0), (0, 300 * KIB, 0), (1000, 0, 0), (1000, 2000, 0), (0, 10 * MIB, 0), (5, 0, 9)],
)
async def test_any_part_of_a_file_is_copied(
    gateway: Gateway, start: int, size: int, offset: int
) -> None:
    await gateway.room.send("trace.log", SMALL)
    head = b"h" * offset
    async with (
        gateway.client() as client,
        client.open("trace.log", "rb") as source,
        client.open("copy.log", "wb", encoding=None) as target,
    ):
        await target.write(head, 0)
        await client.remote_copy(source, target, start, size, offset)
    end = start + size if size else None
    assert await gateway.content("copy.log") == head + SMALL[start:end]


async def test_a_small_or_empty_file_is_copied_too(gateway: Gateway) -> None:
    await gateway.room.send("empty.log", b"")
    await gateway.room.send("small.log", b"some")
    async with gateway.client() as client:
        for name in ("empty", "small"):
            await copy(client, f"{name}.log", f"{name}-copy.log")
    assert await gateway.content("empty-copy.log") == b""
    assert await gateway.content("small-copy.log") == b"some"


async def test_what_was_shared_may_be_copied_out_but_nothing_in(gateway: Gateway) -> None:
    await gateway.room.send("shared/notes.txt", b"some", principal=ANALYST)
    async with gateway.client() as client:
        await copy(client, "shared/notes.txt", "notes.txt")
        with pytest.raises(asyncssh.SFTPPermissionDenied):
            await copy(client, "notes.txt", "shared/back.txt")
        assert await client.listdir("shared") == ["notes.txt"]
    assert await gateway.content("notes.txt") == b"some"


async def test_a_file_is_not_copied_onto_itself_nor_through_a_handle_for_reading(
    gateway: Gateway,
) -> None:
    await gateway.room.send("trace.log", BIG)
    async with (
        gateway.client() as client,
        client.open("trace.log", "rb") as one,
        client.open("trace.log", "rb") as two,
    ):
        with pytest.raises(asyncssh.SFTPFailure, match="itself"):
            await client.remote_copy(one, one)
        with pytest.raises(asyncssh.SFTPOpUnsupported):
            await client.remote_copy(one, two)
    assert await gateway.content("trace.log") == BIG


@pytest.mark.parametrize(
    ("data", "operation", "start"), [(BIG, "copy_part", 0), (SMALL, "read", 0), (SMALL, "read", 7)]
)
async def test_a_copy_that_fails_becomes_no_file(
    gateway: Gateway, data: bytes, operation: str, start: int
) -> None:
    await gateway.room.send("trace.log", data)
    async with (
        gateway.client() as client,
        client.open("trace.log", "rb") as source,
    ):
        target = await client.open("copy.log", "wb", encoding=None)
        gateway.store.fail_next(operation)
        with pytest.raises(asyncssh.SFTPFailure):
            await client.remote_copy(source, target, start)
        with pytest.raises(asyncssh.SFTPFailure):
            await target.close()
        assert (await gateway.upload("copy.log")).state is UploadState.INTERRUPTED
        await copy(client, "trace.log", "copy.log")
    assert await gateway.content("copy.log") == data


async def test_a_copy_is_whole_where_a_put_might_have_been_stopped(gateway: Gateway) -> None:
    data = data_of(255 * KIB)
    await gateway.room.send("trace.log", data)
    async with (
        gateway.connect(client_version="OpenSSH_9.9") as connection,
        connection.start_sftp_client() as client,
        client.open("trace.log", "rb") as source,
    ):
        permissions = SFTPAttrs(permissions=0o644)
        target = await client.open("copy.log", "wb", permissions, encoding=None)
        await client.remote_copy(source, target)
        await target.close()
        stopped = await client.open("stopped.log", "wb", permissions, encoding=None)
        await stopped.write(data)
        with pytest.raises(asyncssh.SFTPFailure, match="stopped"):
            await stopped.close()
    assert await gateway.content("copy.log") == data


async def test_an_announced_size_goes_before_what_is_copied(gateway: Gateway) -> None:
    await gateway.room.send("trace.log", BIG)
    async with (
        gateway.client() as client,
        client.open("trace.log", "rb") as source,
    ):
        target = await client.open("copy.log", "wb", SFTPAttrs(size=1000), encoding=None)
        with pytest.raises(asyncssh.SFTPFailure):
            await client.remote_copy(source, target)
        with pytest.raises(asyncssh.SFTPFailure):
            await target.close()
        target = await client.open("copy.log", "wb", SFTPAttrs(size=len(BIG)), encoding=None)
        await client.remote_copy(source, target)
        await target.close()
    assert await gateway.content("copy.log") == BIG


async def test_a_case_that_was_closed_meanwhile_takes_no_copies(gateway: Gateway) -> None:
    await gateway.room.send("trace.log", BIG)
    copied = gateway.calls("copy_part")
    async with gateway.client() as client:
        source = await client.open("trace.log", "rb")
        target = await client.open("copy.log", "wb", encoding=None)
        await gateway.room.core.close(NUMBER, None, "analyst")
        with pytest.raises((asyncssh.SFTPError, asyncssh.Error)):
            await client.remote_copy(source, target)
    assert gateway.calls("copy_part") == copied
    assert "file.copied" not in await actions(gateway)


async def test_a_copy_stops_when_its_client_leaves(gateway: Gateway) -> None:
    await gateway.room.send("trace.log", BIG)
    stalled, given_up = asyncio.Event(), asyncio.Event()

    async def stall(call: Call) -> None:
        if call.operation == "copy_part":
            stalled.set()
            try:
                await asyncio.Event().wait()
            finally:
                given_up.set()

    gateway.store.before = stall
    async with gateway.connect() as connection:
        client = await connection.start_sftp_client()
        copying = asyncio.create_task(copy(client, "trace.log", "copy.log"))
        await asyncio.wait_for(stalled.wait(), 10)
        connection.abort()
        await asyncio.wait_for(given_up.wait(), 10)
        await asyncio.gather(copying, return_exceptions=True)
    gateway.store.before = None
    await eventually(lambda: gateway.is_interrupted("copy.log"))
