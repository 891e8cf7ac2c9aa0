"""Files sent with a browser, whatever happens on the way: each arrives as it was, once."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.cutting_proxy import CuttingProxy, cutting_proxy
from tests.e2e.browser.browser_room import BrowserRoom, until
from tests.e2e.browser.chromium import chromium
from tests.e2e.browser.conftest import StartRoom
from tests.e2e.browser.damaging_proxy import DamagingProxy, damaging_proxy
from tests.e2e.browser.sent_files import MIB, big_file, digests, folder_of_logs, size_of
from tests.e2e.browser.uploader import Uploader
from tests.e2e.browser.visitor import Visitor

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

CUT = ("net::ERR_", "status of 50[234]", "answer: 50[234]")
"""What a browser says when the network or the server goes away."""

SLOW = 8 * MIB
"""Bytes a second: so that there is time to break something in the middle."""


@asynccontextmanager
async def network_before(room: BrowserRoom) -> AsyncIterator[CuttingProxy]:
    host, _, port = room.service.url.partition("//")[2].partition(":")
    async with cutting_proxy(int(port), host) as proxy:
        yield proxy
        await room.leave()


@asynccontextmanager
async def bad_network_before(room: BrowserRoom) -> AsyncIterator[DamagingProxy]:
    async with damaging_proxy(room.service) as proxy:
        yield proxy
        await room.leave()


async def uploader_of(visitor: Visitor, room: BrowserRoom) -> Uploader:
    uploader = Uploader(visitor.page)
    assert await visitor.open(room.page_path) == 200
    return uploader


def more_than(room: BrowserRoom, size: int) -> Callable[[], Awaitable[bool]]:
    async def is_there() -> bool:
        return await room.received_bytes() >= size

    return is_there


async def half_sent(
    room: BrowserRoom, proxy: CuttingProxy, visitor: Visitor, file: Path
) -> Uploader:
    """Have a visitor send a file through a slow network, and return when a third is durable."""
    proxy.slow_down(SLOW)
    uploader = await uploader_of(visitor, room)
    await uploader.send(file)
    size = size_of(file)
    await until(more_than(room, size // 3), "a third of the file")
    return uploader


async def test_a_customer_sends_a_folder_of_two_hundred_files_and_a_big_one(
    room: BrowserRoom, tmp_path: Path
) -> None:
    logs, dump = folder_of_logs(tmp_path), big_file(tmp_path, 48 * MIB)
    customer = await room.visitor()
    uploader = await uploader_of(customer, room)
    await customer.examine("empty")
    await uploader.drop(logs, dump)
    await customer.examine("dropped")
    await uploader.begin_button.click()
    await until(more_than(room, MIB), "a first megabyte")
    await customer.examine("sending")
    await uploader.finish(200_000)
    await customer.examine("done")
    assert await room.digests() == digests(logs, dump)
    assert all(file["verified"] for file in (await room.files()).values())


async def test_a_browser_that_was_killed_is_continued_by_a_fresh_one(
    room: BrowserRoom, tmp_path: Path
) -> None:
    dump = big_file(tmp_path, 64 * MIB)
    async with network_before(room) as proxy, chromium() as doomed:
        url = f"https://127.0.0.1:{proxy.port}"
        first = await room.visitor(url=url, browser=doomed)
        await half_sent(room, proxy, first, dump)
        await doomed.kill_9()
        assert await room.files() == {}

        second = await room.visitor(url=url, name="a colleague")
        proxy.slow_down(None)
        uploader = await uploader_of(second, room)
        # What is on its way through the slow network still arrives, and counts.
        await expect(second.page.get_by_text("1 interrupted upload")).to_be_visible(timeout=90_000)
        await second.examine("unfinished")
        there, before = await room.received_bytes(), proxy.sent_bytes
        await uploader.send(dump)
        await uploader.finish()
        sent_again = proxy.sent_bytes - before - (size_of(dump) - there)
        assert sent_again < 4 * MIB
        assert uploader.creations == 0
    assert await room.digests() == digests(dump)


async def test_a_server_that_was_killed_and_started_again_is_waited_for(
    start_room: StartRoom, tmp_path: Path
) -> None:
    room = await start_room()
    dump = big_file(tmp_path, 64 * MIB)
    async with network_before(room) as proxy:
        customer = await room.visitor(url=f"https://127.0.0.1:{proxy.port}")
        customer.complaints.expect(*CUT)
        uploader = await half_sent(room, proxy, customer, dump)
        room.service.kill_9()
        await customer.picture("server-gone")
        room.service.start()
        proxy.slow_down(None)
        await uploader.finish()
        assert uploader.creations == 1
        assert proxy.sent_bytes < size_of(dump) * 1.5
    assert await room.digests() == digests(dump)


async def test_a_session_that_ends_in_the_middle_is_renewed_beside_the_page(
    room: BrowserRoom, tmp_path: Path
) -> None:
    dump = big_file(tmp_path, 64 * MIB)
    async with network_before(room) as proxy:
        url = f"https://127.0.0.1:{proxy.port}"
        customer = await room.visitor(url=url)
        customer.complaints.expect("status of 401", "ERR_INCOMPLETE_CHUNKED_ENCODING")
        uploader = await half_sent(room, proxy, customer, dump)
        room.service.cli("session", "end", await customer.session_id())
        await expect(customer.page.get_by_text("Sign in again").first).to_be_visible()
        await customer.examine("signed-out")
        beside = await customer.another_window()
        await beside.page.goto(room.link(name=customer.name, url=url))
        proxy.slow_down(None)
        await uploader.finish()
        assert uploader.creations == 1
        assert proxy.sent_bytes < size_of(dump) * 1.5
    assert await room.digests() == digests(dump)


async def test_a_chunk_that_is_damaged_on_the_way_is_sent_again(
    room: BrowserRoom, tmp_path: Path
) -> None:
    marker = b"a line that the network damages, for the test's sake\n"
    log = tmp_path / "trace.log"
    log.write_bytes(marker * (20 * MIB // len(marker)))
    async with bad_network_before(room) as proxy:
        customer = await room.visitor(url=proxy.url)
        customer.complaints.expect("status of 460")
        uploader = await uploader_of(customer, room)
        proxy.damage(marker, times=2)
        await uploader.send(log)
        await uploader.finish()
        assert proxy.damaged == 2
        assert uploader.creations == 1
    assert await room.digests() == digests(log)
    assert (await room.files())["trace.log"]["verified"]


async def test_an_upload_goes_on_when_the_browser_is_online_again(
    room: BrowserRoom, tmp_path: Path
) -> None:
    dump = big_file(tmp_path, 64 * MIB)
    async with network_before(room) as proxy:
        customer = await room.visitor(url=f"https://127.0.0.1:{proxy.port}")
        customer.complaints.expect(*CUT)
        uploader = await half_sent(room, proxy, customer, dump)
        await customer.context.set_offline(True)
        proxy.cut_now()
        await expect(customer.page.get_by_text("You are offline")).to_be_visible()
        await customer.examine("offline")
        await customer.context.set_offline(False)
        proxy.slow_down(None)
        await uploader.finish()
        assert uploader.creations == 1
        assert proxy.sent_bytes < size_of(dump) * 1.5
    assert await room.digests() == digests(dump)


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_a_customer_sends_two_gibibytes_beside_a_folder(
    room: BrowserRoom, tmp_path: Path
) -> None:
    logs, dump = folder_of_logs(tmp_path), big_file(tmp_path, 2048 * MIB)
    customer = await room.visitor()
    uploader = await uploader_of(customer, room)
    await uploader.send(logs, dump)
    await uploader.finish(1_500_000)
    assert await room.digests() == digests(logs, dump)
    assert all(file["verified"] for file in (await room.files()).values())
