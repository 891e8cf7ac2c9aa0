"""A request that hangs on one node, and its client who comes back by another one."""

import asyncio
import hashlib
import logging
import random
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest

from tests.service import Service
from transfer.clock import SystemClock

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

_log = logging.getLogger(__name__)

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {"Content-Type": "application/offset+octet-stream"}
DATA = random.Random(7).randbytes(40_000_000)
PART = 16 << 20
SENT = 27_000_000
"""One part, and most of another."""


async def test_a_request_that_hangs_on_one_node_is_ended_by_its_client_on_another(
    start_service: Callable[..., Service],
    operator: Service,
    settings: dict[str, str],
) -> None:
    # So long a grace that nobody takes over by force: the holder has to let go by itself.
    settings |= {"takeover_grace": "60s", "idle_flush": "60s", "flush_interval": "60s"}
    operator.cli("migrate")
    case = operator.cli_json("case", "open", "--subject", "Crash", "--account", "Example")["number"]
    token = operator.token("designated", "--case", case)
    first, second = (
        start_service("--plain-http", command="http", **settings).url for _ in range(2)
    )
    hung = asyncio.Event()
    clock = SystemClock()

    async def hanging() -> AsyncIterator[bytes]:
        yield DATA[:SENT]
        hung.set()
        await asyncio.Event().wait()

    async with aiohttp.ClientSession(
        headers={**TUS, "Authorization": f"Bearer {token}"}, raise_for_status=True
    ) as session:
        await _acknowledge(session, f"{first}/api/v1/cases/{case}/acknowledgement")
        created = await session.post(
            f"{first}/api/v1/cases/{case}/uploads",
            headers={"Upload-Length": str(len(DATA)), "Upload-Metadata": "filename YS5sb2c="},
        )
        path = created.headers["Location"]
        stalled = asyncio.create_task(
            session.patch(first + path, headers={**BYTES, "Upload-Offset": "0"}, data=hanging())
        )
        await asyncio.wait_for(hung.wait(), 60)
        await _reaches(session, f"{second}/api/v1/cases/{case}/files", PART)

        began = clock.monotonic()
        told = await session.head(second + path)
        _log.info("taken over after %.3f s", clock.monotonic() - began)
        offset = int(told.headers["Upload-Offset"])
        assert PART < offset <= SENT, "what was no part yet was made durable too"
        with pytest.raises(aiohttp.ClientError):
            await asyncio.wait_for(stalled, 60)

        rest = await session.patch(
            second + path,
            headers={**BYTES, "Upload-Offset": str(offset)},
            data=_pieces(DATA[offset:]),
        )
        assert int(rest.headers["Upload-Offset"]) == len(DATA)
        listing = await (await session.get(f"{first}/api/v1/cases/{case}/files")).json()
    assert listing["files"][0]["sha256"] == hashlib.sha256(DATA).hexdigest()


async def _acknowledge(session: aiohttp.ClientSession, url: str) -> None:
    version = (await (await session.get(url)).json())["version"]
    await session.post(url, json={"version": version})


async def _reaches(session: aiohttp.ClientSession, listing: str, offset: int) -> None:
    """Wait until the upload of a case has come to `offset`, without asking for itself."""
    async with asyncio.timeout(60):
        while (await (await session.get(listing)).json())["uploads"][0]["offset"] < offset:
            await SystemClock().sleep(0.05)


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 1_000_000):
        yield data[start : start + 1_000_000]
