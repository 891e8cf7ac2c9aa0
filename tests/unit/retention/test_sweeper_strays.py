"""What is in the store and nobody's: told at once, deleted a day later, and nothing else ever."""

from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.unit.retention.world import CUSTOMER, World
from transfer.core.cases import Case, CaseNumber
from transfer.core.errors import CaseCoreUnavailableError, StoreUnavailableError
from transfer.core.object_keys import owner_of_key
from transfer.core.uploads import case_prefix
from transfer.ports import Lease, StoredItem
from transfer.ports.upkeep import STRAYS, Finding, FindingKind
from transfer.retention import sweeper_strays
from transfer.retention.sweep import ObjectCounts
from transfer.retention.sweeper import Sweeper, SweepPolicy
from transfer.retention.sweeper_report import SweepReport
from transfer.storage.memory import Call

DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
EVERY = timedelta(hours=6)


def sweeper(world: World, **others: Any) -> Sweeper:  # noqa: ANN401 -- any collaborator
    async def is_held(number: CaseNumber) -> bool:
        return (await world.core.case(number)).keeping is not None

    mine: dict[str, Any] = {
        "records": world.records,
        "store": world.store,
        "clock": world.clock,
        "is_held": is_held,
        "policy": SweepPolicy(every=EVERY),
    }
    return Sweeper(**{**mine, **others})


async def swept(world: World, **others: Any) -> SweepReport:  # noqa: ANN401 -- the same
    return await sweeper(world, **others).run_once(due_before=world.clock.now())


async def strays(world: World) -> list[Finding]:
    return await world.records.upkeep.findings(STRAYS)


async def tidy_case(world: World) -> Case:
    """Return a case that holds of everything something, and no stray."""
    case = await world.a_case()
    await world.store.delete([f"{case_prefix(case.id)}removed"])
    return case


async def seen_twice(world: World, between: timedelta = DAY) -> SweepReport:
    await swept(world)
    world.clock.advance(between)
    return await swept(world)


# ── Strays ───────────────────────────────────────────────────────────────────────────────────


async def test_nothing_of_what_rows_know_is_a_stray(world: World) -> None:
    for _ in range(3):
        await tidy_case(world)
    before = world.store.objects, world.store.multiparts
    report = await seen_twice(world)
    assert (report.listed, report.strays, report.missing, report.failures) == (12, 0, 0, [])
    assert (world.store.objects, world.store.multiparts) == before


async def test_a_stray_is_told_at_first_sight_and_deleted_a_day_later(world: World) -> None:
    case = await tidy_case(world)
    key = await world.put_object(case)
    size = len(world.store.objects[key])
    with capture_logs() as logs:
        report = await swept(world)
    assert (report.strays, report.fresh, report.deleted) == (1, 1, ObjectCounts())
    [told] = [line for line in logs if line["event"] == "sweeper.stray"]
    assert (told["key"], told["size"], told["log_level"]) == (key, size, "warning")
    [finding] = await strays(world)
    assert (finding.kind, finding.key, finding.case_number) == (
        FindingKind.STRAY,
        key,
        case.number,
    )

    world.clock.advance(DAY - TICK)
    assert (await swept(world)).deleted == ObjectCounts()
    assert key in world.store.objects
    world.clock.advance(TICK)
    report = await swept(world)
    assert report.deleted == ObjectCounts(versions=1, size_bytes=size)
    assert key not in world.store.objects
    assert await strays(world) == []
    assert len(await world.left_of(case)) == 4
    assert await world.details(case.number, "sweeper.deleted") == [report.deleted.to_json()]


async def test_markers_and_multipart_uploads_of_nobody_go_as_well(world: World) -> None:
    case = await tidy_case(world)
    prefix = case_prefix(case.id)
    await world.store.create_multipart(f"{prefix}left.3")
    key = await world.put_object(case)
    world.store.mark_deleted(key)
    await seen_twice(world)
    assert len(await world.left_of(case)) == 4
    assert set(world.store.multiparts.values()) == {
        key for key in world.store.multiparts.values() if key != f"{prefix}left.3"
    }


async def test_another_multipart_upload_of_a_known_key_is_a_stray(world: World) -> None:
    case = await tidy_case(world)
    [upload] = await world.records.uploads.unfinished(case.number)
    assert upload.object_key is not None
    # Its writer is somebody else by now.
    world.clock.advance(timedelta(minutes=2))
    lease = Lease(owner="other", until=world.clock.now() + timedelta(days=9))
    assert await world.records.uploads.acquire(upload.id, lease, world.clock.now())
    second = await world.store.create_multipart(upload.object_key)
    report = await seen_twice(world)
    assert report.deleted.multiparts == 1
    assert second not in world.store.multiparts
    assert upload.multipart_id in world.store.multiparts


async def test_what_is_below_no_case_is_left_alone(world: World) -> None:
    await world.store.put("health", b"", crc64nvme=0)
    report = await seen_twice(world)
    assert (report.listed, report.strays) == (0, 0)


async def test_a_stray_of_no_case_at_all_stays_until_somebody_says_so(world: World) -> None:
    case = await tidy_case(world)
    await world.put_object(case)
    foreign = {f"c/nobody/{name}.1" for name in "xyz"}
    for key in foreign:
        await world.store.put(key, b"", crc64nvme=0)
    await swept(world)
    assert None in {finding.case_number for finding in await strays(world)}
    world.clock.advance(DAY)
    with capture_logs() as logs:
        report = await swept(world)
    assert (report.deleted.versions, report.foreign, report.failures) == (1, 3, [])
    assert foreign <= world.store.objects.keys()
    assert [line["strays"] for line in logs if line["event"] == "sweeper.foreign"] == [3]
    report = await sweeper(world).run_once(due_before=world.clock.now(), even_many=True)
    assert (report.deleted.versions, report.foreign) == (3, 0)
    assert not foreign & world.store.objects.keys()


async def test_what_is_to_be_discarded_is_no_stray(world: World) -> None:
    case = await tidy_case(world)
    files, _ = await world.records.tree.files(case.number)
    await world.records.tree.remove_file(files[0].id, CUSTOMER, world.clock.now())
    [upload] = await world.records.uploads.unfinished(case.number)
    await world.records.uploads.abandon(upload.id, None, "cancelled", world.clock.now())
    assert (await swept(world)).strays == 0


async def test_what_a_discard_left_behind_is_one(world: World) -> None:
    case = await tidy_case(world)
    [upload] = await world.records.uploads.unfinished(case.number)
    await world.records.uploads.abandon(upload.id, None, "cancelled", world.clock.now())
    jobs = await world.records.jobs.claim("x", world.clock.now(), world.clock.now() + DAY)
    await world.records.jobs.done(jobs)
    report = await seen_twice(world)
    assert (report.deleted.versions, report.deleted.multiparts) == (1, 1)


async def test_what_the_present_writer_may_just_have_stored_is_never_a_stray(
    world: World,
) -> None:
    case = await tidy_case(world)
    [upload] = await world.records.uploads.unfinished(case.number)
    prefix = f"{case_prefix(case.id)}{upload.id}"
    now = f"{prefix}.{upload.fence}.tail.77"
    before = f"{prefix}.{upload.fence - 1}.tail.66"
    for key in (now, before):
        await world.store.put(key, b"", crc64nvme=0)
    report = await seen_twice(world)
    assert report.deleted.versions == 1
    assert now in world.store.objects
    assert before not in world.store.objects
    assert owner_of_key(now) is not None


async def test_what_was_reserved_may_yet_become_a_file(world: World) -> None:
    case = await tidy_case(world)
    key = f"{case_prefix(case.id)}coming.0"
    await world.records.uploads.reserve([key], world.clock.now() + timedelta(hours=1))
    await world.store.put(key, b"", crc64nvme=0)
    await seen_twice(world)
    assert key in world.store.objects


async def test_one_sighting_is_not_two_however_long_a_walk_takes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper_strays, "_PAGE", 1)
    case = await world.core.open("Nothing was sent", "ACME", "ada")
    first, second = [await world.put_object(case) for _ in range(2)]

    async def stop_before_the_second(call: Call) -> None:
        lists = [one for one in world.store.calls if one.operation == "list_page"]
        if call.operation == "list_page" and len(lists) == 2:
            raise StoreUnavailableError("away")

    world.store.before = stop_before_the_second
    assert (await swept(world)).failures == ["strays: store-unavailable"]
    world.store.before = None
    world.clock.advance(3 * DAY)
    # It goes on with the walk, which then has seen each once.
    report = await sweeper(world).run_once()
    assert (report.strays, report.deleted) == (1, ObjectCounts())
    assert {first, second} <= set(world.store.objects)
    world.clock.advance(EVERY)
    assert (await swept(world)).deleted.versions == 1
    assert second in world.store.objects


async def test_a_stray_that_was_not_seen_again_begins_anew(world: World) -> None:
    case = await tidy_case(world)
    key = await world.put_object(case)
    await swept(world)
    hidden = world.store.list_page

    async def without(
        prefix: str, after: str | None, limit: int = 1000
    ) -> tuple[list[StoredItem], str | None]:
        items, following = await hidden(prefix, after, limit)
        return [item for item in items if item.key != key], following

    world.store.list_page = without  # type: ignore[method-assign]  # a list that skips something
    world.clock.advance(TICK)
    await swept(world)
    assert await strays(world) == []
    world.store.list_page = hidden  # type: ignore[method-assign]  # the true one again
    world.clock.advance(DAY)
    assert (await swept(world)).deleted == ObjectCounts()
    world.clock.advance(DAY)
    assert (await swept(world)).deleted.versions == 1


async def test_a_stray_that_a_row_knows_by_now_is_forgotten(world: World) -> None:
    case = await tidy_case(world)
    key = await world.put_object(case)
    await swept(world)
    world.clock.advance(DAY)
    ripe = world.records.upkeep.ripe

    async def reserve_then(*args: Any, **kwargs: Any) -> list[Finding]:  # noqa: ANN401 -- as it is
        await world.records.uploads.reserve([key], world.clock.now() + DAY)
        return await ripe(*args, **kwargs)

    world.records.upkeep.ripe = reserve_then  # type: ignore[method-assign]  # between two looks
    assert (await swept(world)).deleted == ObjectCounts()
    assert key in world.store.objects
    assert await strays(world) == []


# ── What is not touched ──────────────────────────────────────────────────────────────────────


async def test_of_a_case_on_hold_even_strays_stay(world: World) -> None:
    case = await tidy_case(world)
    key = await world.put_object(case)
    await world.core.hold(case.number, "Litigation", "root")
    report = await seen_twice(world)
    assert (report.held, report.deleted) == (1, ObjectCounts())
    assert key in world.store.objects
    await world.core.unhold(case.number, "root")
    assert (await swept(world)).deleted.versions == 1


async def test_a_case_core_that_is_away_causes_no_deletion(world: World) -> None:
    case = await tidy_case(world)
    key = await world.put_object(case)

    async def away(number: CaseNumber) -> bool:
        raise CaseCoreUnavailableError("away")

    await swept(world)
    world.clock.advance(DAY)
    report = await swept(world, is_held=away)
    assert report.failures == [f"case {case.number}: {CaseCoreUnavailableError.code}"]
    assert key in world.store.objects


async def many_strays(world: World, count: int) -> None:
    case = await world.core.open("Nothing was sent", "ACME", "ada")
    for _ in range(count):
        await world.put_object(case)


async def test_where_most_would_be_strays_nothing_is_deleted_unasked(world: World) -> None:
    await many_strays(world, 101)
    with capture_logs() as logs:
        report = await seen_twice(world)
    assert (report.withheld, report.deleted, report.strays) == (True, ObjectCounts(), 101)
    assert "sweeper.withheld" in [line["event"] for line in logs]
    report = await sweeper(world).run_once(due_before=world.clock.now(), even_many=True)
    assert (report.withheld, report.deleted.versions) == (False, 101)


async def test_a_few_are_deleted_even_if_there_is_nothing_else(world: World) -> None:
    await many_strays(world, 100)
    assert (await seen_twice(world)).deleted.versions == 100


async def test_too_long_a_queue_of_discards_is_worked_off_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transfer.records.strangers._MOST_JOBS", 2)
    case = await tidy_case(world)
    await world.put_object(case)
    keys = [f"c/x/{number}.0" for number in range(3)]
    await world.records.uploads.reserve(keys, world.clock.now() + DAY)
    report = await swept(world)
    assert report.failures == ["strays: unavailable"]
    assert await strays(world) == []
