"""What a hold keeps, of an open case as of a closed one: what came, and what has begun to come."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.contract.records.scenario import (
    CUSTOMER,
    NOW,
    NUMBER,
    after,
    begin,
    discards,
    fill,
    finished,
    new_upload,
    open_case,
    path,
    receive,
)
from transfer.core.account_terms import AccountTerms
from transfer.core.cases import Hold
from transfer.core.concatenation import Concatenation
from transfer.core.errors import HeldError
from transfer.core.uploads import Concat, DigestState, StoredFile, UploadState
from transfer.ports import AuditEvent, Kept, Records

HOLD = Hold(reason="lawsuit", placed_by="admin", placed_at=NOW)
LATER = NOW + timedelta(days=30)


async def hold(records: Records) -> None:
    case = await records.cases.case(NUMBER)
    held = replace(case, hold=HOLD, version=case.version + 1)
    assert await records.cases.save(held, expected_version=case.version)


async def hold_account(records: Records) -> None:
    terms = AccountTerms(account="Acme", period=None, hold=HOLD, changed_by="admin", changed_at=NOW)
    event = AuditEvent(at=NOW, action="account.changed", actor="admin")
    assert await records.terms.put(terms, None, event)


async def names(records: Records) -> list[str]:
    files, _ = await records.tree.files(NUMBER)
    return [file.path for file in files]


async def overdue(records: Records) -> set[str]:
    return {upload.id for upload in await records.uploads.overdue(LATER)}


@pytest.fixture
async def file(records: Records) -> StoredFile:
    await open_case(records)
    return await receive(records, "trace.log")


@pytest.mark.parametrize("place", [hold, hold_account])
async def test_no_file_is_removed(
    records: Records, file: StoredFile, place: Callable[[Records], Awaitable[None]]
) -> None:
    await place(records)
    with pytest.raises(HeldError, match="Customer Care"):
        await records.tree.remove_file(file.id, CUSTOMER, NOW)
    assert await records.tree.file(file.id) == file
    assert await discards(records) == (set(), set())


async def test_no_file_goes_for_one_that_is_moved_over_it(
    records: Records, file: StoredFile
) -> None:
    await receive(records, "trace.log.filepart")
    await hold(records)
    at = (path("trace.log.filepart"), path("trace.log"))
    with pytest.raises(HeldError):
        await records.tree.move(NUMBER, *at, CUSTOMER, NOW, replace=True)
    assert set(await names(records)) == {"trace.log", "trace.log.filepart"}
    await records.tree.move(NUMBER, at[0], path("other.log"), CUSTOMER, NOW, replace=True)
    assert set(await names(records)) == {"trace.log", "other.log"}


async def test_no_upload_begins_that_would_replace_a_file_and_others_do(
    records: Records, file: StoredFile
) -> None:
    await hold(records)
    with pytest.raises(HeldError):
        await begin(records, "trace.log", replaces=True)
    (reservation,) = await records.uploads.reserve(["c/case/new"], LATER)
    with pytest.raises(HeldError):
        await records.uploads.receive(
            new_upload("trace.log", replaces=True), finished("c/case/new"), CUSTOMER, reservation
        )
    await receive(records, "other.log", replaces=True)
    await receive(records, "trace.log")
    assert set(await names(records)) == {"trace.log", "other.log", "trace (2).log"}


async def test_an_upload_that_was_to_replace_a_file_stands_beside_it_when_a_hold_came(
    records: Records, file: StoredFile
) -> None:
    upload = await begin(records, "trace.log", replaces=True)
    await hold(records)
    await records.uploads.finish(upload.id, finished(), CUSTOMER, fence=upload.fence)
    assert set(await names(records)) == {"trace.log", "trace (2).log"}
    assert file.object_key not in (await discards(records))[0]


@pytest.mark.parametrize("place", [hold, hold_account])
async def test_an_unfinished_upload_does_not_expire(
    records: Records, place: Callable[[Records], Awaitable[None]]
) -> None:
    await open_case(records)
    upload = await begin(records)
    await records.uploads.release(upload.id, 1, UploadState.INTERRUPTED, NOW)
    assert await overdue(records) == {upload.id}
    await place(records)
    assert await overdue(records) == set()


async def test_neither_pieces_nor_what_waits_for_them_expire(records: Records) -> None:
    await open_case(records)
    piece = Concatenation(role=Concat.PARTIAL, header="partial", pieces=())
    whole = await begin(records, "unnamed", concatenation=piece)
    kept = Kept(
        object_key="c/case/piece", size=100, digest=DigestState(sha256=None, crc64nvme=1), now=NOW
    )
    await records.uploads.keep(whole.id, kept, fence=1)
    missing = await begin(records, "unnamed", concatenation=piece)
    header = f"final;{whole.id} {missing.id}"
    final = Concatenation(role=Concat.FINAL, header=header, pieces=(whole.id, missing.id))
    waiting = await records.uploads.create(new_upload("a.log", concatenation=final), CUSTOMER)
    unneeded = await begin(records, "unnamed", concatenation=piece)
    await records.uploads.keep(unneeded.id, kept, fence=1)
    assert await overdue(records) == {missing.id, waiting.id, unneeded.id}
    await hold(records)
    assert await overdue(records) == set()


async def test_a_file_that_a_lost_process_left_half_finished_is_finished_all_the_same(
    records: Records,
) -> None:
    await open_case(records)
    upload = await begin(records)
    await fill(records, upload)
    await records.uploads.begin_completion(upload.id, after(2))
    await hold(records)
    assert await overdue(records) == {upload.id}
