"""Uploads that nobody is shown yet, and uploads over which others were sent."""

from dataclasses import replace

import pytest

from tests.contract.records.scenario import (
    CUSTOMER,
    NUMBER,
    after,
    audited,
    begin,
    fill,
    finished,
    lease,
    new_upload,
    open_case,
    path,
    receive,
)
from transfer.core.access import Door
from transfer.core.errors import WriterReplacedError
from transfer.core.uploads import StoredFile, Upload, UploadState
from transfer.ports import Records

BY_SFTP = replace(CUSTOMER, door=Door.SFTP)


async def _draft(records: Records, seconds: float = 1) -> Upload:
    return await records.uploads.create(new_upload(now=after(seconds)), BY_SFTP, lease())


async def _shown(records: Records) -> str | None:
    entry = await records.tree.entry(NUMBER, path("trace.log"))
    return entry.id if isinstance(entry, StoredFile | Upload) else None


async def test_a_draft_is_shown_to_nobody_until_it_is_revealed(records: Records) -> None:
    await open_case(records)
    file = await receive(records)
    draft = await _draft(records)
    assert await _shown(records) == file.id
    assert await records.uploads.unfinished(NUMBER) == []
    children = await records.tree.children(NUMBER, path(""))
    assert [entry for entry in children if isinstance(entry, Upload)] == []
    await records.uploads.reveal(draft.id, draft.fence, {}, after(2))
    assert await _shown(records) == draft.id
    assert [upload.id for upload in await records.uploads.unfinished(NUMBER)] == [draft.id]


async def test_what_a_draft_takes_the_place_of_becomes_one(records: Records) -> None:
    await open_case(records)
    old = await records.uploads.create(new_upload(replaces=True), BY_SFTP, lease())
    draft = await _draft(records)
    assert await _shown(records) == old.id
    await records.uploads.reveal(draft.id, draft.fence, {old.id: old.fence}, after(2))
    assert [upload.id for upload in await records.uploads.unfinished(NUMBER)] == [draft.id]


async def test_what_somebody_else_goes_on_with_is_neither_hidden_nor_given_up(
    records: Records,
) -> None:
    await open_case(records)
    old = await records.uploads.create(new_upload(replaces=True), BY_SFTP, lease())
    draft = await _draft(records)
    taken = await records.uploads.acquire(old.id, lease("node-2"), after(2), force=True)
    assert taken is not None
    with pytest.raises(WriterReplacedError):
        await records.uploads.reveal(draft.id, draft.fence, {old.id: old.fence}, after(2))
    with pytest.raises(WriterReplacedError):
        await records.uploads.abandon(old.id, BY_SFTP, "x", after(2), fence=old.fence)
    assert await _shown(records) == old.id
    for _ in range(2):
        await records.uploads.abandon(old.id, BY_SFTP, "x", after(2), fence=taken.fence)
    assert await _shown(records) is None


async def test_under_an_old_fence_nothing_is_revealed(records: Records) -> None:
    await open_case(records)
    draft = await _draft(records)
    assert await records.uploads.acquire(draft.id, lease("node-2"), after(2), force=True)
    with pytest.raises(WriterReplacedError):
        await records.uploads.reveal(draft.id, draft.fence, {}, after(2))
    assert await _shown(records) is None


async def test_an_upload_over_which_another_was_sent_ends_with_that(records: Records) -> None:
    await open_case(records)
    old = await begin(records, replaces=True)
    other = await begin(records, "other.log", replaces=True)
    later = await begin(records, replaces=True, now=after(2))
    new = await begin(records, replaces=True, now=after(1))
    await records.uploads.finish(new.id, finished(), CUSTOMER, fence=new.fence)
    states = [(await records.uploads.upload(one.id)).state for one in (old, other, later)]
    assert states == [UploadState.ABANDONED, UploadState.RECEIVING, UploadState.RECEIVING]
    assert (await audited(records)).count("upload.abandoned") == 1


async def test_an_upload_that_is_completed_late_stands_beside_the_file_sent_over_it(
    records: Records,
) -> None:
    await open_case(records)
    old = await begin(records, replaces=True)
    await fill(records, old)
    await records.uploads.begin_completion(old.id, after(1))
    new = await receive(records, replaces=True, now=after(2))
    late = await records.uploads.finish(old.id, finished(), None)
    assert (late.path, await _shown(records)) == ("trace (2).log", new.id)
