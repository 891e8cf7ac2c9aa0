"""Files dragged out of the desktop's file manager, as a page sees them: files and folders."""

from pathlib import Path
from typing import Any

from playwright.async_api import Locator

_COPY = 1
_STEPS = ("dragEnter", "dragOver", "drop")


async def drag_over(target: Locator, *paths: Path) -> None:
    """Hold `paths` over `target`, without letting go."""
    await _dispatch(target, paths, _STEPS[:-1])


async def drop(target: Locator, *paths: Path) -> None:
    """Drop `paths` onto `target`."""
    await _dispatch(target, paths, _STEPS)


async def _dispatch(target: Locator, paths: tuple[Path, ...], steps: tuple[str, ...]) -> None:
    await target.scroll_into_view_if_needed()
    box = await target.bounding_box()
    assert box is not None, f"not to be seen: {target}"
    data: Any = {
        "items": [],
        "files": [str(path) for path in paths],
        "dragOperationsMask": _COPY,
    }
    page = target.page
    height = page.viewport_size["height"] if page.viewport_size else box["height"]
    x = box["x"] + box["width"] / 2
    y = (max(box["y"], 0) + min(box["y"] + box["height"], height)) / 2  # of what is to be seen
    session = await page.context.new_cdp_session(page)
    for step in steps:
        event = {"type": step, "x": x, "y": y, "data": data}
        await session.send("Input.dispatchDragEvent", event)
    await session.detach()
