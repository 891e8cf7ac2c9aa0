"""The whole service: a side file, then its file; a copy on a real store; digests on request."""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import asyncssh
import pytest

from tests.engine_room import MIB
from tests.service import Service
from tests.ssh import connect_ssh
from transfer.clock import SystemClock

pytestmark = pytest.mark.e2e

DATA = random.Random(9).randbytes(6 * MIB + 5)
MD5 = hashlib.md5(DATA, usedforsecurity=False).hexdigest()


@asynccontextmanager
async def signed_in(service: Service) -> AsyncIterator[asyncssh.SSHClientConnection]:
    account = await asyncio.to_thread(service.account)
    host, port = service.sftp
    async with connect_ssh(
        host,
        port,
        username=account["username"],
        password=account["password"],
    ) as connection:
        yield connection


async def files(service: Service) -> dict[str, Any]:
    url = f"{service.url}/api/v1/cases/{service.case}/files"
    headers = {"Authorization": f"Bearer {service.analyst_token}"}
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, headers=headers, ssl=service.tls) as answer,
    ):
        return {file["path"]: file for file in (await answer.json())["files"]}


async def send(client: asyncssh.SFTPClient, path: str, data: bytes) -> None:
    async with client.open(path, "wb", encoding=None) as file:
        await file.write(data)


async def test_what_was_announced_by_a_side_file_is_verified_when_it_comes(
    running_service: Service,
) -> None:
    service = running_service
    async with signed_in(service) as connection, connection.start_sftp_client() as client:
        await send(client, "trace.log.md5", f"{MD5}  trace.log\n".encode())
        await send(client, "wrong.log.sha256", b"0" * 64)
        await send(client, "trace.log", DATA)
        await send(client, "wrong.log", b"another")
        async with client.open("trace.log", "rb") as source:
            target = await client.open("copy.log", "wb", encoding=None)
            await client.remote_copy(source, target)
            await target.close()
        told = await connection.run("sha256sum copy.log", timeout=30)
        assert told.stdout == f"{hashlib.sha256(DATA).hexdigest()}  copy.log\n"
        told = await connection.run("md5sum copy.log", timeout=30)
        assert told.stdout == f"{MD5}  copy.log\n"
    clock = SystemClock()
    async with asyncio.timeout(60):
        while True:
            found = await files(service)
            if found["trace.log"]["verified"] and found["wrong.log"]["claimed_digest"]:
                break
            await clock.sleep(0.5)
    assert found["wrong.log"]["claimed_digest"] == f"sha256:{'0' * 64}"
    assert (found["copy.log"]["verified"], found["copy.log"]["claimed_digest"]) == (False, None)
