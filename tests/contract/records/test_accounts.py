import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.contract.records.scenario import (
    ANALYST,
    NOW,
    NUMBER,
    OTHER_NUMBER,
    after,
    close_case,
    new_account,
    open_case,
)
from transfer.core.accounts import LIFETIME, AccountEnd, AccountId, AccountStanding
from transfer.core.errors import (
    AccountMissingError,
    CaseClosedError,
    CaseMissingError,
    NameTakenError,
)
from transfer.ports import Records


async def test_an_account_comes_back_as_it_was_inserted(records: Records) -> None:
    await open_case(records)
    account = new_account()
    await records.accounts.insert(account, ANALYST)
    assert await records.accounts.account(account.id) == account
    assert await records.accounts.by_username(account.username) == account
    assert await records.accounts.by_username(account.username.upper()) is None
    with pytest.raises(AccountMissingError):
        await records.accounts.account(AccountId("nowhere"))


async def test_the_audit_log_and_the_case_core_hear_of_it_without_its_secrets(
    records: Records,
) -> None:
    await open_case(records)
    account = new_account()
    await records.accounts.insert(account, ANALYST)
    (noted,) = await records.audit.events(NUMBER)
    assert (noted.action, noted.actor, noted.subject) == ("account.issued", "analyst", account.id)
    (event,) = await records.outbox.claim("test", NOW, after(9))
    assert event.type == "account.issued"
    assert event.data == {
        "account_id": account.id,
        "username": account.username,
        "actor": "analyst",
        "expires_at": account.expires_at.isoformat(),
    }


async def test_a_user_name_is_used_once_ever(records: Records) -> None:
    await open_case(records)
    first = new_account("same")
    await records.accounts.insert(first, ANALYST)
    await records.accounts.end(first.id, AccountEnd.REVOKED, ANALYST, NOW)
    with pytest.raises(NameTakenError):
        await records.accounts.insert(new_account("same"), ANALYST)
    results = await asyncio.gather(
        *(records.accounts.insert(new_account("other"), ANALYST) for _ in range(4)),
        return_exceptions=True,
    )
    assert [type(result) for result in results].count(NameTakenError) == 3
    assert len(await records.accounts.of_case(NUMBER, active_at=None)) == 2


async def test_a_user_name_is_used_once_even_by_two_cases_at_the_same_time(
    records: Records,
) -> None:
    for number in (NUMBER, OTHER_NUMBER):
        await open_case(records, number)
    results = await asyncio.gather(
        *(
            records.accounts.insert(new_account("same", case_number=number), ANALYST)
            for number in (NUMBER, OTHER_NUMBER) * 3
        ),
        return_exceptions=True,
    )
    assert [type(result) for result in results].count(NameTakenError) == 5


async def test_a_case_that_is_closed_or_absent_gets_no_account(records: Records) -> None:
    with pytest.raises(CaseMissingError):
        await records.accounts.insert(new_account(), ANALYST)
    await close_case(records, await open_case(records))
    with pytest.raises(CaseClosedError):
        await records.accounts.insert(new_account(), ANALYST)
    assert await records.audit.events(NUMBER) == []


async def test_a_cases_accounts_are_listed_newest_first(records: Records) -> None:
    await open_case(records)
    await open_case(records, OTHER_NUMBER)
    old = new_account("old", issued_at=after(1), expires_at=after(10))
    new = new_account("new", issued_at=after(3), expires_at=after(20))
    revoked = new_account("revoked", issued_at=after(2), expires_at=after(20))
    for account in (old, new, revoked, new_account("x", case_number=OTHER_NUMBER)):
        await records.accounts.insert(account, ANALYST)
    await records.accounts.end(revoked.id, AccountEnd.REVOKED, ANALYST, after(3))

    async def listed(active: float | None) -> list[str]:
        active_at = None if active is None else after(active)
        found = await records.accounts.of_case(NUMBER, active_at=active_at)
        return [account.username for account in found]

    assert await listed(None) == ["new", "revoked", "old"]
    assert await listed(9.9) == ["new", "old"]
    assert await listed(10) == ["new"]
    assert await listed(20) == []


async def test_the_end_of_an_account_destroys_its_sealed_password(records: Records) -> None:
    await open_case(records)
    account = new_account()
    await records.accounts.insert(account, ANALYST)
    ended = await records.accounts.end(account.id, AccountEnd.REVOKED, ANALYST, after(5))
    assert ended == replace(
        account, sealed_password=None, end=AccountEnd.REVOKED, ended_at=after(5)
    )
    assert await records.accounts.account(account.id) == ended
    noted = (await records.audit.events(NUMBER))[-1]
    assert (noted.action, noted.actor, noted.subject) == ("account.ended", "analyst", account.id)
    assert noted.details["end"] == "revoked"


async def test_the_first_end_of_an_account_stays(records: Records) -> None:
    await open_case(records)
    account = new_account()
    await records.accounts.insert(account, ANALYST)
    first = await records.accounts.end(account.id, AccountEnd.CASE_CLOSED, None, after(5))
    again = await records.accounts.end(account.id, AccountEnd.REVOKED, ANALYST, after(6))
    assert again == first
    assert await records.accounts.end_expired(NOW + LIFETIME) == []
    assert len(await records.audit.events(NUMBER)) == 2
    with pytest.raises(AccountMissingError):
        await records.accounts.end(AccountId("nowhere"), AccountEnd.REVOKED, ANALYST, NOW)


async def test_accounts_end_when_they_expire_not_a_moment_before(records: Records) -> None:
    await open_case(records)
    one, two = new_account("one"), new_account("two", expires_at=NOW + timedelta(hours=200))
    for account in (one, two):
        await records.accounts.insert(account, ANALYST)
    end = NOW + LIFETIME
    assert await records.accounts.end_expired(end - timedelta(microseconds=1)) == []
    assert await records.accounts.end_expired(end + timedelta(seconds=3)) == [one.id]
    assert await records.accounts.end_expired(end + timedelta(seconds=4)) == []
    ended = await records.accounts.account(one.id)
    assert (ended.end, ended.ended_at) == (AccountEnd.EXPIRED, end)
    assert ended.sealed_password is None
    assert (await records.accounts.account(two.id)).sealed_password is not None
    noted = (await records.audit.events(NUMBER))[-1]
    assert (noted.action, noted.actor, noted.details["end"]) == (
        "account.ended",
        "service",
        "expired",
    )


async def test_who_revokes_an_expired_account_finds_it_expired(records: Records) -> None:
    await open_case(records)
    account = new_account()
    await records.accounts.insert(account, ANALYST)
    late = NOW + LIFETIME + timedelta(hours=1)
    ended = await records.accounts.end(account.id, AccountEnd.REVOKED, ANALYST, late)
    assert (ended.end, ended.ended_at) == (AccountEnd.EXPIRED, account.expires_at)


async def test_the_standing_of_many_accounts_is_told_at_once(records: Records) -> None:
    await open_case(records)
    good, revoked = new_account("good"), new_account("revoked")
    for account in (good, revoked):
        await records.accounts.insert(account, ANALYST)
    await records.accounts.end(revoked.id, AccountEnd.REVOKED, ANALYST, NOW)
    standing = await records.accounts.standing([good.id, revoked.id, AccountId("nowhere")])
    assert standing == {
        good.id: AccountStanding(case_number=NUMBER, issue=1, end=None),
        revoked.id: AccountStanding(case_number=NUMBER, issue=1, end=AccountEnd.REVOKED),
    }
    assert await records.accounts.standing([]) == {}
