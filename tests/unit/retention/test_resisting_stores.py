"""A store that resists: locks, refusals, writers that go on, and very much of everything."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.unit.retention.world import World
from transfer.casebridge.outbox import OutboxDispatcher
from transfer.core.cases import CaseNumber
from transfer.core.errors import RecordsUnavailableError, StoreUnavailableError
from transfer.ports import CaseEvent, StoredItem, StoredKind
from transfer.retention.purge_report import PurgeOutcome
from transfer.storage.memory import Call, MemoryObjectStore

LOCKED = "The object store did not delete: AccessDenied"


async def test_thousands_of_objects_go_page_by_page(world: World) -> None:
    case = await world.a_due_case()
    await world.add_many(case, 2500)
    report = await world.purge().run(case.number)
    assert (report.outcome, report.objects.versions) == (PurgeOutcome.FINISHED, 2504)


async def test_what_a_writer_puts_between_two_steps_goes_too(world: World) -> None:
    case = await world.a_due_case()
    listings = 0

    async def write(call: Call) -> None:
        nonlocal listings
        if call.operation == "list_everything":
            listings += 1
            if listings == 3:  # after the first emptying, before the last listing
                await world.put_object(case)

    world.store.before = write
    report = await world.purge().run(case.number)
    world.store.before = None
    assert report.outcome is PurgeOutcome.FINISHED
    assert report.objects.versions == 5
    assert await world.left_of(case) == []
    deleted = await world.details(case.number, "retention.objects-deleted")
    assert [counts["versions"] for counts in deleted] == [4, 1]


async def test_a_writer_that_never_ends_leaves_the_case_unfinished_and_loud(world: World) -> None:
    case = await world.a_due_case()

    async def write(call: Call) -> None:
        if call.operation == "list_everything":
            await world.put_object(case)

    world.store.before = write
    with capture_logs() as logs:
        report = await world.purge().run(case.number)
    world.store.before = None
    assert (report.outcome, report.left) == (PurgeOutcome.STUCK, 1)
    assert (await world.present(case)).purged_at is None
    assert (await world.actions(case.number))[-1] == "retention.stuck"
    assert "retention.stuck" in {entry["event"] for entry in logs if entry["log_level"] == "error"}
    assert (await world.purge().run(case.number)).outcome is PurgeOutcome.FINISHED


def lock(store: MemoryObjectStore, locked: set[str]) -> None:
    async def refuse(call: Call) -> None:
        if call.operation == "delete_items" and call.key in locked:
            raise StoreUnavailableError(LOCKED)

    store.before = refuse


async def test_a_locked_object_stays_alone_and_the_case_unfinished_and_loud(world: World) -> None:
    case = await world.a_due_case()
    locked = await world.put_object(case)
    for _ in range(5):
        await world.put_object(case)
    lock(world.store, {locked})
    with capture_logs() as logs:
        report = await world.purge().run(case.number)
    assert (report.outcome, report.left) == (PurgeOutcome.STUCK, 1)
    assert [item.key for item in await world.left_of(case)] == [locked]
    assert (await world.records.tree.usage(case.number))[0] == 2
    assert (await world.present(case)).purged_at is None
    [stuck] = await world.details(case.number, "retention.stuck")
    assert (stuck["left"], stuck["problem"]) == (1, LOCKED)
    [known], _ = await world.records.deletions.stuck()
    assert (known.case_number, known.left, known.problem) == (case.number, 1, LOCKED)
    world.clock.advance(timedelta(days=1))
    await world.purge().run(case.number)
    assert len(await world.details(case.number, "retention.stuck")) == 1
    assert (await world.records.deletions.stuck())[0] == [known]
    assert "retention.stuck" in {entry["event"] for entry in logs if entry["log_level"] == "error"}
    world.store.before = None
    assert (await world.purge().run(case.number)).outcome is PurgeOutcome.FINISHED
    assert await world.records.deletions.stuck() == ([], None)


async def test_an_object_that_is_locked_after_the_rows_went_is_noticed_by_the_last_listing(
    world: World,
) -> None:
    case = await world.a_due_case()
    report_of_rows = world.records.cases.scrub

    class Meanwhile:
        def __getattr__(self, name: str) -> object:
            return getattr(world.records.cases, name)

        async def scrub(self, number: CaseNumber) -> dict[str, int]:
            lock(world.store, {await world.put_object(case)})
            return await report_of_rows(number)

    cases: Any = Meanwhile()
    report = await world.purge(records=replace(world.records, cases=cases)).run(case.number)
    assert (report.outcome, report.left) == (PurgeOutcome.STUCK, 1)
    assert (await world.present(case)).purged_at is None


async def test_an_object_that_is_deleted_without_effect_is_noticed(world: World) -> None:
    case = await world.a_due_case()
    key = await world.put_object(case)

    class Pretender:
        async def list_everything(self, prefix: str, limit: int = 1000) -> list[StoredItem]:
            return await world.store.list_everything(prefix, limit)

        async def delete_items(self, items: list[StoredItem]) -> None:
            await world.store.delete_items([item for item in items if item.key != key])

    report = await world.purge(store=Pretender()).run(case.number)
    assert (report.outcome, report.left) == (PurgeOutcome.STUCK, 1)
    assert [item.key for item in await world.left_of(case)] == [key]


async def test_many_locked_objects_do_not_hide_the_rest(world: World) -> None:
    case = await world.a_due_case()
    locked = {await world.put_object(case) for _ in range(1100)}
    later = f"c/{case.id}/zzz"
    await world.store.put(later, b"", crc64nvme=0)

    class Locking:
        async def list_everything(self, prefix: str, limit: int = 1000) -> list[StoredItem]:
            return await world.store.list_everything(prefix, limit)

        async def delete_items(self, items: list[StoredItem]) -> None:
            free = [item for item in items if item.key not in locked]
            await world.store.delete_items(free)
            if len(free) < len(items):
                raise StoreUnavailableError("The object store did not delete: AccessDenied")

    report = await world.purge(store=Locking()).run(case.number)
    assert report.outcome is PurgeOutcome.STUCK
    assert report.left == len(locked)
    assert set(world.store.objects) == locked


async def test_a_store_that_refuses_every_deletion_is_given_up_soon(world: World) -> None:
    case = await world.a_due_case()
    await world.add_many(case, 4000)
    refused = 0

    async def refuse(call: Call) -> None:
        nonlocal refused
        if call.operation == "delete_items":
            refused += 1
            raise StoreUnavailableError("The object store answered SlowDown")

    world.store.before = refuse
    report = await world.purge().run(case.number)
    assert (report.outcome, refused) == (PurgeOutcome.STUCK, 3)


async def test_told_to_stop_while_it_tries_locked_objects_it_leaves(world: World) -> None:
    case = await world.a_due_case()
    locked = {await world.put_object(case) for _ in range(5)}
    lock(world.store, locked)
    deletions = 0

    def stopping() -> bool:
        nonlocal deletions
        deletions = sum(call.operation == "delete_items" for call in world.store.calls)
        return deletions > 4

    report = await world.purge(stopping=stopping).run(case.number)
    assert report.outcome is PurgeOutcome.UNFINISHED
    assert deletions == 5


async def test_an_outage_in_the_middle_ends_the_run_and_the_next_goes_on(world: World) -> None:
    case = await world.a_due_case()
    await world.add_many(case, 1500)

    async def outage(call: Call) -> None:
        if call.operation == "list_everything" and len(world.store.calls) > 1000:
            raise StoreUnavailableError("away")

    world.store.calls.clear()
    world.store.before = outage
    with pytest.raises(StoreUnavailableError):
        await world.purge().run(case.number)
    world.store.before = None
    assert (await world.purge().run(case.number)).outcome is PurgeOutcome.FINISHED
    assert await world.left_of(case) == []
    deleted = await world.details(case.number, "retention.objects-deleted")
    assert [counts["versions"] + counts["delete_markers"] for counts in deleted] == [1000, 505]


async def test_many_locked_objects_are_not_all_tried_by_themselves(world: World) -> None:
    case = await world.a_due_case()
    lock(world.store, {await world.put_object(case) for _ in range(50)})
    report = await world.purge().run(case.number)
    assert report.outcome is PurgeOutcome.STUCK
    refused = [call for call in world.store.calls if call.operation == "delete_items"]
    assert len(refused) < 20


async def test_a_very_big_case_is_deleted_over_several_runs(world: World) -> None:
    case = await world.a_due_case()

    class Endless:
        """Shows a full page as often as it is asked, up to a number of pages."""

        pages = 130

        async def list_everything(self, prefix: str, limit: int = 1000) -> list[StoredItem]:
            if not self.pages:
                return []
            name = f"{prefix}{self.pages}"
            return [StoredItem(StoredKind.VERSION, name, str(n), 1) for n in range(limit)]

        async def delete_items(self, items: list[StoredItem]) -> None:
            # Later those of the case's files come too, which it doesn't show.
            self.pages -= bool(items) and bool(self.pages)

        async def delete(self, keys: list[str]) -> None:
            assert keys

        async def abort_multipart(self, key: str, _multipart_id: str) -> None:
            assert key

    class Forgetful:
        """Keeps no note of so much, which would take long."""

        def __getattr__(self, name: str) -> object:
            return getattr(world.records.deletions, name)

        async def doom(self, *_: object) -> bool:
            return True

    store, deletions = Endless(), Forgetful()
    records: Any = replace(world.records, deletions=deletions)  # type: ignore[arg-type]  # as much of it as is used
    first = await world.purge(store=store, records=records).run(case.number)
    assert (first.outcome, first.objects.versions) == (PurgeOutcome.UNFINISHED, 100_000)
    second = await world.purge(store=store, records=records).run(case.number)
    assert (second.outcome, store.pages) == (PurgeOutcome.FINISHED, 0)


async def test_the_core_is_told_of_a_deletion_until_it_has_taken_note(world: World) -> None:
    case = await world.a_due_case()
    told: list[CaseEvent] = []

    class Deaf:
        async def tell(self, *events: CaseEvent) -> None:
            told.extend(event for event in events if event.type == "case.purged")
            if len(told) == 1:
                raise RecordsUnavailableError("away")

    await world.purge().run(case.number)
    await world.purge().run(case.number)
    for _ in range(2):
        await OutboxDispatcher(
            outbox=world.records.outbox, core=Deaf(), clock=world.clock, worker="test"
        ).run_once()
        world.clock.advance(timedelta(hours=1))
    assert told[0].id == told[1].id
    [receipt] = await world.receipts(case)
    assert told[0].data["receipt"] == receipt.jws
    assert (told[0].data["files"], told[0].data["objects"]) == (2, 4)
