"""Every page in German: nothing is left in English, nothing is cut off, axe finds nothing."""

from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import expect

from tests.e2e.browser.browser_room import BrowserRoom, Scene, ended_well
from tests.e2e.browser.chromium import Chromium
from tests.e2e.browser.pictures import Album
from tests.e2e.browser.visitor import Visitor
from tests.portal import Portal
from tests.service import Service
from transfer.core.access import Role

pytestmark = pytest.mark.e2e

PAGES = [
    (Role.DESIGNATED, "{case}"),
    (Role.ANALYST, "{case}"),
    (Role.ANALYST, "{case}/timeline"),
    (Role.ANALYST, "{case}/receipts"),
    (Role.ANALYST, "/cases"),
    (Role.DESIGNATED, "/self-test"),
    (Role.ADMIN, "/admin"),
    (Role.ADMIN, "/admin/holds"),
    (Role.ADMIN, "/admin/tokens"),
    (Role.ADMIN, "/admin/sessions"),
    (Role.ADMIN, "/admin/deletions"),
    (Role.ADMIN, "/admin/storage"),
    (Role.ADMIN, "/admin/sign-ins"),
    (Role.ADMIN, "/admin/warnings"),
]

ENGLISH = (" the ", " and ", " of ", " is ", " are ", " files", " case ", " yet")
"""What German sentences don't have."""

OURS = ("Contact centre", "Demo case", "Before you send files to Customer Care")
"""What people have written here, in English."""

_LABELS = """
() => ['aria-label', 'title', 'placeholder'].flatMap((name) =>
  [...document.querySelectorAll(`[${name}]`)].map((one) => one.getAttribute(name)))
"""


@pytest.fixture(scope="module")
def service(
    portal_settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A service of these tests' own: what others write into the shared one is English."""
    service = Service(tmp_path_factory.mktemp("german"), settings=portal_settings)
    try:
        service.start()
        yield service
    finally:
        service.end()


@pytest.fixture
async def room(
    service: Service, browser: Chromium, portal: Portal, album: Album
) -> AsyncIterator[BrowserRoom]:
    """A case of the test's own there."""
    async with ended_well(Scene(service, browser, portal, album)) as room:
        yield room


async def left_in_english(visitor: Visitor) -> list[str]:
    """Return the lines of the page, and its labels, that look like English."""
    text = await visitor.page.inner_text("body")
    labels = await visitor.page.evaluate(_LABELS)
    lines = [*text.splitlines(), *labels]
    return [
        line
        for line in lines
        if any(word in f" {line} " for word in ENGLISH) and not any(text in line for text in OURS)
    ]


@pytest.mark.parametrize(("role", "path"), PAGES)
async def test_a_page_is_german_throughout(room: BrowserRoom, role: Role, path: str) -> None:
    await room.send("logs/node0/trace.log", b"one line\n")
    await room.send("fix.zip", b"a fix", role=Role.ANALYST)
    visitor = await room.visitor(role, name="Kim Muster", language="de-DE")
    assert await visitor.open(path.format(case=room.page_path)) == 200
    await expect(visitor.page.locator("html")).to_have_attribute("lang", "de")
    await visitor.page.wait_for_load_state("load")
    name = path.format(case="case").strip("/").replace("/", "-")
    await visitor.examine(f"{name}-{role.value}")
    assert await left_in_english(visitor) == []
