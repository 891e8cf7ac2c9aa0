"""The page that finds out why somebody can't upload."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.e2e.browser.browser_room import BrowserRoom
from tests.e2e.browser.obstructing_proxy import Obstacles, obstructing_proxy
from tests.engine_room import MIB
from transfer.core.access import Role

pytestmark = pytest.mark.e2e


async def run(page: Page) -> str:
    """Run the test to its end, and return its result."""
    await page.get_by_role("button", name="Start the test").click()
    result = page.get_by_role("textbox", name="The result")
    await expect(result).to_be_visible(timeout=90_000)
    return await result.input_value()


def verdicts(report: str) -> dict[str, str]:
    found = re.findall(r"^\[(\w+)\] (\w+) ", report, re.MULTILINE)
    return {name: verdict for verdict, name in found}


async def test_a_good_connection_is_called_good_and_the_result_goes_into_the_case(
    room: BrowserRoom,
) -> None:
    customer = await room.visitor()
    await customer.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await customer.open("/self-test")
    await customer.examine("before")
    report = await run(customer.page)
    found = verdicts(report)
    assert list(found) == [
        "browser", "connection", "clock", "chunk", "size", "download", "events", "sftp",
    ]  # fmt: skip
    assert set(found.values()) <= {"good", "note"}, report
    assert {found[name] for name in ("browser", "clock", "size", "events", "sftp")} == {"good"}
    assert "checksum matches: true" in report
    await customer.examine("after")

    await customer.page.get_by_role("button", name="Copy the result").click()
    await expect(customer.page.get_by_role("button", name="Copied")).to_be_visible()
    assert await customer.page.evaluate("navigator.clipboard.readText()") == report
    await customer.page.get_by_role("button", name="Put it into case").click()
    await expect(customer.page.get_by_text("The result is in the case")).to_be_visible()
    [(path, file)] = (await room.files()).items()
    assert re.fullmatch(r"connection-test-[0-9T-]+\.txt", path)
    assert file["size"] == len(report.encode())


async def test_a_firewall_that_lets_no_patch_through_is_found(room: BrowserRoom) -> None:
    obstacles = Obstacles(cuts=lambda request: request.method == "PATCH")
    async with obstructing_proxy(room.service, obstacles) as proxy:
        customer = await room.visitor(url=proxy.url)
        customer.complaints.expect("ERR_")
        await customer.open("/self-test")
        report = await run(customer.page)
        assert verdicts(report)["chunk"] == "bad", report
        assert "POST: passes" in report
        await expect(customer.page.get_by_text("Something stands in the way")).to_be_visible()
        await customer.examine("firewall")


async def test_a_proxy_that_limits_requests_is_found(room: BrowserRoom) -> None:
    obstacles = Obstacles(refuses=lambda request: request.length > 9 * MIB)
    async with obstructing_proxy(room.service, obstacles) as proxy:
        customer = await room.visitor(url=proxy.url)
        customer.complaints.expect("413", "ERR_")
        await customer.open("/self-test")
        report = await run(customer.page)
        assert verdicts(report)["size"] == "bad", report
        assert re.search("refused: 64 MiB: .*; 32 MiB: [^;]*\n", report)
        assert f"largest (bytes): {8 * MIB}" in report


async def test_a_proxy_that_keeps_things_back_is_found(room: BrowserRoom) -> None:
    obstacles = Obstacles(collects=True, bytes_per_second=2 * MIB)
    async with obstructing_proxy(room.service, obstacles) as proxy:
        customer = await room.visitor(url=proxy.url)
        await customer.open("/self-test")
        report = await run(customer.page)
        found = verdicts(report)
        assert [found[name] for name in ("chunk", "download", "events")] == ["note"] * 3, report
        await customer.examine("kept-back")


async def test_bytes_that_are_changed_on_the_way_are_found(room: BrowserRoom) -> None:
    obstacles = Obstacles(damages=lambda request: request.method == "PATCH")
    async with obstructing_proxy(room.service, obstacles) as proxy:
        customer = await room.visitor(url=proxy.url)
        await customer.open("/self-test")
        report = await run(customer.page)
        assert verdicts(report)["chunk"] == "bad", report
        assert "something on the way changes it" in report


async def test_whoever_can_send_nothing_can_only_copy_the_result(room: BrowserRoom) -> None:
    reader = await room.visitor(Role.READ_ONLY)
    await reader.open("/self-test")
    await run(reader.page)
    await expect(reader.page.get_by_role("button", name="Put it into case")).to_have_count(0)
    await expect(reader.page.get_by_role("button", name="Copy the result")).to_be_visible()
