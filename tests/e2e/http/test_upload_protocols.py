"""Two protocols on the same URLs: told apart, and finishing what the other began."""

import pytest

from tests.e2e.http.http_room import OFFSET_TYPE, TUS, HttpRoom
from tests.e2e.http.rufh_client import FINAL
from tests.engine_room import NUMBER

DATA = bytes(range(256)) * 1200
CREATE = f"/api/v1/cases/{NUMBER}/uploads"


async def test_what_tus_began_the_other_finishes(room: HttpRoom) -> None:
    location = await room.begin(len(DATA))
    await room.patch(location, 0, DATA[:1000])
    head = await FINAL.head(room, location)
    assert head.status == 204
    assert head.headers["Upload-Offset"] == "1000"
    assert head.headers["Upload-Length"] == str(len(DATA))
    assert head.headers["Upload-Complete"] == "?0"
    answer = await FINAL.append(room, location, 1000, DATA[1000:], ends=True)
    assert answer.status == 201
    assert await room.engine.content("trace.log") == DATA


async def test_what_the_other_began_tus_finishes(room: HttpRoom) -> None:
    location = await FINAL.begin(room, len(DATA))
    await FINAL.append(room, location, 0, DATA[:1000], ends=False)
    assert await room.offset(location) == 1000
    answer = await room.patch(location, 1000, DATA[1000:])
    assert answer.status == 204
    assert await room.engine.content("trace.log") == DATA


async def test_only_tus_answers_name_tus(room: HttpRoom) -> None:
    location = await room.begin(len(DATA))
    for named, spoken in ((TUS, True), ({}, False)):
        head = await room.ask("HEAD", location, headers=named)
        assert ("Tus-Resumable" in head.headers) is spoken
    missing = await FINAL.head(room, "/api/v1/uploads/nothing")
    assert missing.status == 404
    assert "Tus-Resumable" not in missing.headers


async def test_options_tells_of_both(room: HttpRoom) -> None:
    for path in (CREATE, "/api/v1/uploads/anything"):
        answer = await room.ask("OPTIONS", path, who=None)
        assert answer.status == 204
        assert answer.headers["Tus-Version"] == "1.0.0"
        assert "application/partial-upload" in answer.headers["Accept-Patch"]
        assert answer.headers["Upload-Limit"].startswith("max-size=")


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain"}])
async def test_a_body_that_speaks_neither_is_told_how_to(
    room: HttpRoom, headers: dict[str, str]
) -> None:
    location = await room.begin(len(DATA))
    for method, path in (("POST", CREATE), ("PATCH", location)):
        answer = await room.ask(method, path, headers=headers, data=DATA)
        assert (answer.status, answer.code) == (400, "invalid-request")
        assert "Tus-Resumable: 1.0.0" in answer.json()["detail"]
        assert "Upload-Complete: ?1" in answer.json()["detail"]
        assert "Tus-Resumable" not in answer.headers
    assert await room.offset(location) == 0
    assert len(await room.uploads()) == 1


async def test_what_looks_like_tus_is_told_its_version(room: HttpRoom) -> None:
    for headers in (OFFSET_TYPE, {"Upload-Defer-Length": "1"}, {"Upload-Metadata": "a"}):
        answer = await room.ask("POST", CREATE, headers=headers)
        assert (answer.status, answer.headers["Tus-Version"]) == (412, "1.0.0")


async def test_both_at_once_is_tus(room: HttpRoom) -> None:
    created = await room.create(3, data=b"abc", headers={"Upload-Complete": "?0"})
    assert created.status == 201
    assert await room.engine.content("trace.log") == b"abc"


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD"])
async def test_a_case_s_uploads_are_only_begun_there(room: HttpRoom, method: str) -> None:
    answer = await room.ask(method, CREATE, headers={"Upload-Complete": "?1"})
    assert answer.status == 405
    assert set(answer.headers["Allow"].split(",")) == {"OPTIONS", "POST"}


async def test_an_upload_can_be_asked_for_with_get(room: HttpRoom) -> None:
    location = await FINAL.begin(room)
    answer = await room.ask("GET", location)
    assert (answer.status, answer.headers["Upload-Offset"], answer.body) == (204, "0", b"")
    assert (await room.ask("GET", location, headers=TUS)).status == 405
