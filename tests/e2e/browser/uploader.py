"""The part of a case's page that sends files, as people use it."""

from pathlib import Path

from playwright.async_api import Page, Request, expect

from tests.e2e.browser.dropping import drop

_UPLOAD_MILLISECONDS = 100_000


class Uploader:
    """The drop zone of the page that is open, and what it has sent to the server since."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.zone = page.locator(".uppy-Dashboard-inner")
        self.rows = page.locator(".uppy-Dashboard-Item")
        self.begin_button = page.locator(".uppy-StatusBar-actionBtn--upload")
        self.complete = page.locator(".uppy-StatusBar.is-complete")
        self.outcome = page.locator("#upload-news")
        self.creations = 0
        page.on("request", self._note)

    async def drop(self, *paths: Path) -> None:
        """Drop files and folders, as from the desktop."""
        await expect(self.zone).to_be_visible()
        await drop(self.zone, *paths)

    async def send(self, *paths: Path) -> None:
        """Drop files and folders and have them sent."""
        await self.drop(*paths)
        await self.begin_button.click()

    async def finish(self, milliseconds: float = _UPLOAD_MILLISECONDS) -> None:
        """Wait until all is sent, and the page has compared it with what the service has."""
        await expect(self.complete).to_be_visible(timeout=milliseconds)
        await expect(self.outcome).to_contain_text("received and verified")

    def _note(self, request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/uploads"):
            self.creations += 1
