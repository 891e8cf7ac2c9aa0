"""What happens to senders at random moments: a kill, a cut, a stall."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from tests.cutting_proxy import CuttingProxy, cutting_proxy
from tests.fault.sftp_sender import LostError, Sender
from tests.fault.sftp_service import HOST, ServiceWorld
from transfer.clock import SystemClock

_log = logging.getLogger(__name__)
_clock = SystemClock()

_ATTEMPT_SECONDS = 90.0
_HANDSHAKE_BYTES = 6000
"""What a client has sent before its first request, roughly and at most."""


class Troubles:
    """Troubles of one sender; within it, connections that were stalled stay open."""

    def __init__(self, world: ServiceWorld, port: int, chance: random.Random) -> None:
        self._world = world
        self._port = port
        self._chance = chance
        self._stack = AsyncExitStack()
        self._stalled: list[CuttingProxy] = []

    async def __aenter__(self) -> "Troubles":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def kill(self, sender: Sender, kill: Callable[[], Awaitable[None]]) -> None:
        """Have `sender` try, and do `kill` at some moment of it or right after."""
        moment = self._moment(sender)

        async def kill_then() -> None:
            await moment.wait()
            await _clock.sleep(self._chance.uniform(0, 0.05))
            await kill()

        killing = asyncio.create_task(kill_then())
        await self._try(sender, self._world)
        moment.set()
        await killing

    async def cut(self, sender: Sender) -> None:
        """Have `sender` try on a connection that is reset after some bytes."""
        async with cutting_proxy(self._port, HOST) as proxy:
            left = len(sender.data) - sender.assured
            proxy.cut_after(self._chance.randrange(_HANDSHAKE_BYTES + int(left * 1.02)))
            await self._try(sender, self._world.behind(proxy.port))

    async def stall(self, sender: Sender) -> None:
        """Have `sender` try on a connection that stalls: it gives up, the server doesn't know."""
        proxy = await self._stack.enter_async_context(cutting_proxy(self._port, HOST))
        moment = self._moment(sender)
        trying = asyncio.create_task(self._try(sender, self._world.behind(proxy.port)))
        stalling = asyncio.create_task(moment.wait())
        await asyncio.wait((trying, stalling), return_when=asyncio.FIRST_COMPLETED)
        if not trying.done():
            proxy.stall()
            if sender.opened:  # an OPEN that arrives late rightly begins anew
                self._stalled.append(proxy)
            await asyncio.wait((trying,), timeout=0.3)
        trying.cancel()
        stalling.cancel()
        await asyncio.gather(trying, stalling, return_exceptions=True)
        if not trying.cancelled():
            trying.result()  # what it found wrong is no trouble of the network's

    def resume(self) -> None:
        """Have what was stalled arrive after all, long after it was given up."""
        for proxy in self._stalled:
            proxy.resume()

    def _moment(self, sender: Sender) -> asyncio.Event:
        """Return what happens at one of the sender's next steps."""
        moment, left = asyncio.Event(), 1 + self._chance.randrange(sender.steps)

        def step() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                moment.set()

        sender.step = step
        return moment

    async def _try(self, sender: Sender, world: ServiceWorld) -> None:
        try:
            async with asyncio.timeout(_ATTEMPT_SECONDS):
                await sender.attempt(world)
        except LostError as exc:
            _log.info("%s: %s", sender.path, exc)
        finally:
            sender.step = lambda: None
