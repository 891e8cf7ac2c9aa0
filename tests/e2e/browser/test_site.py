"""What is around the cases: the first page, signing in, problems, the warning, small windows."""

import re

import pytest
from playwright.async_api import expect

from tests.e2e.browser.browser_room import BrowserRoom
from tests.e2e.browser.looks import NARROW
from tests.e2e.browser.visitor import Visitor
from transfer.core.access import Role

pytestmark = pytest.mark.e2e

LANGUAGES = ("en-GB", "de-DE")
WRONG_WAY = r"Failed to load resource: the server responded with a status of 40[14]"


def warning(room: BrowserRoom) -> str:
    return f"{room.page_path}/acknowledgement"


async def mirrored(visitor: Visitor) -> None:
    """Write the page from right to left, as it would be in Hebrew."""
    await visitor.page.evaluate("document.documentElement.dir = 'rtl'")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_warning_comes_first_and_is_acknowledged_by_keyboard(
    room: BrowserRoom, language: str
) -> None:
    visitor = await room.visitor(language=language, acknowledged=False)
    await visitor.open(room.page_path)
    assert visitor.path == warning(room)
    await visitor.examine(f"warning-{language}")
    button = visitor.page.locator("main form button")
    await button.focus()
    await visitor.page.keyboard.press("Enter")
    await visitor.page.wait_for_url(f"**{room.page_path}")
    await visitor.open(warning(room))
    await expect(button).to_have_count(0)
    await visitor.examine(f"acknowledged-{language}")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_customer_s_first_page_lists_their_cases(room: BrowserRoom, language: str) -> None:
    visitor = await room.visitor(Role.READ_ONLY, language=language)
    await visitor.open("/")
    await visitor.examine(f"first-{language}")
    await visitor.page.locator("main").get_by_role("link").click()
    await visitor.page.wait_for_url(f"**{room.page_path}")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_problem_and_the_way_out_are_clear(room: BrowserRoom, language: str) -> None:
    visitor = await room.visitor(Role.READ_ONLY, language=language)
    visitor.complaints.expect(WRONG_WAY)
    assert await visitor.open("/cases/0000000404") == 404
    await visitor.examine(f"no-such-case-{language}")
    await visitor.page.locator(".visitor form button").click()
    await visitor.page.wait_for_url("**/sign-in")
    await visitor.examine(f"sign-in-{language}")
    assert await visitor.open(room.page_path) == 401
    await visitor.examine(f"not-signed-in-{language}")


async def test_a_language_that_is_chosen_stays_and_leaves_the_address_alone(
    room: BrowserRoom,
) -> None:
    visitor = await room.visitor(Role.READ_ONLY)
    await visitor.open("/?a=1")
    await visitor.page.get_by_role("link", name="Deutsch").click()
    await expect(visitor.page.locator("html")).to_have_attribute("lang", "de")
    await expect(visitor.page).to_have_url(re.compile(r"/\?a=1$"))
    await visitor.open(room.page_path)
    await expect(visitor.page.locator("html")).to_have_attribute("lang", "de")


@pytest.mark.parametrize("path", ["/", "/sign-in", "{case}", "{case}/acknowledgement"])
async def test_nothing_is_cut_off_in_a_narrow_window_or_from_right_to_left(
    room: BrowserRoom, path: str
) -> None:
    visitor = await room.visitor(Role.DESIGNATED)
    name = re.sub(r"\W+", "-", path).strip("-") or "first"
    await visitor.open(path.format(case=room.page_path))
    await mirrored(visitor)
    await visitor.examine(f"mirrored-{name}")
    await visitor.wear(NARROW)
    await visitor.examine(f"narrow-{name}")


async def test_whoever_signs_in_beside_an_open_page_is_told_so_there(room: BrowserRoom) -> None:
    visitor = await room.visitor(Role.READ_ONLY)
    await visitor.open("/")
    await visitor.page.evaluate(
        """() => {
          window.told = []
          new BroadcastChannel('transfer-session').onmessage = (one) => window.told.push(one.data)
        }"""
    )
    beside = await visitor.another_window()
    await beside.open("/signed-in")
    await beside.examine("signed-in")
    await visitor.page.wait_for_function("() => window.told.length > 0")
    assert set(await visitor.page.evaluate("window.told")) == {"signed-in"}


async def test_a_window_that_a_page_has_opened_can_be_closed(room: BrowserRoom) -> None:
    visitor = await room.visitor(Role.READ_ONLY)
    await visitor.open("/")
    async with visitor.page.expect_popup() as opened:
        await visitor.page.evaluate(
            "path => { window.open(path, 'transfer', 'popup,width=480,height=640') }",
            room.page_path,
        )
    popup = await opened.value
    button = popup.get_by_role("button", name="Close window")
    await expect(button).to_be_visible()
    await visitor.album.keep(popup, "popup")
    async with popup.expect_event("close"):
        await button.click()


async def test_a_link_to_a_file_that_is_gone_leads_to_a_page_that_says_so(
    room: BrowserRoom,
) -> None:
    visitor = await room.visitor(Role.READ_ONLY)
    visitor.complaints.expect(WRONG_WAY)
    assert await visitor.open("/api/v1/files/nothing/content") == 404
    await expect(visitor.page.get_by_role("heading", level=1)).to_have_text("This file isn't there")
