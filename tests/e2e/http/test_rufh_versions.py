"""Resumable uploads for HTTP in each version of the drafts, and in the final form."""

import hashlib

import pytest

from tests.e2e.http.http_room import HttpRoom
from tests.e2e.http.rufh_client import VERSIONS, Rufh, wire
from tests.engine_room import NUMBER

DATA = bytes(range(256)) * 1200
THIRD = len(DATA) // 3
CREATE = f"/api/v1/cases/{NUMBER}/uploads"


@pytest.fixture(params=VERSIONS, ids=[str(version or "final") for version in VERSIONS])
def spoken(request: pytest.FixtureRequest) -> Rufh:
    return Rufh(version=request.param)


async def test_a_file_is_sent_in_one_request(room: HttpRoom, spoken: Rufh) -> None:
    answer = await spoken.create(room, DATA, ends=True, path="logs/trace.log")
    assert answer.status == 201
    assert spoken.told_complete(answer.headers)
    assert answer.headers["Upload-Offset"] == str(len(DATA))
    assert answer.json()["sha256"] == hashlib.sha256(DATA).hexdigest()
    content = answer.headers["Content-Location"]
    assert (await room.ask("GET", content)).body == DATA
    leads_to_file = spoken.version is None or spoken.version >= 7
    assert (answer.headers["Location"] == content) is leads_to_file
    assert await room.engine.content("logs/trace.log") == DATA


async def test_a_file_is_sent_in_three(room: HttpRoom, spoken: Rufh) -> None:
    created = await spoken.create(room, DATA[:THIRD], ends=False)
    assert created.status == 201
    assert not spoken.told_complete(created.headers)
    assert created.headers["Upload-Offset"] == str(THIRD)
    location = created.headers["Location"]
    second = await spoken.append(room, location, THIRD, DATA[THIRD : 2 * THIRD], ends=False)
    assert second.status == (204 if spoken.version is None or spoken.version >= 7 else 201)
    assert not spoken.told_complete(second.headers)
    assert second.headers["Upload-Offset"] == str(2 * THIRD)
    last = await spoken.append(room, location, 2 * THIRD, DATA[2 * THIRD :], ends=True)
    assert last.status == 201
    assert spoken.told_complete(last.headers)
    assert last.json()["size"] == len(DATA)
    assert await room.engine.content("trace.log") == DATA


async def test_an_upload_is_looked_at_and_goes_on(room: HttpRoom, spoken: Rufh) -> None:
    location = await spoken.begin(room)
    await spoken.append(room, location, 0, DATA[:THIRD], ends=False)
    head = await spoken.head(room, location)
    assert head.status == 204
    assert head.headers["Upload-Offset"] == str(THIRD)
    assert head.headers["Cache-Control"] == "no-store"
    assert not spoken.told_complete(head.headers)
    assert "Upload-Length" not in head.headers
    wrong = await spoken.append(room, location, 0, DATA, ends=True)
    assert wrong.status == 409
    assert wrong.headers["Upload-Offset"] == str(THIRD)
    assert not spoken.told_complete(wrong.headers)
    await spoken.append(room, location, THIRD, DATA[THIRD:], ends=True)
    head = await spoken.head(room, location)
    assert head.status == 204
    assert head.headers["Upload-Offset"] == head.headers["Upload-Length"] == str(len(DATA))
    assert spoken.told_complete(head.headers)


async def test_an_upload_is_cancelled(room: HttpRoom, spoken: Rufh) -> None:
    location = await spoken.begin(room)
    answer = await room.ask("DELETE", location, headers=spoken.named)
    assert (answer.status, answer.body) == (204, b"")
    gone = 410 if spoken.version is None or spoken.version >= 7 else 404
    assert (await spoken.head(room, location)).status == gone
    refused = await spoken.append(room, location, 0, DATA, ends=True)
    assert (refused.status, refused.json()["status"], refused.code) == (gone, gone, "upload-gone")
    assert await room.uploads() == []


async def test_limits_are_told_since_there_is_a_field_for_them(
    room: HttpRoom, spoken: Rufh
) -> None:
    location = await spoken.begin(room)
    answers = [
        await room.ask("OPTIONS", CREATE, headers=spoken.named, who=None),
        await spoken.create(room, ends=False),
        await spoken.head(room, location),
        await spoken.append(room, location, 0, b"abc", ends=False),
    ]
    for answer in answers:
        limit = answer.headers.get("Upload-Limit")
        if spoken.version in (3, 4, 5):
            assert limit is None
        else:
            age = "expires" if spoken.version == 6 else "max-age"
            assert limit is not None
            size, life = (part.split("=") for part in limit.split(", "))
            assert size[0] == "max-size"
            assert int(size[1]) > 1 << 40
            assert life == [age, str(7 * 24 * 3600)]


async def test_an_offset_and_an_end_are_wanted(room: HttpRoom, spoken: Rufh) -> None:
    location = await spoken.begin(room)
    lame = {**spoken.named, **spoken.type, **spoken.complete(ends=False)}
    answer = await room.ask("PATCH", location, headers=lame, data=b"abc")
    assert (answer.status, answer.code) == (400, "invalid-request")
    assert (await spoken.head(room, location)).headers["Upload-Offset"] == "0"
    endless = {**spoken.named, **spoken.type, "Upload-Offset": "0"}
    answer = await room.ask("PATCH", location, headers=endless, data=b"abc")
    if spoken.version in (3, 4, 5, 6):  # there, what is left out means the end, or the length tells
        assert spoken.told_complete(answer.headers) is (spoken.version == 3)
        return
    # The final form isn't named: without its own fields it is recognised by the media type.
    assert (answer.status, answer.code) == (400, "invalid-request")
    assert (await spoken.head(room, location)).headers["Upload-Offset"] == "0"


async def test_a_file_with_all_that_was_announced_ends_in_early_versions_without_a_word(
    room: HttpRoom, spoken: Rufh
) -> None:
    """tus-js-client never says more of an empty file; or of a stream's end, after its last byte."""
    is_early = spoken.version in (3, 4, 5, 6)
    for data in (b"", DATA):
        announced = {"Upload-Length": str(len(data))}
        created = await spoken.create(room, data, ends=False, headers=announced)
        assert created.status == 201
        assert spoken.told_complete(created.headers) is is_early
        files = await room.files()
        assert bool(files) is is_early


async def test_a_stream_s_length_may_come_after_its_bytes_in_early_versions(
    room: HttpRoom,
) -> None:
    spoken = Rufh(version=6)
    location = await spoken.begin(room)
    await spoken.append(room, location, 0, DATA, ends=False)
    late = {"Upload-Length": str(len(DATA)), "Upload-Offset": str(len(DATA))}
    answer = await room.ask("PATCH", location, headers={**spoken.named, **spoken.type, **late})
    assert (answer.status, answer.headers["Upload-Complete"]) == (201, "?1")
    assert await room.engine.content("trace.log") == DATA


async def test_the_media_type_of_appends_is_wanted_since_there_is_one(
    room: HttpRoom, spoken: Rufh
) -> None:
    location = await spoken.begin(room)
    other = {"Content-Type": "application/octet-stream"}
    answer = await spoken.append(room, location, 0, b"abc", ends=False, headers=other)
    if spoken.version in (3, 4, 5):
        assert answer.status == 201
    else:
        assert answer.status == 415
        assert answer.headers["Accept-Patch"] == "application/partial-upload"
        assert (await spoken.head(room, location)).headers["Upload-Offset"] == "0"


async def test_the_offer_to_resume_names_the_version_and_the_upload(
    room: HttpRoom, spoken: Rufh
) -> None:
    async with wire(room) as spying:
        await spying.ask(
            "POST", CREATE, {**spoken.named, **spoken.complete(ends=False)}, size=THIRD
        )
        offer = await spying.next()
        assert offer.status == 104
        await spying.say(DATA[:THIRD])
        final = await spying.hear()
        assert final.status == 201
        assert offer.headers["Location"] == final.headers["Location"]
        assert ("Upload-Limit" in offer.headers) is (spoken.version not in (3, 4, 5))
        for heard in (offer, *spying.interim):
            named = heard.headers.get("Upload-Draft-Interop-Version")
            assert named == (None if spoken.version is None else str(spoken.version))
        if spoken.version in (3, 4):
            assert spying.interim == []
        else:
            assert spying.offsets == sorted(set(spying.offsets))
            assert spying.offsets[-1] <= THIRD


async def test_early_versions_refuse_fields_that_have_no_meaning(
    room: HttpRoom, spoken: Rufh
) -> None:
    location = await spoken.begin(room)
    for method in ("HEAD", "DELETE"):
        fields = {**spoken.named, **spoken.complete(ends=True)}
        answer = await room.ask(method, location, headers=fields)
        if spoken.version in (3, 4, 5, 6):
            assert answer.status == 400
        else:
            assert answer.status == 204
