"""What a caller that goes away leaves behind: nothing half done."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def known(outcome: "asyncio.Future[T]", give_up: Callable[[], bool]) -> T:
    """Return what `outcome` gives; a caller that is cancelled leaves only once it is known.

    So whoever handles the cancellation can read what is there: nothing changes behind their back.
    `give_up` keeps work that hasn't begun from beginning, and tells whether it could.
    """
    try:
        return await asyncio.shield(outcome)
    except asyncio.CancelledError:
        if not give_up():
            await _over(outcome)
        raise


async def _over(outcome: "asyncio.Future[T]") -> None:
    while not outcome.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([outcome])
    if not outcome.cancelled():
        outcome.exception()  # looked at, so that asyncio doesn't report it as lost
