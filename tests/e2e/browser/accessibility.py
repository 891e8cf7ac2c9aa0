"""What axe finds wrong with a page, and what is wider than the window."""

from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

_OPTIONS = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    "resultTypes": ["violations"],
}

_SETTLED = """
() => Promise.race([
  new Promise((done) => setTimeout(done, 2000)),
  Promise.allSettled(document.getAnimations()
    .filter((one) => Number.isFinite(one.effect?.getComputedTiming().endTime))
    .map((one) => one.finished)),
]).then(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
"""

_OVERFLOWING = """
() => {
  const wide = document.documentElement.clientWidth
  const scrolls = (one) => one !== null && (
    ['auto', 'scroll', 'hidden', 'clip'].includes(getComputedStyle(one).overflowX)
    || scrolls(one.parentElement))
  if (document.documentElement.scrollWidth <= wide) return []
  return [...document.body.querySelectorAll('*')]
    .filter((one) => one.getBoundingClientRect().right > wide + 1 && !scrolls(one.parentElement))
    .map((one) => one.outerHTML.slice(0, 160))
}
"""

_axe = Axe()


async def settle(page: Page) -> None:
    """Wait until what moves has come to rest."""
    await page.evaluate(_SETTLED)


async def violations(page: Page) -> list[str]:
    """Return what axe finds: WCAG 2.2 AA and its best practices."""
    results = await _axe.run(page, options=_OPTIONS)
    return [_told(one) for one in results.response["violations"]]


async def overflow(page: Page) -> list[str]:
    """Return the elements that make the page scroll sideways."""
    found: list[str] = await page.evaluate(_OVERFLOWING)
    return found


def _told(violation: dict[str, Any]) -> str:
    nodes = [
        f"  {node['html'][:200]}\n    {node.get('failureSummary', '')}"
        for node in violation["nodes"]
    ]
    return "\n".join([f"{violation['id']} ({violation['impact']}): {violation['help']}", *nodes])
