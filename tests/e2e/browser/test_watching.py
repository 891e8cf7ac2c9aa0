"""The watch that is kept over pages sees faults: otherwise its silence says nothing."""

import pytest

from tests.e2e.browser import accessibility
from tests.e2e.browser.browser_room import BrowserRoom, until
from tests.e2e.browser.visitor import Visitor

pytestmark = pytest.mark.e2e

FAULTS = {
    "console": "console.error('out of paper')",
    "exception": "setTimeout(() => { throw new Error('out of ink') })",
    "CSP: script-src": "document.head.append(Object.assign("
    "document.createElement('script'), {textContent: 'window.broken = 1'}))",
    "CSP: style-src": "document.body.setAttribute('style', 'color: red')",
    "404": "fetch('/nothing/there')",
}
SEEN = {"console": "out of paper", "exception": "out of ink", "404": "status of 404"}


async def customer_on_the_page(room: BrowserRoom) -> Visitor:
    customer = await room.visitor()
    await customer.open(room.page_path)
    return customer


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_of_a_page_is_noticed(room: BrowserRoom, fault: str) -> None:
    customer = await customer_on_the_page(room)
    await customer.page.evaluate(f"() => {{ {FAULTS[fault]} }}")

    async def is_noticed() -> bool:
        return any(SEEN.get(fault, fault) in told for told in customer.complaints.unexpected)

    await until(is_noticed, f"{fault} among {customer.complaints.all}")
    customer.complaints.expect(".")


async def test_what_axe_finds_is_told(room: BrowserRoom) -> None:
    customer = await customer_on_the_page(room)
    await customer.page.evaluate(
        "() => document.querySelector('main').append(document.createElement('input'))"
    )
    [found] = await accessibility.violations(customer.page)
    assert found.startswith("label ")


async def test_what_is_wider_than_the_window_is_told(room: BrowserRoom) -> None:
    customer = await customer_on_the_page(room)
    assert await accessibility.overflow(customer.page) == []
    await customer.page.evaluate(
        "() => { const wide = document.createElement('div'); wide.style.width = '3000px'; "
        "wide.textContent = 'wide'; "
        "document.querySelector('main').append(wide) }"
    )
    assert len(await accessibility.overflow(customer.page)) >= 1
