"""Where clients go on that resume: a little mixed, and with bytes that are here by then."""

import asyncssh
import pytest
from asyncssh import FXF_CREAT, FXF_WRITE, SFTPClient

from tests.e2e.sftp.gateway import Gateway, data_of, eventually, size_of
from tests.engine_room import KIB, MIB

PART = 64 * KIB
RESUME = FXF_WRITE | FXF_CREAT
BLOCK = 16 * KIB
HELD = PART + 3 * BLOCK + 100
"""What a session has taken of a file: a part, and more that isn't durable yet."""


async def _left_at(gateway: Gateway, data: bytes) -> None:
    """Have an upload left with `data`."""
    async with gateway.client() as client:
        await (await client.open("trace.log", "wb")).write(data)
    await eventually(lambda: gateway.is_interrupted("trace.log"))


async def _told_too_little(before: SFTPClient, client: SFTPClient, data: bytes) -> int:
    """Have `client` told of less than the session `before` holds; return how much it is told."""
    await (await before.open("trace.log", "wb")).write(data[:HELD])
    told = await size_of(client, "trace.log")
    assert told <= PART
    return told


@pytest.mark.parametrize("held", [0, 2 * PART + 100], ids=["at-0", "amid"])
@pytest.mark.parametrize("asks", ["by-path", "by-handle", "by-path-when-open"])
async def test_who_was_told_where_to_go_on_may_send_what_comes_next_a_little_mixed(
    gateway: Gateway, held: int, asks: str
) -> None:
    data = data_of(8 * PART)
    await _left_at(gateway, data[:held])
    async with gateway.client() as client:
        if asks == "by-path":
            assert await size_of(client, "trace.log") == held
        async with client.open("trace.log", RESUME, encoding=None) as file:
            if asks == "by-handle":
                assert await size_of(file) == held
            elif asks == "by-path-when-open":
                assert await size_of(client, "trace.log") == held
            for start in (held + PART, held + 3 * PART, held, held + 2 * PART):
                await file.write(data[start : start + PART], start)
            await file.write(data[held + 4 * PART :], held + 4 * PART)
    assert await gateway.content("trace.log") == data


async def test_what_never_came_before_bytes_that_came_too_early_fails_the_close(
    gateway: Gateway,
) -> None:
    data = data_of(5 * PART)
    await _left_at(gateway, data[:PART])
    async with gateway.client() as client:
        assert await size_of(client, "trace.log") == PART
        file = await client.open("trace.log", RESUME, encoding=None)
        await file.write(data[PART + 1 :], PART + 1)
        with pytest.raises(asyncssh.SFTPFailure, match=f"resume at byte {PART}"):
            await file.close()
    assert await gateway.is_interrupted("trace.log")
    assert (await gateway.upload("trace.log")).offset == PART


@pytest.mark.parametrize("distance", [-1, 4 * MIB], ids=["before", "far-behind"])
async def test_who_goes_on_elsewhere_than_they_were_told_is_refused(
    gateway: Gateway, distance: int
) -> None:
    await _left_at(gateway, data_of(PART))
    async with gateway.client() as client:
        assert await size_of(client, "trace.log") == PART
        file = await client.open("trace.log", RESUME, encoding=None)
        with pytest.raises(asyncssh.SFTPFailure, match=f"byte {PART}"):
            await file.write(b"xxxxx", PART + distance)
        with pytest.raises(asyncssh.SFTPFailure):
            await file.close()
    assert (await gateway.upload("trace.log")).offset == PART


# ── Bytes that are here by then ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mixed", [(0, 1), (1, 0), (9, 0)], ids=["in-order", "mixed", "ahead"])
async def test_bytes_that_are_here_by_then_are_not_there_twice(
    gateway: Gateway, mixed: tuple[int, int]
) -> None:
    data = data_of(6 * PART)
    async with gateway.client() as before, gateway.client() as client:
        told = await _told_too_little(before, client, data)
        starts = list(range(told, len(data), BLOCK))
        first = [starts[number] for number in mixed]
        async with client.open("trace.log", RESUME, encoding=None) as file:
            for start in (*first, *(start for start in starts if start not in first)):
                await file.write(data[start : start + BLOCK], start)
    assert await gateway.content("trace.log") == data


async def test_a_file_that_has_changed_since_is_not_mixed_with_what_it_was(
    gateway: Gateway,
) -> None:
    data = data_of(6 * PART)
    async with gateway.client() as before, gateway.client() as client:
        told = await _told_too_little(before, client, data)
        changed = bytearray(data)
        changed[HELD - 1] ^= 1
        file = await client.open("trace.log", RESUME, encoding=None)
        with pytest.raises(asyncssh.SFTPFailure, match="isn't the one whose beginning is here"):
            await file.write(bytes(changed[told:]), told)
        with pytest.raises(asyncssh.SFTPFailure):
            await file.close()
    assert await gateway.is_interrupted("trace.log")
    assert (await gateway.upload("trace.log")).offset == HELD


async def test_a_file_that_ends_before_what_is_here_is_not_made_of_that(gateway: Gateway) -> None:
    data = data_of(6 * PART)
    async with gateway.client() as before, gateway.client() as client:
        told = await _told_too_little(before, client, data)
        file = await client.open("trace.log", RESUME, encoding=None)
        await file.write(data[told : PART + BLOCK], told)
        with pytest.raises(asyncssh.SFTPFailure, match="isn't the one whose beginning is here"):
            await file.close()
    assert await gateway.is_interrupted("trace.log")
    assert (await gateway.upload("trace.log")).offset == HELD
