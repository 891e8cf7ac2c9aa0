"""Any history of cases, holds, terms, faults and crashes, beside what it ought to lead to.

The model knows of each case what was put there and whether it may go. The store asks it at each
deletion; in the end all that is due is gone, and has a receipt that says just what was there.
"""

import asyncio
import itertools
import tempfile
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.clock import MovableClock
from tests.sqlite import sqlite_records
from tests.unit.retention.world import Guillotine, Interruption, Killed, World
from transfer.casebridge.embedded import EmbeddedCaseCore
from transfer.core.account_terms import AccountTerms, held, lifted, with_period
from transfer.core.cases import Case, CaseNumber, Hold, Status
from transfer.core.errors import (
    CaseCoreUnavailableError,
    CaseStateError,
    StoreUnavailableError,
)
from transfer.core.names import CasePath
from transfer.core.retention import PERIOD
from transfer.core.uploads import case_prefix
from transfer.engine.deletion_receipts import check
from transfer.ports import AuditEvent
from transfer.storage.memory import Call, MemoryObjectStore

T = TypeVar("T")

ACCOUNTS = ("Acme", "Example Ltd")
SPANS = st.sampled_from([1, 3600, 86_400, 7 * 86_400, 29 * 86_400, 30 * 86_400, 90 * 86_400])
MOST_ROUNDS = 30
FEWEST_CALLS = 25
"""Of a deletion, to the records, the store and the core."""


@dataclass(slots=True)
class Modelled:
    """What ought to be known of a case."""

    case: Case
    objects: int = 0
    files: int = 0
    closed_at: datetime | None = None
    held: bool = False
    held_meanwhile: bool = False
    """A hold came when the deletion had begun: what was just being deleted may still go."""


class Retention(RuleBasedStateMachine):
    """Retention as the product has it, step by step beside the model."""

    cases = Bundle("cases")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.folder = tempfile.TemporaryDirectory()
        self.names = itertools.count(1)
        self.modelled: dict[CaseNumber, Modelled] = {}
        self.periods: dict[str, timedelta | None] = dict.fromkeys(ACCOUNTS)
        self.held_accounts: set[str] = set()
        self.wrongs: list[str] = []
        self.world = self.do(self._begin())

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    async def _begin(self) -> World:
        clock, store = MovableClock(), MemoryObjectStore(versioned=True)
        records = await self.stack.enter_async_context(sqlite_records(Path(self.folder.name)))
        core = EmbeddedCaseCore(
            records=records, clock=clock, new_id=lambda: f"case-{next(self.names)}"
        )
        store.before = self._at_call
        return World(records=records, store=store, clock=clock, core=core)

    def teardown(self) -> None:
        self.do(self.stack.aclose())
        self.runner.close()
        self.folder.cleanup()

    # ── The model ────────────────────────────────────────────────────────────────────────────

    def may_go(self, known: Modelled) -> bool:
        period = self.periods[known.case.account]
        if known.closed_at is None or known.held or known.case.account in self.held_accounts:
            return False
        return self.world.clock.now() >= known.closed_at + (PERIOD if period is None else period)

    async def _at_call(self, call: Call) -> None:
        if call.operation not in ("delete", "delete_items", "abort_multipart"):
            return
        for known in self.modelled.values():
            is_its = call.key.startswith(case_prefix(known.case.id))
            if is_its and not known.held_meanwhile and not self.may_go(known):
                self.wrongs.append(f"{call.operation} of what has to stay: {call.key}")

    # ── What people do ───────────────────────────────────────────────────────────────────────

    @rule(target=cases, account=st.sampled_from(ACCOUNTS))
    def open(self, account: str) -> CaseNumber:
        case = self.do(self.world.core.open("It crashes", account, "ada"))
        self.modelled[case.number] = Modelled(case)
        return case.number

    @rule(number=cases, count=st.integers(1, 3))
    def upload(self, number: CaseNumber, count: int) -> None:
        for _ in range(count):
            self.do(self._upload(number))

    async def _upload(self, number: CaseNumber) -> None:
        known = self.modelled[number]
        if known.closed_at is None:
            await self.world.add_file(known.case, CasePath(f"log-{next(self.names)}"))
            known.objects += 1
            known.files += 1

    @rule(number=cases)
    def leave_a_stray(self, number: CaseNumber) -> None:
        known = self.modelled[number]
        if not self.present(number).purge_started_at:
            self.do(self.world.put_object(known.case))
            known.objects += 1

    @rule(number=cases)
    def close(self, number: CaseNumber) -> None:
        if self.modelled[number].closed_at is None:
            self.do(self.world.core.close(number, None, "ada"))
            self.modelled[number].closed_at = self.world.clock.now()

    @rule(number=cases)
    def reopen(self, number: CaseNumber) -> None:
        self.do(self._reopen(number))

    async def _reopen(self, number: CaseNumber) -> None:
        begun = (await self.world.records.cases.case(number)).purge_started_at is not None
        if self.modelled[number].closed_at is None:
            return
        try:
            await self.world.core.reopen(number, "ada")
        except CaseStateError:
            assert begun
        else:
            assert not begun
            self.modelled[number].closed_at = None

    @rule(number=cases)
    def hold(self, number: CaseNumber) -> None:
        self.do(self._hold(number))

    async def _hold(self, number: CaseNumber) -> None:
        known, case = self.modelled[number], await self.world.records.cases.case(number)
        if not known.held and not case.purged_at:
            await self.world.core.hold(number, "Litigation", "root")
            known.held, known.held_meanwhile = True, case.purge_started_at is not None

    @rule(number=cases)
    def unhold(self, number: CaseNumber) -> None:
        if self.modelled[number].held:
            self.do(self.world.core.unhold(number, "root"))
            self.modelled[number].held = False

    @rule(account=st.sampled_from(ACCOUNTS))
    def hold_or_free_an_account(self, account: str) -> None:
        now = self.world.clock.now()
        if account in self.held_accounts:
            self.agree(account, lambda terms: lifted(terms, "root", now))
        else:
            self.agree(account, lambda terms: held(terms, "Litigation", "root", now))
        self.held_accounts ^= {account}

    @rule(account=st.sampled_from(ACCOUNTS), days=st.sampled_from([None, 0, 1, 30, 90]))
    def set_a_period(self, account: str, days: int | None) -> None:
        period = None if days is None else timedelta(days=days)
        now = self.world.clock.now()
        self.agree(account, lambda terms: with_period(terms, period, "root", now))
        self.periods[account] = period

    @rule(seconds=SPANS)
    def let_time_pass(self, seconds: int) -> None:
        self.world.clock.advance(seconds)

    # ── What the worker does, and what happens to it ─────────────────────────────────────────

    @rule()
    def have_a_round(self) -> None:
        self.do(self.world.worker().run_once())

    @rule()
    def have_two_workers_at_once(self) -> None:
        async def both() -> None:
            await asyncio.gather(*(self.world.worker().run_once() for _ in range(2)))

        self.do(both())

    @rule(number=cases, at=st.integers(1, 40), what=st.sampled_from(["reopen", "hold"]))
    def have_something_happen_in_the_middle_of_a_deletion(
        self, number: CaseNumber, at: int, what: str
    ) -> None:
        self.calls_of_a_deletion_in_which(what, number, at)

    def calls_of_a_deletion_in_which(self, what: str, number: CaseNumber, at: int) -> int:
        """Have `what` happen before the call of that number; return how many calls there were."""
        self.close(number)
        self.world.clock.advance(timedelta(days=90))
        acts = {"reopen": self._reopen, "hold": self._hold}
        middle = Interruption(at, lambda: acts[what](number))
        worker = self.world.worker(
            records=middle.records(self.world.records),
            store=middle.store(self.world.store),
            core=middle.core(self.world.core),
        )
        self.do(worker.run_once())
        self.modelled[number].held_meanwhile = False
        return middle.calls

    @rule(at=st.integers(1, 60), after=st.booleans())
    def kill_a_worker(self, at: int, after: bool) -> None:
        guillotine = Guillotine(at, after=after)
        worker = self.world.worker(
            records=guillotine.records(self.world.records),
            store=guillotine.store(self.world.store),
            core=guillotine.core(self.world.core),
        )
        with suppress(Killed):
            self.do(worker.run_once())

    @rule(operation=st.sampled_from(["list_everything", "delete_items"]), done=st.booleans())
    def have_a_round_while_the_store_fails(self, operation: str, done: bool) -> None:
        self.world.store.fail_next(operation, StoreUnavailableError("away"), done=done)
        self.do(self.world.worker().run_once())
        self.world.store._faults.clear()  # it may not have come to that

    @rule(fault=st.sampled_from(["away", "stale", "future", "before it opened", "open", "held"]))
    def have_a_round_while_the_core_is_not_itself(self, fault: str) -> None:
        world = self.world

        class Confused:
            async def case(self, number: CaseNumber, **_: object) -> Case:
                return confused(await world.core.case(number), fault, world.clock.now())

        before = [len(self.do(world.left_of(known.case))) for known in self.modelled.values()]
        self.do(world.worker(core=Confused()).run_once())
        after = [len(self.do(world.left_of(known.case))) for known in self.modelled.values()]
        assert before == after

    # ── What ought to be ─────────────────────────────────────────────────────────────────────

    @rule()
    def in_the_end_all_that_is_due_is_gone_and_proved(self) -> None:
        self.world.clock.advance(timedelta(hours=1))  # until what failed is tried again
        for _ in range(MOST_ROUNDS):
            report = self.do(self.world.worker().run_once())
            assert report.failures == []
            if not report.more:
                break
        for known in self.modelled.values():
            if self.may_go(known):
                self.is_gone(known)

    @invariant()
    def nothing_goes_that_has_to_stay(self) -> None:
        assert self.wrongs == []
        for number, known in self.modelled.items():
            if self.present(number).purge_started_at is None:
                assert len(self.do(self.world.left_of(known.case))) == known.objects
                assert self.do(self.world.records.tree.usage(number))[0] == known.files
                assert self.do(self.world.receipts(known.case)) == []

    def is_gone(self, known: Modelled) -> None:
        case = known.case
        assert self.present(case.number).purged_at is not None
        assert self.do(self.world.left_of(case)) == []
        assert self.do(self.world.records.tree.usage(case.number)) == (0, 0)
        [receipt] = self.do(self.world.receipts(case))
        said = check(receipt, self.do(self.world.records.receipts.keys()))
        assert said["objects"]["versions"] == said["keys"]["count"] == known.objects
        assert said["rows"]["files"] == known.files
        actions = self.do(self.world.actions(case.number))
        assert actions.count("retention.finished") == 1

    def present(self, number: CaseNumber) -> Case:
        return self.do(self.world.records.cases.case(number))

    def agree(self, account: str, change: Callable[[AccountTerms], AccountTerms]) -> None:
        terms = self.world.records.terms
        before = self.do(terms.of_account(account))
        now = self.world.clock.now()
        usual = AccountTerms(account=account, changed_by="root", changed_at=now)
        changed = change(before or usual)
        if before is None and changed.are_usual:
            return
        event = AuditEvent(at=now, action="account.changed", actor="root")
        assert self.do(terms.put(changed, before, event))


def confused(told: Case, fault: str, now: datetime) -> Case:
    """Return `told` as a core tells of it that shouldn't be believed, or knows better."""
    match fault:
        case "away":
            raise CaseCoreUnavailableError("away")
        case "stale":
            return replace(told, as_of=now)
        case "future":
            return replace(told, closed_at=now + timedelta(seconds=1))
        case "before it opened":
            return replace(told, closed_at=told.opened_at - timedelta(seconds=1))
        case "open":
            return replace(told, status=Status.OPEN, closed_at=None)
        case _:
            return replace(told, hold=Hold(reason="Litigation", placed_by="root", placed_at=now))


def run(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        Retention,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_no_history_loses_what_has_to_stay_or_keeps_what_is_due() -> None:
    run(examples=15, steps=25)


@pytest.mark.parametrize("what", ["reopen", "hold"])
def test_whatever_happens_at_whichever_call_of_a_deletion(what: str) -> None:
    at, calls = 0, 1
    while at < calls:
        at += 1
        retention = Retention()
        try:
            number: Any = retention.open(ACCOUNTS[0])  # hypothesis says more of it
            retention.upload(number, 2)
            retention.leave_a_stray(number)
            calls = retention.calls_of_a_deletion_in_which(what, number, at)
            retention.nothing_goes_that_has_to_stay()
            retention.unhold(number)
            retention.in_the_end_all_that_is_due_is_gone_and_proved()
            retention.nothing_goes_that_has_to_stay()
        finally:
            retention.teardown()
    assert at > FEWEST_CALLS


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_no_history_of_thousands_does() -> None:
    run(examples=3000, steps=40)
