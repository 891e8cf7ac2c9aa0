"""The page of a case as people come to it: what it weighs, what it shows, and to whom."""

from typing import Any

import pytest
from playwright.async_api import expect

from tests.e2e.browser.browser_room import BrowserRoom
from tests.e2e.browser.uploader import Uploader
from transfer.core.access import Role

pytestmark = pytest.mark.e2e

MOST_BYTES = 150_000


@pytest.mark.parametrize("role", list(Role))
async def test_everybody_who_may_see_a_case_sees_which_it_is(room: BrowserRoom, role: Role) -> None:
    visitor = await room.visitor(role)
    assert await visitor.open(room.page_path) == 200
    await expect(visitor.page.get_by_role("heading", level=1)).to_be_visible()
    await expect(visitor.page.get_by_role("main").get_by_text(room.case).first).to_be_visible()
    await visitor.examine(f"{role.value}")
    assert await visitor.reflows() == []


async def test_the_first_page_is_light(room: BrowserRoom) -> None:
    customer = await room.visitor()
    session = await customer.context.new_cdp_session(customer.page)
    asked: dict[str, str] = {}
    loaded: dict[str, float] = {}

    def note_end(told: dict[str, Any]) -> None:
        loaded[asked[told["requestId"]]] = told["encodedDataLength"]

    def note_request(told: dict[str, Any]) -> None:
        asked[told["requestId"]] = told["request"]["url"]

    session.on("Network.requestWillBeSent", note_request)
    session.on("Network.loadingFinished", note_end)
    await session.send("Network.enable")
    await customer.open(room.page_path)
    await expect(Uploader(customer.page).zone).to_be_visible()
    assert sum(url.endswith(".js") for url in loaded) > 2
    assert sum(loaded.values()) < MOST_BYTES, sorted(loaded.items(), key=lambda one: -one[1])


async def test_someone_elses_case_looks_as_if_it_were_not_there(room: BrowserRoom) -> None:
    customer = await room.visitor()
    customer.complaints.expect("status of 404")
    assert await customer.open(f"/cases/{room.service.case}") == 404
