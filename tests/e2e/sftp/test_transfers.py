import asyncio
from pathlib import Path

import asyncssh
import pytest

from tests.e2e.sftp.gateway import Gateway, bytes_of, data_of, sha256
from tests.engine_room import KIB, MIB

PART = 64 * KIB


@pytest.mark.parametrize(
    "size", [0, 1, PART - 1, PART, PART + 1, 3 * PART, 10 * PART + 12_345], ids=str
)
async def test_what_is_put_comes_back_whole(gateway: Gateway, tmp_path: Path, size: int) -> None:
    data = data_of(size)
    sent, fetched = tmp_path / "sent", tmp_path / "fetched"
    sent.write_bytes(data)
    async with gateway.client() as client:
        await client.put(sent, "trace.log")
        assert (await client.stat("trace.log")).size == size
        await client.get("/trace.log", fetched)
    assert fetched.read_bytes() == data
    file = await gateway.file("trace.log")
    assert (file.size, file.sha256, file.door) == (size, sha256(data), "sftp")


@pytest.mark.parametrize("size", [0, PART, 10 * PART + 12_345], ids=str)
async def test_paramiko_puts_and_gets(gateway: Gateway, tmp_path: Path, size: int) -> None:
    data = data_of(size)
    sent, fetched = tmp_path / "sent", tmp_path / "fetched"
    sent.write_bytes(data)

    def transfer() -> None:
        with gateway.paramiko_client() as client:
            assert client.put(str(sent), "trace.log").st_size == size
            client.get("trace.log", str(fetched))

    await asyncio.to_thread(transfer)
    assert fetched.read_bytes() == data


async def test_a_file_is_not_there_for_an_analyst_before_its_close(gateway: Gateway) -> None:
    async with gateway.client() as client:
        async with client.open("trace.log", "wb") as file:
            await file.write(b"some")
            assert (await gateway.upload("trace.log")).state == "receiving"
        assert (await gateway.file("trace.log")).size == 4


async def test_an_open_file_tells_what_was_written(gateway: Gateway) -> None:
    async with gateway.client() as client, client.open("trace.log", "wb") as file:
        await file.write(data_of(PART + 100))
        assert (await file.stat()).size == PART + 100
        assert (await client.stat("trace.log")).size == PART + 100


async def test_fsync_makes_what_was_written_durable(gateway: Gateway) -> None:
    async with gateway.client() as client, client.open("trace.log", "wb") as file:
        await file.write(b"some")
        assert (await gateway.upload("trace.log")).offset == 0
        await file.fsync()
        assert (await gateway.upload("trace.log")).offset == 4


async def test_a_download_in_order_is_one_request_to_the_store(
    gateway: Gateway, tmp_path: Path
) -> None:
    await gateway.room.send("trace.log", data_of(5 * MIB))
    before = gateway.calls("read")
    async with gateway.client() as client:
        await client.get("trace.log", tmp_path / "fetched")
    assert gateway.calls("read") == before + 1
    assert (tmp_path / "fetched").read_bytes() == data_of(5 * MIB)


async def test_reads_anywhere_in_a_file_give_the_right_bytes(gateway: Gateway) -> None:
    data = data_of(8 * MIB)
    await gateway.room.send("trace.log", data)
    async with gateway.client() as client, client.open("trace.log", "rb") as file:
        for start in (7 * MIB, 0, 100, 3 * MIB, 3 * MIB - 10, 8 * MIB - 5, 8 * MIB, 9 * MIB):
            assert await bytes_of(file, 1000, start) == data[start : start + 1000]


async def test_a_download_goes_on_after_the_store_was_away(gateway: Gateway) -> None:
    data = data_of(MIB)
    await gateway.room.send("trace.log", data)
    gateway.store.fail_next("read")
    async with gateway.client() as client, client.open("trace.log", "rb") as file:
        with pytest.raises(asyncssh.SFTPFailure):
            await file.read(100, 0)
        assert await bytes_of(file, 100, 0) == data[:100]


async def test_an_unfinished_file_is_not_given_out(gateway: Gateway) -> None:
    async with gateway.client() as client, client.open("trace.log", "wb") as file:
        await file.write(b"some")
        with pytest.raises(asyncssh.SFTPFailure, match="still on its way"):
            await client.open("trace.log", "rb")


async def test_a_file_opened_for_reading_takes_no_bytes(gateway: Gateway) -> None:
    await gateway.room.send("trace.log", b"some")
    async with gateway.client() as client, client.open("trace.log", "rb") as file:
        with pytest.raises(asyncssh.SFTPOpUnsupported):
            await file.write(b"more", 0)
        with pytest.raises(asyncssh.SFTPOpUnsupported):
            await file.truncate(2)
    assert await gateway.content("trace.log") == b"some"


async def test_a_file_opened_for_both_is_read_before_and_after_it_is_written(
    gateway: Gateway,
) -> None:
    await gateway.room.send("trace.log", b"some")
    async with gateway.client() as client:
        async with client.open("trace.log", "r+b") as file:
            assert await bytes_of(file, 4, 0) == b"some"
            await file.write(b" more", 4)
            assert await bytes_of(file, 20, 2) == b"me more"
        assert await gateway.content("trace.log") == b"some more"


async def test_a_missing_file_is_missing(gateway: Gateway) -> None:
    async with gateway.client() as client:
        for step in (client.stat("x"), client.open("x", "rb"), client.open("x", "r+b")):
            with pytest.raises(asyncssh.SFTPNoSuchFile):
                await step


async def test_a_folder_is_not_opened_as_a_file(gateway: Gateway) -> None:
    async with gateway.client() as client:
        await client.mkdir("logs")
        for mode in ("rb", "wb", "ab"):
            with pytest.raises(asyncssh.SFTPFailure, match="folder"):
                await client.open("logs", mode)


async def test_a_store_that_is_away_fails_the_close_and_not_silently(gateway: Gateway) -> None:
    gateway.store.fail_next("put")
    async with gateway.client() as client:
        file = await client.open("trace.log", "wb")
        await file.write(b"some")
        with pytest.raises(asyncssh.SFTPFailure):
            await file.close()
    assert (await gateway.upload("trace.log")).file_id is None


async def test_many_files_at_once_come_in_whole(gateway: Gateway) -> None:
    async def send(client: asyncssh.SFTPClient, number: int) -> None:
        async with client.open(f"{number}.log", "wb") as file:
            await file.write(data_of(PART, number))

    async with gateway.client() as client:
        await asyncio.gather(*(send(client, number) for number in range(20)))
        assert len(await client.listdir()) == 21  # and the shared folder
    for number in range(20):
        assert await gateway.content(f"{number}.log") == data_of(PART, number)
