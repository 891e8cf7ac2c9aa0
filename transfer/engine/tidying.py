"""What is kept of sign-ins, and taken away once it says nothing any more."""

from datetime import timedelta

import structlog

from transfer.core.errors import TransferError
from transfer.core.launches import CLOCK_SKEW
from transfer.engine.attempts import Attempts
from transfer.engine.bans import Bans
from transfer.engine.policy import Tools
from transfer.engine.sessions import Sessions

_log = structlog.get_logger(__name__)
_EVERY = timedelta(minutes=10)


class Tidying:
    """Deletes rows of old sessions, used links, failures and bans; any number of nodes may."""

    def __init__(self, tools: Tools, sessions: Sessions, attempts: Attempts, bans: Bans) -> None:
        self._tools = tools
        self._sessions = sessions
        self._attempts = attempts
        self._bans = bans

    async def run(self) -> None:
        """Have a round now and then, until cancelled."""
        while True:
            try:
                await self.run_once()
            except TransferError as exc:
                _log.warning("sign-ins-not-tidied", problem=exc.code)
            await self._tools.clock.sleep(_EVERY.total_seconds())

    async def run_once(self) -> int:
        """Have one round, and return how many rows went."""
        # A link that has just expired is remembered: another node's clock may be behind.
        expired = self._tools.clock.now() - CLOCK_SKEW
        return (
            await self._sessions.forget_old()
            + await self._attempts.forget_old()
            + await self._bans.forget_old()
            + await self._tools.records.launches.forget(expired)
        )
