"""A closure at another case core is known here at once by its event, and soon without it."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
from standardwebhooks.webhooks import Webhook

from tests.clock import MovableClock
from tests.contract.casebridge.embedded_room import embedded_desk
from tests.reference_core import TOKEN, ReferenceCore
from tests.service import Service
from transfer.clock import SystemClock
from transfer.core.cases import CaseNumber

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

NUMBER = CaseNumber("0003256109")
KEY = f"whsec_{base64.b64encode(b'k' * 32).decode()}"
PATIENCE_SECONDS = 60.0
_clock = SystemClock()


@pytest.fixture
async def reference(tmp_path: Path) -> AsyncIterator[ReferenceCore]:
    clock = MovableClock(_clock.now(), running=True)
    async with embedded_desk(tmp_path / "core", clock) as desk:
        await desk.open("Crash", "Example Ltd", "ada", NUMBER)
        async with ReferenceCore(desk).serving() as server:
            yield server


@pytest.fixture
def start(
    tmp_path: Path, reference: ReferenceCore, start_service: Callable[..., Service]
) -> Callable[[str], Awaitable[Service]]:
    """Start a service that uses answers for minutes, and polls as often as told."""
    token, keys = tmp_path / "token", tmp_path / "keys"
    token.write_text(TOKEN)
    keys.write_text(KEY)

    async def start(poll_interval: str) -> Service:
        return await asyncio.to_thread(
            start_service,
            case_core="rest",
            case_core_url=reference.url,
            case_core_token_file=str(token),
            case_core_answer_lifetime="5m",
            case_events_key_file=str(keys),
            case_poll_interval=poll_interval,
        )

    return start


async def status_of(session: aiohttp.ClientSession, service: Service, token: str) -> str:
    url = f"{service.url}/api/v1/cases/{NUMBER}"
    headers = {"Authorization": f"Bearer {token}"}
    async with session.get(url, headers=headers, ssl=service.tls) as answer:
        assert answer.status == 200, await answer.text()
        return str((await answer.json())["status"])


async def until_closed(session: aiohttp.ClientSession, service: Service, token: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await status_of(session, service, token) != "Closed":
            await _clock.sleep(0.1)


async def test_a_signed_event_has_a_closure_known_at_once(
    start: Callable[[str], Awaitable[Service]], reference: ReferenceCore
) -> None:
    service = await start("1h")
    token = await asyncio.to_thread(service.token, "analyst", "--user", "ada")
    async with aiohttp.ClientSession() as session:
        assert await status_of(session, service, token) == "Open"
        case = await reference.desk.close(NUMBER, "Resolved", "ada")
        assert await status_of(session, service, token) == "Open"  # as it was told a moment ago
        body = json.dumps(
            {
                "specversion": "1.0",
                "id": "e1",
                "source": "urn:cases",
                "type": "case.closed",
                "subject": NUMBER,
                "data": {"version": case.version},
            }
        )
        now = _clock.now()
        headers = {
            "Content-Type": "application/cloudevents+json",
            "webhook-id": "m1",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(KEY).sign("m1", now, body),
        }
        url = f"{service.url}/api/v1/case-events"
        async with session.post(url, data=body, headers=headers, ssl=service.tls) as answer:
            assert answer.status == 204, await answer.text()
        await until_closed(session, service, token)


async def test_without_its_event_a_closure_is_found_by_asking(
    start: Callable[[str], Awaitable[Service]], reference: ReferenceCore
) -> None:
    service = await start("1s")
    token = await asyncio.to_thread(service.token, "analyst", "--user", "ada")
    async with aiohttp.ClientSession() as session:
        assert await status_of(session, service, token) == "Open"
        await reference.desk.close(NUMBER, "Resolved", "ada")
        await until_closed(session, service, token)
