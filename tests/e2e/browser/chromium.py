"""Debian's Chromium, driven by Playwright: started for a test, and ended with it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psutil
from playwright.async_api import Browser, BrowserContext, async_playwright

from tests.e2e.browser.looks import LIGHT, Look
from tests.programs import program

_OPTIONS = ("--disable-gpu", "--disable-quic")
_PATIENCE_MILLISECONDS = 30_000


@dataclass(frozen=True, kw_only=True)
class Chromium:
    """A running browser. Each window that it gives has a profile of its own, forgotten with it."""

    browser: Browser

    async def window(self, *, look: Look = LIGHT, language: str = "en-GB") -> BrowserContext:
        """Return a fresh profile, as somebody has it whose browser speaks `language`."""
        context = await self.browser.new_context(
            ignore_https_errors=True,  # the certificate is the service's own
            locale=language,
            timezone_id="Europe/Berlin",
            color_scheme=look.scheme,
            reduced_motion="reduce",  # so that colours are what they will be when axe looks
            viewport=look.viewport,
        )
        context.set_default_timeout(_PATIENCE_MILLISECONDS)
        return context

    async def kill_9(self) -> None:
        """Kill it without warning, as a crash would."""
        session = await self.browser.new_browser_cdp_session()
        told = await session.send("SystemInfo.getProcessInfo")
        [first] = [one["id"] for one in told["processInfo"] if one["type"] == "browser"]
        process = psutil.Process(int(first))
        process.kill()
        psutil.wait_procs([process], timeout=10)


@asynccontextmanager
async def chromium() -> AsyncIterator[Chromium]:
    """Start a browser. A laptop may lack it; where CI runs, it has to be there."""
    path = program("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=_OPTIONS)
        try:
            yield Chromium(browser=browser)
        finally:
            await browser.close()
