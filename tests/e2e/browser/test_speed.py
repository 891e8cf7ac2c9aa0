"""How fast a browser sends, beside the same protocol's client without one. Opt-in: it measures."""

import json
from pathlib import Path
from statistics import median

import pytest

from tests.e2e.browser.browser_room import BrowserRoom
from tests.e2e.browser.sent_files import MIB, big_file, digests
from tests.e2e.browser.uploader import Uploader
from tests.e2e.clients.node_client import NodeClient, packages
from transfer.clock import SystemClock
from transfer.core.access import Role

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1800)]

SIZE = 512 * MIB
CHUNK = 32 * MIB
LEAST_SHARE = 0.6
ROUNDS = 4

VERIFIED = """() =>
  document.querySelector("#upload-news")?.textContent.includes("received and verified")"""

_clock = SystemClock()


@pytest.fixture(scope="session")
def node_packages(request: pytest.FixtureRequest) -> Path:
    cache = request.config.cache
    assert cache is not None
    return packages(cache.mkdir("clients"))


async def by_browser(room: BrowserRoom, file: Path) -> float:
    customer = await room.visitor()
    uploader = Uploader(customer.page)
    await customer.open(room.page_path)
    began = _clock.monotonic()
    await uploader.send(file)
    # The page is asked every 20 ms: what else waits for a text looks once a second in the end.
    await customer.page.wait_for_function(VERIFIED, polling=20, timeout=600_000)
    took = _clock.monotonic() - began
    await uploader.finish()
    await customer.context.close()
    return took


async def by_node(room: BrowserRoom, file: Path, packages: Path) -> float:
    """The same chunks with the same checksums, but without a browser's sandbox and its hashes."""
    client = NodeClient(
        packages=packages,
        file=file,
        endpoint=f"{room.service.url}/api/v1/cases/{room.case}/uploads",
        headers=await room.bearer(Role.DESIGNATED),
        options={"metadata": {"filename": "by-node.dump"}, "chunkSize": CHUNK},
        certificate=room.service.certificate,
        seconds=600,
    )
    began = _clock.monotonic()
    ended = await client.upload(checksum="sha256")
    took = _clock.monotonic() - began
    assert ended.how == "success", ended
    return took


async def test_a_browser_reaches_most_of_what_the_same_client_reaches_without_one(
    room: BrowserRoom, tmp_path: Path, node_packages: Path
) -> None:
    file = big_file(tmp_path, SIZE)
    shares = []
    for number in range(ROUNDS):
        sent = file.rename(tmp_path / f"core{number}.dump")
        # In turns, as the store is still busy with what it got from the one before.
        if number % 2:
            node = await by_node(room, sent, node_packages)
            chromium = await by_browser(room, sent)
        else:
            chromium = await by_browser(room, sent)
            node = await by_node(room, sent, node_packages)
        shares.append(node / chromium)
        rates = {"node": SIZE / MIB / node, "chromium": SIZE / MIB / chromium}
        print(json.dumps({**rates, "share": node / chromium}), flush=True)  # noqa: T201 - the figures
        assert (await room.digests())[sent.name] == digests(sent)[sent.name]
        file = sent
    assert median(shares) >= LEAST_SHARE
