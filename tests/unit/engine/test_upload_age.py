"""An upload that is continued lives on, but not for ever."""

from datetime import timedelta

import pytest

from tests.clock import START
from tests.engine_room import NUMBER, EngineRoom, chunks, customer
from transfer.core.errors import UploadGoneError
from transfer.core.names import CasePath
from transfer.engine.beginnings import FileToSend
from transfer.engine.policy import UploadPolicy

DAY = timedelta(days=1)


def test_each_continuation_moves_the_expiry_up_to_the_longest_life() -> None:
    policy = UploadPolicy(lifetime=7 * DAY, longest=30 * DAY)
    assert policy.expires_at(START, START) == START + 7 * DAY
    assert policy.expires_at(START + 20 * DAY, START) == START + 27 * DAY
    assert policy.expires_at(START + 25 * DAY, START) == START + 30 * DAY


async def test_an_upload_that_is_continued_for_months_ends(room: EngineRoom) -> None:
    file = FileToSend(case_number=NUMBER, path=CasePath("slow.bin"), length=10_000)
    upload = await room.uploads.create(customer(), file)
    last = upload.created_at + room.tools.policy.longest
    for offset in range(0, 150, 10):
        await room.append(customer(), upload.id, offset, chunks(b"x" * 10))
        stood = await room.uploads.show(customer(), upload.id)
        assert stood.expires_at == min(room.clock.now() + room.tools.policy.lifetime, last)
        room.clock.advance(6 * DAY)
    with pytest.raises(UploadGoneError):
        await room.append(customer(), upload.id, 150, chunks(b"x" * 10))
