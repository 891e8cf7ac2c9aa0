"""What is told of uploads, files and accounts, in the transaction in which it happens."""

from datetime import timedelta

import pytest

from tests.contract.records.scenario import (
    ANALYST,
    CUSTOMER,
    NOW,
    after,
    new_account,
    open_case,
    receive,
)
from transfer.core.accounts import LIFETIME, AccountEnd
from transfer.core.names import CasePath
from transfer.core.uploads import Direction, FileId
from transfer.ports import CaseEvent, Comparison, Records


async def told(records: Records) -> list[CaseEvent]:
    late = NOW + timedelta(days=30)
    return list(await records.outbox.claim("test", late, late))


async def kinds(records: Records) -> list[str]:
    return [event.type for event in await told(records)]


@pytest.fixture(autouse=True)
async def _case(records: Records) -> None:
    await open_case(records)


async def test_a_file_that_is_shared_is_told_as_that(records: Records) -> None:
    await receive(records, direction=Direction.SHARED_WITH_CUSTOMER)
    await receive(records, "other.log")
    assert await kinds(records) == ["file.shared", "file.received"]


async def test_a_digest_that_matches_is_told_and_one_that_does_not_as_well(
    records: Records,
) -> None:
    file = await receive(records)
    other = "0" * 64
    await records.tree.verify(file.id, file.sha256, CUSTOMER, after(1))
    await records.tree.verify(file.id, file.sha256, CUSTOMER, after(2))
    await records.tree.verify(file.id, other, CUSTOMER, after(3))
    comparison = Comparison(
        matches=True,
        claimed=f"sha256:{file.sha256}",
        side_file=CasePath("s"),
        side_file_id=FileId("f"),
    )
    await records.tree.compare(file.id, comparison, after(4))
    _, *judged = await told(records)
    assert [event.type for event in judged] == [
        "file.verified",
        "file.digest-mismatch",
        "file.verified",
    ]
    assert judged[1].data["claimed_digest"] == f"sha256:{other}"
    assert judged[1].data["sha256"] == file.sha256
    assert len({event.id for event in judged}) == 3


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        (AccountEnd.REVOKED, "account.revoked"),
        (AccountEnd.CASE_CLOSED, "account.revoked"),
    ],
)
async def test_an_account_that_was_ended_is_told_once(
    records: Records, end: AccountEnd, kind: str
) -> None:
    account = new_account()
    await records.accounts.insert(account, ANALYST)
    for _ in range(2):
        await records.accounts.end(account.id, end, ANALYST, after(1))
    _, ended = await told(records)
    assert (ended.type, ended.data["end"], ended.data["actor"]) == (kind, end.value, "analyst")
    assert ended.data["username"] == account.username


async def test_accounts_that_expire_are_told_by_nobody(records: Records) -> None:
    for name in ("a", "b"):
        await records.accounts.insert(new_account(name), ANALYST)
    assert len(await records.accounts.end_expired(NOW + LIFETIME)) == 2
    ended = [event for event in await told(records) if event.type == "account.expired"]
    assert [event.data["username"] for event in ended] == ["a", "b"]
    assert all("actor" not in event.data for event in ended)
