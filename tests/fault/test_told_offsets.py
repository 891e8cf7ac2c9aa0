"""What a sender was told to be durable, while it was sending: there after any death."""

import asyncio
import hashlib
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from tests.fault.big_file import MIB, make_file
from tests.service import Service

pytestmark = pytest.mark.fault

SIZE = 96 * MIB + 12345


class Sender:
    """Sends the rest of a file on a connection of its own, and hears the 104s meanwhile."""

    def __init__(self, service: Service, path: Path) -> None:
        self.location = ""
        self.told = 0
        self._service = service
        self._path = path

    async def send(self, offset: int) -> None:
        """Send from `offset` on, until all is sent and answered or the server is gone."""
        host, _, port = self._service.url.rpartition("//")[2].rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port), ssl=self._service.tls)
        hearing = asyncio.create_task(self._hear(reader))
        try:
            writer.write(self._head(offset))
            with self._path.open("rb") as file:
                file.seek(offset)
                while data := await asyncio.to_thread(file.read, MIB):
                    writer.write(data)
                    await writer.drain()
            await hearing
        except ConnectionError:
            pass
        finally:
            writer.close()
            hearing.cancel()
            with suppress(asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
                await hearing
            with suppress(ConnectionError, OSError):
                await writer.wait_closed()

    def _head(self, offset: int) -> bytes:
        to = f"PATCH {self.location}" if self.location else f"POST {self._creation}"
        fields = [
            f"{to} HTTP/1.1",
            "Host: x",
            f"Authorization: Bearer {self._service.customer_token}",
            "Upload-Complete: ?1",
            f"Content-Length: {SIZE - offset}",
        ]
        if self.location:
            fields += [f"Upload-Offset: {offset}", "Content-Type: application/partial-upload"]
        return "\r\n".join([*fields, "", ""]).encode()

    @property
    def _creation(self) -> str:
        return f"/api/v1/cases/{self._service.case}/uploads"

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            if not head.startswith("HTTP/1.1 104"):
                return
            if found := re.search(r"Location: (\S+)", head):
                self.location = found[1]
            if found := re.search(r"Upload-Offset: (\d+)", head):
                assert int(found[1]) >= self.told, "an offset went down"
                self.told = int(found[1])


async def test_what_a_sender_was_told_survives_a_kill(
    start_service: Callable[..., Service], tmp_path: Path
) -> None:
    path = tmp_path / "trace.log"
    sha256 = await asyncio.to_thread(make_file, path, SIZE)
    service = await asyncio.to_thread(start_service)
    sender = Sender(service, path)
    offset = 0
    for _ in range(2):
        sending = asyncio.create_task(sender.send(offset))
        before = sender.told
        async with asyncio.timeout(120):
            while sender.told <= before and not sending.done():
                await asyncio.to_thread(lambda: None)
        await asyncio.to_thread(service.kill_9)
        await sending
        await asyncio.to_thread(service.start)
        offset = await stands_at(service, sender.location)
        assert offset >= sender.told > 0
    await sender.send(offset)
    async with client(service) as session:
        answer = await session.head(sender.location)
        assert answer.headers["Upload-Complete"] == "?1"
        digest = hashlib.sha256()
        async for chunk in (await session.get(answer.headers["Content-Location"])).content:
            digest.update(chunk)
    assert digest.hexdigest() == sha256


def client(service: Service) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        service.url,
        connector=aiohttp.TCPConnector(ssl=service.tls),
        headers={"Authorization": f"Bearer {service.customer_token}"},
    )


async def stands_at(service: Service, location: str) -> int:
    async with client(service) as session, session.head(location) as answer:
        assert answer.status == 204
        return int(answer.headers["Upload-Offset"])
