"""What admins agree on with customers."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.engine_room import ADMIN, ANALYST, NUMBER, EngineRoom, customer
from transfer.core.access import Action, Principal
from transfer.core.account_terms import AccountTerms
from transfer.core.errors import CaseStateError, ForbiddenError, InvalidRequestError
from transfer.engine.account_terms import AccountTermsDesk

ACCOUNT = "Example Ltd"
MONTHS = timedelta(days=90)

Asked = Callable[[AccountTermsDesk, Principal], Awaitable[object]]
ASKED: dict[str, Asked] = {
    "page": lambda it, by: it.page(by),
    "period": lambda it, by: it.set_period(by, ACCOUNT, MONTHS),
    "hold": lambda it, by: it.hold(by, ACCOUNT, "Litigation"),
    "unhold": lambda it, by: it.unhold(by, ACCOUNT),
}


@pytest.mark.parametrize("name", ASKED)
async def test_only_admins_of_all_cases_may(room: EngineRoom, name: str) -> None:
    overseer = replace(ADMIN, actions=frozenset({Action.OVERSEE, Action.HOLD}))
    for principal in (customer(), ANALYST, replace(ADMIN, cases=frozenset({NUMBER})), overseer):
        with pytest.raises(ForbiddenError):
            await ASKED[name](room.account_terms, principal)


async def test_a_period_holds_for_the_accounts_cases_at_once(room: EngineRoom) -> None:
    terms = await room.account_terms.set_period(ADMIN, f"  {ACCOUNT} ", MONTHS)
    assert (terms.account, terms.period, terms.changed_by) == (ACCOUNT, MONTHS, "admin")
    assert (await room.core.case(NUMBER)).kept_for == MONTHS
    assert await room.account_terms.page(ADMIN) == ([terms], None)
    await room.account_terms.set_period(ADMIN, ACCOUNT, None)
    assert (await room.core.case(NUMBER)).kept_for is None
    assert await room.account_terms.page(ADMIN) == ([], None)


async def test_a_hold_keeps_the_accounts_cases_and_says_who_and_why(room: EngineRoom) -> None:
    await room.account_terms.hold(ADMIN, ACCOUNT, "Litigation")
    hold = (await room.core.case(NUMBER)).keeping
    assert hold is not None
    assert (hold.reason, hold.placed_by, hold.placed_at) == (
        "Litigation",
        "admin",
        room.clock.now(),
    )
    with pytest.raises(CaseStateError):
        await room.account_terms.hold(ADMIN, ACCOUNT, "Again")
    await room.account_terms.unhold(ADMIN, ACCOUNT)
    assert (await room.core.case(NUMBER)).keeping is None
    with pytest.raises(CaseStateError):
        await room.account_terms.unhold(ADMIN, ACCOUNT)


async def test_each_change_is_audited(room: EngineRoom) -> None:
    await room.account_terms.set_period(ADMIN, ACCOUNT, MONTHS)
    await room.account_terms.hold(ADMIN, ACCOUNT, "Litigation")
    await room.account_terms.unhold(ADMIN, ACCOUNT)
    found = [
        (event.action, event.actor, event.details["account"], event.details["reason"])
        for event in await room.records.audit.events()
        if "account" in event.details
    ]
    assert found == [
        ("account.period-set", "admin", ACCOUNT, None),
        ("account.held", "admin", ACCOUNT, "Litigation"),
        ("account.unheld", "admin", ACCOUNT, None),
    ]


async def test_what_changes_nothing_leaves_no_trace(room: EngineRoom) -> None:
    await room.account_terms.set_period(ADMIN, ACCOUNT, None)
    assert await room.account_terms.page(ADMIN) == ([], None)
    events = await room.records.audit.events()
    assert "account.period-set" not in {event.action for event in events}


@pytest.mark.parametrize("account", ["", "  ", "a\nb"])
async def test_an_account_has_a_name(room: EngineRoom, account: str) -> None:
    with pytest.raises(InvalidRequestError):
        await room.account_terms.set_period(ADMIN, account, MONTHS)


async def test_changes_at_once_all_count(room: EngineRoom) -> None:
    await asyncio.gather(
        room.account_terms.set_period(ADMIN, ACCOUNT, MONTHS),
        room.account_terms.hold(ADMIN, ACCOUNT, "Litigation"),
    )
    [terms], _ = await room.account_terms.page(ADMIN)
    assert (terms.period, terms.hold is None) == (MONTHS, False)


async def test_terms_that_keep_changing_are_left_alone_in_the_end(room: EngineRoom) -> None:
    class Restless:
        async def of_account(self, account: str) -> AccountTerms | None:
            return await room.records.terms.of_account(account)

        async def put(self, *_: object) -> bool:
            return False

    tools = replace(room.tools, records=replace(room.records, terms=Restless()))  # type: ignore[arg-type]  # as much of it as is used
    with pytest.raises(CaseStateError, match="keep changing"):
        await AccountTermsDesk(tools).set_period(ADMIN, ACCOUNT, MONTHS)
