"""A real service tells what happens: one update a drop, signed CloudEvents, a mail."""

import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiosmtpd.smtp import SMTP, Envelope
from aiosmtpd.smtp import Session as SmtpSession
from standardwebhooks.webhooks import Webhook

from tests.service import Service

pytestmark = pytest.mark.e2e

KEY = f"whsec_{base64.b64encode(b'k' * 32).decode()}"
PATIENCE_SECONDS = 45.0


@dataclass
class Outside:
    """A receiver of webhooks, and a mail server."""

    url: str = ""
    mail_port: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)
    subjects: list[str] = field(default_factory=list)
    failures_left: int = 1

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.failures_left:
            self.failures_left -= 1
            return web.Response(status=503, headers={"Retry-After": "1"})
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.events.append(Webhook(KEY).verify(body, headers))
        return web.Response(status=204)

    async def handle_DATA(  # noqa: N802 - the library's name
        self, _server: SMTP, _session: SmtpSession, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        self.subjects.append(str(message_from_bytes(envelope.content)["Subject"]))
        return "250 OK"

    async def until(self, is_there: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not is_there():  # noqa: ASYNC110 - another process does it
                await asyncio.sleep(0.1)  # noqa: TID251 - and takes real time


@pytest.fixture
async def outside() -> AsyncIterator[Outside]:
    outside = Outside()
    app = web.Application()
    app.add_routes([web.post("/in", outside.take)])
    loop = asyncio.get_running_loop()
    mail = await loop.create_server(lambda: SMTP(outside, loop=loop), "127.0.0.1", 0)
    async with TestServer(app) as server, mail:
        outside.url = str(server.make_url("/in"))
        outside.mail_port = mail.sockets[0].getsockname()[1]
        yield outside


async def upload(session: aiohttp.ClientSession, service: Service, name: str, data: bytes) -> None:
    named = base64.b64encode(name.encode()).decode()
    headers = {
        "Authorization": f"Bearer {service.customer_token}",
        "Tus-Resumable": "1.0.0",
        "Upload-Length": str(len(data)),
        "Upload-Metadata": f"filename {named}",
        "Content-Type": "application/offset+octet-stream",
    }
    url = f"{service.url}/api/v1/cases/{service.case}/uploads"
    async with session.post(url, data=data, headers=headers, ssl=service.tls) as response:
        assert response.status == 201, await response.text()


async def updates(session: aiohttp.ClientSession, service: Service) -> list[str]:
    url = f"{service.url}/api/v1/cases/{service.case}/updates"
    headers = {"Authorization": f"Bearer {service.analyst_token}"}
    async with session.get(url, headers=headers, ssl=service.tls) as response:
        assert response.status == 200
        return [update["text"] for update in (await response.json())["updates"]]


async def test_a_drop_is_one_update_one_mail_and_an_event_for_each_file(
    start_service: Callable[..., Service], outside: Outside, tmp_path: Path
) -> None:
    key_file = tmp_path / "keys"
    key_file.write_text(KEY)
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        address = f"127.0.0.1:{reserved.getsockname()[1]}"
    service = await asyncio.to_thread(
        start_service,
        "--http",
        address,
        events_url=outside.url,
        events_key_file=str(key_file),
        mail_server=f"127.0.0.1:{outside.mail_port}",
        mail_tls="none",
        mail_from="transfer@example.com",
        mail_to="care@example.com",
        public_url=f"https://{address}",
        digest_quiet="2s",
    )
    async with aiohttp.ClientSession() as session:
        for name in ("a.log", "b.log", "c.log"):
            await upload(session, service, name, name.encode() * 100)
        await outside.until(lambda: len(outside.events) >= 3 and bool(outside.subjects))
        told = [text for text in await updates(session, service) if "received" in text]
    assert len(told) == 1, told
    assert told[0].startswith("3 files received by HTTP, 1.5 KiB: a.log (500 bytes, SHA-256 ")
    assert [event["type"] for event in outside.events[:3]] == ["file.received"] * 3
    assert [event["data"]["path"] for event in outside.events[:3]] == ["a.log", "b.log", "c.log"]
    assert {event["subject"] for event in outside.events} == {service.case}
    assert outside.subjects == [f"Case {service.case}: 3 files received"]
    assert "a.log" not in service.log
    listed = await asyncio.to_thread(service.cli_json, "outbox", "list")
    assert json.dumps(listed) == '{"events": []}'
