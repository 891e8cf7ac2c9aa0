"""How sessions learn that their account is over, also when something is away."""

import asyncio
import random
from dataclasses import replace

from tests.engine_room import (
    KIB,
    NUMBER,
    EngineRoom,
    customer,
)
from transfer.core.access import Role
from transfer.core.accounts import AccountEnd
from transfer.core.errors import (
    CaseMissingError,
)

DATA = random.Random(1).randbytes(300 * KIB)


async def test_an_account_of_a_case_that_is_gone_is_over(room: EngineRoom) -> None:
    account = (await room.accounts.issue(replace(customer(), role=Role.ANALYST), NUMBER)).account

    class Gone:
        async def case(self, _: str) -> None:
            raise CaseMissingError("gone")

    room.accounts._tools = replace(room.tools, core=Gone())  # type: ignore[arg-type]  # a core without it
    assert await room.accounts.ended(account.id) is AccountEnd.CASE_CLOSED


async def test_two_sessions_of_an_account_end_together(room: EngineRoom) -> None:
    account = (await room.accounts.issue(replace(customer(), role=Role.ANALYST), NUMBER)).account
    sessions = [asyncio.create_task(room.accounts.ended(account.id)) for _ in range(2)]
    await room.clock.wait_for_sleepers(2)
    gone = asyncio.create_task(room.accounts.ended(account.id))
    await room.clock.wait_for_sleepers(3)
    gone.cancel()
    await room.records.accounts.end(account.id, AccountEnd.REVOKED, None, room.clock.now())
    await room.accounts.watch_once()
    assert await asyncio.gather(*sessions) == [AccountEnd.REVOKED] * 2
    await room.accounts.watch_once()


async def test_a_session_is_told_of_its_end_once(room: EngineRoom) -> None:
    account = (await room.accounts.issue(replace(customer(), role=Role.ANALYST), NUMBER)).account
    told = asyncio.get_running_loop().create_future()
    told.set_result(AccountEnd.EXPIRED)
    room.accounts._sessions[account.id] = [told]
    await room.accounts.revoke(replace(customer(), role=Role.ANALYST), account.id)
    assert told.result() is AccountEnd.EXPIRED
