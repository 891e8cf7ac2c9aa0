"""What the audit log is told of requests that fail, and what counts as work."""

import asyncio
from datetime import timedelta
from pathlib import Path

import asyncssh
import pytest
from asyncssh.packet import String

from tests.e2e.sftp.gateway import Gateway, bytes_of, data_of, eventually, gateway_of
from tests.e2e.sftp.test_hashes import asked, raw_client
from tests.engine_room import KIB, engine_room
from transfer.clock import SystemClock
from transfer.core.errors import RecordsUnavailableError
from transfer.sftp.hostkeys import HostKeys
from transfer.sftp.policy import SftpPolicy
from transfer.storage.memory import Call

DATA = data_of(300 * KIB)


async def failures(gateway: Gateway) -> list[tuple[object, ...]]:
    """What the audit log was told of: the operation, the problem and the paths."""
    events = await gateway.room.records.audit.events()
    noted = [one.details for one in events if one.action == "sftp.request-failed"]
    return [(one["operation"], one["problem"], one["paths"]) for one in noted]


async def ends(gateway: Gateway) -> list[dict[str, object]]:
    events = await gateway.room.records.audit.events()
    return [dict(one.details) for one in events if one.action == "sftp.signed-out"]


async def test_reads_that_fail_alike_are_noted_once_and_counted_all(gateway: Gateway) -> None:
    await gateway.room.send("trace.log", DATA)
    async with gateway.opened("trace.log", "rb") as file:
        for _ in range(3):
            gateway.store.fail_next("read")
            with pytest.raises(asyncssh.SFTPError):
                await bytes_of(file, 100, 0)
        assert await bytes_of(file, 100, 0) == DATA[:100]
    assert await failures(gateway) == [("read", "store-unavailable", ["trace.log"])]
    await eventually(lambda: _is_over(gateway))
    [end] = await ends(gateway)
    assert end["failures"] == 3
    assert end["requests"] == {"open": 1, "close": 1}


async def test_hashes_copies_commands_and_the_space_that_fail_are_noted(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise RecordsUnavailableError("not now")

    await gateway.room.send("trace.log", DATA)
    async with raw_client(gateway) as client:
        await client.ask("check-file-name", String("no.log"), asked("md5"))
        handle = String(await client.open("trace.log"))
        await client.ask("md5-hash-handle", handle)  # out of shape: that is no failure of a file
        await client.ask("check-file-handle", handle, asked("md4"))
    async with gateway.connect() as connection:
        await connection.run("sha256sum trace.log no.log")
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.create_process("ls")
    async with gateway.client() as sftp:
        with monkeypatch.context() as patch:
            patch.setattr(gateway.room.records.tree, "usage", away)
            with pytest.raises(asyncssh.SFTPError):
                await sftp.statvfs("/")
        async with sftp.open("trace.log", "rb") as file:
            with pytest.raises(asyncssh.SFTPError):
                await sftp.remote_copy(file, file)
    assert await failures(gateway) == [
        ("hash", "file-not-found", ["no.log"]),
        ("hash", "unsupported-algorithm", ["trace.log"]),
        ("exec", "file-not-found", ["no.log"]),
        ("statvfs", "records-unavailable", ["/"]),
        ("copy", "invalid-request", ["trace.log", "trace.log"]),
    ]
    await eventually(lambda: _is_over(gateway, 3))
    commands = [end["requests"] for end in await ends(gateway)][1]
    assert commands == {"exec": 2, "exec-refused": 1}


async def test_who_waits_for_a_long_hash_is_not_idle(tmp_path: Path, host_keys: HostKeys) -> None:
    stalled, go_on = asyncio.Event(), asyncio.Event()

    async def stall(call: Call) -> None:
        if call.operation == "read":
            stalled.set()
            await go_on.wait()

    policy = SftpPolicy(idle_timeout=timedelta(minutes=10))
    async with engine_room(tmp_path) as room, gateway_of(room, host_keys, policy) as gateway:
        await room.send("trace.log", DATA)
        gateway.store.before = stall
        async with gateway.connect() as connection:
            running = asyncio.create_task(connection.run("md5sum trace.log"))
            await asyncio.wait_for(stalled.wait(), 10)
            for _ in range(30):
                room.clock.advance(30)
                await SystemClock().sleep(0.005)
            go_on.set()
            assert (await asyncio.wait_for(running, 10)).exit_status == 0


async def _is_over(gateway: Gateway, times: int = 1) -> bool:
    return len(await ends(gateway)) == times
