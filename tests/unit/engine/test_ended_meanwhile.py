"""Uploads that somebody else ends between two steps of whoever is ending them."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from tests.engine_room import MIB, NUMBER, EngineRoom, chunks, customer
from tests.unit.engine.pieces import DATA, a_piece
from tests.unit.engine.pieces import room as room
from transfer.core.names import CasePath
from transfer.core.uploads import Part, Upload, UploadId, UploadState
from transfer.engine.beginnings import FileToSend
from transfer.engine.completion import complete, keep
from transfer.engine.policy import Tools
from transfer.ports import UploadLedger

SIZE = 3 * MIB


class Overtaken:
    """A ledger on which `meanwhile` happens, once, when a completion has begun."""

    def __init__(self, ledger: UploadLedger, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self._ledger = ledger
        self._meanwhile: Callable[[], Awaitable[object]] | None = meanwhile

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- whatever the ledger has
        return getattr(self._ledger, name)

    async def begin_completion(
        self, upload_id: UploadId, now: datetime
    ) -> tuple[Upload, list[Part]]:
        begun = await self._ledger.begin_completion(upload_id, now)
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        return begun


def overtaken(room: EngineRoom, meanwhile: Callable[[], Awaitable[object]]) -> Tools:
    ledger = cast(UploadLedger, Overtaken(room.tools.records.uploads, meanwhile))
    return replace(room.tools, records=replace(room.tools.records, uploads=ledger))


async def whole(room: EngineRoom, what: FileToSend) -> UploadId:
    """Send all bytes of an upload that nobody has ended yet."""
    upload = await room.uploads.create(customer(), what)
    await room.append(customer(), upload.id, 0, chunks(DATA[:SIZE]))
    await room.records.uploads.announce(upload.id, SIZE, None, room.clock.now())
    return upload.id


async def test_a_file_that_others_finish_meanwhile_is_the_same_file(room: EngineRoom) -> None:
    what = FileToSend(case_number=NUMBER, path=CasePath("a.log"), length=None)
    upload_id = await whole(room, what)
    tools = overtaken(room, lambda: complete(room.tools, upload_id, None))
    file = await complete(tools, upload_id, None)
    assert file == await complete(room.tools, upload_id, None)
    assert await room.content_of(file) == DATA[:SIZE]


async def test_a_piece_that_others_keep_meanwhile_stays(room: EngineRoom) -> None:
    upload_id = await whole(room, a_piece(None))
    await keep(overtaken(room, lambda: keep(room.tools, upload_id, None)), upload_id, None)
    assert (await room.records.uploads.upload(upload_id)).state is UploadState.RECEIVED
