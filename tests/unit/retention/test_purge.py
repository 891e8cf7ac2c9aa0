"""The deletion of one case: all of it, provably, whatever comes in between."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.unit.retention.world import BODY, Guillotine, Killed, World
from transfer.core.accounts import AccountEnd
from transfer.core.cases import Case, CaseNumber, Status, close
from transfer.core.errors import CaseStateError, RecordsUnavailableError, StoreUnavailableError
from transfer.core.retention import PERIOD
from transfer.engine.deletion_receipts import check
from transfer.ports import DeletionClaim, StoredKind
from transfer.retention.policy import RetentionPolicy
from transfer.retention.purge_report import PurgeOutcome
from transfer.retention.sweep import ObjectCounts
from transfer.storage.memory import Call

TICK = timedelta(microseconds=1)


# ── What goes ────────────────────────────────────────────────────────────────────────────────


async def test_versions_markers_multiparts_and_tails_all_go_by_listing(world: World) -> None:
    case = await world.a_due_case()
    assert {item.kind for item in await world.left_of(case)} == set(StoredKind)
    report = await world.purge().run(case.number)
    assert report.outcome is PurgeOutcome.FINISHED
    assert await world.left_of(case) == []
    assert report.objects == ObjectCounts(
        versions=4, delete_markers=1, multiparts=1, size_bytes=4 * len(BODY)
    )
    assert report.left == 0


async def test_the_rows_go_and_the_case_is_marked_as_done(world: World) -> None:
    case = await world.a_due_case()
    assert (await world.records.tree.usage(case.number))[0] == 2
    report = await world.purge().run(case.number)
    assert (report.rows["files"], report.rows["uploads"]) == (2, 3)
    assert await world.records.tree.usage(case.number) == (0, 0)
    assert await world.records.uploads.unfinished(case.number) == []
    present = await world.present(case)
    assert present.purge_started_at == present.purged_at == world.clock.now()


async def test_each_step_is_audited_with_its_counts(world: World) -> None:
    case = await world.a_due_case()
    await world.purge().run(case.number)
    assert await world.actions(case.number) == [
        "retention.started",
        "retention.objects-deleted",
        "retention.rows-scrubbed",
        "retention.verified",
        "retention.finished",
    ]
    counts = {"versions": 4, "delete_markers": 1, "multiparts": 1, "size_bytes": 4 * len(BODY)}
    assert await world.details(case.number, "retention.objects-deleted") == [counts]
    assert await world.details(case.number, "retention.finished") == [counts]
    [started] = await world.details(case.number, "retention.started")
    assert (started["files"], started["size_bytes"]) == (2, 3 * len(BODY))
    assert case.closed_at is not None
    assert started["closed_at"] == case.closed_at.isoformat()
    assert started["due_at"] == (case.closed_at + PERIOD).isoformat()
    [scrubbed] = await world.details(case.number, "retention.rows-scrubbed")
    assert scrubbed["files"] == 2


async def test_people_read_it_on_the_case(world: World) -> None:
    case = await world.a_due_case()
    await world.purge().run(case.number)
    await world.tell()
    texts = [update.text for update in await world.core.updates(case.number)]
    assert sum("deleted" in text for text in texts) == 1


async def test_accounts_that_are_still_there_end_and_their_passwords_go(world: World) -> None:
    case = await world.a_case()
    await close_elsewhere(world, case)
    [account] = await world.records.accounts.of_case(case.number, active_at=None)
    assert account.sealed_password
    await world.purge(policy=RetentionPolicy(period=timedelta())).run(case.number)
    ended = await world.records.accounts.account(account.id)
    assert (ended.end, ended.sealed_password) == (AccountEnd.CASE_CLOSED, None)
    assert await world.details(case.number, "retention.accounts-ended") == [{"accounts": 1}]


async def close_elsewhere(world: World, case: Case) -> None:
    """Close a case as another core does, which knows nothing of accounts."""
    present = await world.present(case)
    closed = close(present, None, world.clock.now())
    assert await world.records.cases.save(closed, expected_version=present.version)


async def test_an_empty_case_is_finished_too(world: World) -> None:
    case = await world.core.open("Nothing was sent", "ACME", "ada")
    await world.core.close(case.number, None, "ada")
    world.clock.advance(PERIOD)
    report = await world.purge().run(case.number)
    assert (report.outcome, report.objects) == (PurgeOutcome.FINISHED, ObjectCounts())
    assert await world.actions(case.number) == [
        "retention.started",
        "retention.rows-scrubbed",
        "retention.verified",
        "retention.finished",
    ]


async def test_other_cases_keep_everything(world: World) -> None:
    other = await world.a_case()
    before = await world.left_of(other)
    case = await world.a_due_case()
    await world.purge().run(case.number)
    assert await world.left_of(other) == before
    assert (await world.records.tree.usage(other.number))[0] == 2


async def test_nothing_new_is_begun_for_a_case_whose_deletion_has_begun(world: World) -> None:
    case = await world.a_due_case()
    await world.purge().run(case.number)
    with pytest.raises(CaseStateError):
        await world.core.reopen(case.number, "ada")


# ── What stays ───────────────────────────────────────────────────────────────────────────────


async def kept(world: World, case: Case, number: CaseNumber | None = None) -> None:
    before = await world.left_of(case), await world.records.tree.usage(case.number)
    report = await world.purge().run(number or case.number)
    assert report.outcome is PurgeOutcome.KEPT
    assert (await world.left_of(case), await world.records.tree.usage(case.number)) == before
    assert await world.actions(case.number) == []
    assert (await world.present(case)).purge_started_at is None


async def test_a_case_goes_at_its_due_time_and_not_a_tick_before(world: World) -> None:
    case = await world.a_closed_case()
    world.clock.advance(PERIOD - TICK)
    await kept(world, case)
    world.clock.advance(TICK)
    assert (await world.purge().run(case.number)).outcome is PurgeOutcome.FINISHED


async def test_an_open_case_keeps_everything_however_old(world: World) -> None:
    case = await world.a_case()
    world.clock.advance(timedelta(days=3650))
    await kept(world, case)


async def test_a_case_reopened_before_it_is_due_keeps_everything(world: World) -> None:
    case = await world.a_closed_case()
    world.clock.advance(PERIOD - TICK)
    await world.core.reopen(case.number, "ada")
    world.clock.advance(PERIOD)
    await kept(world, case)


async def test_a_case_closed_anew_has_its_period_anew(world: World) -> None:
    case = await world.a_closed_case()
    world.clock.advance(PERIOD - TICK)
    await world.core.reopen(case.number, "ada")
    await world.core.close(case.number, None, "ada")
    world.clock.advance(PERIOD - TICK)
    await kept(world, case)


async def test_a_hold_keeps_everything_until_it_is_lifted(world: World) -> None:
    case = await world.a_closed_case()
    await world.core.hold(case.number, "Litigation", "root")
    world.clock.advance(10 * PERIOD)
    await kept(world, case)
    await world.core.unhold(case.number, "root")
    assert (await world.purge().run(case.number)).outcome is PurgeOutcome.FINISHED


async def test_a_case_that_changes_while_its_deletion_begins_is_left_for_another_look(
    world: World,
) -> None:
    case = await world.a_due_case()

    class Slow:
        async def case(self, number: CaseNumber, **_: object) -> Case:
            present = await world.core.case(number)
            await world.core.reopen(number, "grace")
            return present

    report = await world.purge(core=Slow()).run(case.number)
    assert report.outcome is PurgeOutcome.CHANGED
    assert len(await world.left_of(case)) == 6
    assert await world.actions(case.number) == []


async def test_nothing_is_deleted_while_the_case_core_can_not_be_asked(world: World) -> None:
    case = await world.a_due_case()

    class Away:
        async def case(self, number: CaseNumber, **_: object) -> Case:
            raise RecordsUnavailableError(f"cannot ask for {number}")

    with pytest.raises(RecordsUnavailableError):
        await world.purge(core=Away()).run(case.number)
    assert len(await world.left_of(case)) == 6
    assert (await world.present(case)).purge_started_at is None


async def test_nothing_more_is_deleted_once_the_case_core_stops_answering(world: World) -> None:
    case = await world.a_due_case()

    class Fading:
        asked = 0

        async def case(self, number: CaseNumber, **_: object) -> Case:
            self.asked += 1
            if self.asked > 1:
                raise RecordsUnavailableError("away")
            return await world.core.case(number)

    with pytest.raises(RecordsUnavailableError):
        await world.purge(core=Fading()).run(case.number)
    assert len(await world.left_of(case)) == 6


async def test_a_hold_in_the_middle_stops_the_deletion_loudly(world: World) -> None:
    case = await world.a_due_case()
    holding = asyncio.Event()

    async def hold(call: Call) -> None:
        if call.operation == "delete_items" and not holding.is_set():
            holding.set()
            await world.core.hold(case.number, "Litigation", "root")

    await world.add_many(case, 1200)
    world.store.before = hold
    with capture_logs() as logs:
        report = await world.purge().run(case.number)
    world.store.before = None
    assert report.outcome is PurgeOutcome.KEPT
    assert len(await world.left_of(case)) == 206
    assert await world.actions(case.number) == [
        "retention.started",
        "retention.objects-deleted",
        "retention.halted",
    ]
    assert [entry for entry in logs if entry["log_level"] == "error"]
    assert (await world.records.tree.usage(case.number))[0] == 2
    await world.core.unhold(case.number, "root")
    assert (await world.purge().run(case.number)).outcome is PurgeOutcome.FINISHED
    assert await world.left_of(case) == []


async def test_a_case_reopened_elsewhere_in_the_middle_keeps_its_rows(world: World) -> None:
    case = await world.a_due_case()

    class Elsewhere:
        async def case(self, number: CaseNumber, **_: object) -> Case:
            present = await world.core.case(number)
            if world.store.calls[-1].operation == "list_everything" and not await gone():
                return present
            if await gone():
                return replace(present, status=Status.OPEN, closed_at=None)
            return present

    async def gone() -> bool:
        return not world.store.objects and not world.store.multiparts

    report = await world.purge(core=Elsewhere()).run(case.number)
    assert report.outcome is PurgeOutcome.KEPT
    assert (await world.records.tree.usage(case.number))[0] == 2
    assert (await world.actions(case.number))[-1] == "retention.halted"


# ── Cut off ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("cut", ["before", "after", "in the store"])
async def test_killed_at_any_step_the_next_run_finishes_and_only_once(
    world: World, cut: str
) -> None:
    at = 0
    while True:
        at += 1
        case = await world.a_case()
        await close_elsewhere(world, case)
        world.clock.advance(PERIOD)
        guillotine = Guillotine(at, after=cut == "after")
        if not await killed(world, case, guillotine, cut):
            break
        world.give_up_claims()
        report = await world.purge().run(case.number)
        ends = (PurgeOutcome.FINISHED, PurgeOutcome.DONE)
        assert report.outcome in ends, f"killed at step {at}"
        await check_gone(world, case)
    assert at > 8


async def killed(world: World, case: Case, guillotine: Guillotine, cut: str) -> bool:
    if cut == "in the store":
        world.store.before = guillotine.before
        purge = world.purge()
    else:
        purge = world.purge(
            records=guillotine.records(world.records),
            store=guillotine.store(world.store),
            core=guillotine.core(world.core),
        )
    try:
        await purge.run(case.number)
    except Killed:
        return True
    finally:
        world.store.before = None
    return False


async def check_gone(world: World, case: Case) -> None:
    assert (await world.present(case)).purged_at is not None
    assert await world.left_of(case) == []
    assert await world.records.tree.usage(case.number) == (0, 0)
    actions = await world.actions(case.number)
    for action in ("retention.verified", "retention.finished"):
        assert actions.count(action) == 1
    await world.tell()
    texts = [update.text for update in await world.core.updates(case.number)]
    assert sum("deleted" in text for text in texts) == 1
    accounts = await world.records.accounts.of_case(case.number, active_at=None)
    assert [account.sealed_password for account in accounts] == [None]
    [receipt] = await world.receipts(case)
    said = check(receipt, await world.records.receipts.keys())
    assert said["objects"] == {
        "versions": 4,
        "delete_markers": 1,
        "multiparts": 1,
        "bytes": 4 * len(BODY),
    }
    assert (said["rows"]["files"], said["rows"]["uploads"]) == (2, 3)


async def test_a_run_after_the_end_finds_nothing_to_do(world: World) -> None:
    case = await world.a_due_case()
    await world.purge().run(case.number)
    before = await world.actions(case.number), await world.present(case)
    world.clock.advance(1)
    report = await world.purge().run(case.number)
    assert (report.outcome, report.objects) == (PurgeOutcome.DONE, ObjectCounts())
    assert (await world.actions(case.number), await world.present(case)) == before


async def test_a_run_that_failed_lets_another_worker_go_on_at_once(world: World) -> None:
    case = await world.a_due_case()
    world.store.fail_next("list_everything")
    with pytest.raises(StoreUnavailableError):
        await world.purge().run(case.number)
    report = await world.purge().run(case.number)
    assert report.outcome is PurgeOutcome.FINISHED
    assert (await world.actions(case.number)).count("retention.started") == 1


async def test_a_run_that_can_not_let_go_says_why_it_failed(world: World) -> None:
    case = await world.a_due_case()
    world.store.fail_next("list_everything")

    class Fading:
        def __getattr__(self, name: str) -> object:
            return getattr(world.records.deletions, name)

        async def release(self, claim: DeletionClaim) -> None:
            raise RecordsUnavailableError(f"cannot let go of {claim.number}")

    deletions: Any = Fading()
    with pytest.raises(StoreUnavailableError):
        await world.purge(records=replace(world.records, deletions=deletions)).run(case.number)


async def test_told_to_stop_it_leaves_between_two_steps_and_the_next_run_goes_on(
    world: World,
) -> None:
    case = await world.a_due_case()
    answers = iter([False, True])
    report = await world.purge(stopping=lambda: next(answers, True)).run(case.number)
    assert report.outcome is PurgeOutcome.UNFINISHED
    assert await world.left_of(case) == []
    assert (await world.records.tree.usage(case.number))[0] == 2
    assert (await world.purge().run(case.number)).outcome is PurgeOutcome.FINISHED


async def test_told_to_stop_at_once_it_deletes_nothing(world: World) -> None:
    case = await world.a_due_case()
    report = await world.purge(stopping=lambda: True).run(case.number)
    assert report.outcome is PurgeOutcome.UNFINISHED
    assert len(await world.left_of(case)) == 6


async def test_of_two_runs_at_once_one_deletes_and_the_other_leaves_it_to_that(
    world: World,
) -> None:
    case = await world.a_due_case()
    await world.add_many(case, 300)
    world.store.calls.clear()
    reports = await asyncio.gather(*(world.purge().run(case.number) for _ in range(2)))
    outcomes = {report.outcome for report in reports}
    assert outcomes == {PurgeOutcome.FINISHED, PurgeOutcome.BUSY}
    assert await world.left_of(case) == []
    assert (await world.present(case)).purged_at is not None
    deleted = [call.key for call in world.store.calls if call.operation == "delete_items"]
    assert len(deleted) == 306


@pytest.mark.parametrize("step", [1, 2, 3])
async def test_a_run_that_another_one_overtook_leaves_the_rest_to_that(
    world: World, step: int
) -> None:
    case = await world.a_due_case()
    listings = 0

    async def overtake(call: Call) -> None:
        nonlocal listings
        listings += call.operation == "list_everything"
        if listings == step and call.operation == "list_everything":
            world.give_up_claims()  # it was away for so long
            assert (await world.purge().run(case.number)).outcome is PurgeOutcome.FINISHED

    world.store.before = overtake
    await world.purge().run(case.number)
    await check_gone(world, case)


async def test_whose_claim_was_taken_over_deletes_nothing_more(world: World) -> None:
    case = await world.a_due_case()
    other = DeletionClaim(
        number=case.number, worker="another", until=world.clock.now() + timedelta(days=1)
    )

    async def take_over(call: Call) -> None:
        if call.operation == "list_everything":
            world.give_up_claims()
            assert await world.records.deletions.claim(other, world.clock.now())

    world.store.before = take_over
    report = await world.purge().run(case.number)
    assert report.outcome is PurgeOutcome.BUSY
    assert len(await world.left_of(case)) == 6
    assert await world.records.deletions.claim(other, world.clock.now())
