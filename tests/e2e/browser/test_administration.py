"""The administration: what admins see of the service as a whole, and what little they change."""

import aiohttp
import pytest
from playwright.async_api import Page, expect

from tests.e2e.browser.browser_room import BrowserRoom
from tests.e2e.browser.conftest import StartRoom
from tests.e2e.browser.visitor import Visitor
from transfer.core.access import Role

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

PAGES = {
    "overview": "/admin",
    "holds": "/admin/holds",
    "deletions": "/admin/deletions",
    "storage": "/admin/storage",
    "accounts": "/admin/storage?by=account",
    "tokens": "/admin/tokens",
    "sessions": "/admin/sessions",
    "sign-ins": "/admin/sign-ins",
    "warnings": "/admin/warnings",
}


async def furnish(room: BrowserRoom) -> None:
    """Have something of all that admins look at."""
    await room.send("logs/node1/trace.log", b"x" * 987_654)
    await room.send("core.dmp", b"x" * 45_678)
    for n, account in enumerate(("Example Ltd", "Sandvik Kommunikation & Söhne GmbH", "ACME")):
        new = {"subject": f"Gateway {n} restarts at night, and calls drop", "account": account}
        number = (await room.ask("POST", "/api/v1/cases", new))["number"]
        if n:
            await room.ask("POST", f"/api/v1/cases/{number}/close")
        if n == 2:
            reason = {"reason": "Court order 17/2026: keep everything until further notice"}
            await room.ask("POST", f"/api/v1/cases/{number}/hold", reason)
    await fail_to_sign_in(room, 13)
    for wanted in (
        {"role": "analyst", "name": "nightly export", "actions": ["download"]},
        {"role": "read-only", "name": "a contact's script", "cases": [room.case]},
    ):
        await room.ask("POST", "/api/v1/tokens", wanted)
    revoked = (await room.ask("GET", "/api/v1/tokens"))["tokens"][0]
    await room.ask("DELETE", f"/api/v1/tokens/{revoked['id']}")


async def fail_to_sign_in(room: BrowserRoom, times: int) -> None:
    headers = {"Authorization": "Bearer ctt_wrong"}
    for _ in range(times):
        async with room.admin.get(f"{room.service.url}/api/v1/cases", headers=headers) as answer:
            assert answer.status in (401, 429)


async def admin_of(room: BrowserRoom) -> Visitor:
    return await room.visitor(Role.ADMIN, name="Ada Admin")


async def test_every_page_is_for_everybody_s_eyes_and_keyboards(start_room: StartRoom) -> None:
    room = await start_room()
    await furnish(room)
    await room.visitor(name="Jo Smith")
    admin = await admin_of(room)
    for name, path in PAGES.items():
        assert await admin.open(path) == 200
        await expect(admin.page.get_by_role("navigation", name="Administration")).to_be_visible()
        await admin.examine(name)
        assert await admin.reflows() == [], name
    await admin.page.get_by_role("row").get_by_role("link").first.click()
    await expect(admin.page.get_by_role("heading", name="Who has acknowledged it")).to_be_visible()
    await admin.examine("warning")


async def test_an_empty_service_has_pages_that_say_so(start_room: StartRoom) -> None:
    room = await start_room()
    admin = await admin_of(room)
    for name in ("holds", "deletions", "storage", "sign-ins"):
        assert await admin.open(PAGES[name]) == 200
        await admin.examine(f"empty-{name}")


async def test_a_hold_is_placed_and_lifted(room: BrowserRoom) -> None:
    admin = await admin_of(room)
    page = admin.page
    await admin.open("/admin/holds")
    await page.get_by_label("Case number").fill("0000000000")
    await page.get_by_label("Why the data has to stay").fill("Legal matter 17")
    admin.complaints.expect("status of 400")
    await page.get_by_role("button", name="Place the hold").click()
    await expect(page.get_by_role("alert")).to_contain_text("There is no such case")
    await expect(page.get_by_label("Why the data has to stay")).to_have_value("Legal matter 17")
    await admin.examine("no-such-case")

    await page.get_by_label("Case number").fill(room.case)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("The hold is placed")
    row = page.get_by_role("row").filter(has_text=room.case)
    await expect(row).to_contain_text("Legal matter 17")
    await expect(row).to_contain_text("Ada Admin")

    ask_once_more = row.locator("summary")
    await admin.tab_to(ask_once_more)
    await page.keyboard.press("Enter")
    await expect(row.get_by_text("Its data may then be deleted")).to_be_visible()
    await admin.examine("lifting")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("The hold is lifted")
    await expect(row).to_have_count(0)


async def test_a_token_is_issued_copied_used_and_revoked(room: BrowserRoom) -> None:
    admin = await admin_of(room)
    await admin.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = admin.page
    await admin.open("/admin/tokens")
    await page.get_by_label("Whom or what it is for").fill("Jo's script")
    await page.get_by_role("combobox", name="Role").select_option("Designated contact")
    await page.get_by_role("combobox", name="Good for").select_option("12 hours")
    admin.complaints.expect("status of 400")
    await page.get_by_role("button", name="Issue the token").click()
    await expect(page.get_by_role("alert")).to_contain_text("name them")
    await admin.examine("which-cases")

    await page.get_by_role("textbox", name="Cases").fill(room.case)
    await page.get_by_role("button", name="Issue the token").click()
    shown = page.locator("#token-secret")
    await expect(shown).to_contain_text("ctt_")
    await admin.examine("issued")
    await page.get_by_role("button", name="Copy").click()
    await expect(page.get_by_role("status").filter(has_text="Copied")).to_be_visible()
    secret = await page.evaluate("() => navigator.clipboard.readText()")
    assert secret == await shown.text_content()
    assert await opens(room, secret)

    await admin.open("/admin/tokens")
    assert secret not in await page.content()
    await sure(page, "Revoke", "Jo's script")
    await expect(page.get_by_role("status")).to_contain_text("The token is revoked")
    row = page.get_by_role("row").filter(has_text="Jo's script")
    await expect(row).to_contain_text("Revoked")
    assert not await opens(room, secret)


async def test_a_session_is_ended(room: BrowserRoom) -> None:
    customer = await room.visitor(name="Jo Smith")
    assert await customer.open(room.page_path) == 200
    await customer.open("/self-test")  # nothing goes on there that the end would cut off
    admin = await admin_of(room)
    page = admin.page
    await admin.open("/admin/sessions")
    await page.get_by_label("Case number").fill(room.case)
    await page.get_by_role("button", name="Find").click()
    await expect(page.get_by_role("row").filter(has_text="Jo Smith")).to_have_count(1)
    await sure(page, "End", "Jo Smith")
    await expect(page.get_by_role("status")).to_contain_text("The session is ended")
    customer.complaints.expect("status of 401")
    assert await customer.open(room.page_path) == 401


async def test_an_analyst_is_not_led_there_and_not_let_in(room: BrowserRoom) -> None:
    analyst = await room.visitor(Role.ANALYST)
    await analyst.open(room.page_path)
    await expect(analyst.page.get_by_role("link", name="Administration")).to_have_count(0)
    analyst.complaints.expect("status of 403")
    assert await analyst.open("/admin") == 403
    await expect(analyst.page.get_by_role("heading", level=1)).to_be_visible()


async def sure(page: Page, label: str, about: str) -> None:
    """Do what asks once more before it acts, to what stands in the row `about`."""
    row = page.get_by_role("row").filter(has_text=about)
    await row.locator("summary").click()
    await row.get_by_role("button", name=label).click()


async def opens(room: BrowserRoom, secret: str) -> bool:
    headers = {"Authorization": f"Bearer {secret}"}
    url = f"{room.service.url}/api/v1/cases/{room.case}"
    connector = aiohttp.TCPConnector(ssl=room.service.tls)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.get(url, headers=headers) as answer,
    ):
        return answer.ok
