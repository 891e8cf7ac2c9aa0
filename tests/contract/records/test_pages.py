"""Lists in pages: every row once, whatever the length of a page, and no cursor but our own."""

from dataclasses import replace

import pytest

from tests.contract.records.scenario import (
    ANALYST,
    NOW,
    NUMBER,
    OTHER_NUMBER,
    after,
    new_account,
    open_case,
)
from transfer.core.accounts import AccountEnd, AccountId
from transfer.core.case_search import CaseSearch
from transfer.core.cases import CaseUpdate
from transfer.core.errors import InvalidRequestError
from transfer.ports import Records
from transfer.records.cursors import cursor


async def test_a_history_comes_in_pages_the_oldest_first(records: Records) -> None:
    for number in (OTHER_NUMBER, NUMBER):
        await open_case(records, number)
    for n in range(4):
        case = await records.cases.case(NUMBER)
        changed = replace(case, version=case.version + 1)
        entry = CaseUpdate(at=NOW, author="a", text=str(n))
        assert await records.cases.save(changed, expected_version=case.version, updates=[entry])
    found, following = await records.cases.history(NUMBER, after=None, limit=2)
    seen = [entry.text for entry in found]
    while following is not None:
        found, following = await records.cases.history(NUMBER, after=following, limit=2)
        seen += [entry.text for entry in found]
    assert seen == ["Case opened.", "0", "1", "2", "3"]


async def test_accounts_that_are_good_come_in_pages_the_newest_first(records: Records) -> None:
    await open_case(records)
    ids = [AccountId(f"account-{n}") for n in range(5)]
    for n, account_id in enumerate(ids):
        account = replace(
            new_account(), id=account_id, username=f"user-{n}", issued_at=after(n // 2)
        )
        await records.accounts.insert(account, ANALYST)
    await records.accounts.end(ids[1], AccountEnd.REVOKED, ANALYST, NOW)
    seen, following = [], None
    while True:
        found, following = await records.accounts.page(
            NUMBER, active_at=after(9), after=following, limit=2
        )
        seen += [account.id for account in found]
        if following is None:
            break
    assert seen == [ids[4], ids[3], ids[2], ids[0]]
    over = replace(new_account()).expires_at
    assert await records.accounts.page(NUMBER, active_at=over, after=None, limit=2) == ([], None)


@pytest.mark.parametrize(
    "foreign",
    ["", "nonsense", "W10=", cursor(NOW, "-1"), cursor(NOW, "x"), cursor(NOW, "9" * 30)],
)
async def test_no_cursor_but_our_own_leads_anywhere(records: Records, foreign: str) -> None:
    await open_case(records)
    with pytest.raises(InvalidRequestError):
        await records.cases.history(NUMBER, after=foreign, limit=2)


@pytest.mark.parametrize("foreign", ["", "nonsense", cursor(NOW, "\x00"), cursor(NOW, "\ud800")])
async def test_what_no_database_can_hold_is_no_cursor(records: Records, foreign: str) -> None:
    with pytest.raises(InvalidRequestError):
        await records.cases.search(CaseSearch(), after=foreign, limit=2)
    with pytest.raises(InvalidRequestError):
        await records.accounts.page(NUMBER, active_at=NOW, after=foreign, limit=2)
