import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import Connection, text

from tests.contract.records.scenario import (
    CUSTOMER,
    NOW,
    NUMBER,
    OTHER_NUMBER,
    after,
    begin,
    close_case,
    finished,
    new_case,
    open_case,
    path,
    receive,
)
from transfer.core.cases import (
    Case,
    CaseNumber,
    CaseUpdate,
    Hold,
    Priority,
    Status,
    move,
    reopen,
)
from transfer.core.errors import (
    CaseClosedError,
    CaseMissingError,
    CaseStateError,
    EntryMissingError,
    InvalidRequestError,
    NameTakenError,
    UploadMissingError,
    WriterReplacedError,
)
from transfer.core.names import ROOT
from transfer.ports import AuditEvent, Records
from transfer.records import cases
from transfer.records.database import Database

ENTRY = CaseUpdate(at=after(1), author="analyst", text="Something happened.")


async def _save(records: Records, case: Case, expected_version: int) -> bool:
    return await records.cases.save(case, expected_version=expected_version, updates=[ENTRY])


async def _note(records: Records, case: Case, expected_version: int, *event_ids: str) -> bool:
    return await records.cases.note(
        case, expected_version=expected_version, entries=dict.fromkeys(event_ids, ENTRY)
    )


async def _being_purged(records: Records) -> Case:
    case = await close_case(records, await open_case(records))
    assert await records.cases.start_purge(NUMBER, expected_version=2, now=after(5))
    return case


def _done(actor: str = "analyst") -> AuditEvent:
    return AuditEvent(at=after(1), action="case.held", actor=actor, case_number=NUMBER)


_UNWRITABLE = _done("\ud800")  # is no text in any database


async def test_a_case_is_opened_with_its_audit_or_not_at_all(records: Records) -> None:
    with pytest.raises(InvalidRequestError):
        await records.cases.insert(new_case(), ENTRY, audited=[_done(), _UNWRITABLE])
    assert await records.cases.cases(None, 10) == []
    assert await records.audit.events() == []
    await records.cases.insert(new_case(), ENTRY, audited=[_done()])
    assert await records.audit.events(NUMBER) == [_done()]


async def test_a_case_is_changed_with_its_audit_or_not_at_all(records: Records) -> None:
    case = await open_case(records)
    held = replace(case, priority=Priority.LOW, version=2)

    async def save(*audited: AuditEvent, expected: int = 1) -> bool:
        return await records.cases.save(
            held, expected_version=expected, updates=[ENTRY], audited=audited
        )

    with pytest.raises(InvalidRequestError):
        await save(_done(), _UNWRITABLE)
    assert not await save(_done(), expected=7)
    assert await records.cases.case(NUMBER) == case
    assert len(await records.cases.updates(NUMBER)) == 1
    assert await records.audit.events() == []
    assert await save(_done(), _done("another"))
    assert await records.cases.case(NUMBER) == held
    assert await records.audit.events() == [_done(), _done("another")]


async def test_a_case_comes_back_as_it_was_inserted(records: Records) -> None:
    case = await open_case(records)
    assert await records.cases.case(NUMBER) == case
    assert [entry.text for entry in await records.cases.updates(NUMBER)] == ["Case opened."]
    with pytest.raises(CaseMissingError):
        await records.cases.case(OTHER_NUMBER)


async def test_a_case_number_is_used_once(records: Records) -> None:
    case = await open_case(records)
    with pytest.raises(NameTakenError):
        await open_case(records)
    results = await asyncio.gather(
        *(open_case(records, OTHER_NUMBER) for _ in range(4)), return_exceptions=True
    )
    assert [type(result) for result in results].count(NameTakenError) == 3
    assert await records.cases.case(NUMBER) == case
    assert len(await records.cases.updates(OTHER_NUMBER)) == 1


async def test_the_highest_number_is_known(records: Records) -> None:
    assert await records.cases.highest_number() is None
    await open_case(records, OTHER_NUMBER)
    await open_case(records, NUMBER)
    assert await records.cases.highest_number() == OTHER_NUMBER


async def test_cases_are_listed_newest_first(records: Records) -> None:
    for number in ("0000000002", "0000000001", "0000000003"):
        await open_case(records, CaseNumber(number))
    await close_case(records, await records.cases.case(CaseNumber("0000000002")))

    async def listed(status: Status | None, limit: int = 9) -> list[str]:
        return [case.number[-1] for case in await records.cases.cases(status, limit)]

    assert await listed(None) == ["3", "2", "1"]
    assert await listed(Status.OPEN) == ["3", "1"]
    assert await listed(Status.CLOSED) == ["2"]
    assert await listed(None, limit=2) == ["3", "2"]


async def test_a_saved_case_has_its_changes_and_its_history(records: Records) -> None:
    case = await open_case(records)
    changed = replace(
        move(case, Status.AWAITING_INFORMATION, None),
        subject="It still crashes",
        hold=Hold(reason="lawsuit", placed_by="admin", placed_at=after(2)),
    )
    assert await _save(records, changed, case.version)
    assert await records.cases.case(NUMBER) == changed
    assert (await records.cases.updates(NUMBER))[-1] == ENTRY
    lifted = replace(changed, hold=None, version=3)
    assert await records.cases.save(lifted, expected_version=2)
    assert await records.cases.case(NUMBER) == lifted
    assert len(await records.cases.updates(NUMBER)) == 2


async def test_a_case_that_changed_meanwhile_is_not_saved(records: Records) -> None:
    case = await open_case(records)
    changed = move(case, Status.SOLUTION_PROPOSED, None)
    results = await asyncio.gather(*(_save(records, changed, 1) for _ in range(5)))
    assert results.count(True) == 1
    assert len(await records.cases.updates(NUMBER)) == 2
    assert not await _save(records, replace(changed, number=OTHER_NUMBER), 1)


async def test_an_event_is_applied_once(records: Records) -> None:
    case = await open_case(records)
    assert await records.cases.told(["event-1"]) == set()
    assert await _note(records, replace(case, version=2), 1, "event-1", "event-2")
    assert await records.cases.told(["event-1", "event-2", "event-3"]) == {"event-1", "event-2"}
    assert not await _note(records, replace(case, version=3), 2, "event-3", "event-1")
    assert await records.cases.told(["event-3"]) == set()
    assert (await records.cases.case(NUMBER)).version == 2
    assert len(await records.cases.updates(NUMBER)) == 3


async def test_an_event_told_many_times_at_once_is_applied_once(records: Records) -> None:
    case = await open_case(records)
    results = await asyncio.gather(*(_note(records, case, 1, "event-1") for _ in range(5)))
    assert results.count(True) == 1
    assert len(await records.cases.updates(NUMBER)) == 2


async def test_a_deletion_begins_only_for_a_case_that_is_closed_unchanged_and_not_held(
    records: Records,
) -> None:
    case = await open_case(records)
    assert not await records.cases.start_purge(NUMBER, expected_version=1, now=NOW)
    closed = await close_case(records, case)
    assert not await records.cases.start_purge(NUMBER, expected_version=1, now=NOW)
    held = replace(closed, version=3, hold=Hold(reason="x", placed_by="a", placed_at=NOW))
    assert await _save(records, held, 2)
    assert not await records.cases.start_purge(NUMBER, expected_version=3, now=NOW)
    assert await _save(records, replace(held, version=4, hold=None), 3)
    assert not await records.cases.start_purge(OTHER_NUMBER, expected_version=4, now=NOW)
    assert (await records.cases.case(NUMBER)).purge_started_at is None
    assert await records.cases.start_purge(NUMBER, expected_version=4, now=after(5))
    assert await records.cases.start_purge(NUMBER, expected_version=4, now=after(9))
    assert (await records.cases.case(NUMBER)).purge_started_at == after(5)


async def test_a_case_whose_deletion_began_is_not_reopened_nor_forgets_it(
    records: Records,
) -> None:
    closed = await _being_purged(records)
    # As someone decides who has read the case before the deletion began.
    assert not await _save(records, reopen(closed), 2)
    held = replace(closed, version=3, hold=Hold(reason="x", placed_by="a", placed_at=NOW))
    assert await _save(records, held, 2)
    now = await records.cases.case(NUMBER)
    assert (now.purge_started_at, now.hold) == (after(5), held.hold)


async def test_a_case_whose_deletion_began_takes_no_upload(records: Records) -> None:
    await _being_purged(records)
    with pytest.raises(CaseClosedError):
        await begin(records)


async def test_closing_a_case_waits_for_an_upload_that_is_being_created(
    records: Records, database: Database
) -> None:
    case = await open_case(records)
    order: list[str] = []
    loop, begun = asyncio.get_running_loop(), asyncio.Event()

    def create_slowly(connection: Connection) -> None:
        cases.lock_open(connection, NUMBER)
        loop.call_soon_threadsafe(begun.set)
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_sleep(0.2)"))
        order.append("created")

    creating = asyncio.create_task(database.write(create_slowly))
    await begun.wait()
    await close_case(records, case)
    order.append("closed")
    await creating
    assert order == ["created", "closed"]


async def test_of_a_reopening_and_a_deletion_at_the_same_time_one_happens(
    records: Records,
) -> None:
    closed = await close_case(records, await open_case(records))
    reopened, begun = await asyncio.gather(
        _save(records, reopen(closed), 2),
        records.cases.start_purge(NUMBER, expected_version=2, now=NOW),
    )
    assert reopened != begun


async def test_a_scrub_deletes_all_rows_of_the_case_and_counts_them(records: Records) -> None:
    case = await open_case(records)
    await open_case(records, OTHER_NUMBER)
    other = await receive(records, "a/file", case_number=OTHER_NUMBER)
    file = await receive(records, "a/b/file", done=finished(size=1000))
    upload = await begin(records, "a/live", numbers=3)
    await close_case(records, case)
    assert await records.cases.start_purge(NUMBER, expected_version=2, now=NOW)
    counts = await records.cases.scrub(NUMBER)
    assert counts == {"files": 1, "folders": 3, "uploads": 2, "bytes": 1000}
    assert set((await records.cases.scrub(NUMBER)).values()) == {0}
    with pytest.raises(EntryMissingError):
        await records.tree.file(file.id)
    with pytest.raises(UploadMissingError):
        await records.uploads.upload(upload.id)
    with pytest.raises(WriterReplacedError):
        await records.uploads.reserve_part(upload.id, upload.fence)
    assert await records.tree.entry(NUMBER, ROOT) is None
    with pytest.raises(EntryMissingError):
        await records.tree.make_folder(NUMBER, path("a"), CUSTOMER, NOW)
    assert await records.tree.file(other.id) == other
    assert (await records.cases.case(NUMBER)).is_closed


async def test_nothing_is_scrubbed_before_the_deletion_began(records: Records) -> None:
    await close_case(records, await open_case(records))
    with pytest.raises(CaseStateError):
        await records.cases.scrub(NUMBER)
    with pytest.raises(CaseStateError):
        await records.cases.finish_purge(NUMBER, NOW)
    assert await records.tree.entry(NUMBER, ROOT) is not None


async def test_a_deletion_is_proved_once(records: Records) -> None:
    await _being_purged(records)
    await records.cases.finish_purge(NUMBER, after(7))
    await records.cases.finish_purge(NUMBER, after(8))
    assert (await records.cases.case(NUMBER)).purged_at == after(7)
