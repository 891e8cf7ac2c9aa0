"""How accounts were used: noted while a session lives, and at its end."""

import asyncio
from datetime import timedelta

import pytest

from tests.engine_room import ANALYST, NUMBER, EngineRoom
from transfer.core.access import Principal
from transfer.core.accounts import AccountEnd, AccountUse
from transfer.core.errors import RecordsUnavailableError
from transfer.engine.account_usage import Traffic
from transfer.engine.accounts import Credentials

HERE = "192.0.2.7"


@pytest.fixture
async def issued(room: EngineRoom) -> Credentials:
    return await room.accounts.issue(ANALYST, NUMBER)


async def signed_in(room: EngineRoom, issued: Credentials, address: str = HERE) -> Principal:
    return await room.accounts.log_in(issued.account.username, issued.password or "", address)


async def use(room: EngineRoom, issued: Credentials) -> AccountUse:
    return (await room.records.accounts.account(issued.account.id)).use


async def test_the_use_of_an_account_is_noted_now_and_then_and_at_the_end(
    room: EngineRoom, issued: Credentials
) -> None:
    assert await use(room, issued) == AccountUse()
    traffic, began = Traffic(), room.clock.now()
    principal = await signed_in(room, issued)
    session = asyncio.create_task(room.accounts.live(principal, traffic))
    await room.clock.wait_for_sleepers(2)
    at_first = AccountUse(sessions=1, last_seen_at=began, last_address=HERE)
    assert await use(room, issued) == at_first

    traffic.received += 5
    traffic.sent += 3
    room.clock.advance(10)
    await room.clock.wait_for_sleepers(2)
    then = AccountUse(
        sessions=1,
        bytes_received=5,
        bytes_sent=3,
        last_seen_at=began + timedelta(seconds=10),
        last_address=HERE,
    )
    assert await use(room, issued) == then
    room.clock.advance(10)  # in which nothing happens
    await room.clock.wait_for_sleepers(2)
    assert await use(room, issued) == then

    traffic.received += 2
    room.clock.advance(1)
    await room.accounts.revoke(ANALYST, issued.account.id)
    assert await session is AccountEnd.REVOKED
    finally_ = await use(room, issued)
    assert (finally_.sessions, finally_.bytes_received, finally_.bytes_sent) == (1, 7, 3)
    assert finally_.last_seen_at == room.clock.now()


async def test_the_uses_of_many_sessions_add_up(room: EngineRoom, issued: Credentials) -> None:
    traffics = [Traffic(received=10, sent=1) for _ in range(3)]
    sessions = []
    for number, traffic in enumerate(traffics):
        principal = await signed_in(room, issued, f"192.0.2.{number}")
        sessions.append(asyncio.create_task(room.accounts.live(principal, traffic)))
        await room.clock.wait_for_sleepers(2 * number + 2)
    for session in sessions:
        session.cancel()
        with pytest.raises(asyncio.CancelledError):
            await session
    total = await use(room, issued)
    assert (total.sessions, total.bytes_received, total.bytes_sent) == (3, 30, 3)
    assert total.last_address == "192.0.2.2"


async def test_a_session_that_ends_at_once_counts_as_well(
    room: EngineRoom, issued: Credentials
) -> None:
    principal = await signed_in(room, issued)
    await room.records.accounts.end(issued.account.id, AccountEnd.REVOKED, None, room.clock.now())
    assert await room.accounts.live(principal, Traffic(received=1)) is AccountEnd.REVOKED
    assert (await use(room, issued)).sessions == 1
    assert (await use(room, issued)).bytes_received == 1


async def test_what_cannot_be_noted_now_is_noted_later_and_ends_nothing(
    room: EngineRoom, issued: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise RecordsUnavailableError("The database does not answer.")

    monkeypatch.setattr(room.records.accounts, "use", away)
    traffic = Traffic()
    principal = await signed_in(room, issued)
    session = asyncio.create_task(room.accounts.live(principal, traffic))
    await room.clock.wait_for_sleepers(2)
    traffic.received += 5
    room.clock.advance(10)
    await room.clock.wait_for_sleepers(2)
    assert not session.done()
    monkeypatch.undo()
    room.clock.advance(10)
    await room.clock.wait_for_sleepers(2)
    noted = await use(room, issued)
    assert (noted.sessions, noted.bytes_received) == (1, 5)
    session.cancel()
    with pytest.raises(asyncio.CancelledError):
        await session
    assert (await use(room, issued)).sessions == 1
