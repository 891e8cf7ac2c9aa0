"""Customer Care at a browser: a case is found, cared for, and its timeline read."""

import asyncio

import pytest
from playwright.async_api import Route, expect

from tests.e2e.browser.browser_room import BrowserRoom
from transfer.core.access import Role

pytestmark = pytest.mark.e2e


async def busy_case(room: BrowserRoom) -> None:
    """Have things happen to the case: files from both sides, downloads, an account."""
    for n in range(6):
        await room.send(f"logs/node{n}/trace.log", b"x" * 1000 * (n + 1))
    await room.send("fix.zip", b"abc", role=Role.ANALYST)
    [file, *_] = (await room.listing())["files"]
    for _ in range(3):
        await room.digest_of(file)
    await room.ask("POST", f"/api/v1/cases/{room.case}/sftp-accounts", role=Role.ANALYST)
    await room.ask(
        "POST",
        f"/api/v1/cases/{room.case}/status",
        {"status": "Awaiting Information"},
        role=Role.ANALYST,
    )


async def test_a_case_is_found_by_what_is_known_of_it(room: BrowserRoom) -> None:
    await busy_case(room)
    other = {"subject": "Announcements are cut off after the update to 8.1", "account": "Acme Inc"}
    await room.ask("POST", "/api/v1/cases", other)
    analyst = await room.visitor(Role.ANALYST)
    assert await analyst.open("/cases") == 200
    page = analyst.page
    await expect(page.get_by_role("link", name=room.case)).to_be_visible()
    await analyst.examine("cases")
    assert await analyst.reflows() == []

    await analyst.tab_to(page.get_by_label("Number, account or subject"))
    await page.keyboard.type("announcements acme")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("link", name=room.case)).to_have_count(0)
    await expect(page.get_by_role("link", name="Acme Inc")).not_to_have_count(0)
    await page.get_by_label("Number, account or subject").fill("")
    await page.get_by_label("Files have arrived").select_option("In the last hour")
    await page.get_by_role("button", name="Search").click()
    row = page.get_by_role("row").filter(has_text=room.case)
    await expect(row).to_contain_text("6 of them new")
    await analyst.examine("cases-arrived")

    await page.get_by_label("Number, account or subject").fill("no such thing")
    await page.get_by_role("button", name="Search").click()
    await expect(page.get_by_text("No case is like that.")).to_be_visible()
    await analyst.examine("cases-none")
    await page.get_by_label("Number, account or subject").fill(room.case)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**{room.page_path}")


async def test_a_case_is_opened_by_a_form(room: BrowserRoom) -> None:
    analyst = await room.visitor(Role.ANALYST)
    await analyst.open("/cases?q=nothing")
    page = analyst.page
    await page.get_by_text("Open a new case").click()
    await page.get_by_label("Subject", exact=True).fill("No dial tone")
    await page.get_by_label("Account", exact=True).fill("Example Ltd")
    await analyst.examine("case-opening")
    await page.get_by_role("button", name="Open the case").click()
    await expect(page.get_by_text("No dial tone").first).to_be_visible()
    assert analyst.path.startswith("/cases/0")


async def test_a_case_is_moved_closed_and_reopened(room: BrowserRoom) -> None:
    await busy_case(room)
    analyst = await room.visitor(Role.ANALYST)
    await analyst.open(room.page_path)
    page = analyst.page
    care = page.get_by_role("region", name="Manage the case")
    await care.get_by_label("Status").select_option("Solution Proposed|Replied")
    await care.get_by_role("button", name="Change the status").click()
    await expect(care.get_by_role("status")).to_have_text("The case has its new status.")
    await care.get_by_text("Close the case", exact=True).click()
    await analyst.examine("care")
    await care.get_by_role("button", name="Close the case now").click()
    await expect(care.get_by_role("status")).to_have_text("The case is closed.")
    timeline = page.get_by_role("region", name="Timeline")
    await expect(timeline).to_contain_text("All files of the case will be deleted")
    await analyst.examine("care-closed")
    await care.get_by_role("button", name="Reopen the case").click()
    await expect(care.get_by_role("status")).to_have_text("The case is open again.")
    assert (await room.ask("GET", f"/api/v1/cases/{room.case}"))["status"] == "Open"


async def test_an_admin_holds_the_data(room: BrowserRoom) -> None:
    admin = await room.visitor(Role.ADMIN)
    await admin.open(room.page_path)
    care = admin.page.get_by_role("region", name="Manage the case")
    await care.get_by_text("Hold the data").click()
    await care.get_by_label("Why the data has to stay").fill("The legal department has asked.")
    await care.get_by_role("button", name="Place the hold").click()
    await expect(care).to_contain_text("The legal department has asked.")
    await admin.examine("held")
    await care.get_by_role("button", name="Lift the hold").click()
    await expect(care.get_by_role("status")).to_have_text("The hold is lifted.")


async def test_the_timeline_goes_on_by_itself_but_not_while_it_is_read(room: BrowserRoom) -> None:
    await busy_case(room)
    analyst = await room.visitor(Role.ANALYST)
    await analyst.open(room.page_path)
    timeline = analyst.page.get_by_role("region", name="Timeline")
    await room.send("first.log", b"abc")
    await expect(timeline).to_contain_text("first.log has arrived")
    await timeline.get_by_text("6 files have arrived").click()
    await room.send("second.log", b"abc", role=Role.ANALYST)
    await expect(analyst.page.locator("#files")).to_contain_text("8 files")
    await expect(timeline).to_contain_text("logs/node5/trace.log has arrived")
    await timeline.get_by_text("6 files have arrived").click()
    await analyst.page.get_by_role("heading", level=1).click()
    await expect(timeline).to_contain_text("shared/second.log was shared")


async def test_what_happens_before_a_page_hears_of_events_is_shown_all_the_same(
    room: BrowserRoom,
) -> None:
    analyst = await room.visitor(Role.ANALYST)
    has_happened = asyncio.Event()

    async def late(route: Route) -> None:
        await has_happened.wait()
        await route.continue_()

    await analyst.page.route("**/events", late)
    await analyst.open(room.page_path)
    await room.send("early.log", b"abc")
    issued = await room.ask("POST", f"/api/v1/cases/{room.case}/sftp-accounts", {})
    has_happened.set()
    await expect(analyst.page.locator("#timeline")).to_contain_text("early.log has arrived")
    await expect(analyst.page.locator("#sftp-account")).to_contain_text(issued["username"])


async def test_the_timeline_is_read_by_topic(room: BrowserRoom) -> None:
    await busy_case(room)
    analyst = await room.visitor(Role.ANALYST)
    await analyst.open(f"{room.page_path}/timeline")
    page = analyst.page
    await expect(page.get_by_text("6 files have arrived")).to_be_visible()
    await page.get_by_text("6 files have arrived").click()
    await expect(page.get_by_text("logs/node5/trace.log has arrived")).to_be_visible()
    await analyst.examine("timeline")
    assert await analyst.reflows() == []
    await page.get_by_role("navigation", name="Topics").get_by_text("SFTP accounts").click()
    await expect(page.get_by_text("was issued")).to_be_visible()
    await expect(page.get_by_text("files have arrived")).to_have_count(0)
    await analyst.examine("timeline-accounts")
