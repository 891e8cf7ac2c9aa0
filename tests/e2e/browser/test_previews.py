"""The page of a file: read, searched, and looked at in each state."""

import gzip

import pytest
from playwright.async_api import expect

from tests.e2e.browser.browser_room import BrowserRoom
from tests.e2e.browser.visitor import Visitor
from transfer.core.access import Role

pytestmark = pytest.mark.e2e

LOG = "".join(
    f"2026-03-02T09:{number // 60 % 60:02}:{number % 60:02}Z "
    + (
        f"ERROR node {number % 7}: Zeitüberschreitung\n"
        if number % 100 == 0
        else "INFO all is well\n"
    )
    for number in range(1, 3001)
)


async def file_page(
    room: BrowserRoom, data: bytes, role: Role = Role.ANALYST, path: str = "logs/trace.log"
) -> Visitor:
    """Return somebody who looks at the page of a new file."""
    await room.send(path, data)
    visitor = await room.visitor(role)
    await visitor.open(f"/files/{(await room.files())[path]['id']}")
    return visitor


async def test_a_text_is_read_further_and_at_its_end(room: BrowserRoom) -> None:
    analyst = await file_page(room, LOG.encode())
    page = analyst.page
    lines = page.locator(".line")
    await expect(lines).to_have_count(500)
    await analyst.examine("first-lines")
    await page.get_by_role("button", name="More lines").click()
    await expect(lines).to_have_count(1000)
    await expect(page.get_by_role("status")).to_have_text("500 more lines.")
    await page.get_by_label("Wrap long lines").check()
    await analyst.examine("more-lines")
    await page.get_by_role("link", name="Last lines").click()
    await expect(lines.last).to_be_in_viewport()
    await expect(lines.last).to_contain_text("ERROR node 4")
    await analyst.examine("last-lines")


async def test_a_search_shows_matches_and_what_is_around_them(room: BrowserRoom) -> None:
    customer = await file_page(room, gzip.compress(LOG.encode()), Role.DESIGNATED)
    page = customer.page
    await page.get_by_role("searchbox", name="Find in this file").fill("zeitÜBER")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status").first).to_have_text("30 lines found.")
    await expect(page.locator("mark").first).to_have_text("Zeitüber")
    await expect(page.locator("pre.lines")).to_have_count(30)
    await expect(page.locator("pre.lines").first.locator(".line")).to_have_count(5)
    await customer.examine("found")
    await page.get_by_label("Match case").check()
    await page.get_by_role("button", name="Find").click()
    await expect(page.get_by_role("status").first).to_have_text("Nothing found.")
    await customer.examine("nothing-found")
    await page.reload()  # the address has the search
    await expect(page.get_by_role("searchbox")).to_have_value("zeitÜBER")
    await expect(page.get_by_role("status").first).to_have_text("Nothing found.")
    await page.get_by_role("link", name="First lines").click()
    await expect(page.locator(".line").first).to_contain_text("INFO all is well")


async def test_a_search_pauses_when_there_is_enough_to_look_at(room: BrowserRoom) -> None:
    analyst = await file_page(room, LOG.encode())
    page = analyst.page
    await page.get_by_role("searchbox").fill("info")
    await page.get_by_role("button", name="Find").click()
    status = page.get_by_role("status").first
    await expect(status).to_have_text("1,000 lines found. There may be more.")
    await page.get_by_role("button", name="Search on").click()
    await expect(status).to_have_text("2,000 lines found. There may be more.")
    await page.get_by_role("button", name="Search on").click()
    await expect(status).to_have_text("2,970 lines found.")
    await expect(page.get_by_role("button", name="Search on")).to_be_hidden()


async def test_a_search_can_be_stopped_and_goes_on_later(room: BrowserRoom) -> None:
    analyst = await file_page(room, LOG.encode())
    page = analyst.page
    held: list[str] = []

    async def hold_second(route: object) -> None:
        held.append("held")

    await page.route("**/search?*after=*", hold_second)
    await page.get_by_role("searchbox").fill("info")
    await page.get_by_role("button", name="Find").click()
    await expect(page.locator("mark")).to_have_count(100)
    await analyst.examine("searching")
    await page.get_by_role("button", name="Stop").click()
    status = page.get_by_role("status").first
    await expect(status).to_have_text("Stopped. 100 lines found.")
    await analyst.examine("stopped")
    await page.unroute("**/search?*after=*")
    await page.get_by_role("button", name="Search on").click()
    await expect(status).to_have_text("1,100 lines found. There may be more.")
    assert held


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("binary.pcap", b"\xd4\xc3\xb2\xa1" + bytes(range(200)), "application/vnd.tcpdump.pcap"),
        ("empty.log", b"", "The file is empty."),
        ("broken.gz", gzip.compress(LOG.encode()[:400])[:-5], "is damaged"),
    ],
    ids=["binary", "empty", "damaged"],
)
async def test_other_files_are_told_for_what_they_are(
    room: BrowserRoom, name: str, data: bytes, told: str
) -> None:
    analyst = await file_page(room, data, path=name)
    await expect(analyst.page.locator("#content")).to_contain_text(told)
    await analyst.examine(name)
