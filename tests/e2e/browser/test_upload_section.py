"""The drop zone's own business: what is here already, what was begun, what is kept of it."""

import hashlib
import json
import os
from pathlib import Path

import pytest
from playwright.async_api import Dialog, Page, Route, expect

from tests.cutting_proxy import cutting_proxy
from tests.e2e.browser.browser_room import BrowserRoom, until
from tests.e2e.browser.sent_files import MIB, big_file, digests
from tests.e2e.browser.uploader import Uploader
from tests.e2e.http.http_room import OFFSET_TYPE, TUS, metadata
from transfer.core.access import Role

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


def modified_ms(file: Path) -> str:
    return str(file.stat().st_mtime_ns // 1_000_000)


def text_of(file: Path) -> str:
    return file.read_text()


async def begin(room: BrowserRoom, file: Path, data: bytes, length: int) -> None:
    """Begin an upload as some program would, of what is said to be `file`, and leave it."""
    told = metadata(filename=file.name, lastModified=modified_ms(file))
    headers = {
        **await room.bearer(Role.DESIGNATED),
        **TUS,
        **OFFSET_TYPE,
        "Upload-Length": str(length),
        "Upload-Metadata": told,
    }
    url = f"{room.service.url}/api/v1/cases/{room.case}/uploads"
    async with room.admin.post(url, data=data, headers=headers) as answer:
        assert answer.status == 201, await answer.text()


async def uploader_on(page: Page) -> Uploader:
    uploader = Uploader(page)
    await expect(page.locator("#uploader[data-ready]")).to_be_visible()
    return uploader


async def test_what_is_here_already_is_not_sent_again(room: BrowserRoom, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    for number in range(4):
        (logs / f"{number}.log").write_bytes(os.urandom(5000))
    for name in ("0.log", "1.log"):
        await room.send(f"logs/{name}", (logs / name).read_bytes())
    await room.send("logs/2.log", os.urandom(5000))  # of the same size, and another file
    customer = await room.visitor()
    await customer.open(room.page_path)
    uploader = await uploader_on(customer.page)
    await uploader.send(logs)
    await uploader.finish()
    assert uploader.creations == 2
    there = customer.page.get_by_text("Was here already")
    await expect(there).to_have_count(2)
    await expect(customer.page.get_by_text("Received and verified", exact=True)).to_have_count(2)
    await customer.examine("here-already")
    files = await room.digests()
    assert files["logs/2 (2).log"] == hashlib.sha256((logs / "2.log").read_bytes()).hexdigest()
    assert len(files) == 5


async def test_an_interrupted_upload_is_listed_and_can_be_discarded(
    room: BrowserRoom, tmp_path: Path
) -> None:
    dump = big_file(tmp_path, 24 * MIB)
    host, port = room.service.url.removeprefix("https://").split(":")
    async with cutting_proxy(int(port), host) as proxy:
        proxy.slow_down(4 * MIB)
        first = await room.visitor(url=f"https://127.0.0.1:{proxy.port}")
        await first.open(room.page_path)
        await (await uploader_on(first.page)).send(dump)

        async def has_begun() -> bool:
            return await room.received_bytes() > 0

        await until(has_begun, "some bytes")
        await first.context.close()
    second = await room.visitor()
    await second.open(room.page_path)
    region = second.page.locator("#unfinished")
    await expect(region.get_by_text("core.dump").first).to_be_visible(timeout=90_000)
    await second.examine("unfinished")
    await region.get_by_role("button", name="Discard").click()
    await second.examine("discard")
    question = second.page.get_by_role("dialog", name="Discard this upload?")
    await question.get_by_role("button", name="Keep").click()
    await region.get_by_role("button", name="Discard").click()
    await question.get_by_role("button", name="Discard").click()
    await expect(region).to_be_hidden()
    assert (await room.listing())["uploads"] == []


async def test_an_upload_that_only_looks_like_the_file_is_not_its_beginning(
    room: BrowserRoom, tmp_path: Path
) -> None:
    log = tmp_path / "trace.log"
    log.write_bytes(os.urandom(3 * MIB))
    await begin(room, log, os.urandom(MIB), 3 * MIB)
    customer = await room.visitor(name=Role.DESIGNATED.value)
    customer.complaints.expect("status of 422", "status of 410")
    await customer.open(room.page_path)
    uploader = await uploader_on(customer.page)
    await uploader.send(log)
    await uploader.finish()
    assert await room.digests() == digests(log)
    assert (await room.files())["trace.log"]["verified"]
    assert (await room.listing())["uploads"] == []


async def test_a_creation_whose_answer_is_lost_is_found_again(
    room: BrowserRoom, tmp_path: Path
) -> None:
    log = tmp_path / "trace.log"
    log.write_bytes(os.urandom(MIB))
    customer = await room.visitor()
    customer.complaints.expect("net::ERR_")
    await customer.open(room.page_path)
    uploader = await uploader_on(customer.page)

    async def lose(route: Route) -> None:
        await route.fetch()
        await route.abort("connectionreset")

    await customer.page.route("**/uploads", lose, times=1)
    await uploader.send(log)
    await uploader.finish()
    assert await room.digests() == digests(log)
    assert (await room.listing())["uploads"] == []


async def test_the_receipts_of_what_was_sent_can_be_kept(room: BrowserRoom, tmp_path: Path) -> None:
    log = tmp_path / "trace.log"
    log.write_bytes(os.urandom(1000))
    (tmp_path / "empty.log").write_bytes(b"")
    customer = await room.visitor()
    await customer.open(room.page_path)
    uploader = await uploader_on(customer.page)
    await uploader.send(log, tmp_path / "empty.log")
    await uploader.finish()
    await expect(customer.page.locator("#sent tbody tr")).to_have_count(2)
    async with customer.page.expect_download() as begun:
        await customer.page.get_by_text("Download the receipts").click()
    kept = json.loads(text_of(await (await begun.value).path()))
    said = {one["receipt"]["path"]: one["receipt"] for one in kept["receipts"]}
    assert {path: one["sha256"] for path, one in said.items()} == await room.digests()
    assert all(one["verified"] for one in said.values())
    await customer.page.get_by_role("link", name="All receipts of this case").click()
    await expect(customer.page.get_by_role("heading", name="Receipts", level=1)).to_be_visible()
    await customer.examine("receipts")


async def test_who_leaves_while_something_is_on_its_way_is_asked(
    room: BrowserRoom, tmp_path: Path
) -> None:
    dump = big_file(tmp_path, 24 * MIB)
    host, port = room.service.url.removeprefix("https://").split(":")
    async with cutting_proxy(int(port), host) as proxy:
        proxy.slow_down(4 * MIB)
        customer = await room.visitor(url=f"https://127.0.0.1:{proxy.port}")
        customer.complaints.expect("net::ERR_")  # the proxy goes before its browser does
        await customer.open(room.page_path)
        uploader = await uploader_on(customer.page)
        asked: list[str] = []

        async def answer(dialog: Dialog) -> None:
            asked.append(dialog.type)
            await dialog.dismiss()

        customer.page.on("dialog", answer)
        await uploader.send(dump)
        await expect(customer.page.locator("#upload-pace")).to_be_visible()
        await customer.page.evaluate("() => { setTimeout(() => location.reload(), 0) }")

        async def is_asked() -> bool:
            return asked == ["beforeunload"]

        await until(is_asked, "the question")
        proxy.slow_down(None)
        await uploader.finish()
        await expect(customer.page.locator("#sent tbody tr")).to_have_count(1)
    assert await room.digests() == digests(dump)
