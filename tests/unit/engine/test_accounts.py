"""SFTP accounts: good for 120 hours to the second, and no longer than their case is open."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.engine_room import ANALYST, NUMBER, EngineRoom, customer
from transfer.core.access import Role
from transfer.core.accounts import AccountEnd, AccountId
from transfer.core.cases import CaseNumber
from transfer.core.errors import (
    AccountMissingError,
    CaseClosedError,
    ForbiddenError,
    NotSignedInError,
)
from transfer.engine.accounts import Accounts, Credentials
from transfer.engine.secrets import Sealer

HOURS_120 = timedelta(hours=120)


async def issued(room: EngineRoom) -> tuple[Credentials, str]:
    credentials = await room.accounts.issue(ANALYST, NUMBER)
    assert credentials.password is not None
    return credentials, credentials.password


async def test_an_account_logs_in_and_sees_its_case_only(room: EngineRoom) -> None:
    account, password = await issued(room)
    who = await room.accounts.log_in(account.account.username, password, "192.0.2.1")
    assert (who.role, who.cases) == (Role.DESIGNATED, frozenset({NUMBER}))
    assert who.credential == account.account.id


async def test_an_account_is_good_for_120_hours_to_the_second(room: EngineRoom) -> None:
    account, password = await issued(room)
    room.clock.advance(HOURS_120 - timedelta(seconds=1))
    await room.accounts.log_in(account.account.username, password, None)
    room.clock.advance(1)
    with pytest.raises(NotSignedInError):
        await room.accounts.log_in(account.account.username, password, None)


async def test_a_live_session_ends_at_120_hours_to_the_second(room: EngineRoom) -> None:
    account, _ = await issued(room)
    session = asyncio.create_task(
        room.accounts._presence.ended(account.account.id, account.account.issue)
    )
    await room.clock.wait_for_sleepers()
    room.clock.advance(HOURS_120 - timedelta(seconds=1))
    await asyncio.sleep(0.01)  # noqa: TID251 - it would have ended by now
    assert not session.done()
    room.clock.advance(1)
    assert await session is AccountEnd.EXPIRED


async def test_a_live_session_ends_at_once_when_revoked_here(room: EngineRoom) -> None:
    account, password = await issued(room)
    session = asyncio.create_task(
        room.accounts._presence.ended(account.account.id, account.account.issue)
    )
    await room.clock.wait_for_sleepers()
    await room.accounts.revoke(ANALYST, account.account.id)
    assert await session is AccountEnd.REVOKED
    with pytest.raises(NotSignedInError):
        await room.accounts.log_in(account.account.username, password, None)
    assert (
        await room.accounts._presence.ended(account.account.id, account.account.issue)
        is AccountEnd.REVOKED
    )


@pytest.mark.parametrize("how", ["revoked", "closed"])
async def test_a_live_session_on_another_node_ends_at_its_next_look(
    room: EngineRoom, how: str
) -> None:
    account, _ = await issued(room)
    other = room.another_node()
    session = asyncio.create_task(
        other.accounts._presence.ended(account.account.id, account.account.issue)
    )
    await room.clock.wait_for_sleepers()
    await other.accounts.watch_once()
    assert not session.done()
    if how == "revoked":
        await room.accounts.revoke(ANALYST, account.account.id, NUMBER)
    else:
        await room.core.close(NUMBER, None, "analyst")
    await other.accounts.watch_once()
    assert await session in (AccountEnd.REVOKED, AccountEnd.CASE_CLOSED)


async def test_a_closed_case_ends_its_accounts_for_good(room: EngineRoom) -> None:
    account, password = await issued(room)
    await room.core.close(NUMBER, None, "analyst")
    assert await room.accounts.active(customer(), NUMBER) == []
    with pytest.raises(NotSignedInError):
        await room.accounts.log_in(account.account.username, password, None)
    with pytest.raises(CaseClosedError):
        await room.accounts.issue(ANALYST, NUMBER)
    await room.core.reopen(NUMBER, "analyst")
    with pytest.raises(NotSignedInError):
        await room.accounts.log_in(account.account.username, password, None)


async def test_a_password_is_shown_while_active_and_its_copy_destroyed_at_the_end(
    room: EngineRoom,
) -> None:
    account, password = await issued(room)
    shown = await room.accounts.active(customer(), NUMBER)
    assert [one.password for one in shown] == [password]
    row = await room.records.accounts.account(account.account.id)
    assert row.sealed_password is not None
    assert password.encode() not in row.sealed_password
    await room.accounts.revoke(ANALYST, account.account.id)
    row = await room.records.accounts.account(account.account.id)
    assert (row.sealed_password, row.end) == (None, AccountEnd.REVOKED)
    assert await room.accounts.active(customer(), NUMBER) == []


async def test_a_password_sealed_by_a_lost_key_is_not_shown(room: EngineRoom) -> None:
    await issued(room)
    accounts = Accounts(room.tools, Sealer(bytes(31) + b"x"))
    assert [one.password for one in await accounts.active(ANALYST, NUMBER)] == [None]


async def test_a_credential_without_its_sealed_copy_shows_none(room: EngineRoom) -> None:
    account, password = await issued(room)
    row = await room.records.accounts.account(account.account.id)
    bare = replace(row, id=AccountId("bare"), username="bare", sealed_password=None)
    await room.records.accounts.insert(bare, ANALYST)
    shown = {one.account.id: one.password for one in await room.accounts.active(ANALYST, NUMBER)}
    assert shown == {account.account.id: password, "bare": None}


async def test_who_may_issue_see_and_revoke(room: EngineRoom) -> None:
    account, _ = await issued(room)
    for attempt in (
        room.accounts.issue(customer(), NUMBER),
        room.accounts.active(customer(role=Role.READ_ONLY), NUMBER),
        room.accounts.revoke(customer(), account.account.id),
    ):
        with pytest.raises(ForbiddenError):
            await attempt
    stranger = replace(ANALYST, cases=frozenset({CaseNumber("0000000042")}))
    for revoking in (
        room.accounts.revoke(stranger, account.account.id),
        room.accounts.revoke(ANALYST, account.account.id, CaseNumber("0000000042")),
        room.accounts.revoke(ANALYST, AccountId("none")),
    ):
        with pytest.raises(AccountMissingError):
            await revoking


async def test_every_failed_login_looks_the_same_and_is_noted(room: EngineRoom) -> None:
    account, password = await issued(room)
    messages = set()
    for username, word in ((account.account.username, "wrong"), ("nobody", password)):
        with pytest.raises(NotSignedInError) as caught:
            await room.accounts.log_in(username, word, "192.0.2.1")
        messages.add(str(caught.value))
    assert len(messages) == 1
    events = [e for e in await room.records.audit.events() if e.action == "sftp.refused"]
    assert [e.details["reason"] for e in events] == ["wrong-password", "unknown-user"]
    assert {e.address for e in events} == {"192.0.2.1"}


async def test_the_watch_goes_round_by_the_clock(room: EngineRoom) -> None:
    account, _ = await issued(room)
    session = asyncio.create_task(
        room.accounts._presence.ended(account.account.id, account.account.issue)
    )
    watch = asyncio.create_task(room.accounts.watch())
    await room.clock.wait_for_sleepers(2)
    await room.records.accounts.end(account.account.id, AccountEnd.REVOKED, None, room.clock.now())
    room.clock.advance(room.tools.policy.watch_interval)
    assert await session is AccountEnd.REVOKED
    watch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watch


async def test_accounts_come_in_pages_and_none_of_a_closed_case(room: EngineRoom) -> None:
    issued = []
    for _ in range(3):
        room.clock.advance(1)
        issued.append(await room.accounts.issue(ANALYST, NUMBER))
    first, following = await room.accounts.page(ANALYST, NUMBER, limit=2)
    rest, end = await room.accounts.page(ANALYST, NUMBER, after=following, limit=2)
    assert ([*first, *rest], end) == (issued[::-1], None)
    await room.core.close(NUMBER, None, "analyst")
    assert await room.accounts.page(ANALYST, NUMBER) == ([], None)
