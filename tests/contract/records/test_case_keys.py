"""The rows of cases' keys."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.clock import MovableClock
from tests.keys import destroy_key
from transfer.casebridge.embedded import EmbeddedCaseCore
from transfer.core.cases import Case, CaseId
from transfer.ports import AuditEvent, KeptKey, Records, WrappedKey
from transfer.records.assembly import open_records
from transfer.records.database import Database

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
WRAPPED = WrappedKey(master="file:one", sealed=bytes(range(60)))


async def a_case(records: Records, name: str = "case") -> Case:
    core = EmbeddedCaseCore(records=records, clock=MovableClock(), new_id=lambda: name)
    return await core.open("Trace of a hanging node", "ACME", "ada")


def key_of(case: Case, fingerprint: str = "f1") -> KeptKey:
    return KeptKey(case_id=case.id, fingerprint=fingerprint, wrapped=WRAPPED, created_at=NOW)


async def keep(records: Records, key: KeptKey, destroyed_before: datetime = NOW) -> KeptKey | None:
    return await records.case_keys.keep(key, destroyed_before=destroyed_before)


async def being_purged(records: Records, case: Case) -> None:
    core = EmbeddedCaseCore(records=records, clock=MovableClock(), new_id=lambda: "never")
    closed = await core.close(case.number, None, "ada")
    assert await records.cases.start_purge(case.number, expected_version=closed.version, now=NOW)


async def test_a_key_is_kept_word_for_word(records: Records) -> None:
    key = key_of(await a_case(records))
    assert await records.case_keys.find(key.case_id) is None
    assert await keep(records, key) == key
    assert await records.case_keys.find(key.case_id) == key


async def test_the_first_key_of_a_case_is_the_one_that_counts(records: Records) -> None:
    case = await a_case(records)
    first, second = key_of(case, "f1"), key_of(case, "f2")
    assert await keep(records, first) == first
    assert await keep(records, second) == first


async def test_of_many_at_once_all_get_the_same_key(records: Records) -> None:
    case = await a_case(records)
    kept = await asyncio.gather(*(keep(records, key_of(case, f"f{number}")) for number in range(8)))
    assert len(set(kept)) == 1


async def test_a_case_that_is_not_there_or_is_being_deleted_gets_none(records: Records) -> None:
    case = await a_case(records)
    await being_purged(records, case)
    assert await keep(records, key_of(case)) is None
    assert await keep(records, replace(key_of(case), case_id=CaseId("nobody"))) is None
    assert await records.case_keys.find(case.id) is None


async def test_a_destroyed_key_leaves_its_row_and_nothing_to_unwrap(records: Records) -> None:
    case = await a_case(records)
    key = key_of(case)
    await keep(records, key)
    await being_purged(records, case)
    gone = replace(key, wrapped=None, destroyed_at=NOW)
    assert await destroy_key(records, case.id, NOW) == "f1"
    assert await destroy_key(records, case.id, NOW + timedelta(days=1)) is None
    assert await records.case_keys.find(case.id) == gone
    assert await keep(records, key_of(case, "f2")) is None


async def test_what_never_had_a_key_has_none_to_destroy(records: Records) -> None:
    assert await destroy_key(records, CaseId("nobody"), NOW) is None


async def test_a_case_that_takes_files_again_begins_with_another_key(records: Records) -> None:
    case = await a_case(records)
    await keep(records, key_of(case))
    await destroy_key(records, case.id, NOW)
    again = key_of(case, "f2")
    former = await keep(records, again)  # the former one was not destroyed before NOW
    assert former is not None
    assert (former.fingerprint, former.wrapped) == ("f1", None)
    assert await keep(records, again, NOW + timedelta(seconds=1)) == again


async def test_keys_of_other_master_keys_come_by_the_page(records: Records) -> None:
    keys = [key_of(await a_case(records, f"case-{number}")) for number in range(5)]
    for key in keys:
        await keep(records, key)
    await destroy_key(records, keys[1].case_id, NOW)
    new = WrappedKey(master="file:two", sealed=b"anew")
    assert await records.case_keys.rewrap(keys[3], new)
    others = records.case_keys.wrapped_by_others
    assert await others("file:two", after=None, limit=2) == [keys[0], keys[2]]
    assert await others("file:two", after=keys[2].case_id, limit=2) == [keys[4]]
    assert await others("file:one", after=None, limit=9) == [replace(keys[3], wrapped=new)]
    assert await records.case_keys.counts() == ({"file:one": 3, "file:two": 1}, 1)


async def test_a_key_that_changed_or_was_destroyed_is_not_wrapped_anew(records: Records) -> None:
    case = await a_case(records)
    key = key_of(case)
    await keep(records, key)
    new = WrappedKey(master="file:two", sealed=b"anew")
    assert not await records.case_keys.rewrap(key_of(case, "f2"), new)
    assert await records.case_keys.find(case.id) == key
    await destroy_key(records, case.id, NOW)
    assert not await records.case_keys.rewrap(key, new)
    gone = await records.case_keys.find(case.id)
    assert gone is not None
    assert gone.wrapped is None


async def test_without_any_key_there_is_nothing_to_count(records: Records) -> None:
    assert await records.case_keys.counts() == ({}, 0)


async def test_a_destroyed_key_is_nowhere_in_the_files_of_sqlite(
    sqlite_url: str, tmp_path: Path
) -> None:
    sealed = bytes(range(200, 256)) * 2
    database = await Database.open(sqlite_url)
    records = open_records(database)
    cases = [await a_case(records, f"case-{number}") for number in range(3)]
    for case in cases:
        await keep(records, replace(key_of(case), wrapped=WrappedKey(master="m", sealed=sealed)))
    await database.close()
    assert _count(tmp_path, sealed) == 3
    database = await Database.open(sqlite_url)
    for case in cases:
        await destroy_key(open_records(database), case.id, NOW)
    assert _count(tmp_path, sealed) == 0
    await database.close()


async def test_keys_and_names_leave_the_wal_of_a_service_that_runs_on(
    sqlite_url: str, tmp_path: Path
) -> None:
    sealed, name = bytes(range(200, 256)) * 2, "Somebody's Very Own Name"
    database = await Database.open(sqlite_url)
    records = open_records(database)
    case = await a_case(records)
    await keep(records, replace(key_of(case), wrapped=WrappedKey(master="m", sealed=sealed)))
    event = AuditEvent(at=NOW, action="case.seen", actor=name, case_number=case.number)
    await records.audit.record(event)
    assert _count(tmp_path, sealed)
    await destroy_key(records, case.id, NOW)
    assert _count(tmp_path, sealed) == 0
    assert _count(tmp_path, name.encode())
    await records.audit.erase_personal(case.number, NOW)
    assert _count(tmp_path, name.encode()) == 0
    await database.close()


def _count(folder: Path, needle: bytes) -> int:
    return sum(path.read_bytes().count(needle) for path in folder.glob("records.db*"))
