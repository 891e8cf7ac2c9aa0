"""How accounts are used: when they were seen last, from where, and what they sent and fetched."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog

from transfer.core.access import Principal
from transfer.core.accounts import AccountId, AccountUse
from transfer.core.errors import TransferError
from transfer.engine.policy import Tools

_log = structlog.get_logger(__name__)
_EVERY = timedelta(seconds=10)


@dataclass(slots=True)
class Traffic:
    """Bytes of files that a session has taken and given so far; its door counts them."""

    received: int = 0
    sent: int = 0


class AccountUsage:
    """Notes the use of accounts in the records: at a session's begin, now and then, at its end.

    What can't be noted now is noted with what comes next. It is no reason to end a session.
    """

    def __init__(self, tools: Tools) -> None:
        self._clock = tools.clock
        self._records = tools.records.accounts

    @asynccontextmanager
    async def noted(self, principal: Principal, traffic: Traffic) -> AsyncIterator[None]:
        """Note the use of the account of `principal` meanwhile, and finally all of it."""
        session = _Session(principal, traffic)
        following = asyncio.create_task(self._follow(session))
        try:
            yield
        finally:
            # Never amid a note: it would be unknown whether it counts.
            async with session.noting:
                following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await self._note(session)

    async def _follow(self, session: "_Session") -> None:
        while True:
            async with session.noting:
                if session.has_news:
                    await self._note(session)
            await self._clock.sleep(_EVERY.total_seconds())

    async def _note(self, session: "_Session") -> None:
        use, now = session.news(), self._clock.now()
        try:
            await self._records.use(
                session.account_id,
                AccountUse(
                    sessions=use.sessions,
                    bytes_received=use.bytes_received,
                    bytes_sent=use.bytes_sent,
                    last_seen_at=now,
                    last_address=session.address,
                ),
            )
        except TransferError as exc:
            _log.warning("account-use-not-noted", account=session.account_id, problem=exc.code)
        else:
            session.take(use)


class _Session:
    """What of a session's use is noted, and what isn't yet."""

    def __init__(self, principal: Principal, traffic: Traffic) -> None:
        self.account_id = AccountId(principal.credential or "")
        self.address = principal.address
        self.noting = asyncio.Lock()
        self._traffic = traffic
        self._noted = AccountUse()

    @property
    def has_news(self) -> bool:
        """Whether there is anything to note besides the time."""
        return self.news() != AccountUse()

    def news(self) -> AccountUse:
        """Return what isn't noted yet."""
        noted = self._noted
        return AccountUse(
            sessions=1 - noted.sessions,
            bytes_received=self._traffic.received - noted.bytes_received,
            bytes_sent=self._traffic.sent - noted.bytes_sent,
        )

    def take(self, use: AccountUse) -> None:
        """Remember that `use` is noted."""
        noted = self._noted
        self._noted = AccountUse(
            sessions=noted.sessions + use.sessions,
            bytes_received=noted.bytes_received + use.bytes_received,
            bytes_sent=noted.bytes_sent + use.bytes_sent,
        )
