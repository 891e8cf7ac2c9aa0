"""How sessions learn that their account is over, also when something is away."""

import asyncio
from dataclasses import replace

import pytest

from tests.engine_room import (
    ANALYST,
    NUMBER,
    EngineRoom,
    customer,
)
from transfer.casebridge.embedded import EmbeddedCaseCore
from transfer.core.access import Role
from transfer.core.accounts import AccountEnd, AccountStanding
from transfer.core.cases import Case, CaseNumber, close
from transfer.core.errors import (
    CaseMissingError,
    RecordsUnavailableError,
)
from transfer.engine.accounts import Accounts
from transfer.engine.secrets import Sealer


async def test_an_account_of_a_case_that_is_gone_is_over(room: EngineRoom) -> None:
    account = (await room.accounts.issue(replace(customer(), role=Role.ANALYST), NUMBER)).account

    class Gone:
        async def case(self, _: str) -> None:
            raise CaseMissingError("gone")

    gone = replace(room.tools, core=Gone())  # type: ignore[arg-type]  # a core without it
    accounts = Accounts(gone, Sealer(bytes(32)))
    assert await accounts._presence.ended(account.id, account.issue) is AccountEnd.CASE_CLOSED


async def test_two_sessions_of_an_account_end_together(room: EngineRoom) -> None:
    account = (await room.accounts.issue(replace(customer(), role=Role.ANALYST), NUMBER)).account
    sessions = [
        asyncio.create_task(room.accounts._presence.ended(account.id, account.issue))
        for _ in range(2)
    ]
    await room.clock.wait_for_sleepers(2)
    gone = asyncio.create_task(room.accounts._presence.ended(account.id, account.issue))
    await room.clock.wait_for_sleepers(3)
    gone.cancel()
    await room.records.accounts.end(account.id, AccountEnd.REVOKED, None, room.clock.now())
    await room.accounts.watch_once()
    assert await asyncio.gather(*sessions) == [AccountEnd.REVOKED] * 2
    await room.accounts.watch_once()


async def test_a_session_is_told_of_its_end_once(room: EngineRoom) -> None:
    """Revoked and looked at again, before the session has had its turn."""
    account = (await room.accounts.issue(ANALYST, NUMBER)).account
    session = asyncio.create_task(room.accounts._presence.ended(account.id, account.issue))
    await room.clock.wait_for_sleepers()
    presence = room.accounts._presence
    for end in (AccountEnd.REVOKED, AccountEnd.CASE_CLOSED):
        presence.tell(account.id, replace(account, end=end).standing)
    assert await session is AccountEnd.REVOKED


async def test_a_session_of_an_account_that_is_not_there_is_over(room: EngineRoom) -> None:
    account = (await room.accounts.issue(ANALYST, NUMBER)).account
    session = asyncio.create_task(room.accounts._presence.ended(account.id, account.issue))
    await room.clock.wait_for_sleepers()
    room.accounts._presence.tell(account.id, None)
    assert await session is AccountEnd.REVOKED


async def test_an_account_that_goes_while_it_is_looked_up_is_over(
    room: EngineRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = (await room.accounts.issue(ANALYST, NUMBER)).account

    async def none_there(_: object) -> dict[str, AccountStanding]:
        return {}

    monkeypatch.setattr(room.records.accounts, "standing", none_there)
    assert await room.accounts._presence.ended(account.id, account.issue) is AccountEnd.REVOKED


class _Elsewhere:
    """A case core that runs elsewhere: cases are closed there, and it may be away."""

    def __init__(self, core: EmbeddedCaseCore) -> None:
        self._core = core
        self.closed: set[str] = set()
        self.away: set[str] = set()
        self.asked = asyncio.Semaphore(0)

    async def case(self, number: CaseNumber) -> Case:
        if number in self.away:
            raise RecordsUnavailableError("The case core does not answer.")
        case = await self._core.case(number)
        self.asked.release()
        return close(case, None, case.opened_at) if number in self.closed else case


async def test_a_case_that_cannot_be_asked_about_does_not_hide_the_others(
    room: EngineRoom,
) -> None:
    other = await room.core.open("Another", "Other Ltd", "analyst")
    here = (await room.accounts.issue(ANALYST, NUMBER)).account
    there = [(await room.accounts.issue(ANALYST, other.number)).account for _ in range(2)]
    core = _Elsewhere(room.core)
    accounts = Accounts(replace(room.tools, core=core), Sealer(bytes(32)))  # type: ignore[arg-type]  # all that is asked
    sessions = [
        asyncio.create_task(accounts._presence.ended(one.id, one.issue)) for one in (here, *there)
    ]
    async with asyncio.timeout(10):
        for _ in sessions:
            await core.asked.acquire()  # each asks once when it begins
    core.closed.add(other.number)
    core.away.add(NUMBER)
    await accounts.watch_once()
    assert await asyncio.gather(*sessions[1:]) == [AccountEnd.CASE_CLOSED] * 2
    assert not sessions[0].done()
    core.away.clear()
    core.closed.add(NUMBER)
    await accounts.watch_once()
    assert await sessions[0] is AccountEnd.CASE_CLOSED
    rows = [await room.records.accounts.account(one.id) for one in (here, *there)]
    assert {row.end for row in rows} == {AccountEnd.CASE_CLOSED}


async def test_the_watch_outlives_the_records_being_away(
    room: EngineRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = (await room.accounts.issue(ANALYST, NUMBER)).account
    session = asyncio.create_task(room.accounts._presence.ended(account.id, account.issue))
    watch = asyncio.create_task(room.accounts.watch())
    await room.clock.wait_for_sleepers(2)

    async def away(_: object) -> None:
        raise RecordsUnavailableError("The database does not answer.")

    monkeypatch.setattr(room.records.accounts, "standing", away)
    room.clock.advance(room.tools.policy.watch_interval)
    await room.clock.wait_for_sleepers(2)
    monkeypatch.undo()
    await room.records.accounts.end(account.id, AccountEnd.REVOKED, None, room.clock.now())
    room.clock.advance(room.tools.policy.watch_interval)
    assert await session is AccountEnd.REVOKED
    watch.cancel()


async def test_who_comes_by_another_issue_is_not_ended_by_an_older_look(room: EngineRoom) -> None:
    """A look at the records that began before the issue is told after somebody came by it."""
    first = (await room.accounts.issue(ANALYST, NUMBER)).account
    second = (await room.accounts.reissue(ANALYST, first.id, NUMBER)).account
    presence = room.accounts._presence
    session = asyncio.create_task(presence.ended(first.id, second.issue))
    await room.clock.wait_for_sleepers()
    presence.tell(first.id, first.standing)
    await presence.watch_once()
    assert not session.done()
    await room.accounts.revoke(ANALYST, first.id)
    assert await session is AccountEnd.REVOKED
