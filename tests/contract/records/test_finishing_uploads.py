import asyncio
from datetime import timedelta

import pytest

from tests.contract.records.scenario import (
    ANALYST,
    CUSTOMER,
    NOW,
    NUMBER,
    advance,
    after,
    audited,
    begin,
    close_case,
    copy_file,
    discards,
    fill,
    finished,
    open_case,
    part,
    path,
    receive,
)
from transfer.core.access import Door
from transfer.core.errors import (
    LengthMismatchError,
    UploadBusyError,
    UploadGoneError,
    UploadMissingError,
    WriterReplacedError,
)
from transfer.core.uploads import Direction, StoredFile, Tail, UploadId, UploadState
from transfer.ports import LeaseStanding, Records
from transfer.records.database import Database


async def test_a_finished_upload_is_a_file_with_all_that_was_known_of_it(records: Records) -> None:
    await open_case(records)
    upload = await begin(
        records,
        "logs/trace.log",
        length=None,
        content_type="text/plain",
        modified_at=NOW - timedelta(days=9),
        direction=Direction.SHARED_WITH_CUSTOMER,
    )
    done = finished("c/case/object", size=2**45, verified=True, now=after(3))
    file = await records.uploads.finish(upload.id, done, CUSTOMER, fence=1)
    assert file == await records.tree.file(done.file_id)
    assert file == await records.tree.entry(NUMBER, path("logs/trace.log"))
    assert (file.id, file.path, file.size) == (done.file_id, "logs/trace.log", 2**45)
    assert (file.sha256, file.digest, file.verified) == (done.sha256, done.digest, True)
    assert (file.door, file.sent_by) == (Door.HTTP, "customer")
    assert (file.direction, file.content_type) == (Direction.SHARED_WITH_CUSTOMER, "text/plain")
    assert (file.created_at, file.modified_at) == (after(3), NOW - timedelta(days=9))
    over = await records.uploads.upload(upload.id)
    assert (over.state, over.file_id, over.offset) == (UploadState.RECEIVED, file.id, 2**45)
    assert over.length == 2**45
    assert await records.uploads.unfinished(NUMBER) == []


async def test_a_file_of_another_length_than_was_announced_isnt_received(records: Records) -> None:
    await open_case(records)
    upload = await begin(records, length=100)
    with pytest.raises(LengthMismatchError):
        await records.uploads.finish(upload.id, finished(size=99), CUSTOMER, fence=1)
    assert (await records.uploads.upload(upload.id)).state is UploadState.RECEIVING


async def test_without_a_time_from_its_sender_a_file_was_modified_when_it_came(
    records: Records,
) -> None:
    await open_case(records)
    assert (await receive(records, done=finished(now=after(4)))).modified_at == after(4)


async def test_a_finish_is_repeatable_and_gives_the_same_file(records: Records) -> None:
    await open_case(records)
    upload = await begin(records)
    first = await records.uploads.finish(upload.id, finished(), CUSTOMER, fence=1)
    for fence in (None, 1, 7):
        again = await records.uploads.finish(upload.id, finished(), ANALYST, fence=fence)
        assert again == first
    files, _ = await records.tree.files(NUMBER)
    assert files == [first]
    assert await audited(records) == ["file.received"]
    events = await records.outbox.claim("test", after(9), after(99))
    assert len(events) == 1


async def test_finishes_at_the_same_time_make_one_file(records: Records) -> None:
    await open_case(records)
    upload = await begin(records)
    await fill(records, upload)
    await records.uploads.begin_completion(upload.id, NOW)
    files = await asyncio.gather(
        *(records.uploads.finish(upload.id, finished(), None) for _ in range(5))
    )
    assert len({file.id for file in files}) == 1


async def test_the_case_core_and_the_audit_log_hear_of_a_file(records: Records) -> None:
    await open_case(records)
    done = finished(verified=True, now=after(2))
    file = await receive(records, "a/trace.log", done=done)
    (event,) = await records.outbox.claim("test", after(2), after(99))
    assert (event.type, event.case_number, event.at) == ("file.received", NUMBER, after(2))
    assert event.data == {
        "path": "a/trace.log",
        "size": 100,
        "sha256": file.sha256,
        "direction": "from_customer",
        "door": "http",
        "sent_by": "customer",
        "verified": True,
        "file_id": file.id,
    }
    (noted,) = await records.audit.events(NUMBER)
    assert (noted.action, noted.actor, noted.subject) == ("file.received", "customer", file.id)
    assert (noted.door, noted.address, noted.at) == (Door.HTTP, "192.0.2.7", after(2))
    assert noted.details["path"] == "a/trace.log"


async def test_a_worker_finishes_in_its_own_name(records: Records) -> None:
    await open_case(records)
    upload = await begin(records)
    await fill(records, upload)
    await records.uploads.begin_completion(upload.id, NOW)
    file = await records.uploads.finish(upload.id, finished(), None)
    (noted,) = await records.audit.events(NUMBER)
    assert (noted.actor, noted.door, noted.address) == ("service", None, None)
    assert file.sent_by == "customer"


async def test_only_who_may_finish_can(records: Records) -> None:
    await open_case(records)
    upload = await begin(records)
    with pytest.raises(UploadGoneError):
        await records.uploads.finish(upload.id, finished(), CUSTOMER)
    with pytest.raises(WriterReplacedError):
        await records.uploads.finish(upload.id, finished(), CUSTOMER, fence=2)
    await fill(records, upload)
    completing, _ = await records.uploads.begin_completion(upload.id, NOW)
    for fence in (1, completing.fence):
        with pytest.raises(WriterReplacedError):
            await records.uploads.finish(upload.id, finished(), CUSTOMER, fence=fence)
    with pytest.raises(UploadMissingError):
        await records.uploads.finish(UploadId("nowhere"), finished(), CUSTOMER)
    assert await records.tree.files(NUMBER) == ([], None)


async def test_an_upload_beside_a_file_of_its_name_is_numbered(records: Records) -> None:
    await open_case(records)
    names = [(await receive(records, "trace.log")).path for _ in range(3)]
    assert names == ["trace.log", "trace (2).log", "trace (3).log"]
    await records.tree.make_folder(NUMBER, path("trace (4).log"), CUSTOMER, NOW)
    assert (await receive(records, "trace.log")).path == "trace (5).log"


async def test_uploads_of_one_name_that_finish_at_the_same_time_each_get_their_own(
    records: Records,
) -> None:
    await open_case(records)
    files = await asyncio.gather(*(receive(records, "a/trace.log") for _ in range(6)))
    numbered = {f"a/trace ({number}).log" for number in range(2, 7)}
    assert {file.path for file in files} == {"a/trace.log", *numbered}


async def test_many_files_of_one_name_are_all_numbered(
    records: Records, database: Database
) -> None:
    await open_case(records)
    file = await receive(records, "trace.log")
    others = [f"trace ({number}).log" for number in range(2, 305) if number != 303]
    await database.write(copy_file, file, others)
    assert (await receive(records, "trace.log")).path == "trace (303).log"
    assert (await receive(records, "trace.log")).path == "trace (305).log"


async def test_two_spellings_of_a_name_are_one_name(records: Records) -> None:
    await open_case(records)
    await receive(records, "Mu\u0308ller.log")
    assert (await receive(records, "M\u00fcller.log")).path == "M\u00fcller (2).log"
    assert (await receive(records, "m\u00fcller.log")).path == "m\u00fcller.log"


async def test_an_upload_that_replaces_takes_the_place_of_the_file(records: Records) -> None:
    await open_case(records)
    old = await receive(records, done=finished("c/case/old"))
    new = await receive(records, done=finished("c/case/new"), replaces=True)
    assert new.path == old.path
    assert (await records.tree.files(NUMBER))[0] == [new]
    assert await discards(records) == ({"c/case/old"}, set())
    noted = (await records.audit.events(NUMBER))[-1]
    assert noted.details["replaced"] == old.id


async def test_an_object_that_is_kept_is_not_discarded(records: Records) -> None:
    await open_case(records)
    await receive(records, done=finished("c/case/same"))
    await receive(records, done=finished("c/case/same"), replaces=True)
    assert await discards(records) == (set(), set())


async def test_what_a_finished_upload_no_longer_needs_is_discarded(records: Records) -> None:
    await open_case(records)
    upload = await begin(records, numbers=1)
    await records.uploads.begin_multipart(upload.id, 1, object_key="c/parts", multipart_id="m1")
    step = advance(0, part(1, 0, 60), tail=Tail(key="c/tail", size=40))
    await records.uploads.commit(upload.id, 1, step)
    await records.uploads.finish(upload.id, finished("c/whole"), CUSTOMER, fence=1)
    assert await discards(records) == ({"c/tail"}, {("c/parts", "m1")})
    assert await records.uploads.parts(upload.id) == []


async def test_the_multipart_upload_that_became_the_object_is_not_discarded(
    records: Records,
) -> None:
    await open_case(records)
    upload = await begin(records)
    await records.uploads.begin_multipart(upload.id, 1, object_key="c/object", multipart_id="m1")
    await fill(records, upload)
    await records.uploads.begin_completion(upload.id, NOW)
    await records.uploads.finish(upload.id, finished("c/object"), CUSTOMER)
    assert await discards(records) == (set(), set())


async def test_a_file_that_was_removed_does_not_come_back_by_a_repeated_finish(
    records: Records,
) -> None:
    await open_case(records)
    upload = await begin(records)
    file = await records.uploads.finish(upload.id, finished(), CUSTOMER, fence=1)
    await records.tree.remove_file(file.id, CUSTOMER, NOW)
    with pytest.raises(UploadGoneError):
        await records.uploads.finish(upload.id, finished(), CUSTOMER, fence=1)


async def test_an_upload_still_finishes_when_its_case_was_closed_but_not_when_deletion_began(
    records: Records,
) -> None:
    case = await open_case(records)
    first, second = await begin(records, "1.log"), await begin(records, "2.log")
    closed = await close_case(records, case)
    file = await records.uploads.finish(first.id, finished(), CUSTOMER, fence=1)
    assert await records.tree.entry(NUMBER, path("1.log")) == file
    assert await records.cases.start_purge(NUMBER, expected_version=closed.version, now=NOW)
    with pytest.raises(UploadGoneError):
        await records.uploads.finish(second.id, finished(), CUSTOMER, fence=1)


async def test_an_abandoned_upload_is_over_and_its_bytes_are_discarded(records: Records) -> None:
    await open_case(records)
    upload = await begin(records, numbers=1)
    await records.uploads.begin_multipart(upload.id, 1, object_key="c/parts", multipart_id="m1")
    step = advance(0, part(1, 0, 60), tail=Tail(key="c/tail", size=30))
    await records.uploads.commit(upload.id, 1, step)
    await records.uploads.abandon(upload.id, CUSTOMER, "cancelled", after(2))
    await records.uploads.abandon(upload.id, CUSTOMER, "cancelled twice", after(3))
    over = await records.uploads.upload(upload.id)
    assert (over.state, over.fence, over.updated_at) == (UploadState.ABANDONED, 2, after(2))
    assert await records.uploads.parts(upload.id) == []
    assert await discards(records) == ({"c/tail"}, {("c/parts", "m1")})
    (noted,) = await records.audit.events(NUMBER)
    assert (noted.action, noted.subject) == ("upload.abandoned", upload.id)
    assert (noted.details["reason"], noted.details["path"]) == ("cancelled", over.path)
    assert await records.tree.entry(NUMBER, upload.path) is None


async def test_the_writer_of_an_abandoned_upload_is_stopped(records: Records) -> None:
    await open_case(records)
    upload = await begin(records)
    await records.uploads.abandon(upload.id, None, "expired", NOW)
    with pytest.raises(WriterReplacedError):
        await records.uploads.commit(upload.id, 1, advance(0, part(1, 0, 10)))
    with pytest.raises(UploadGoneError):
        await records.uploads.finish(upload.id, finished(), CUSTOMER, fence=1)
    with pytest.raises(UploadGoneError):
        await records.uploads.finish(upload.id, finished(), CUSTOMER)
    standing = await records.uploads.renew({upload.id: 1, UploadId("x"): 2}, after(9))
    assert standing[upload.id] is LeaseStanding.LOST


async def test_what_is_received_or_being_completed_is_not_abandoned(records: Records) -> None:
    await open_case(records)
    upload = await begin(records)
    await fill(records, upload)
    await records.uploads.begin_completion(upload.id, NOW)
    with pytest.raises(UploadBusyError):
        await records.uploads.abandon(upload.id, CUSTOMER, "cancelled", NOW)
    file = await records.uploads.finish(upload.id, finished(), CUSTOMER)
    with pytest.raises(UploadGoneError):
        await records.uploads.abandon(upload.id, CUSTOMER, "cancelled", NOW)
    assert isinstance(await records.tree.entry(NUMBER, file.path), StoredFile)
    with pytest.raises(UploadMissingError):
        await records.uploads.abandon(UploadId("nowhere"), CUSTOMER, "cancelled", NOW)


async def test_nothing_is_discarded_of_an_upload_that_never_stored_a_byte(
    records: Records,
) -> None:
    await open_case(records)
    upload = await begin(records)
    await records.uploads.abandon(upload.id, CUSTOMER, "cancelled", NOW)
    assert await records.jobs.claim("test", after(9), after(99)) == []
