"""The sessions of this process that live by an account, and how they learn that it is over."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import structlog

from transfer.core.accounts import AccountEnd, AccountId, AccountStanding
from transfer.core.cases import CaseNumber
from transfer.core.errors import CaseMissingError, TransferError
from transfer.engine.policy import Tools

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class _Stay:
    """A session that lives by one issue of an account; None is whichever is the present one."""

    issue: int | None
    told: "asyncio.Future[AccountEnd]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def tell(self, end: AccountEnd) -> None:
        if not self.told.done():
            self.told.set_result(end)


class AccountPresence:
    """Who is here, by account.

    An expiry is known beforehand, and awaited. Of what ends an account sooner, on whatever node,
    the records are asked once in each `watch_interval`, for all sessions together.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._records = tools.records.accounts
        self._stays: dict[AccountId, list[_Stay]] = {}

    async def ended(self, account_id: AccountId, issue: int | None) -> AccountEnd:
        """Wait until an account is over, or that `issue` of it, and return why."""
        account = await self._records.account(account_id)
        stay = _Stay(issue)
        self._stays.setdefault(account_id, []).append(stay)
        expiry = asyncio.create_task(self._tools.clock.sleep_until(account.expires_at))
        try:
            already = await self._over_already(account_id, stay)
            if already is not None:
                return already
            awaited: set[asyncio.Future[Any]] = {expiry, stay.told}
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            return stay.told.result() if stay.told.done() else AccountEnd.EXPIRED
        finally:
            expiry.cancel()
            self._stays[account_id].remove(stay)
            if not self._stays[account_id]:
                del self._stays[account_id]

    async def watch(self) -> None:
        """Tell sessions of the end of their account, round after round, until cancelled."""
        while True:
            await self._tools.clock.sleep(self._tools.policy.watch_interval.total_seconds())
            try:
                await self.watch_once()
            except TransferError as exc:
                _log.warning("accounts-not-watched", problem=exc.code)

    async def watch_once(self) -> None:
        """Do one round for all accounts that have a session here."""
        ids = list(self._stays)
        if not ids:
            return
        standing = await self._records.standing(ids)
        by_case: dict[CaseNumber, list[AccountId]] = {}
        for account_id in ids:
            one = standing.get(account_id)
            self.tell(account_id, one)
            if one is not None and one.end is None:
                by_case.setdefault(one.case_number, []).append(account_id)
        for case_number, of_case in by_case.items():
            try:
                await self._look_at_case(case_number, of_case)
            except TransferError as exc:  # the other cases are looked at all the same
                _log.warning("case-not-watched", case=case_number, problem=exc.code)

    def tell(self, account_id: AccountId, standing: AccountStanding | None) -> None:
        """Tell the sessions of an account how it stands now; None is that it isn't there."""
        for stay in self._stays.get(account_id, ()):
            end = _end_of(stay, standing)
            if end is not None:
                stay.tell(end)

    async def end_with_case(
        self, account_id: AccountId, case_number: CaseNumber
    ) -> AccountEnd | None:
        """End an account for good if its case is closed; return why it is over, None if it isn't.

        Raises:
            UnavailableError: the case core can't be asked.
        """
        if not await self._is_over(case_number):
            return None
        now = self._tools.clock.now()
        return (await self._records.end(account_id, AccountEnd.CASE_CLOSED, None, now)).end

    async def _over_already(self, account_id: AccountId, stay: _Stay) -> AccountEnd | None:
        standing = (await self._records.standing([account_id])).get(account_id)
        if standing is None:
            return AccountEnd.REVOKED
        return _end_of(stay, standing) or await self.end_with_case(account_id, standing.case_number)

    async def _look_at_case(self, case_number: CaseNumber, accounts: list[AccountId]) -> None:
        if not await self._is_over(case_number):
            return
        now = self._tools.clock.now()
        for account_id in accounts:
            ended = await self._records.end(account_id, AccountEnd.CASE_CLOSED, None, now)
            self.tell(account_id, ended.standing)

    async def _is_over(self, case_number: CaseNumber) -> bool:
        try:
            return (await self._tools.core.case(case_number)).is_closed
        except CaseMissingError:
            return True


def _end_of(stay: _Stay, standing: AccountStanding | None) -> AccountEnd | None:
    if standing is None:
        return AccountEnd.REVOKED
    # Not of a later one: that is told by who signed in after this was looked up.
    is_earlier = stay.issue is not None and stay.issue < standing.issue
    return AccountEnd.REISSUED if is_earlier and standing.end is None else standing.end
