"""What goes along with a deletion: sessions, keys, names, the receipt; and what calls it off."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.unit.retention.world import BODY, World
from transfer.core.access import Role
from transfer.core.audit_entries import ERASED
from transfer.core.cases import Case, CaseNumber
from transfer.core.deletion_receipts import covers
from transfer.core.errors import CaseContradictionError, StoreUnavailableError
from transfer.core.retention import PERIOD
from transfer.core.uploads import case_prefix
from transfer.engine.deletion_receipts import check
from transfer.metrics import PrometheusMeter
from transfer.ports import Method, Session, StoredItem, StoredKind
from transfer.retention.policy import RetentionPolicy
from transfer.retention.purge_report import PurgeOutcome
from transfer.storage.memory import Call

SECOND = timedelta(seconds=1)


class Keys:
    """Keys of cases, of which only the end is wanted."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.left: list[int] = []

    async def forget(self, case: Case) -> str | None:
        self.left.append(len(await self._world.left_of(case)))
        assert (await self._world.present(case)).purged_at is None
        return "fp"


class Answering:
    """A core that says something else of a case than the one it stands for."""

    def __init__(self, world: World, **changes: Any) -> None:  # noqa: ANN401 -- as dataclasses.replace takes them
        self._world = world
        self._changes = changes
        self.fresh: list[bool] = []

    async def case(self, number: CaseNumber, *, fresh: bool = False) -> Case:
        self.fresh.append(fresh)
        return replace(await self._world.core.case(number), **self._changes)


async def test_a_session_that_was_begun_for_the_case_ends(world: World) -> None:
    case = await world.a_due_case()
    now = world.clock.now()
    session = Session(
        id="session",
        family="family",
        name="Jo Smith",
        role=Role.DESIGNATED,
        case_number=case.number,
        subject="jo",
        method=Method.LAUNCH,
        address="192.0.2.7",
        began_at=now,
        seen_at=now,
        expires_at=now + timedelta(hours=12),
    )
    await world.records.sessions.insert(session, b"secret")
    world.clock.advance(SECOND)
    await world.purge().run(case.number)
    [ended] = await world.records.sessions.standing(["session"])
    assert (ended.ended_at, ended.name, ended.address) == (world.clock.now(), ERASED, None)
    assert await world.details(case.number, "retention.sessions-ended") == [{"sessions": 1}]


async def test_the_key_is_destroyed_once_nothing_is_left_to_read_by_it(world: World) -> None:
    case = await world.a_due_case()
    keys = Keys(world)
    await world.purge(keys=keys).run(case.number)
    assert keys.left == [0]
    [receipt] = await world.receipts(case)
    said = check(receipt, await world.records.receipts.keys())
    assert said["destroyed_key"] == "fp"


async def test_the_receipt_says_what_was_there_and_when(world: World) -> None:
    case = await world.a_due_case()
    stray = await world.put_object(case)
    world.clock.advance(SECOND)
    await world.purge().run(case.number)
    [receipt] = await world.receipts(case)
    said = check(receipt, await world.records.receipts.keys())
    assert (said["case"], said["prefix"], said["left"]) == (case.number, case_prefix(case.id), 0)
    assert said["objects"] == {
        "versions": 5,
        "delete_markers": 1,
        "multiparts": 1,
        "bytes": 5 * len(BODY),
    }
    assert (said["rows"]["files"], said["rows"]["bytes"]) == (2, 3 * len(BODY))
    assert (said["closed_at"], said["due_at"], said["proved_at"]) == (
        "2026-03-02T09:00:00Z",
        "2026-04-01T09:00:00Z",
        "2026-04-01T09:00:01Z",
    )
    assert covers(receipt.keys, stray)


async def test_no_name_is_left_in_the_audit_log(world: World) -> None:
    case = await world.a_due_case()
    await world.purge().run(case.number)
    events = await world.records.audit.events(case.number)
    kept = str([(event.actor, event.address, dict(event.details)) for event in events])
    for name in ("'customer'", "app.log", "ada"):
        assert name not in kept
    received = [event for event in events if event.action == "file.received"]
    assert [event.details["size"] for event in received] == [len(BODY)] * 2


async def test_the_case_core_is_asked_afresh_before_each_step(world: World) -> None:
    case = await world.a_due_case()
    core = Answering(world)
    await world.purge(core=core).run(case.number)
    assert len(core.fresh) >= 3
    assert all(core.fresh)


async def test_a_receipt_counts_what_a_worker_deleted_that_could_not_tell(world: World) -> None:
    case = await world.a_due_case()
    world.store.fail_next("list_everything", done=True)
    world.store.fail_next("delete_items", StoreUnavailableError("the answer is lost"), done=True)
    with pytest.raises(StoreUnavailableError):
        await world.purge().run(case.number)
    assert (await world.purge().run(case.number)).outcome is PurgeOutcome.FINISHED
    [receipt] = await world.receipts(case)
    said = check(receipt, await world.records.receipts.keys())
    assert said["objects"]["versions"] == 4


async def test_a_list_that_is_older_than_what_it_is_of_hides_no_file(world: World) -> None:
    case = await world.a_due_case()
    [file, *_], _ = await world.records.tree.files(case.number)

    class Stale:
        """Doesn't list one object, as long as it is asked."""

        def __getattr__(self, name: str) -> object:
            return getattr(world.store, name)

        async def list_everything(self, prefix: str, limit: int = 1000) -> list[StoredItem]:
            found = await world.store.list_everything(prefix, limit)
            return [item for item in found if item.key != file.object_key]

    with capture_logs() as logs:
        report = await world.purge(store=Stale()).run(case.number)
    assert report.outcome is PurgeOutcome.FINISHED
    assert await world.left_of(case) == []
    assert [entry["objects"] for entry in logs if entry["event"] == "retention.not-listed"] == [1]


async def test_what_no_listing_shows_goes_by_its_name_and_is_counted(world: World) -> None:
    case = await world.a_due_case()
    present = await world.left_of(case)

    class Blind:
        """Lists nothing."""

        def __getattr__(self, name: str) -> object:
            return getattr(world.store, name)

        async def list_everything(self, *_: object) -> list[StoredItem]:
            return []

    policy = RetentionPolicy(deletes_per_second=1)
    assert (await world.purge(store=Blind(), policy=policy).run(case.number)).outcome is (
        PurgeOutcome.FINISHED
    )
    gone = set(present) - set(await world.left_of(case))
    kinds = sorted(item.kind for item in gone)
    assert kinds == [StoredKind.MULTIPART, *[StoredKind.VERSION] * 3]
    [receipt] = await world.receipts(case)
    assert all(covers(receipt.keys, item.key) for item in gone)
    said = check(receipt, await world.records.receipts.keys())
    assert (said["objects"]["versions"], said["objects"]["multiparts"]) == (3, 1)


async def test_what_no_listing_shows_is_asked_for_as_well(world: World) -> None:
    case = await world.a_due_case()
    [file, *_], _ = await world.records.tree.files(case.number)

    class Stale:
        def __getattr__(self, name: str) -> object:
            return getattr(world.store, name)

        async def list_everything(self, prefix: str, limit: int = 1000) -> list[StoredItem]:
            found = await world.store.list_everything(prefix, limit)
            return [item for item in found if item.key != file.object_key]

    class HeldMeanwhile:
        def __getattr__(self, name: str) -> object:
            return getattr(world.records.deletions, name)

        async def unlisted(self, number: CaseNumber) -> list[StoredItem]:
            await world.core.hold(number, "Litigation", "root")
            return await world.records.deletions.unlisted(number)

    deletions: Any = HeldMeanwhile()
    records = replace(world.records, deletions=deletions)
    report = await world.purge(store=Stale(), records=records).run(case.number)
    assert report.outcome is PurgeOutcome.KEPT
    assert [item.key for item in await world.left_of(case)] == [file.object_key]


async def test_who_comes_second_to_the_end_has_not_finished(world: World) -> None:
    case = await world.a_due_case()
    first: list[PurgeOutcome] = []

    class Slow:
        def __getattr__(self, name: str) -> object:
            return getattr(world.records.deletions, name)

        async def finish(self, *args: Any) -> bool:  # noqa: ANN401 -- as they are
            world.give_up_claims()
            first.append((await world.purge().run(case.number)).outcome)
            return await world.records.deletions.finish(*args)

    deletions: Any = Slow()
    records = replace(world.records, deletions=deletions)
    report = await world.purge(records=records).run(case.number)
    assert (first, report.outcome) == ([PurgeOutcome.FINISHED], PurgeOutcome.BUSY)
    assert len(await world.receipts(case)) == 1


# ── In doubt ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("doubt", ["stale", "future", "before it was opened", "no time"])
async def test_a_case_in_doubt_is_kept_and_told(world: World, doubt: str) -> None:
    case = await world.a_due_case()
    now = world.clock.now()
    changes: dict[str, dict[str, Any]] = {
        "stale": {"as_of": now},
        "future": {"closed_at": now + SECOND},
        "before it was opened": {"opened_at": now},
        "no time": {"closed_at": None},
    }
    worker = world.worker(core=Answering(world, **changes[doubt]))
    with capture_logs() as logs:
        assert (await worker.run_once()).cases == {"unsure": 1}
    assert "retention.unsure" in {entry["event"] for entry in logs if entry["log_level"] == "error"}
    assert (await worker.run_once()).cases == {}
    assert len(await world.left_of(case)) == 6
    assert (await world.present(case)).purge_started_at is None


async def test_a_core_that_contradicts_itself_in_the_middle_stops_the_deletion(
    world: World,
) -> None:
    case = await world.a_due_case()

    class Turning(Answering):
        async def case(self, number: CaseNumber, *, fresh: bool = False) -> Case:
            if len(self.fresh) == 1:
                raise CaseContradictionError("it is another case")
            return await super().case(number, fresh=fresh)

    with pytest.raises(CaseContradictionError):
        await world.purge(core=Turning(world)).run(case.number)
    assert len(await world.left_of(case)) == 6
    assert (await world.purge().run(case.number)).outcome is PurgeOutcome.FINISHED


async def test_a_core_that_goes_stale_in_the_middle_leaves_the_rest(world: World) -> None:
    case = await world.a_due_case()

    class Fading(Answering):
        async def case(self, number: CaseNumber, *, fresh: bool = False) -> Case:
            present = await super().case(number, fresh=fresh)
            return replace(present, as_of=world.clock.now()) if len(self.fresh) > 1 else present

    report = await world.purge(core=Fading(world)).run(case.number)
    assert report.outcome is PurgeOutcome.UNSURE
    assert len(await world.left_of(case)) == 6


async def test_a_hold_by_account_in_the_middle_stops_the_deletion(world: World) -> None:
    case = await world.a_due_case()
    hold = (await world.core.hold(case.number, "Litigation", "root")).hold
    await world.core.unhold(case.number, "root")

    class Held(Answering):
        async def case(self, number: CaseNumber, *, fresh: bool = False) -> Case:
            present = await super().case(number, fresh=fresh)
            return replace(present, account_hold=hold) if len(self.fresh) > 1 else present

    report = await world.purge(core=Held(world)).run(case.number)
    assert report.outcome is PurgeOutcome.KEPT
    assert len(await world.left_of(case)) == 6


# ── Called off ───────────────────────────────────────────────────────────────────────────────


async def begun(world: World) -> Case:
    """Return a case whose deletion has begun and deleted nothing yet."""
    case = await world.a_due_case()
    await world.purge(stopping=lambda: True).run(case.number)
    return case


async def test_a_deletion_that_a_hold_stops_stays_begun(world: World) -> None:
    case = await begun(world)
    await world.core.hold(case.number, "Litigation", "root")
    with capture_logs() as logs:
        report = await world.purge().run(case.number)
    assert report.outcome is PurgeOutcome.KEPT
    assert "retention.halted" in {entry["event"] for entry in logs}
    assert (await world.present(case)).purge_started_at is not None
    assert await world.actions(case.number) == ["retention.started"]


# ── Measured ─────────────────────────────────────────────────────────────────────────────────


async def test_what_a_round_did_is_measured(world: World) -> None:
    case = await world.a_closed_case()
    world.clock.advance(PERIOD)
    stuck = await world.a_due_case()
    key = await world.put_object(stuck)

    async def refuse(call: Call) -> None:
        if call.operation == "delete_items" and call.key == key:
            raise StoreUnavailableError("AccessDenied")

    world.store.before = refuse
    meter = PrometheusMeter()
    await world.worker(meter=meter).run_once()
    page = meter.page().decode()
    assert (await world.present(case)).purged_at is not None
    for line in (
        'transfer_retention_cases_total{outcome="finished"} 1.0',
        'transfer_retention_cases_total{outcome="stuck"} 1.0',
        'transfer_retention_cases_total{outcome="failed"} 0.0',
        'transfer_retention_objects_total{kind="delete-marker"} 2.0',
        "transfer_retention_clock_doubted 0.0",
    ):
        assert line in page
