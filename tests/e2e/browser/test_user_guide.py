"""The user guide: its pictures are of the real pages, and all that it shows is there."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Locator, expect

from tests.cutting_proxy import cutting_proxy
from tests.e2e.browser.browser_room import BrowserRoom, until
from tests.e2e.browser.conftest import StartRoom
from tests.e2e.browser.sent_files import MIB, big_file, folder_of_logs
from tests.e2e.browser.uploader import Uploader
from tests.e2e.browser.visitor import Visitor
from transfer.core.access import Role

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

DOCS = Path(__file__).parents[3] / "docs"
CUSTOMER, ANALYST, ADMIN = "Jo Smith", "Sam Keller", "Alex Moreau"
LOG = b"".join(
    b"2026-03-02T09:%02d:%02dZ gateway 4: %s\n"
    % (second // 60, second % 60, b"ERROR no answer" if second % 97 == 50 else b"INFO call set up")
    for second in range(300)
)

Picture = Callable[[Visitor, str, Locator], Awaitable[None]]


def shown_pictures() -> set[str]:
    """Return the names of the pictures in the guide."""
    guide = (DOCS / "user-guide.md").read_text()
    return set(re.findall(r"!\[[^\]]+\]\(pictures/([\w-]+)\.png\)", guide))


def test_the_guide_shows_the_pictures_that_are_there() -> None:
    assert shown_pictures() == {path.stem for path in (DOCS / "pictures").glob("*.png")}


async def test_the_guide_is_followed_and_pictured(start_room: StartRoom, tmp_path: Path) -> None:
    room = await start_room()
    taken: set[str] = set()

    async def picture(visitor: Visitor, name: str, part: Locator) -> None:
        await expect(part).to_be_visible()
        await visitor.picture(name, part)
        taken.add(name)

    await send_as_customer(room, picture, tmp_path)
    await work_as_analyst(room, picture)
    await use_an_account(room, picture)
    await look_after_it_as_admin(room, picture)
    assert taken == shown_pictures()


async def send_as_customer(room: BrowserRoom, picture: Picture, folder: Path) -> None:
    logs, dump = folder_of_logs(folder, 12), big_file(folder, 24 * MIB)
    host, _, port = room.service.url.partition("//")[2].partition(":")
    async with cutting_proxy(int(port), host) as proxy:
        url = f"https://127.0.0.1:{proxy.port}"
        customer = await room.visitor(name=CUSTOMER, acknowledged=False, url=url)
        main, section = customer.page.locator("main"), customer.page.locator("#upload")
        await customer.open(room.page_path)
        await picture(customer, "warning", main)
        await customer.page.get_by_role("button", name="Acknowledge").click()
        uploader = Uploader(customer.page)
        await expect(uploader.zone).to_be_visible()
        await picture(customer, "case", main)
        proxy.slow_down(4 * MIB)
        await uploader.send(logs, dump)

        async def has_begun() -> bool:
            return await room.received_bytes() > 2 * MIB

        await until(has_begun, "some megabytes")
        await picture(customer, "sending", section)
        proxy.slow_down(None)
        await uploader.finish()
        await picture(customer, "sent", section)
        await picture(customer, "files", customer.page.locator("#files"))
        await customer.open("/self-test")
        await customer.page.get_by_role("button", name="Start the test").click()
        result = customer.page.get_by_role("textbox", name="The result")
        await expect(result).to_be_visible(timeout=120_000)
        await picture(customer, "connection-test", main)
        await room.leave()


async def work_as_analyst(room: BrowserRoom, picture: Picture) -> None:
    await room.send("logs/gateway.log", LOG)
    analyst = await room.visitor(Role.ANALYST, name=ANALYST)
    page, main = analyst.page, analyst.page.locator("main")
    await analyst.open("/cases")
    await picture(analyst, "cases", main)
    await analyst.open(f"/files/{(await room.files())['logs/gateway.log']['id']}")
    await page.get_by_role("searchbox", name="Find in this file").fill("no answer")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status").get_by_text("3 lines found.")).to_be_visible()
    await picture(analyst, "preview", main)
    await analyst.open(room.page_path)
    await page.get_by_role("checkbox", name="I attest that").check()
    await page.get_by_role("button", name="Issue an SFTP account").click()
    await expect(page.get_by_text("End this account").first).to_be_visible()
    await picture(analyst, "manage", page.locator("#care"))
    await picture(analyst, "timeline", page.locator("#timeline"))


async def use_an_account(room: BrowserRoom, picture: Picture) -> None:
    customer = await room.visitor(name=CUSTOMER)
    await customer.open(room.page_path)
    section = customer.page.locator("#sftp-account")
    await section.get_by_text("OpenSSH").click()
    await picture(customer, "account", section)


async def look_after_it_as_admin(room: BrowserRoom, picture: Picture) -> None:
    await room.ask("POST", f"/api/v1/cases/{room.case}/close")
    admin = await room.visitor(Role.ADMIN, name=ADMIN)
    main = admin.page.locator("main")
    for name in ("", "deletions", "storage", "tokens"):
        await admin.open(f"/admin/{name}".rstrip("/"))
        await picture(admin, f"admin-{name}".rstrip("-"), main)
