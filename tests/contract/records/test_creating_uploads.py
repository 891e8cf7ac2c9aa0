from datetime import timedelta

import pytest

from tests.contract.records.scenario import (
    ANALYST,
    CUSTOMER,
    NOW,
    NUMBER,
    begin,
    close_case,
    lease,
    new_upload,
    open_case,
    path,
    receive,
)
from transfer.core.access import Door
from transfer.core.errors import (
    CaseClosedError,
    CaseMissingError,
    EntryMissingError,
    IsAFolderError,
    NotAFolderError,
    UploadMissingError,
)
from transfer.core.uploads import DigestState, Direction, Folder, UploadId, UploadState
from transfer.ports import Records


async def test_an_upload_comes_back_as_it_was_created(records: Records) -> None:
    case = await open_case(records)
    new = new_upload(
        "logs/node 1/träce.log",
        direction=Direction.SHARED_WITH_CUSTOMER,
        metadata="filename dHLDpGNl",
        content_type="text/plain",
        modified_at=NOW - timedelta(days=3),
        expected_sha256="ab" * 32,
        replaces=True,
        length=2**50,
    )
    created = await records.uploads.create(new, CUSTOMER, lease())
    assert created == await records.uploads.upload(new.id)
    assert (created.path, created.length, created.case_id) == (new.path, 2**50, case.id)
    assert (created.door, created.sent_by) == (Door.HTTP, "customer")
    assert (created.direction, created.replaces) == (Direction.SHARED_WITH_CUSTOMER, True)
    assert (created.metadata, created.content_type) == ("filename dHLDpGNl", "text/plain")
    assert (created.modified_at, created.expected_sha256) == (NOW - timedelta(days=3), "ab" * 32)
    assert (created.created_at, created.updated_at, created.expires_at) == (
        NOW,
        NOW,
        NOW + timedelta(days=1),
    )
    assert created.digest == DigestState(sha256=None, crc64nvme=0)
    assert (created.state, created.offset, created.tail) == (UploadState.RECEIVING, 0, None)
    assert (created.next_part_number, created.fence) == (1, 1)
    assert (created.object_key, created.multipart_id, created.file_id) == (None, None, None)


async def test_an_upload_created_without_a_lease_is_free_for_its_first_writer(
    records: Records,
) -> None:
    await open_case(records)
    created = await records.uploads.create(new_upload(length=None), ANALYST)
    assert (created.fence, created.state, created.length) == (0, UploadState.RECEIVING, None)
    taken = await records.uploads.acquire(created.id, lease(), NOW)
    assert taken is not None
    assert taken.fence == 1


async def test_an_upload_that_is_not_there_is_missing(records: Records) -> None:
    with pytest.raises(UploadMissingError):
        await records.uploads.upload(UploadId("nowhere"))


async def test_folders_on_the_way_are_made_once(records: Records) -> None:
    await open_case(records)
    await begin(records, "a/b/one.log")
    await begin(records, "a/b/two.log")
    names = [entry.path for entry in await records.tree.children(NUMBER, path("a"))]
    assert names == ["a/b"]


async def test_without_its_folder_an_upload_is_refused_unless_it_makes_it(
    records: Records,
) -> None:
    await open_case(records)
    with pytest.raises(EntryMissingError):
        await begin(records, "a/b.log", make_folders=False)
    assert await records.tree.entry(NUMBER, path("a")) is None
    await records.tree.make_folder(NUMBER, path("a"), CUSTOMER, NOW)
    assert (await begin(records, "a/b.log", make_folders=False)).path == "a/b.log"


async def test_an_upload_does_not_take_the_name_of_a_folder(records: Records) -> None:
    await open_case(records)
    with pytest.raises(IsAFolderError):
        await begin(records, "shared")
    assert await records.uploads.unfinished(NUMBER) == []


@pytest.mark.parametrize("make_folders", [True, False])
async def test_a_file_is_no_folder_for_an_upload(records: Records, make_folders: bool) -> None:
    await open_case(records)
    await receive(records, "notes")
    with pytest.raises(NotAFolderError):
        await begin(records, "notes/more/trace.log", make_folders=make_folders)


async def test_a_live_upload_is_no_folder_for_another_one(records: Records) -> None:
    await open_case(records)
    upload = await begin(records, "notes")
    with pytest.raises(NotAFolderError):
        await begin(records, "notes/trace.log")
    await records.uploads.abandon(upload.id, CUSTOMER, "cancelled", NOW)
    assert (await begin(records, "notes/trace.log")).path == "notes/trace.log"


async def test_a_case_that_is_not_there_takes_no_upload(records: Records) -> None:
    with pytest.raises(CaseMissingError):
        await begin(records)


async def test_a_closed_case_takes_no_upload(records: Records) -> None:
    await close_case(records, await open_case(records))
    with pytest.raises(CaseClosedError):
        await begin(records, "new/trace.log")
    assert await records.tree.entry(NUMBER, path("new")) is None


async def test_a_folder_in_another_spelling_is_the_same_one(records: Records) -> None:
    await open_case(records)
    await begin(records, "Mu\u0308ller/one.log")
    upload = await begin(records, "M\u00fcller/two.log")
    assert upload.path == "Mu\u0308ller/two.log"
    assert isinstance(await records.tree.entry(NUMBER, path("M\u00fcller")), Folder)
