"""What happens on one node is told on another one within a second, and again after a break."""

import hashlib
import logging
from collections.abc import Callable

import aiohttp
import pytest

from tests.e2e.http.event_stream import event_stream
from tests.service import Service
from transfer.clock import SystemClock

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

_log = logging.getLogger(__name__)
_DATA = b"what the customer sends"
_TUS = {"Tus-Resumable": "1.0.0", "Upload-Metadata": "filename YS5sb2c="}
_TYPED = {"Content-Type": "application/offset+octet-stream"}


async def test_an_arrival_on_one_node_is_seen_on_another(
    start_service: Callable[..., Service],
    operator: Service,
    settings: dict[str, str],
) -> None:
    operator.cli("migrate")
    case = operator.cli_json("case", "open", "--subject", "Crash", "--account", "Example")["number"]
    headers = {"Authorization": f"Bearer {operator.token('analyst')}"}
    first, second = (start_service("--plain-http", command="http", **settings) for _ in range(2))
    clock, uploads = SystemClock(), f"{first.url}/api/v1/cases/{case}/uploads"
    watched = f"{second.url}/api/v1/cases/{case}/events"
    sized = {"Upload-Length": str(len(_DATA))}

    async with aiohttp.ClientSession() as session:

        async def send() -> None:
            sent = {**headers, **_TUS, **_TYPED, **sized}
            async with session.post(uploads, headers=sent, data=_DATA) as answer:
                assert answer.status == 201

        async with event_stream(session, watched, headers) as stream:
            assert (await stream.next()).kind == "reset"
            await send()
            began = clock.monotonic()
            received = await stream.until("file.received")
            _log.info("told after %.3f s", clock.monotonic() - began)
            assert received.data["sha256"] == hashlib.sha256(_DATA).hexdigest()
            last_id = stream.last_id
        await send()
        elsewhere = watched.replace(second.url, first.url)
        async with event_stream(session, elsewhere, headers, last_id) as stream:
            again = await stream.next()
            assert again.kind == "file.received"
            assert again.data["path"] == "shared/a (2).log"
            assert second.stop() == 0
            assert first.stop() == 0
            assert (await stream.until("end")).said == {"reason": "stopping"}
