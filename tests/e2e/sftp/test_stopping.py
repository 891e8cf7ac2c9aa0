import asyncio
import socket
from datetime import timedelta
from pathlib import Path

import asyncssh
import pytest

from tests.e2e.sftp.gateway import HOST, Gateway, data_of, gateway_of, services_of
from tests.engine_room import KIB, SMALL_PARTS, engine_room
from transfer.engine.policy import UploadPolicy
from transfer.sftp.hostkeys import HostKeys
from transfer.sftp.server import SftpPolicy, SftpServer

PART = 64 * KIB
LOST = (asyncssh.Error, OSError)


async def test_a_stop_keeps_what_was_acknowledged(gateway: Gateway) -> None:
    async with gateway.client() as client:
        file = await client.open("trace.log", "wb")
        await file.write(data_of(3 * PART + 100))
        await gateway.server.stop()
        assert await gateway.is_interrupted("trace.log")
        assert (await gateway.upload("trace.log")).offset == 3 * PART + 100
        with pytest.raises(LOST):
            await file.write(b"more")
    assert gateway.server.connections == 0
    with pytest.raises(LOST):
        async with gateway.connect():
            pass


async def test_a_stop_does_not_wait_for_ever_for_a_store_that_hangs(
    tmp_path: Path, host_keys: HostKeys
) -> None:
    policy = SftpPolicy(stop_grace=timedelta(seconds=0.2))
    grace = UploadPolicy(plan=SMALL_PARTS, takeover_grace=timedelta(seconds=0.2))
    async with (
        engine_room(tmp_path, running=True, policy=grace) as room,
        gateway_of(room, host_keys, policy) as gateway,
        gateway.client() as client,
    ):
        hangs, go_on = asyncio.Event(), asyncio.Event()

        async def hang(_: object) -> None:
            hangs.set()
            await go_on.wait()

        file = await client.open("trace.log", "wb")
        gateway.store.before = hang
        writing = asyncio.create_task(file.write(data_of(10 * PART)))
        await hangs.wait()
        async with asyncio.timeout(8):
            await gateway.server.stop()
        assert not gateway.server._live.tasks
        go_on.set()
        with pytest.raises(LOST):
            await writing


async def test_a_server_listens_on_sockets_that_it_is_given(
    tmp_path: Path, host_keys: HostKeys
) -> None:
    async with engine_room(tmp_path) as room:
        server = SftpServer(services_of(room), host_keys)
        bound = [socket.create_server((HOST, 0)) for _ in range(2)]
        await server.start(sockets=bound)
        assert server.addresses == [one.getsockname()[:2] for one in bound]
        for _, port in server.addresses:
            reader, writer = await asyncio.open_connection(HOST, port)
            assert (await reader.readline()).startswith(b"SSH-2.0-")
            writer.close()
            await writer.wait_closed()
        await server.stop()
        assert server.addresses == []


async def test_clients_recognise_the_server_by_its_host_keys(
    gateway: Gateway, host_keys: HostKeys
) -> None:
    known = [asyncssh.import_public_key(line) for line in host_keys.public_lines]
    for key in known:
        async with gateway.connect(known_hosts=([key], [], [])) as connection:
            told = connection.get_server_host_key()
            assert told is not None
            assert told.get_fingerprint() in host_keys.fingerprints
