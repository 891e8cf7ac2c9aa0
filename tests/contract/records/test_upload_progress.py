import asyncio
from datetime import timedelta

import pytest

from tests.contract.records.scenario import (
    CUSTOMER,
    NOW,
    advance,
    after,
    begin,
    discards,
    fill,
    finished,
    lease,
    open_case,
    part,
)
from transfer.core.errors import (
    LengthMismatchError,
    TooLargeError,
    UploadGoneError,
    UploadMissingError,
    WriterReplacedError,
)
from transfer.core.uploads import DigestState, Tail, UploadId, UploadState
from transfer.ports import Advance, Records


async def test_a_part_number_is_never_handed_out_twice(records: Records) -> None:
    await open_case(records)
    upload = await begin(records)
    first = await records.uploads.reserve_part(upload.id, 1)
    block = await records.uploads.reserve_part(upload.id, 1, count=3)
    await records.uploads.acquire(upload.id, lease("node-2"), NOW, force=True)
    after_takeover = await records.uploads.reserve_part(upload.id, 2)
    assert (first, block, after_takeover) == (1, 2, 5)
    assert (await records.uploads.upload(upload.id)).next_part_number == 6


async def test_part_numbers_reserved_at_the_same_time_differ(records: Records) -> None:
    await open_case(records)
    upload = await begin(records)
    numbers = await asyncio.gather(
        *(records.uploads.reserve_part(upload.id, 1, count=2) for _ in range(20))
    )
    assert sorted(numbers) == list(range(1, 41, 2))


async def test_the_last_part_number_is_10000(records: Records) -> None:
    await open_case(records)
    upload = await begin(records)
    assert await records.uploads.reserve_part(upload.id, 1, count=9_999) == 1
    with pytest.raises(TooLargeError):
        await records.uploads.reserve_part(upload.id, 1, count=2)
    assert await records.uploads.reserve_part(upload.id, 1) == 10_000
    with pytest.raises(TooLargeError):
        await records.uploads.reserve_part(upload.id, 1)


async def test_a_commit_moves_the_offset_on_and_keeps_what_goes_with_it(records: Records) -> None:
    await open_case(records)
    upload = await begin(records, numbers=3)
    tail = Tail(key="c/case/tail-1", size=7)
    parts = (part(1, 0, 20), part(2, 20, 30))
    digest = DigestState(sha256=b"\x00state\xff", crc64nvme=2**64 - 2)
    step = advance(0, *parts, tail=tail, digest=digest)
    await records.uploads.commit(upload.id, 1, step)
    now = await records.uploads.upload(upload.id)
    assert (now.offset, now.parts_offset, now.tail, now.digest) == (57, 50, tail, digest)
    assert (now.updated_at, now.expires_at) == (after(1), NOW + timedelta(days=2))
    assert await records.uploads.parts(upload.id) == list(parts)


async def test_parts_come_back_in_the_order_of_their_numbers(records: Records) -> None:
    await open_case(records)
    upload = await begin(records, length=None, numbers=100)
    start = 0
    for number in (2, 9, 10, 100):
        await records.uploads.commit(upload.id, 1, advance(start, part(number, start, 10)))
        start += 10
    numbers = [one.number for one in await records.uploads.parts(upload.id)]
    assert numbers == [2, 9, 10, 100]


async def test_a_commit_at_another_offset_changes_nothing(records: Records) -> None:
    await open_case(records)
    upload = await begin(records, numbers=3)
    await records.uploads.commit(upload.id, 1, advance(0, part(1, 0, 10)))
    before = await records.uploads.upload(upload.id)
    for offset in (0, 9, 11):
        with pytest.raises(WriterReplacedError):
            await records.uploads.commit(upload.id, 1, advance(offset, part(2, offset, 10)))
    assert await records.uploads.upload(upload.id) == before
    assert len(await records.uploads.parts(upload.id)) == 1


async def test_of_two_commits_at_one_offset_one_counts(records: Records) -> None:
    await open_case(records)
    upload = await begin(records, numbers=3)
    results = await asyncio.gather(
        *(
            records.uploads.commit(upload.id, 1, advance(0, part(number, 0, 10)))
            for number in (1, 2, 3)
        ),
        return_exceptions=True,
    )
    assert [type(result) for result in results].count(WriterReplacedError) == 2
    assert len(await records.uploads.parts(upload.id)) == 1


@pytest.mark.parametrize(
    "step",
    [
        advance(0, part(1, 5, 10)),
        advance(0, part(1, 0, 10), part(2, 11, 10)),
        advance(0, part(1, 0, 10), offset=11),
        advance(0, tail=Tail(key="k", size=3), offset=4),
    ],
    ids=["gap before", "gap between", "beyond the parts", "beyond the tail"],
)
async def test_a_commit_that_leaves_a_gap_is_refused(records: Records, step: Advance) -> None:
    await open_case(records)
    upload = await begin(records, numbers=3)
    with pytest.raises(ValueError, match="at"):
        await records.uploads.commit(upload.id, 1, step)
    assert (await records.uploads.upload(upload.id)).offset == 0


async def test_a_part_whose_number_was_never_reserved_is_refused(records: Records) -> None:
    await open_case(records)
    upload = await begin(records, numbers=2)
    with pytest.raises(ValueError, match="never reserved"):
        await records.uploads.commit(upload.id, 1, advance(0, part(3, 0, 10)))
    assert await records.uploads.parts(upload.id) == []


async def test_the_tail_grows_into_a_part_and_its_objects_are_discarded(records: Records) -> None:
    await open_case(records)
    upload = await begin(records, numbers=3)
    one, two = Tail(key="tail-1", size=10), Tail(key="tail-2", size=25)
    await records.uploads.commit(upload.id, 1, advance(0, tail=one))
    assert await discards(records) == (set(), set())
    await records.uploads.commit(upload.id, 1, advance(10, tail=two, offset=25))
    assert await discards(records) == ({"tail-1"}, set())
    await records.uploads.commit(upload.id, 1, advance(25, part(1, 0, 40), offset=40))
    assert await discards(records) == ({"tail-2"}, set())
    now = await records.uploads.upload(upload.id)
    assert (now.offset, now.parts_offset, now.tail) == (40, 40, None)


async def test_a_tail_of_the_same_key_is_not_discarded(records: Records) -> None:
    await open_case(records)
    upload = await begin(records)
    await records.uploads.commit(upload.id, 1, advance(0, tail=Tail(key="tail", size=10)))
    again = advance(10, tail=Tail(key="tail", size=12), offset=12)
    await records.uploads.commit(upload.id, 1, again)
    assert await discards(records) == (set(), set())


async def test_a_commit_never_moves_the_offset_back(records: Records) -> None:
    await open_case(records)
    upload = await begin(records)
    await records.uploads.commit(upload.id, 1, advance(0, tail=Tail(key="tail", size=10)))
    with pytest.raises(ValueError, match="not at 4"):
        await records.uploads.commit(
            upload.id, 1, advance(10, tail=Tail(key="less", size=4), offset=4)
        )


async def test_an_upload_has_one_multipart_upload_ever(records: Records) -> None:
    await open_case(records)
    upload = await begin(records)
    for _ in range(2):
        await records.uploads.begin_multipart(upload.id, 1, object_key="k", multipart_id="m")
    with pytest.raises(WriterReplacedError):
        await records.uploads.begin_multipart(upload.id, 1, object_key="k2", multipart_id="m2")
    now = await records.uploads.upload(upload.id)
    assert (now.object_key, now.multipart_id) == ("k", "m")


async def test_a_length_is_announced_once_and_may_be_repeated(records: Records) -> None:
    await open_case(records)
    upload = await begin(records, length=None, numbers=1)
    await records.uploads.commit(upload.id, 1, advance(0, part(1, 0, 10)))
    with pytest.raises(LengthMismatchError):
        await records.uploads.announce(upload.id, 9, None, NOW)
    announced = await records.uploads.announce(upload.id, 10, "ab" * 32, after(2))
    assert (announced.length, announced.expected_sha256) == (10, "ab" * 32)
    assert announced == await records.uploads.upload(upload.id)
    again = await records.uploads.announce(upload.id, 10, None, after(3))
    assert again.expected_sha256 == "ab" * 32
    with pytest.raises(LengthMismatchError):
        await records.uploads.announce(upload.id, 11, None, NOW)


async def test_an_announcement_to_an_upload_that_is_over_changes_nothing(
    records: Records,
) -> None:
    await open_case(records)
    done = await begin(records, "done.log")
    await records.uploads.finish(done.id, finished(), CUSTOMER, fence=1)
    before = await records.uploads.upload(done.id)
    assert await records.uploads.announce(done.id, 100, "cd" * 32, after(9)) == before
    with pytest.raises(LengthMismatchError):
        await records.uploads.announce(done.id, 99, None, NOW)
    abandoned = await begin(records, "abandoned.log", length=None)
    await records.uploads.abandon(abandoned.id, CUSTOMER, "cancelled", NOW)
    with pytest.raises(UploadGoneError):
        await records.uploads.announce(abandoned.id, 10, None, NOW)
    with pytest.raises(UploadMissingError):
        await records.uploads.announce(UploadId("nowhere"), 10, None, NOW)


async def test_a_whole_upload_is_completed_out_of_its_writers_hands(records: Records) -> None:
    await open_case(records)
    upload = await begin(records)
    await fill(records, upload)
    completing, parts = await records.uploads.begin_completion(upload.id, after(2))
    assert (completing.state, completing.fence) == (UploadState.COMPLETING, 2)
    assert completing.updated_at == after(2)
    with pytest.raises(WriterReplacedError):
        await records.uploads.reserve_part(upload.id, 1)
    with pytest.raises(WriterReplacedError):
        await records.uploads.reserve_part(upload.id, 2)
    assert parts == await records.uploads.parts(upload.id) != []
    assert await records.uploads.begin_completion(upload.id, after(3)) == (completing, parts)


async def test_an_upload_that_is_not_whole_is_not_completed(records: Records) -> None:
    await open_case(records)
    short = await begin(records, "short.log")
    endless = await begin(records, "endless.log", length=None)
    abandoned = await begin(records, "abandoned.log", length=0)
    await records.uploads.abandon(abandoned.id, CUSTOMER, "cancelled", NOW)
    for upload in (short, endless, abandoned):
        with pytest.raises(UploadGoneError):
            await records.uploads.begin_completion(upload.id, NOW)
    assert (await records.uploads.upload(short.id)).state is UploadState.RECEIVING


async def test_live_uploads_of_a_case_are_listed_oldest_first(records: Records) -> None:
    await open_case(records)
    late = await begin(records, "late.log", now=after(9))
    early = await begin(records, "a/early.log", now=after(1))
    middle = await begin(records, "middle.log", now=after(5))
    await records.uploads.release(early.id, 1, UploadState.INTERRUPTED, NOW)
    gone = await begin(records, "gone.log")
    await records.uploads.abandon(gone.id, CUSTOMER, "cancelled", NOW)
    listed = await records.uploads.unfinished(early.case_number)
    assert [one.path for one in listed] == ["a/early.log", "middle.log", "late.log"]
    assert [one.id for one in listed] == [early.id, middle.id, late.id]


async def test_expired_uploads_and_orphaned_completions_are_overdue(records: Records) -> None:
    await open_case(records)
    expired = await begin(records, "expired.log", expires_at=after(10))
    await records.uploads.release(expired.id, 1, UploadState.INTERRUPTED, NOW)
    await begin(records, "fresh.log", expires_at=after(1000))
    await begin(records, "left.log", expires_at=after(10))  # leased for 30 s
    written = await begin(records, "written.log", expires_at=after(10))
    assert await records.uploads.acquire(written.id, lease("node-2", 999), NOW, force=True)
    orphaned = await begin(records, "orphaned.log", expires_at=after(5))
    await fill(records, orphaned)
    await records.uploads.begin_completion(orphaned.id, after(2))

    async def overdue(at: float, limit: int = 100) -> set[str]:
        return {one.path for one in await records.uploads.overdue(after(at), limit)}

    assert await overdue(9.9) == set()
    assert await overdue(10) == {"expired.log"}
    assert await overdue(29.9) == {"expired.log"}
    assert await overdue(62) == {"expired.log", "left.log"}
    assert await overdue(62.1) == {"expired.log", "left.log", "orphaned.log"}
    assert len(await overdue(62.1, limit=1)) == 1
    await records.uploads.abandon(expired.id, None, "expired", after(70))
    assert await overdue(70) == {"left.log", "orphaned.log"}
