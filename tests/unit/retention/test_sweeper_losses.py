"""What rows say is in the store, and isn't."""

from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.unit.retention.test_sweeper_strays import sweeper, swept, tidy_case
from tests.unit.retention.world import CUSTOMER, World
from transfer.core.cases import Case
from transfer.core.errors import StoreUnavailableError
from transfer.core.uploads import case_prefix
from transfer.ports import StoredItem, StoredKind
from transfer.ports.upkeep import LOSSES, Finding, FindingKind, KeptObject
from transfer.retention import sweeper_losses
from transfer.storage.memory import Call

MINUTE = timedelta(minutes=1)


async def losses(world: World) -> list[Finding]:
    return await world.records.upkeep.findings(LOSSES)


async def file_keys(world: World, case: Case) -> dict[str, str]:
    files, _ = await world.records.tree.files(case.number)
    return {file.object_key: file.id for file in files}


async def test_a_file_whose_object_is_gone_is_told_loudly_and_once_in_the_audit_log(
    world: World,
) -> None:
    case = await tidy_case(world)
    (key, file_id), *_ = (await file_keys(world, case)).items()
    await world.store.delete([key])
    for _ in range(2):
        with capture_logs() as logs:
            report = await swept(world)
        world.clock.advance(MINUTE)
        assert (report.missing, report.failures) == (1, [])
        [told] = [line for line in logs if line["event"] == "sweeper.missing"]
        assert (told["file"], told["key"], told["log_level"]) == (file_id, key, "error")
    [finding] = await losses(world)
    assert (finding.kind, finding.key, finding.file_id, finding.case_number) == (
        FindingKind.MISSING,
        key,
        file_id,
        case.number,
    )
    assert len(await world.details(case.number, "sweeper.missing")) == 1


async def test_what_is_back_is_no_loss_any_more(world: World) -> None:
    case = await tidy_case(world)
    key = next(iter(await file_keys(world, case)))
    world.store.mark_deleted(key)
    assert (await swept(world)).missing == 1
    [marker] = [item for item in await world.left_of(case) if item.kind.value == "delete-marker"]
    await world.store.delete_items([marker])
    world.clock.advance(MINUTE)
    assert (await swept(world)).missing == 0
    assert await losses(world) == []


async def test_tails_parts_and_multipart_uploads_of_unfinished_uploads_are_looked_for(
    world: World,
) -> None:
    case = await tidy_case(world)
    [upload] = await world.records.uploads.unfinished(case.number)
    assert upload.tail is not None
    assert upload.object_key is not None
    assert upload.multipart_id is not None
    await world.store.delete([upload.tail.key])
    await world.store.abort_multipart(upload.object_key, upload.multipart_id)
    assert (await swept(world)).missing == 2
    assert {(one.key, one.item_id) for one in await losses(world)} == {
        (upload.tail.key, ""),
        (upload.object_key, upload.multipart_id),
    }


async def test_an_empty_file_has_an_object_too(world: World) -> None:
    case = await world.a_case()
    key = f"{case_prefix(case.id)}nothing"
    kept = KeptObject(key=key, size=0)
    walk = sweeper_losses.LossWalk(records=world.records, store=world.store, clock=world.clock)
    assert await walk._is_gone(kept)
    await world.store.put(key, b"", crc64nvme=0)
    assert not await walk._is_gone(kept)


async def test_a_list_that_skips_something_makes_no_loss(world: World) -> None:
    case = await tidy_case(world)
    listed = world.store.list_page

    async def without_objects(
        prefix: str, after: str | None, limit: int = 1000
    ) -> tuple[list[StoredItem], str | None]:
        items, following = await listed(prefix, after, limit)
        return [item for item in items if item.kind is StoredKind.MULTIPART], following

    world.store.list_page = without_objects  # type: ignore[method-assign]  # a list that skips
    report = await swept(world)
    assert (report.missing, report.checked) == (0, 4)
    world.store.list_page = listed  # type: ignore[method-assign]  # the true one again
    assert await losses(world) == []
    assert await world.left_of(case)


async def test_a_file_that_is_removed_meanwhile_is_no_loss(world: World) -> None:
    case = await tidy_case(world)
    key, file_id = next(iter((await file_keys(world, case)).items()))
    await world.store.delete([key])

    async def remove(call: Call) -> None:
        if call == Call("read", key):
            world.store.before = None
            files, _ = await world.records.tree.files(case.number)
            [file] = [file for file in files if file.id == file_id]
            await world.records.tree.remove_file(file.id, CUSTOMER, world.clock.now())

    world.store.before = remove
    assert (await swept(world)).missing == 0


async def test_one_object_that_can_not_be_asked_for_does_not_stop_the_others(
    world: World,
) -> None:
    case = await tidy_case(world)
    first, second = await file_keys(world, case)
    await world.store.delete([first, second])

    async def refuse(call: Call) -> None:
        if call == Call("read", first):
            raise StoreUnavailableError("no")

    world.store.before = refuse
    report = await swept(world)
    assert (report.missing, report.failures) == (1, [f"{first}: store-unavailable"])


async def test_a_store_that_can_not_be_asked_ends_the_walk_until_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper_losses, "_MOST_FAILURES", 1)
    case = await tidy_case(world)
    [key, *_] = await file_keys(world, case)
    await world.store.delete([key])
    world.store.fail_next("read")
    assert (await swept(world)).failures == ["losses: store-unavailable"]
    assert (await sweeper(world).run_once()).missing == 1


async def test_cases_that_are_being_purged_have_no_losses(world: World) -> None:
    case = await world.a_due_case()
    version = (await world.present(case)).version
    now = world.clock.now()
    assert await world.records.cases.start_purge(case.number, expected_version=version, now=now)
    await world.store.delete([item.key for item in await world.left_of(case)])
    report = await swept(world)
    assert (report.missing, report.checked) == (0, 0)


async def test_many_cases_and_more_keys_than_fit_are_walked_through(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper_losses, "_CASES", 2)
    monkeypatch.setattr(sweeper_losses, "_PAGE", 1)
    monkeypatch.setattr(sweeper_losses, "_MOST_KEYS", 2)
    cases = [await tidy_case(world) for _ in range(5)]
    key = next(iter(await file_keys(world, cases[3])))
    await world.store.delete([key])
    report = await swept(world)
    assert (report.missing, report.checked, report.failures) == (1, 20, [])


async def test_uploads_that_are_just_put_together_are_left_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await tidy_case(world)
    [upload] = await world.records.uploads.unfinished(case.number)
    await world.records.uploads.reserve_part(upload.id, upload.fence, 10_000)
    assert await world.records.upkeep.kept_uploads(case.number) == []


async def test_a_round_without_cases_is_at_its_end(world: World) -> None:
    report: Any = await swept(world)
    assert (report.ended, report.checked) == (["strays", "losses"], 0)
