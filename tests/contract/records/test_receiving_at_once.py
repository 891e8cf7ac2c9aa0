"""A file that came whole: begun and finished by one transaction, upon a reserved key."""

import asyncio

import pytest

from tests.contract.records.scenario import (
    CUSTOMER,
    NOW,
    NUMBER,
    after,
    audited,
    close_case,
    discards,
    finished,
    new_upload,
    open_case,
    receive,
)
from transfer.core.errors import CaseClosedError, IsAFolderError, StoreUnavailableError
from transfer.core.uploads import UploadState
from transfer.ports import Finished, Records

KEY = "c/case/object"


def done(key: str = KEY) -> Finished:
    return finished(key, now=after(3))


async def reserved(records: Records, key: str = KEY, seconds: float = 60) -> int:
    (reservation,) = await records.uploads.reserve([key], after(seconds))
    return reservation


async def test_it_is_a_received_upload_and_a_file(records: Records) -> None:
    await open_case(records)
    new = new_upload("logs/trace.log")
    upload = await records.uploads.receive(new, done(), CUSTOMER, await reserved(records))
    assert (upload.state, upload.offset, upload.path) == (
        UploadState.RECEIVED,
        100,
        "logs/trace.log",
    )
    assert upload == await records.uploads.upload(new.id)
    assert upload.file_id is not None
    file = await records.tree.file(upload.file_id)
    assert (file.path, file.object_key, file.created_at) == ("logs/trace.log", KEY, after(3))
    assert await audited(records) == ["file.received"]
    assert [event.id for event in await records.outbox.claim("w", after(9), after(99))] == [
        f"file-received-{file.id}"
    ]


async def test_its_reservation_is_gone(records: Records) -> None:
    await open_case(records)
    await records.uploads.receive(new_upload(), done(), CUSTOMER, await reserved(records))
    assert await discards(records) == (set(), set())


async def test_a_name_that_is_taken_is_numbered_in_the_file_only(records: Records) -> None:
    await open_case(records)
    await receive(records, "a.log")
    upload = await records.uploads.receive(
        new_upload("a.log"), done(), CUSTOMER, await reserved(records)
    )
    assert upload.file_id is not None
    assert upload.path == "a.log"
    assert upload == await records.uploads.upload(upload.id)
    assert (await records.tree.file(upload.file_id)).path == "a (2).log"


async def test_reservations_come_in_the_order_of_their_keys(records: Records) -> None:
    keys = [f"c/case/{number}" for number in range(64)]
    reservations = await records.uploads.reserve(keys, after(60))
    jobs = await records.jobs.claim("w", after(60), after(99), 100)
    assert {job.id: job.payload["keys"] for job in jobs} == {
        reservation: [key] for reservation, key in zip(reservations, keys, strict=True)
    }


async def test_what_nobody_received_is_discarded_when_it_is_time(records: Records) -> None:
    await reserved(records, seconds=60)
    assert await records.jobs.claim("w", after(59), after(99)) == []
    assert await discards(records) == ({KEY}, set())


@pytest.mark.parametrize("over", [False, True])
async def test_of_discard_and_file_only_one_happens(records: Records, over: bool) -> None:
    await open_case(records)
    reservation = await reserved(records)
    jobs = await records.jobs.claim("w", after(60), after(99))
    if over:
        await records.jobs.done(jobs)
    with pytest.raises(StoreUnavailableError, match="too long"):
        await records.uploads.receive(new_upload(), done(), CUSTOMER, reservation)
    assert await records.uploads.unfinished(NUMBER) == []
    assert (await records.tree.files(NUMBER))[0] == []
    assert await audited(records) == []


async def test_a_reservation_serves_one_file(records: Records) -> None:
    await open_case(records)
    reservation = await reserved(records)
    results = await asyncio.gather(
        *(
            records.uploads.receive(new_upload(f"{n}.log"), done(), CUSTOMER, reservation)
            for n in range(4)
        ),
        return_exceptions=True,
    )
    assert [type(result) for result in results].count(StoreUnavailableError) == 3
    assert len((await records.tree.files(NUMBER))[0]) == 1


async def test_what_can_not_be_received_keeps_its_reservation(records: Records) -> None:
    case = await open_case(records)
    await receive(records, "a/b.log")
    reservation = await reserved(records)
    with pytest.raises(IsAFolderError):
        await records.uploads.receive(new_upload("a"), done(), CUSTOMER, reservation)
    await close_case(records, case, NOW)
    with pytest.raises(CaseClosedError):
        await records.uploads.receive(new_upload("c.log"), done(), CUSTOMER, reservation)
    assert await discards(records) == ({KEY}, set())
