"""The timeline of a case, for who may see it."""

from datetime import timedelta

import pytest

from tests.engine_room import ADMIN, ANALYST, NUMBER, EngineRoom, customer
from transfer.core.access import Action, Door, Principal, Role
from transfer.core.cases import CaseNumber
from transfer.core.errors import CaseMissingError, ForbiddenError
from transfer.core.retention import PERIOD
from transfer.core.timeline import Coming, ComingKind, Topic


async def test_customer_care_sees_what_happened_and_what_comes(room: EngineRoom) -> None:
    await room.send("trace.log", b"abc")
    issued = await room.accounts.issue(ANALYST, NUMBER)
    page = await room.timelines.page(ANALYST, NUMBER)
    assert [entry.action for entry in page.entries] == [
        "account.issued",
        "file.received",
        "warning.acknowledged",
        "case.opened",
    ]
    account = issued.account
    assert page.coming == [
        Coming(at=account.expires_at, kind=ComingKind.ACCOUNT_END, name=account.username)
    ]
    assert page.next is None
    await room.core.close(NUMBER, None, "analyst")
    closed = await room.timelines.page(ADMIN, NUMBER)
    due = room.clock.now() + PERIOD
    assert closed.coming == [Coming(at=due, kind=ComingKind.DELETION)]
    assert [entry.action for entry in closed.entries[:2]] == ["account.ended", "case.closed"]


async def test_an_account_that_is_over_does_not_come_to_its_end_again(room: EngineRoom) -> None:
    await room.accounts.issue(ANALYST, NUMBER)
    room.clock.advance(timedelta(hours=120))
    assert (await room.timelines.page(ANALYST, NUMBER)).coming == []


async def test_what_comes_is_on_the_first_page_of_all_alone(room: EngineRoom) -> None:
    await room.accounts.issue(ANALYST, NUMBER)
    first = await room.timelines.page(ANALYST, NUMBER, limit=2)
    assert (len(first.coming), len(first.entries)) == (1, 2)
    second = await room.timelines.page(ANALYST, NUMBER, after=first.next, limit=2)
    assert (second.coming, len(second.entries)) == ([], 1)
    files = await room.timelines.page(ANALYST, NUMBER, Topic.ACCOUNTS)
    assert ([entry.action for entry in files.entries], files.coming) == (["account.issued"], [])


@pytest.mark.parametrize("role", [Role.DESIGNATED, Role.READ_ONLY])
async def test_customers_see_none(room: EngineRoom, role: Role) -> None:
    with pytest.raises(ForbiddenError):
        await room.timelines.page(customer(role=role), NUMBER)
    with pytest.raises(CaseMissingError):
        await room.timelines.page(customer("0000000001", role=role), NUMBER)


async def test_a_sign_in_that_is_limited_to_something_else_sees_none(room: EngineRoom) -> None:
    limited = Principal(
        name="robot", role=Role.ANALYST, door=Door.HTTP, actions=frozenset({Action.SEE})
    )
    with pytest.raises(ForbiddenError):
        await room.timelines.page(limited, NUMBER)
    with pytest.raises(CaseMissingError):
        await room.timelines.page(ANALYST, CaseNumber("0000000001"))
