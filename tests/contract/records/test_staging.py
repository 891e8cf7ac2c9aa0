"""Uploads whose bytes were set aside, to be read before they are a file."""

from dataclasses import replace

import pytest

from tests.contract.records.scenario import (
    CUSTOMER,
    NOW,
    advance,
    after,
    begin,
    discards,
    lease,
    open_case,
    part,
)
from transfer.core.errors import WriterReplacedError
from transfer.core.uploads import Tail, Upload
from transfer.ports import Records


async def _set_aside(records: Records) -> Upload:
    """Return an upload of 57 bytes, of which all are in one object."""
    await open_case(records)
    upload = await begin(records, length=None, numbers=3)
    await records.uploads.begin_multipart(upload.id, 1, object_key="whole", multipart_id="m-1")
    tail = Tail(key="tail-1", size=7)
    step = advance(0, part(1, 0, 20), part(2, 20, 30), tail=tail)
    await records.uploads.commit(upload.id, 1, step)
    await records.uploads.set_aside(upload.id, 1, after(2))
    return await records.uploads.upload(upload.id)


async def test_what_was_set_aside_keeps_its_offset_and_needs_neither_parts_nor_tail(
    records: Records,
) -> None:
    upload = await _set_aside(records)
    assert upload.is_set_aside
    assert (upload.offset, upload.parts_offset, upload.tail) == (57, 57, None)
    assert (upload.object_key, upload.multipart_id) == ("whole", None)
    assert await records.uploads.parts(upload.id) == []
    assert await discards(records) == ({"tail-1"}, set())


async def test_it_grows_again_from_copied_parts(records: Records) -> None:
    upload = await _set_aside(records)
    number = await records.uploads.reserve_part(upload.id, 1)
    copied = advance(0, part(number, 0, 57), expected_offset=57)
    taken = await records.uploads.take_up(upload.id, 1, ("copy", "m-2"), copied)
    assert (taken.offset, taken.object_key, taken.multipart_id) == (57, "copy", "m-2")
    assert not taken.is_set_aside
    assert await records.uploads.parts(upload.id) == [part(number, 0, 57)]
    assert (await discards(records))[0] >= {"whole"}
    following = await records.uploads.reserve_part(upload.id, 1)
    await records.uploads.commit(upload.id, 1, advance(57, part(following, 57, 10)))
    assert (await records.uploads.upload(upload.id)).offset == 67


async def test_it_grows_again_from_a_tail(records: Records) -> None:
    upload = await _set_aside(records)
    tail = Tail(key="tail-2", size=57)
    copied = advance(0, tail=tail, expected_offset=57)
    taken = await records.uploads.take_up(upload.id, 1, None, copied)
    assert (taken.offset, taken.parts_offset, taken.tail) == (57, 0, tail)
    assert (taken.object_key, taken.multipart_id) == (None, None)
    assert not taken.is_set_aside


async def test_under_an_old_fence_nothing_is_set_aside_or_taken_up(records: Records) -> None:
    upload = await _set_aside(records)
    await records.uploads.acquire(upload.id, lease("node-2"), NOW, force=True)
    before = await records.uploads.upload(upload.id)
    with pytest.raises(WriterReplacedError):
        await records.uploads.set_aside(upload.id, 1, after(3))
    copied = advance(0, part(1, 0, 57), expected_offset=57)
    with pytest.raises(WriterReplacedError):
        await records.uploads.take_up(upload.id, 1, ("copy", "m-2"), copied)
    with pytest.raises(WriterReplacedError):
        await records.uploads.take_up(upload.id, 2, ("copy", "m-2"), replace(copied, offset=58))
    assert await records.uploads.upload(upload.id) == before


async def test_an_upload_that_is_given_up_takes_what_was_set_aside_with_it(
    records: Records,
) -> None:
    upload = await _set_aside(records)
    await records.uploads.abandon(upload.id, CUSTOMER, "removed", after(3))
    assert await discards(records) == ({"tail-1", "whole"}, set())


async def test_an_upload_that_has_parts_is_not_taken_up(records: Records) -> None:
    await open_case(records)
    upload = await begin(records, length=None, numbers=3)
    await records.uploads.begin_multipart(upload.id, 1, object_key="whole", multipart_id="m-1")
    await records.uploads.commit(upload.id, 1, advance(0, part(1, 0, 20)))
    copied = advance(0, part(2, 0, 20), expected_offset=20)
    with pytest.raises(WriterReplacedError):
        await records.uploads.take_up(upload.id, 1, ("copy", "m-2"), copied)
