"""The terms of accounts in rows."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.contract.records.scenario import NOW, NUMBER, OTHER_NUMBER, after, new_case, open_case
from transfer.core.account_terms import AccountTerms
from transfer.core.cases import CaseId, CaseUpdate, Hold
from transfer.core.errors import InvalidRequestError
from transfer.ports import AuditEvent, Records

TERMS = AccountTerms(
    account="Acme",
    period=timedelta(days=90),
    hold=Hold(reason="lawsuit", placed_by="admin", placed_at=NOW),
    changed_by="admin",
    changed_at=NOW,
)
EVENT = AuditEvent(at=NOW, action="account.changed", actor="admin")


async def test_terms_come_back_as_they_were_written(records: Records) -> None:
    assert await records.terms.of_account("Acme") is None
    assert await records.terms.put(TERMS, None, EVENT)
    assert await records.terms.of_account("Acme") == TERMS
    assert await records.terms.of_account("acme") is None
    assert await records.terms.of_account("a\x00b") is None
    assert [event.action for event in await records.audit.events()] == ["account.changed"]


async def test_terms_are_changed_only_as_they_were_read(records: Records) -> None:
    assert await records.terms.put(TERMS, None, EVENT)
    lifted = replace(TERMS, hold=None, changed_at=after(1))
    shorter = replace(TERMS, period=timedelta(), changed_at=after(1))
    done = await asyncio.gather(
        records.terms.put(lifted, TERMS, EVENT), records.terms.put(shorter, TERMS, EVENT)
    )
    assert sorted(done) == [False, True]
    assert not await records.terms.put(TERMS, None, EVENT)
    assert len(await records.audit.events()) == 2


async def test_usual_terms_have_no_row(records: Records) -> None:
    assert await records.terms.put(TERMS, None, EVENT)
    usual = replace(TERMS, period=None, hold=None)
    assert await records.terms.put(usual, TERMS, EVENT)
    assert await records.terms.of_account("Acme") is None
    assert not await records.terms.put(usual, TERMS, EVENT)


async def test_cases_are_read_with_the_terms_of_their_accounts(records: Records) -> None:
    await open_case(records)
    other = replace(
        new_case(), number=OTHER_NUMBER, id=CaseId("case-9"), account="Other", sold_to="Acme"
    )
    await records.cases.insert(other, CaseUpdate(at=NOW, author="analyst", text="Case opened."))
    assert await records.terms.put(TERMS, None, EVENT)
    for number in (NUMBER, other.number):
        case = await records.cases.case(number)
        assert (case.kept_for, case.account_hold) == (TERMS.period, TERMS.hold)
    listed = await records.cases.cases(None, 9)
    assert {case.kept_for for case in listed} == {TERMS.period}


async def test_terms_are_listed_the_latest_changed_first(records: Records) -> None:
    names = [f"{'x' * 450}{n}" if n == 1 else f"Account {n}" for n in range(5)]
    for n, name in enumerate(names):
        terms = replace(TERMS, account=name, changed_at=after(n))
        assert await records.terms.put(terms, None, EVENT)
    found: list[str] = []
    following: str | None = None
    while True:
        page, following = await records.terms.page(after=following, limit=2)
        found += [one.account for one in page]
        if following is None:
            break
        assert len(following) <= 500
    assert found == names[::-1]
    with pytest.raises(InvalidRequestError):
        await records.terms.page(after="x", limit=2)
