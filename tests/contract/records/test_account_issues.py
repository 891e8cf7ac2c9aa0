"""What rows of accounts keep beside a password, how many there are, another issue, and use."""

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
from transfer.core.accounts import (
    LIFETIME,
    AccountEnd,
    AccountId,
    AccountStanding,
    AccountUse,
    parse_networks,
)
from transfer.core.errors import (
    AccountMissingError,
    CaseClosedError,
    TooManyAccountsError,
)
from transfer.core.public_keys import PublicKey
from transfer.ports import Records

KEYS = (
    PublicKey(algorithm="ssh-ed25519", blob=b"\x00\xffone", comment="ada's laptop, ü"),
    PublicKey(algorithm="ssh-rsa", blob=b"two"),
)


async def test_keys_networks_and_a_label_come_back_as_they_were_inserted(records: Records) -> None:
    await open_case(records)
    account = new_account(
        password_hash=None,
        sealed_password=None,
        label="Night shift, ü",
        keys=KEYS,
        networks=parse_networks(["192.0.2.0/24", "2001:db8::1"]),
        attested_version="abc",
    )
    await records.accounts.insert(account, ANALYST)
    assert await records.accounts.account(account.id) == account
    assert await records.accounts.by_username(account.username) == account
    (noted,) = await records.audit.events(NUMBER)
    assert noted.details == {
        "username": account.username,
        "expires_at": account.expires_at.isoformat(),
        "label": "Night shift, ü",
        "password": False,
        "keys": [key.fingerprint for key in KEYS],
        "networks": ["192.0.2.0/24", "2001:db8::1/128"],
        "attested_version": "abc",
    }


async def test_a_case_has_no_more_good_accounts_than_it_may(records: Records) -> None:
    for number in (NUMBER, OTHER_NUMBER):
        await open_case(records, number)
    results = await asyncio.gather(
        *(records.accounts.insert(new_account(f"u{n}"), ANALYST, most=3) for n in range(6)),
        return_exceptions=True,
    )
    assert [type(result) for result in results].count(TooManyAccountsError) == 3
    here = await records.accounts.of_case(NUMBER, active_at=None)
    assert len(here) == 3
    elsewhere = new_account("elsewhere", case_number=OTHER_NUMBER)
    await records.accounts.insert(elsewhere, ANALYST, most=1)
    await records.accounts.end(here[0].id, AccountEnd.REVOKED, ANALYST, NOW)
    await records.accounts.insert(new_account("instead"), ANALYST, most=3)
    late = {"issued_at": NOW + LIFETIME, "expires_at": NOW + 2 * LIFETIME}
    await records.accounts.insert(new_account("late", **late), ANALYST, most=1)


async def test_another_issue_has_its_own_secrets_and_times(records: Records) -> None:
    await open_case(records)
    account = new_account(keys=KEYS)
    await records.accounts.insert(account, ANALYST)
    await records.accounts.use(account.id, AccountUse(sessions=1, bytes_sent=2))
    renewed = replace(
        account,
        username="ignored",
        label="ignored",
        password_hash=b"another",
        sealed_password=b"sealed again",
        issued_by="somebody else",
        issued_at=after(60),
        expires_at=after(60) + LIFETIME,
        attested_version="xyz",
    )
    issued = await records.accounts.reissue(renewed, ANALYST)
    assert issued == replace(
        renewed,
        username=account.username,
        label=account.label,
        issue=2,
        use=AccountUse(sessions=1, bytes_sent=2),
    )
    assert await records.accounts.account(account.id) == issued
    assert (await records.accounts.reissue(renewed, ANALYST)).issue == 3
    assert await records.accounts.standing([account.id]) == {
        account.id: AccountStanding(case_number=NUMBER, issue=3, end=None)
    }
    actions = [event.action for event in await records.audit.events(NUMBER)]
    assert actions == ["account.issued", "account.reissued", "account.reissued"]
    told = await records.outbox.claim("test", after(61), after(99))
    assert {event.type for event in told} == {"account.issued"}
    assert [event.id.removeprefix(f"account-issued-{account.id}") for event in told] == [
        "",
        "-2",
        "-3",
    ]
    assert [event.data["expires_at"] for event in told] == [
        one.expires_at.isoformat() for one in (account, renewed, renewed)
    ]


async def test_what_has_ended_is_not_issued_again(records: Records) -> None:
    case = await open_case(records)
    revoked, expired = new_account("revoked"), new_account("expired", expires_at=after(60))
    for account in (revoked, expired):
        await records.accounts.insert(account, ANALYST)
    await records.accounts.end(revoked.id, AccountEnd.REVOKED, ANALYST, NOW)
    for account in (revoked, expired, new_account("nowhere")):
        again = replace(account, issued_at=after(60), expires_at=after(60) + LIFETIME)
        with pytest.raises(AccountMissingError):
            await records.accounts.reissue(again, ANALYST)
    just_good = replace(expired, issued_at=after(59.9), expires_at=after(99))
    assert (await records.accounts.reissue(just_good, ANALYST)).issue == 2
    await close_case(records, case)
    with pytest.raises(CaseClosedError):
        await records.accounts.reissue(just_good, ANALYST)


async def test_an_account_that_is_issued_again_does_not_expire_at_its_first_end(
    records: Records,
) -> None:
    await open_case(records)
    account = new_account()
    await records.accounts.insert(account, ANALYST)
    moment = NOW + LIFETIME - timedelta(seconds=1)
    again = replace(account, issued_at=moment, expires_at=moment + LIFETIME)
    await records.accounts.reissue(again, ANALYST)
    assert await records.accounts.end_expired(NOW + LIFETIME) == []
    assert await records.accounts.end_expired(moment + LIFETIME) == [account.id]


async def test_uses_of_an_account_add_up_also_at_once(records: Records) -> None:
    await open_case(records)
    account, other = new_account("one"), new_account("other")
    for one in (account, other):
        await records.accounts.insert(one, ANALYST)
    assert (await records.accounts.account(account.id)).use == AccountUse()
    big = 1 << 40
    use = AccountUse(
        sessions=1,
        bytes_received=big,
        bytes_sent=3,
        last_seen_at=after(5),
        last_address="2001:db8::7",
    )
    await asyncio.gather(*(records.accounts.use(account.id, use) for _ in range(5)))
    assert (await records.accounts.account(account.id)).use == replace(
        use, sessions=5, bytes_received=5 * big, bytes_sent=15
    )
    assert (await records.accounts.account(other.id)).use == AccountUse()
    await records.accounts.use(AccountId("nowhere"), use)
