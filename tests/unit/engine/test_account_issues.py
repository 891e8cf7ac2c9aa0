"""What an account is issued with, by whom, how many of them there are, and issuing it again."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import asyncssh
import pytest

from tests.engine_room import ADMIN, ANALYST, NUMBER, EngineRoom, customer
from transfer.core.access import Action, Principal
from transfer.core.accounts import LIFETIME, AccountEnd, AccountId
from transfer.core.errors import (
    AccountMissingError,
    AcknowledgementOutdatedError,
    AcknowledgementRequiredError,
    CaseClosedError,
    ForbiddenError,
    InvalidRequestError,
    NotSignedInError,
    TooManyAccountsError,
)
from transfer.core.notices import Notice
from transfer.engine.account_requests import AccountRequest
from transfer.engine.account_usage import Traffic
from transfer.engine.accounts import Accounts, Credentials
from transfer.engine.secrets import Sealer

KEY = asyncssh.generate_private_key("ssh-ed25519", comment="ada@laptop")
LINE = KEY.export_public_key("openssh").decode()
HERE = "192.0.2.7"


def contact() -> Principal:
    """A designated contact where the operator lets them issue accounts."""
    return replace(customer(), name="contact", grants=frozenset({Action.MANAGE_ACCOUNTS}))


async def logs_in(room: EngineRoom, issued: Credentials, address: str | None = HERE) -> bool:
    try:
        await room.accounts.log_in(issued.account.username, issued.password or "", address)
    except NotSignedInError:
        return False
    return True


async def logged_in(room: EngineRoom, issued: Credentials) -> Principal:
    return await room.accounts.log_in(issued.account.username, issued.password or "", HERE)


# ── What it is issued with ───────────────────────────────────────────────────────────────────


async def test_an_account_keeps_what_it_was_asked_for(room: EngineRoom) -> None:
    request = AccountRequest(
        label="Night shift",
        keys=[LINE],
        networks=["192.0.2.0/24"],
        lifetime=timedelta(hours=1),
        attested_version=Notice().version,
    )
    issued = await room.accounts.issue(ANALYST, NUMBER, request)
    [shown] = await room.accounts.active(customer(), NUMBER)
    assert shown == issued
    account = shown.account
    assert (account.label, account.attested_version) == ("Night shift", Notice().version)
    assert [key.fingerprint for key in account.keys] == [KEY.get_fingerprint("sha256")]
    assert [str(network) for network in account.networks] == ["192.0.2.0/24"]
    assert account.expires_at == account.issued_at + timedelta(hours=1)
    assert shown.password is not None


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (AccountRequest(label="a\nb"), "label"),
        (AccountRequest(keys=["/etc/passwd"]), "key"),
        (AccountRequest(networks=["somewhere"]), "network"),
        (AccountRequest(with_password=False), "password, or a public key"),
        (AccountRequest(lifetime=timedelta(0)), "lives"),
        (AccountRequest(lifetime=LIFETIME + timedelta(seconds=1)), "432000 seconds"),
    ],
)
async def test_what_cannot_be_had_is_refused(
    room: EngineRoom, request_: AccountRequest, said: str
) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        await room.accounts.issue(ANALYST, NUMBER, request_)
    assert await room.accounts.active(ANALYST, NUMBER) == []


async def test_an_account_of_keys_alone_has_no_password(room: EngineRoom) -> None:
    issued = await room.accounts.issue(
        ANALYST, NUMBER, AccountRequest(keys=[LINE], with_password=False)
    )
    assert issued.password is None
    for word in ("", "nobody", "None"):
        with pytest.raises(NotSignedInError):
            await room.accounts.log_in(issued.account.username, word, HERE)
    username = issued.account.username
    principal = await room.accounts.recognise_key(username, KEY.public_data, HERE)
    assert (principal.name, principal.cases) == (username, frozenset({NUMBER}))
    await room.accounts.key_proved(principal)
    events = [one for one in await room.records.audit.events() if one.action == "sftp.signed-in"]
    assert [(one.actor, one.details) for one in events] == [(username, {"method": "publickey"})]


async def test_a_key_that_is_not_the_account_s_is_refused(room: EngineRoom) -> None:
    issued = await room.accounts.issue(ANALYST, NUMBER, AccountRequest(keys=[LINE]))
    other = asyncssh.generate_private_key("ssh-ed25519").public_data
    for username, blob in (
        (issued.account.username, other),
        (issued.account.username, b""),
        (issued.account.username, b"../../etc/passwd"),
        ("nobody", KEY.public_data),
    ):
        with pytest.raises(NotSignedInError):
            await room.accounts.recognise_key(username, blob, HERE)
    room.clock.advance(LIFETIME)
    with pytest.raises(NotSignedInError):
        await room.accounts.recognise_key(issued.account.username, KEY.public_data, HERE)
    events = [one for one in await room.records.audit.events() if one.action == "sftp.refused"]
    # What clients offer beside the right key is no attempt of anybody.
    assert [one.details["reason"] for one in events] == ["expired"]


async def test_an_account_is_good_from_its_networks_alone(room: EngineRoom) -> None:
    request = AccountRequest(keys=[LINE], networks=["192.0.2.0/24", "2001:db8::/32"])
    issued = await room.accounts.issue(ANALYST, NUMBER, request)
    for address in (HERE, "2001:db8::1", "::ffff:192.0.2.7"):
        assert await logs_in(room, issued, address)
        await room.accounts.recognise_key(issued.account.username, KEY.public_data, address)
    for stranger in ("198.51.100.7", "2001:db9::1", None):
        assert not await logs_in(room, issued, stranger)
        with pytest.raises(NotSignedInError):
            await room.accounts.recognise_key(issued.account.username, KEY.public_data, stranger)
    events = [one for one in await room.records.audit.events() if one.action == "sftp.refused"]
    assert {one.details["reason"] for one in events} == {"address"}


# ── Who issues, and how many ─────────────────────────────────────────────────────────────────


async def test_a_case_has_several_accounts_and_not_any_number(room: EngineRoom) -> None:
    accounts = Accounts(room.tools, Sealer(bytes(32)), LIFETIME, most_of_a_case=3)
    issued = [await accounts.issue(ANALYST, NUMBER) for _ in range(3)]
    for one in issued:
        assert await logs_in(room, one)
    with pytest.raises(TooManyAccountsError, match="at most 3") as caught:
        await accounts.issue(ANALYST, NUMBER)
    assert caught.value.most == 3
    await accounts.revoke(ANALYST, issued[0].account.id)
    await accounts.issue(ANALYST, NUMBER)
    room.clock.advance(LIFETIME)  # the worker may not have noted their end yet
    await accounts.issue(ANALYST, NUMBER)
    other = await room.core.open("Another", "Other Ltd", "analyst")
    await accounts.issue(ANALYST, other.number)


async def test_of_many_at_once_no_more_are_issued_than_may_be(room: EngineRoom) -> None:
    accounts = Accounts(room.tools, Sealer(bytes(32)), LIFETIME, most_of_a_case=2)
    results = await asyncio.gather(
        *(accounts.issue(ANALYST, NUMBER) for _ in range(6)), return_exceptions=True
    )
    assert [type(one) for one in results].count(TooManyAccountsError) == 4
    assert len(await accounts.active(ANALYST, NUMBER)) == 2


async def test_contacts_issue_accounts_where_the_operator_lets_them(room: EngineRoom) -> None:
    await room.agree(contact())
    with pytest.raises(ForbiddenError):
        await room.accounts.issue(replace(contact(), grants=frozenset()), NUMBER)
    issued = await room.accounts.issue(contact(), NUMBER)
    assert issued.account.issued_by == "contact"
    again = await room.accounts.reissue(contact(), issued.account.id, NUMBER)
    assert not await logs_in(room, issued)
    assert await logs_in(room, again)
    await room.accounts.revoke(contact(), issued.account.id, NUMBER)
    assert not await logs_in(room, again)


async def test_contacts_acknowledge_the_warning_before_they_issue(room: EngineRoom) -> None:
    issued = await room.accounts.issue(ANALYST, NUMBER)
    with pytest.raises(AcknowledgementRequiredError):
        await room.accounts.issue(contact(), NUMBER)
    with pytest.raises(AcknowledgementRequiredError):
        await room.accounts.reissue(contact(), issued.account.id, NUMBER)
    assert await logs_in(room, issued)


async def test_who_issues_attests_for_the_present_warning(room: EngineRoom) -> None:
    version = room.accounts.warning_version
    issued = await room.accounts.issue(ANALYST, NUMBER)
    assert issued.account.attested_version == version == Notice().version
    outdated = AccountRequest(attested_version="another")
    with pytest.raises(AcknowledgementOutdatedError, match=version):
        await room.accounts.issue(ANALYST, NUMBER, outdated)
    with pytest.raises(AcknowledgementOutdatedError):
        await room.accounts.reissue(ANALYST, issued.account.id, NUMBER, attested_version="another")
    [noted] = [
        one for one in await room.records.audit.events(NUMBER) if one.action == "account.issued"
    ]
    assert noted.details["attested_version"] == version


# ── Issuing it again ─────────────────────────────────────────────────────────────────────────


async def test_another_issue_has_a_new_password_and_the_old_one_is_dead(room: EngineRoom) -> None:
    request = AccountRequest(label="Night shift", keys=[LINE], networks=["192.0.2.0/24"])
    first = await room.accounts.issue(ANALYST, NUMBER, request)
    room.clock.advance(timedelta(hours=119))
    second = await room.accounts.reissue(ADMIN, first.account.id, NUMBER)
    assert second.password != first.password
    assert not await logs_in(room, first)
    assert await logs_in(room, second)
    assert await room.accounts.active(customer(), NUMBER) == [second]
    kept = replace(
        first.account,
        password_hash=second.account.password_hash,
        sealed_password=second.account.sealed_password,
        issued_by="admin",
        issued_at=room.clock.now(),
        expires_at=room.clock.now() + LIFETIME,
        issue=2,
    )
    assert second.account == kept
    room.clock.advance(LIFETIME - timedelta(seconds=1))
    assert await logs_in(room, second)
    room.clock.advance(1)
    assert not await logs_in(room, second)


async def test_another_issue_of_keys_alone_has_no_password_either(room: EngineRoom) -> None:
    request = AccountRequest(keys=[LINE], with_password=False, lifetime=timedelta(hours=2))
    first = await room.accounts.issue(ANALYST, NUMBER, request)
    room.clock.advance(timedelta(hours=1))
    second = await room.accounts.reissue(ANALYST, first.account.id, NUMBER)
    assert second.password is None
    assert second.account.expires_at == room.clock.now() + timedelta(hours=2)
    await room.accounts.recognise_key(second.account.username, KEY.public_data, HERE)


async def test_sessions_of_an_earlier_issue_end_on_every_node(room: EngineRoom) -> None:
    first = await room.accounts.issue(ANALYST, NUMBER)
    other = room.another_node()
    earlier = [
        asyncio.create_task(node.accounts.live(principal, Traffic()))
        for node in (room, other)
        for principal in [await logged_in(room, first)]
    ]
    await room.clock.wait_for_sleepers(4)
    second = await room.accounts.reissue(ANALYST, first.account.id, NUMBER)
    assert await asyncio.wait_for(earlier[0], 10) is AccountEnd.REISSUED
    later = asyncio.create_task(other.accounts.live(await logged_in(room, second), Traffic()))
    await room.clock.wait_for_sleepers(4)
    await other.accounts.watch_once()
    assert await asyncio.wait_for(earlier[1], 10) is AccountEnd.REISSUED
    assert not later.done()
    later.cancel()
    await asyncio.gather(later, return_exceptions=True)


async def test_who_signed_in_just_before_another_issue_does_not_stay(room: EngineRoom) -> None:
    first = await room.accounts.issue(ANALYST, NUMBER)
    principal = await logged_in(room, first)
    await room.accounts.reissue(ANALYST, first.account.id, NUMBER)
    assert await room.accounts.live(principal, Traffic()) is AccountEnd.REISSUED


async def test_what_has_ended_is_not_issued_again(room: EngineRoom) -> None:
    issued = [await room.accounts.issue(ANALYST, NUMBER) for _ in range(2)]
    await room.accounts.revoke(ANALYST, issued[0].account.id)
    for account_id in (issued[0].account.id, AccountId("none")):
        with pytest.raises(AccountMissingError):
            await room.accounts.reissue(ANALYST, account_id, NUMBER)
    other = await room.core.open("Another", "Other Ltd", "analyst")
    with pytest.raises(AccountMissingError):
        await room.accounts.reissue(ANALYST, issued[1].account.id, other.number)
    with pytest.raises(ForbiddenError):
        await room.accounts.reissue(customer(), issued[1].account.id, NUMBER)
    room.clock.advance(LIFETIME)
    with pytest.raises(AccountMissingError, match="issue another"):
        await room.accounts.reissue(ANALYST, issued[1].account.id, NUMBER)
    await room.core.close(NUMBER, None, "analyst")
    with pytest.raises(CaseClosedError):
        await room.accounts.reissue(ANALYST, issued[1].account.id, NUMBER)
