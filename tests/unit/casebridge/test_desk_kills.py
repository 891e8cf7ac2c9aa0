"""A process that is killed amid what is done to a case: all of it is there, or nothing."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import pytest
from sqlalchemy import Connection

from tests.clock import MovableClock
from transfer.casebridge.contacts import Contacts
from transfer.casebridge.embedded import EmbeddedCaseCore
from transfer.casebridge.follow_ups import FollowUps
from transfer.core.cases import CaseNumber, Priority, Status
from transfer.core.contacts import Contact, ContactKind
from transfer.core.errors import RecordsUnavailableError
from transfer.core.follow_ups import FollowUpPlan
from transfer.ports import Records
from transfer.records.assembly import open_records
from transfer.records.database import Database

NUMBER = CaseNumber("0003256109")
ANOTHER = CaseNumber("0003256110")

P = ParamSpec("P")
T = TypeVar("T")


class MortalDatabase(Database):
    """A database that nobody writes to after `writes_left` transactions."""

    writes_left = 1_000

    async def write(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if self.writes_left <= 0:
            raise RecordsUnavailableError("Killed.")
        self.writes_left -= 1
        return await super().write(fn, *args, **kwargs)


@pytest.fixture
async def mortal(records: Records, tmp_path: Path) -> AsyncIterator[MortalDatabase]:
    """The same records, for a process that is killed."""
    database = await MortalDatabase.open(f"sqlite:///{tmp_path / 'records.db'}")
    yield database
    await database.close()


Deed = Callable[[EmbeddedCaseCore], Awaitable[object]]


async def nothing(_: EmbeddedCaseCore) -> None:
    """Leave the case as it is."""


async def close(desk: EmbeddedCaseCore) -> None:
    await desk.close(NUMBER, None, "ada")


async def hold(desk: EmbeddedCaseCore) -> None:
    await desk.hold(NUMBER, "A claim", "eve")


DEEDS: dict[str, tuple[Deed, Deed]] = {
    "open": (nothing, lambda desk: desk.open("Crash", "Example Ltd", "ada", ANOTHER)),
    "move": (nothing, lambda desk: desk.move(NUMBER, Status.SOLUTION_PROPOSED, None, "ada")),
    "prioritise": (nothing, lambda desk: desk.prioritise(NUMBER, Priority.LOW, "ada")),
    "comment": (nothing, lambda desk: desk.comment(NUMBER, "Hello", "eve", by_customer=True)),
    "close": (nothing, close),
    "reopen": (close, lambda desk: desk.reopen(NUMBER, "ada", information="Again")),
    "reopen for customer": (
        close,
        lambda desk: desk.reopen_for_customer(NUMBER, "Again", "eve"),
    ),
    "hold": (nothing, hold),
    "unhold": (hold, lambda desk: desk.unhold(NUMBER, "eve")),
}
"""What is done to a case, and what was done to it before."""


async def known(records: Records) -> tuple[int, int]:
    """Return how many entries the histories of all cases have, and how many the audit log."""
    cases = await records.cases.cases(None, 10)
    entries = [len(await records.cases.updates(case.number)) for case in cases]
    return sum(entries), len(await records.audit.events())


@pytest.mark.parametrize("deed", DEEDS)
async def test_what_is_done_to_a_case_is_in_the_audit_log_whenever_the_process_is_killed(
    desk: EmbeddedCaseCore,
    records: Records,
    mortal: MortalDatabase,
    clock: MovableClock,
    deed: str,
) -> None:
    before, do = DEEDS[deed]
    doomed = EmbeddedCaseCore(
        records=open_records(mortal), clock=clock, new_id=lambda: "of-the-doomed"
    )
    await desk.open("Crash", "ACME", "ada", NUMBER)
    await before(desk)
    entries, audited = await known(records)
    mortal.writes_left = 0
    with pytest.raises(RecordsUnavailableError):
        await do(doomed)
    assert await known(records) == (entries, audited)
    mortal.writes_left = 1
    with suppress(RecordsUnavailableError):
        await do(doomed)
    entries_then, audited_then = await known(records)
    assert entries_then > entries
    assert audited_then == audited + 1


async def test_contacts_are_changed_with_the_audit_log_whenever_the_process_is_killed(
    records: Records, mortal: MortalDatabase, clock: MovableClock
) -> None:
    doomed = Contacts(records=open_records(mortal), clock=clock)
    ada = Contact(account="ACME", person="ada", kind=ContactKind.DESIGNATED)

    async def audited() -> list[str]:
        return [event.action for event in await records.audit.events()]

    deeds: list[Callable[[], Awaitable[None]]] = [
        lambda: doomed.put(ada, "eve"),
        lambda: doomed.remove("ACME", "ada", "eve"),
    ]
    for deed in deeds:
        before = (await records.contacts.of(), await audited())
        mortal.writes_left = 0
        with pytest.raises(RecordsUnavailableError):
            await deed()
        assert (await records.contacts.of(), await audited()) == before
        mortal.writes_left = 1
        with suppress(RecordsUnavailableError):
            await deed()
    assert (await records.contacts.of(), await audited()) == (
        [],
        ["contact.put", "contact.removed"],
    )


async def test_a_follow_up_that_closes_a_case_is_in_the_audit_log_whenever_the_process_is_killed(
    desk: EmbeddedCaseCore, records: Records, mortal: MortalDatabase, clock: MovableClock
) -> None:
    async def never() -> bool:
        return False

    await desk.open("Crash", "ACME", "ada", NUMBER)
    await desk.move(NUMBER, Status.SOLUTION_PROPOSED, None, "ada")
    worker = FollowUps(
        records=open_records(mortal),
        clock=clock,
        plan=FollowUpPlan(days=(1,)),
        doubts_clock=never,
    )
    clock.advance(timedelta(days=1))
    mortal.writes_left = 0
    assert await worker.run_once() == 0
    assert not (await desk.case(NUMBER)).is_closed
    mortal.writes_left = 1
    await worker.run_once()
    assert (await desk.case(NUMBER)).is_closed
    actions = [event.action for event in await records.audit.events(NUMBER)]
    assert actions == ["case.opened", "case.moved", "case.followed-up", "case.closed"]
