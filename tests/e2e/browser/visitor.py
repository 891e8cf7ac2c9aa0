"""A person at a browser of their own: signed in, watched over, and pictured."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, Locator, Page

from tests.e2e.browser import accessibility, dropping
from tests.e2e.browser.complaints import Complaints
from tests.e2e.browser.looks import LOOKS, NARROW, Look
from tests.e2e.browser.pictures import Album

_MOST_TABS = 60


@dataclass(kw_only=True)
class Visitor:
    """Somebody who looks at the pages below `url`; `page` is the window that they have open."""

    name: str
    url: str
    page: Page
    look: Look
    complaints: Complaints
    album: Album

    @property
    def context(self) -> BrowserContext:
        """All of their windows, and the cookies that these share."""
        return self.page.context

    async def open(self, path: str) -> int:
        """Open a page of the service, and return its status."""
        response = await self.page.goto(self.url + path)
        assert response is not None
        return response.status

    async def another_window(self) -> "Visitor":
        """Return the same person with one more window, of the same session."""
        return Visitor(
            name=self.name,
            url=self.url,
            page=await self.context.new_page(),
            look=self.look,
            complaints=self.complaints,
            album=self.album,
        )

    @property
    def path(self) -> str:
        """Which page of the service they are on."""
        return urlsplit(self.page.url).path

    # ── What they see ────────────────────────────────────────────────────────────────────────

    async def examine(self, name: str) -> None:
        """Keep a picture of the page as it is now in each look, and have axe find nothing wrong."""
        faults: list[str] = []
        try:
            for look in LOOKS:
                await self.wear(look)
                await accessibility.settle(self.page)
                await self.album.keep(self.page, f"{name}-{look.name}")
                found = await accessibility.violations(self.page)
                faults += [f"{look.name}: {one}" for one in found]
                wide = await accessibility.overflow(self.page)
                faults += [f"{look.name}: wider than the window: {one}" for one in wide]
        finally:
            await self.wear(self.look)
        assert not faults, f"{name}:\n" + "\n".join(faults)

    async def picture(self, name: str, part: Locator | None = None) -> Path:
        """Keep a picture of the page as it is now, or of a part of it."""
        await accessibility.settle(self.page)
        if part is None:
            return await self.album.keep(self.page, name)
        return await self.album.keep_part(part, name)

    async def reflows(self) -> list[str]:
        """Return what is wider than the narrowest window that a page has to fit into."""
        await self.wear(NARROW)
        try:
            await accessibility.settle(self.page)
            return await accessibility.overflow(self.page)
        finally:
            await self.wear(self.look)

    async def wear(self, look: Look) -> None:
        """Look at the page as on another device, without loading it again."""
        await self.page.emulate_media(color_scheme=look.scheme)
        await self.page.set_viewport_size(look.viewport)

    # ── What they do ─────────────────────────────────────────────────────────────────────────

    async def drop(self, target: Locator, *paths: Path) -> None:
        """Drop files and folders of the disk onto a part of the page."""
        await dropping.drop(target, *paths)

    async def tab_to(self, target: Locator) -> None:
        """Reach `target` by the keyboard alone, from wherever the focus is."""
        for _ in range(_MOST_TABS):
            if await target.evaluate("(one) => one === document.activeElement"):
                return
            await self.page.keyboard.press("Tab")
        raise AssertionError(f"{target} isn't reached by {_MOST_TABS} tabs")

    # ── What their page's scripts do ─────────────────────────────────────────────────────────

    async def ask(self, method: str, path: str, json: object = None) -> Any:  # noqa: ANN401 - JSON
        """Send what a script of the page sends, with their session; return its JSON, if any."""
        token = (await self._session())["csrf_token"]
        headers = {"X-CSRF-Token": token, "Origin": self.url, "Sec-Fetch-Site": "same-origin"}
        answer = await self.context.request.fetch(
            self.url + path, method=method, data=json, headers=headers
        )
        assert answer.ok, f"{method} {path}: {answer.status} {await answer.text()}"
        return await answer.json() if await answer.body() else None

    async def follow(self, link: str) -> None:
        """Follow a launch link without looking at where it leads: the session begins."""
        answer = await self.context.request.get(link, max_redirects=0)
        assert answer.status == 303, f"{answer.status} {await answer.text()}"

    async def acknowledge(self, case: str) -> None:
        """Acknowledge the warning about sensitive data."""
        path = f"/api/v1/cases/{case}/acknowledgement"
        shown = await self.ask("GET", path)
        await self.ask("POST", path, {"version": shown["version"]})

    async def session_id(self) -> str:
        """Return the id of their session."""
        return str((await self._session())["id"])

    async def _session(self) -> dict[str, Any]:
        answer = await self.context.request.get(f"{self.url}/api/v1/session")
        assert answer.ok, f"{answer.status} {await answer.text()}"
        told: dict[str, Any] = await answer.json()
        return told
