import asyncio
from datetime import timedelta

import pytest

from tests.contract.records.scenario import (
    CUSTOMER,
    NOW,
    advance,
    after,
    begin,
    fill,
    finished,
    lease,
    new_upload,
    open_case,
    part,
    receive,
)
from transfer.core.errors import UploadGoneError, UploadMissingError, WriterReplacedError
from transfer.core.uploads import Upload, UploadId, UploadState
from transfer.ports import LeaseStanding, Records

HELD, WANTED, LOST = LeaseStanding.HELD, LeaseStanding.WANTED, LeaseStanding.LOST


async def _standing(records: Records, upload: Upload, fence: int | None = None) -> LeaseStanding:
    held = {upload.id: upload.fence if fence is None else fence}
    return (await records.uploads.renew(held, after(30)))[upload.id]


async def test_a_held_lease_is_not_given_to_another_one_and_its_holder_is_told(
    records: Records,
) -> None:
    await open_case(records)
    upload = await begin(records)
    assert await _standing(records, upload) is HELD
    assert await records.uploads.acquire(upload.id, lease("node-2"), after(1)) is None
    assert await _standing(records, upload) is WANTED
    assert (await records.uploads.upload(upload.id)).fence == upload.fence


async def test_a_lease_that_has_run_out_is_given_to_another_one(records: Records) -> None:
    await open_case(records)
    upload = await begin(records)
    assert await records.uploads.acquire(upload.id, lease("node-2"), after(29.9)) is None
    taken = await records.uploads.acquire(upload.id, lease("node-2", 60), after(30))
    assert taken is not None
    assert taken.fence == upload.fence + 1
    assert taken.updated_at == after(30)


async def test_a_renewed_lease_lasts_until_its_new_end(records: Records) -> None:
    await open_case(records)
    upload = await begin(records)
    await records.uploads.renew({upload.id: upload.fence}, after(90))
    assert await records.uploads.acquire(upload.id, lease("node-2"), after(89)) is None
    assert await records.uploads.acquire(upload.id, lease("node-2", 99), after(90)) is not None


async def test_a_forced_takeover_fences_the_old_writer_off_everything(records: Records) -> None:
    await open_case(records)
    old = await begin(records)
    new = await records.uploads.acquire(old.id, lease("node-2"), NOW, force=True)
    assert new is not None
    uploads = records.uploads
    with pytest.raises(WriterReplacedError):
        await uploads.reserve_part(old.id, old.fence)
    with pytest.raises(WriterReplacedError):
        await uploads.begin_multipart(old.id, old.fence, object_key="k", multipart_id="m")
    with pytest.raises(WriterReplacedError):
        await uploads.commit(old.id, old.fence, advance(0, part(1, 0, 10)))
    with pytest.raises(WriterReplacedError):
        await uploads.finish(old.id, finished(), CUSTOMER, fence=old.fence)
    await uploads.release(old.id, old.fence, UploadState.INTERRUPTED, NOW)
    assert await _standing(records, old) is LOST
    assert await _standing(records, new) is HELD
    assert await uploads.upload(old.id) == new


async def test_the_same_owner_taking_over_itself_gets_a_new_fence(records: Records) -> None:
    await open_case(records)
    upload = await begin(records)
    again = await records.uploads.acquire(upload.id, lease(), NOW, force=True)
    assert again is not None
    assert again.fence == upload.fence + 1


async def test_a_wish_of_before_does_not_concern_the_next_holder(records: Records) -> None:
    await open_case(records)
    upload = await begin(records)
    assert await records.uploads.acquire(upload.id, lease("node-2"), NOW) is None
    await records.uploads.release(upload.id, upload.fence, UploadState.RECEIVING, NOW)
    taken = await records.uploads.acquire(upload.id, lease("node-2"), NOW)
    assert taken is not None
    assert await _standing(records, taken) is HELD


@pytest.mark.parametrize("state", [UploadState.RECEIVING, UploadState.INTERRUPTED])
async def test_a_released_upload_is_left_in_its_state_and_is_free(
    records: Records, state: UploadState
) -> None:
    await open_case(records)
    upload = await begin(records)
    await records.uploads.release(upload.id, upload.fence, state, after(5))
    left = await records.uploads.upload(upload.id)
    assert (left.state, left.updated_at) == (state, after(5))
    assert await _standing(records, upload) is LOST
    taken = await records.uploads.acquire(upload.id, lease("node-2"), NOW)
    assert taken is not None
    assert taken.state is UploadState.RECEIVING


async def test_an_upload_is_not_left_in_a_state_that_only_others_decide(
    records: Records,
) -> None:
    await open_case(records)
    upload = await begin(records)
    with pytest.raises(ValueError, match="received"):
        await records.uploads.release(upload.id, upload.fence, UploadState.RECEIVED, NOW)
    assert await _standing(records, upload) is HELD


async def test_an_interrupted_upload_takes_nothing_under_its_old_fence(records: Records) -> None:
    await open_case(records)
    upload = await begin(records)
    await records.uploads.release(upload.id, upload.fence, UploadState.INTERRUPTED, NOW)
    with pytest.raises(WriterReplacedError):
        await records.uploads.reserve_part(upload.id, upload.fence)


async def test_many_leases_are_renewed_at_once_each_with_its_standing(records: Records) -> None:
    await open_case(records)
    held, wanted, lost = [await begin(records, f"{n}.log") for n in range(3)]
    free = await records.uploads.create(new_upload("free.log"), CUSTOMER)
    await records.uploads.acquire(wanted.id, lease("node-2"), NOW)
    await records.uploads.acquire(lost.id, lease("node-2"), NOW, force=True)
    all_of_them = {one.id: one.fence for one in (held, wanted, lost, free)} | {UploadId("gone"): 1}
    seen = await records.uploads.standings(all_of_them)
    standings = await records.uploads.renew(all_of_them, after(60))
    assert seen == standings
    assert standings == {
        held.id: HELD,
        wanted.id: WANTED,
        lost.id: LOST,
        free.id: LOST,
        "gone": LOST,
    }
    assert await records.uploads.renew({}, after(60)) == {}
    assert await records.uploads.standings({}) == {}


async def test_looking_at_a_lease_does_not_move_it_on(records: Records) -> None:
    await open_case(records)
    upload = await begin(records)
    assert await records.uploads.standings({upload.id: upload.fence}) == {upload.id: HELD}
    assert await records.uploads.acquire(upload.id, lease("node-2"), after(30)) is not None


async def test_an_upload_tells_whether_somebody_writes_it(records: Records) -> None:
    await open_case(records)
    upload = await begin(records)
    assert (await records.uploads.upload(upload.id)).held
    await records.uploads.release(upload.id, upload.fence, UploadState.INTERRUPTED, NOW)
    assert not (await records.uploads.upload(upload.id)).held


async def test_an_upload_that_is_over_or_absent_can_not_be_leased(records: Records) -> None:
    await open_case(records)
    file = await receive(records, "done.log")
    done = next(event for event in await records.audit.events() if event.subject == file.id)
    abandoned = await begin(records, "abandoned.log")
    await records.uploads.abandon(abandoned.id, CUSTOMER, "cancelled", NOW)
    completing = await begin(records, "completing.log")
    await fill(records, completing)
    await records.uploads.begin_completion(completing.id, NOW)
    for upload_id in (done.details["upload_id"], abandoned.id, completing.id):
        for force in (False, True):
            with pytest.raises(UploadGoneError):
                await records.uploads.acquire(upload_id, lease(), NOW, force=force)
    with pytest.raises(UploadMissingError):
        await records.uploads.acquire(UploadId("nowhere"), lease(), NOW)


async def test_of_many_newcomers_one_gets_the_lease(records: Records) -> None:
    await open_case(records)
    upload = await records.uploads.create(new_upload(), CUSTOMER)
    taken = await asyncio.gather(
        *(records.uploads.acquire(upload.id, lease(f"node-{n}"), NOW) for n in range(12))
    )
    assert [one.fence for one in taken if one is not None] == [1]


async def test_an_expired_upload_can_be_leased_as_its_caller_decides_on_expiry(
    records: Records,
) -> None:
    await open_case(records)
    upload = await records.uploads.create(new_upload(expires_at=NOW), CUSTOMER)
    late = NOW + timedelta(days=3)
    assert await records.uploads.acquire(upload.id, lease(seconds=10**6), late) is not None
