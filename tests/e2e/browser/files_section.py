"""The files section of a case's page, as a visitor uses it."""

from dataclasses import dataclass

from playwright.async_api import Locator, Page

from tests.e2e.browser.browser_room import BrowserRoom
from tests.e2e.browser.visitor import Visitor
from transfer.core.access import Role


@dataclass(frozen=True, kw_only=True)
class FilesSection:
    """What is found in it."""

    visitor: Visitor

    @property
    def page(self) -> Page:
        return self.visitor.page

    @property
    def root(self) -> Locator:
        return self.page.locator("#files[data-ready]")

    @property
    def table(self) -> Locator:
        return self.root.get_by_role("table")

    @property
    def rows(self) -> Locator:
        """Rows of files and folders that are in the document."""
        return self.table.locator("tbody tr[data-key]")

    @property
    def names(self) -> Locator:
        """The names of what is listed, in their order."""
        return self.rows.locator("[data-control=name]")

    @property
    def search(self) -> Locator:
        return self.root.get_by_role("searchbox")

    @property
    def sending(self) -> Locator:
        return self.page.locator("#files .sending")

    def button(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=name, exact=True)

    def box(self, name: str) -> Locator:
        return self.root.get_by_role("checkbox", name=name)

    def row(self, name: str) -> Locator:
        return self.rows.filter(has=self.page.get_by_text(name, exact=True))


async def files_section(room: BrowserRoom, role: Role = Role.DESIGNATED) -> FilesSection:
    """Return the section as somebody in `role` sees it who has just opened the page."""
    visitor = await room.visitor(role)
    assert await visitor.open(room.page_path) == 200
    section = FilesSection(visitor=visitor)
    await section.root.wait_for()
    return section
