"""Resumable uploads for HTTP: cut off, taken over, cancelled, gone on with."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from tests.e2e.http.http_room import HttpRoom, http_room
from tests.e2e.http.rufh_client import FINAL, PROBLEMS, wire
from tests.e2e.http.test_rufh_interim import ALL, CREATE, taken
from tests.engine_room import NUMBER
from transfer.storage.memory import MemoryObjectStore

DATA = bytes(range(256)) * 1200
APPEND = {"Content-Type": "application/partial-upload"}


async def test_a_connection_that_is_cut_keeps_what_came_and_goes_on(room: HttpRoom) -> None:
    async with wire(room) as sending:
        await sending.ask("POST", CREATE, ALL, body=DATA[:150_000], size=len(DATA))
        location = (await sending.next()).headers["Location"]
        await taken(room, 150_000)
        sending.cut()
    offset = 150_000
    for _ in range(3):
        head = await FINAL.head(room, location)
        assert head.headers["Upload-Offset"] == str(offset)
        assert head.headers["Upload-Length"] == str(len(DATA))
        assert head.headers["Upload-Complete"] == "?0"
        more = {**ALL, **APPEND, "Upload-Offset": str(offset)}
        async with wire(room) as sending:
            rest = DATA[offset : offset + 40_001]
            await sending.ask("PATCH", location, more, body=rest, size=len(DATA) - offset)
            offset += len(rest)
            await taken(room, offset)
            sending.cut()
    head = await FINAL.head(room, location)
    assert head.headers["Upload-Offset"] == str(offset)
    answer = await FINAL.append(room, location, offset, DATA[offset:], ends=True)
    assert answer.status == 201
    assert await room.engine.content("unnamed") == DATA


async def test_a_cut_off_end_is_not_the_end(room: HttpRoom) -> None:
    headers = {**ALL, "Transfer-Encoding": "chunked"}
    async with wire(room) as sending:
        await sending.ask("POST", CREATE, headers, body=b"3\r\nabc\r\n")
        location = (await sending.next()).headers["Location"]
        await taken(room, 3)
        sending.cut()
    head = await FINAL.head(room, location)
    assert (head.headers["Upload-Offset"], head.headers["Upload-Complete"]) == ("3", "?0")
    assert "Upload-Length" not in head.headers
    assert await room.files() == []
    assert (await FINAL.append(room, location, 3, b"def", ends=True)).status == 201
    assert await room.engine.content("unnamed") == b"abcdef"


@pytest.mark.parametrize("verb", ["HEAD", "PATCH"])
async def test_a_newcomer_ends_the_request_that_hangs(room: HttpRoom, verb: str) -> None:
    async with wire(room) as hanging:
        await hanging.ask("POST", CREATE, ALL, body=DATA[:150_000], size=len(DATA))
        location = (await hanging.next()).headers["Location"]
        await taken(room, 150_000)
        if verb == "HEAD":
            assert (await FINAL.head(room, location)).headers["Upload-Offset"] == "150000"
        answer = await FINAL.append(room, location, 150_000, DATA[150_000:], ends=True)
        assert answer.status == 201
        assert (await hanging.hear()).status == 423
        assert hanging.offsets == sorted(set(hanging.offsets))
    assert await room.engine.content("unnamed") == DATA


async def test_a_cancelled_upload_ends_the_request_that_runs(room: HttpRoom) -> None:
    async with wire(room) as hanging:
        await hanging.ask("POST", CREATE, ALL, body=DATA[:150_000], size=len(DATA))
        location = (await hanging.next()).headers["Location"]
        await taken(room, 150_000)
        assert (await room.ask("DELETE", location)).status == 204
        await room.engine.leases.watch_once()
        assert (await hanging.hear()).status in (410, 423)
    assert (await FINAL.head(room, location)).status == 410
    assert await room.files() == []


async def test_a_wrong_offset_is_told_the_right_one(room: HttpRoom) -> None:
    location = await FINAL.begin(room)
    await FINAL.append(room, location, 0, DATA[:100], ends=False)
    for offset in (0, 99, 101, 10**14):
        answer = await FINAL.append(room, location, offset, DATA, ends=False)
        assert answer.status == 409
        assert answer.headers["Upload-Offset"] == "100"
        assert answer.headers["Upload-Complete"] == "?0"
        problem = answer.json()
        assert problem["type"] == f"{PROBLEMS}mismatching-upload-offset"
        assert (problem["expected-offset"], problem["provided-offset"]) == (100, offset)
    assert (await FINAL.head(room, location)).headers["Upload-Offset"] == "100"


@pytest.mark.parametrize(
    "offset", ["", "-1", "1.0", "+0", "0x0", "0, 0", "?0", str(2**63), "nonsense"]
)
async def test_an_offset_that_is_none_is_refused(room: HttpRoom, offset: str) -> None:
    location = await FINAL.begin(room)
    headers = {"Upload-Offset": offset}
    answer = await FINAL.append(room, location, 0, DATA, ends=False, headers=headers)
    assert (answer.status, answer.code) == (400, "invalid-request")
    assert (await FINAL.head(room, location)).headers["Upload-Offset"] == "0"


async def test_a_complete_upload_takes_no_more(room: HttpRoom) -> None:
    location = await FINAL.begin(room)
    await FINAL.append(room, location, 0, DATA, ends=True)
    more = await FINAL.append(room, location, len(DATA), b"more", ends=True)
    assert more.status == 400
    assert more.json()["type"] == f"{PROBLEMS}inconsistent-upload-length"
    again = await FINAL.append(room, location, len(DATA), ends=True)
    assert again.status == 400
    assert again.json()["type"] == f"{PROBLEMS}completed-upload"
    # "?1" would say that this answers for the file.
    assert "Upload-Complete" not in again.headers
    head = await FINAL.head(room, location)
    assert head.headers["Upload-Complete"] == "?1"
    assert head.headers["Content-Location"].startswith("/api/v1/files/")
    assert await room.engine.content("trace.log") == DATA


async def test_an_end_before_the_announced_one_is_refused_and_nothing_is_lost(
    room: HttpRoom,
) -> None:
    location = await FINAL.begin(room, len(DATA))
    await FINAL.append(room, location, 0, DATA[:1000], ends=False)
    for body, offset in ((DATA[1000:-1], 1000), (None, 1000), (DATA + b"x", 1000)):
        answer = await FINAL.append(room, location, offset, body, ends=True)
        assert answer.status == 400
        assert answer.json()["type"] == f"{PROBLEMS}inconsistent-upload-length"
        assert (await FINAL.head(room, location)).headers["Upload-Offset"] == "1000"
    assert (await FINAL.append(room, location, 1000, DATA[1000:], ends=True)).status == 201
    assert await room.engine.content("trace.log") == DATA


async def test_a_length_that_changes_is_refused(room: HttpRoom) -> None:
    location = await FINAL.begin(room, len(DATA))
    other = {"Upload-Length": str(len(DATA) + 1)}
    answer = await FINAL.append(room, location, 0, b"abc", ends=False, headers=other)
    assert answer.json()["type"] == f"{PROBLEMS}inconsistent-upload-length"
    assert (await FINAL.head(room, location)).headers["Upload-Offset"] == "0"


async def test_a_length_that_comes_late_is_kept(room: HttpRoom) -> None:
    location = await FINAL.begin(room)
    late = {"Upload-Length": str(len(DATA))}
    await FINAL.append(room, location, 0, DATA[:10], ends=False, headers=late)
    assert (await FINAL.head(room, location)).headers["Upload-Length"] == str(len(DATA))


async def test_more_than_announced_stops_at_the_end(room: HttpRoom) -> None:
    location = await FINAL.begin(room, 1000)
    headers = {**APPEND, "Upload-Complete": "?0", "Upload-Offset": "0"}
    chunked = {**headers, "Transfer-Encoding": "chunked"}
    async with wire(room) as sending:
        await sending.ask("PATCH", location, chunked, body=b"3\r\nabc\r\n")
        await taken(room, 3)
        await sending.say(b"7d0\r\n" + DATA[:2000] + b"\r\n0\r\n\r\n")
        assert (await sending.hear()).status == 400
    assert int((await FINAL.head(room, location)).headers["Upload-Offset"]) <= 1000


async def test_an_expired_upload_is_gone(room: HttpRoom) -> None:
    location = await FINAL.begin(room)
    room.engine.clock.advance(timedelta(days=7))
    assert (await FINAL.head(room, location)).status == 410
    assert (await FINAL.append(room, location, 0, DATA, ends=True)).status == 410


async def test_an_upload_that_never_was_is_missing(room: HttpRoom) -> None:
    location = "/api/v1/uploads/0123456789abcdef"
    assert (await FINAL.head(room, location)).status == 404
    assert (await FINAL.append(room, location, 0, DATA, ends=True)).status == 404
    assert (await room.ask("DELETE", location)).status == 404


async def test_a_received_file_is_not_cancelled_by_its_upload(room: HttpRoom) -> None:
    location = await FINAL.begin(room)
    await FINAL.append(room, location, 0, DATA, ends=True)
    answer = await room.ask("DELETE", location)
    assert (answer.status, answer.code) == (410, "upload-gone")
    assert await room.engine.content("trace.log") == DATA


async def test_a_file_that_was_removed_was_received_all_the_same(room: HttpRoom) -> None:
    location = await FINAL.begin(room)
    file = (await FINAL.append(room, location, 0, DATA, ends=True)).json()
    assert (await room.ask("DELETE", f"/api/v1/files/{file['id']}")).status == 204
    head = await FINAL.head(room, location)
    assert (head.status, head.headers["Upload-Complete"]) == (204, "?1")
    assert "Content-Location" not in head.headers


async def test_a_finish_that_fails_is_told_as_such_and_can_be_repeated(room: HttpRoom) -> None:
    store = room.engine.store
    assert isinstance(store, MemoryObjectStore)
    location = await FINAL.begin(room)
    await FINAL.append(room, location, 0, DATA[:1000], ends=False)
    store.fail_next("complete_multipart")
    answer = await FINAL.append(room, location, 1000, DATA[1000:], ends=True)
    assert (answer.status, answer.code) == (503, "store-unavailable")
    assert "Upload-Complete" not in answer.headers
    assert await room.files() == []
    head = await FINAL.head(room, location)
    assert (head.status, head.headers["Upload-Complete"]) == (204, "?1")
    assert await room.engine.content("trace.log") == DATA


async def test_every_byte_that_cannot_become_a_file_yet_is_not_told_as_done(
    room: HttpRoom,
) -> None:
    """A 5xx has these clients ask again; an offset at the end would have them stop."""
    announced = {"Upload-Length": str(len(DATA))}
    created = await FINAL.create(room, DATA, ends=False, headers=announced)
    await room.engine.core.close(NUMBER, None, "analyst")
    head = await FINAL.head(room, created.headers["Location"])
    assert head.status == 503
    assert int(head.headers["Retry-After"]) > 0
    assert "Upload-Offset" not in head.headers


async def test_appends_at_once_write_each_byte_once(tmp_path: Path) -> None:
    async with http_room(tmp_path, running=True) as room:
        location = await FINAL.begin(room, len(DATA))
        answers = await asyncio.gather(
            *(FINAL.append(room, location, 0, DATA, ends=True) for _ in range(4))
        )
        assert {answer.status for answer in answers} <= {201, 400, 409, 423, 503}
        offset = int((await FINAL.head(room, location)).headers["Upload-Offset"])
        if offset < len(DATA):
            await FINAL.append(room, location, offset, DATA[offset:], ends=True)
        assert await room.engine.content("trace.log") == DATA
