"""Pictures of pages, kept where people find them after a run."""

import re
from pathlib import Path

from playwright.async_api import Locator, Page

FOLDER = Path(__file__).parents[3] / ".cache" / "screenshots"


class Album:
    """The pictures of one test: `.cache/screenshots/<test>/<state>-<look>.png`."""

    def __init__(self, test: str) -> None:
        self.folder = FOLDER / re.sub(r"[^\w.-]+", "-", test).strip("-")

    async def keep(self, page: Page, name: str) -> Path:
        """Keep a picture of the whole page."""
        path = self._path(name)
        await page.screenshot(path=path, full_page=True)
        return path

    async def keep_part(self, part: Locator, name: str) -> Path:
        """Keep a picture of one part of a page."""
        path = self._path(name)
        await part.screenshot(path=path)
        return path

    def _path(self, name: str) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / f"{name}.png"
