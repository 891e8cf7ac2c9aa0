"""tus 1.0.0, the core protocol: OPTIONS, HEAD and PATCH."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from multidict import CIMultiDict

from tests.e2e.http.http_room import OFFSET_TYPE, TUS, HttpRoom, metadata
from tests.engine_room import KIB, NUMBER

DATA = bytes(range(256)) * 4


async def test_options_tells_what_is_offered_without_a_token(room: HttpRoom) -> None:
    for path in (f"/api/v1/cases/{NUMBER}/uploads", "/api/v1/uploads/anything"):
        answer = await room.ask("OPTIONS", path, who=None, headers={"Tus-Resumable": "0.2.2"})
        assert answer.status == 204
        assert answer.headers["Tus-Version"] == "1.0.0"
        assert set(answer.headers["Tus-Extension"].split(",")) == {
            "creation",
            "creation-with-upload",
            "creation-defer-length",
            "checksum",
            "expiration",
            "termination",
            "concatenation",
            "concatenation-unfinished",
        }
        assert answer.headers["Tus-Checksum-Algorithm"] == "sha1,sha256,crc32c"
        assert "Tus-Max-Size" not in answer.headers
        assert "Tus-Resumable" not in answer.headers


@pytest.mark.parametrize("version", [None, "1.0.1", "0.2.2", ""])
async def test_another_version_is_told_ours_and_does_nothing(
    room: HttpRoom, version: str | None
) -> None:
    location = await room.begin(len(DATA))
    spoken = {} if version is None else {"Tus-Resumable": version}
    patch = {**spoken, **OFFSET_TYPE, "Upload-Offset": "0"}
    requests: list[tuple[str, dict[str, str], bytes | None]] = [("PATCH", patch, DATA)]
    if version is not None:  # otherwise the other protocol's, which names itself by nothing
        requests += [("HEAD", spoken, None), ("DELETE", spoken, None)]
    for method, headers, data in requests:
        answer = await room.ask(method, location, headers=headers, data=data)
        assert answer.status == 412
        assert answer.headers["Tus-Version"] == "1.0.0"
        assert answer.headers["Tus-Resumable"] == "1.0.0"
    created = await room.ask(
        "POST", f"/api/v1/cases/{NUMBER}/uploads", headers={**spoken, "Upload-Length": "3"}
    )
    assert created.status == 412
    assert await room.offset(location) == 0
    assert len(await room.uploads()) == 1


async def test_head_tells_offset_length_metadata_and_expiry_and_is_not_cached(
    room: HttpRoom,
) -> None:
    sent = metadata(filename="trace.log") + ",empty ,note Zm9v"
    created = await room.create(len(DATA), headers={"Upload-Metadata": sent})
    answer = await room.head(created.headers["Location"])
    assert answer.status == 200
    assert answer.headers["Upload-Offset"] == "0"
    assert answer.headers["Upload-Length"] == str(len(DATA))
    assert answer.headers["Upload-Metadata"] == sent
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert answer.headers["Upload-Expires"] == "Mon, 09 Mar 2026 09:00:00 GMT"
    assert "Upload-Defer-Length" not in answer.headers


async def test_head_of_a_received_file_tells_its_whole_length(room: HttpRoom) -> None:
    location = await room.begin(len(DATA))
    await room.patch(location, 0, DATA)
    answer = await room.head(location)
    assert answer.status == 200
    assert answer.headers["Upload-Offset"] == answer.headers["Upload-Length"] == str(len(DATA))
    assert "Upload-Expires" not in answer.headers


async def test_patches_in_order_make_the_file(room: HttpRoom) -> None:
    location = await room.begin(len(DATA), "logs/trace.log")
    first = await room.patch(location, 0, DATA[:100])
    assert (first.status, first.headers["Upload-Offset"], first.body) == (204, "100", b"")
    assert first.headers["Tus-Resumable"] == "1.0.0"
    assert await room.offset(location) == 100
    second = await room.patch(location, 100, DATA[100:])
    assert (second.status, second.headers["Upload-Offset"]) == (204, str(len(DATA)))
    assert await room.engine.content("logs/trace.log") == DATA


async def test_a_patch_moves_the_expiry_on(room: HttpRoom) -> None:
    location = await room.begin(len(DATA))
    room.engine.clock.advance(timedelta(days=2))
    answer = await room.patch(location, 0, DATA[:100])
    assert answer.headers["Upload-Expires"] == "Wed, 11 Mar 2026 09:00:00 GMT"


@pytest.mark.parametrize("offset", [0, 99, 101, 10**15])
async def test_a_wrong_offset_is_told_the_right_one_and_writes_nothing(
    room: HttpRoom, offset: int
) -> None:
    location = await room.begin(len(DATA))
    await room.patch(location, 0, DATA[:100])
    answer = await room.patch(location, offset, DATA[100:])
    assert (answer.status, answer.code) == (409, "offset-mismatch")
    assert answer.headers["Upload-Offset"] == "100"
    assert answer.json()["offset"] == 100
    assert await room.offset(location) == 100
    await room.patch(location, 100, DATA[100:])
    assert await room.engine.content("trace.log") == DATA


@pytest.mark.parametrize("content_type", [None, "application/octet-stream", "text/plain"])
async def test_another_content_type_is_refused(room: HttpRoom, content_type: str | None) -> None:
    location = await room.begin(len(DATA))
    typed = {} if content_type is None else {"Content-Type": content_type}
    answer = await room.ask(
        "PATCH", location, headers={**TUS, **typed, "Upload-Offset": "0"}, data=DATA
    )
    assert (answer.status, answer.code) == (415, "unsupported-media-type")
    assert "application/offset+octet-stream" in answer.json()["detail"]
    assert await room.offset(location) == 0


async def test_a_compressed_body_is_refused(room: HttpRoom) -> None:
    location = await room.begin(len(DATA))
    answer = await room.patch(location, 0, DATA, headers={"Content-Encoding": "gzip"})
    assert answer.status == 415
    assert await room.offset(location) == 0


async def test_an_upload_that_is_not_there_is_missing_at_every_verb(room: HttpRoom) -> None:
    for location in ("/api/v1/uploads/0123456789abcdef", "/api/v1/uploads/a%20b"):
        assert (await room.head(location)).status == 404
        assert (await room.patch(location, 0, DATA)).status == 404
        assert (await room.ask("DELETE", location, headers=TUS)).status == 404


@pytest.mark.parametrize("offset", [None, "", "-1", "1.5", "0x10", "٣", "9" * 30, "1 2"])
async def test_an_offset_that_is_no_number_is_refused(room: HttpRoom, offset: str | None) -> None:
    location = await room.begin(len(DATA))
    told = {} if offset is None else {"Upload-Offset": offset}
    answer = await room.ask("PATCH", location, headers={**TUS, **OFFSET_TYPE, **told}, data=DATA)
    assert (answer.status, answer.code) == (400, "invalid-request")
    assert "Upload-Offset" in answer.json()["detail"]
    assert await room.offset(location) == 0


async def test_more_than_was_announced_is_refused_and_nothing_of_it_is_kept(
    room: HttpRoom,
) -> None:
    data = DATA * 900  # more than one read from the socket
    location = await room.begin(len(data))
    await room.patch(location, 0, data[:100])
    answer = await room.patch(location, 100, data)
    assert (answer.status, answer.code) == (413, "length-mismatch")
    assert await room.offset(location) == 100
    await room.patch(location, 100, data[100:])
    assert await room.engine.content("trace.log") == data


async def test_more_than_was_announced_by_a_body_of_unknown_length_is_refused(
    room: HttpRoom,
) -> None:
    location = await room.begin(10)

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield DATA

    answer = await room.patch(location, 0, endless())
    assert (answer.status, answer.code) == (413, "length-mismatch")
    assert await room.offset(location) == 0


async def test_a_chunked_body_is_taken(room: HttpRoom) -> None:
    location = await room.begin(len(DATA))

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(DATA), 100):
            yield DATA[start : start + 100]

    answer = await room.patch(location, 0, pieces())
    assert (answer.status, answer.headers["Upload-Offset"]) == (204, str(len(DATA)))
    assert await room.engine.content("trace.log") == DATA


async def test_an_empty_patch_changes_nothing(room: HttpRoom) -> None:
    location = await room.begin(len(DATA))
    answer = await room.patch(location, 0, b"")
    assert (answer.status, answer.headers["Upload-Offset"]) == (204, "0")


async def test_the_last_patch_again_is_told_where_the_file_stands(room: HttpRoom) -> None:
    location = await room.begin(len(DATA))
    await room.patch(location, 0, DATA)
    again = await room.patch(location, 0, DATA)
    assert (again.status, again.headers["Upload-Offset"]) == (409, str(len(DATA)))
    nothing = await room.patch(location, len(DATA), b"")
    assert (nothing.status, nothing.headers["Upload-Offset"]) == (204, str(len(DATA)))
    more = await room.patch(location, len(DATA), b"more")
    assert more.status == 413
    assert len(await room.files()) == 1


async def test_many_parts_arrive_whole(room: HttpRoom) -> None:
    data = DATA * 600  # ten parts of 64 KiB, as the engine room cuts them
    location = await room.begin(len(data))
    middle = 333 * KIB + 7
    assert (await room.patch(location, 0, data[:middle])).status == 204
    assert await room.offset(location) == middle
    assert (await room.patch(location, middle, data[middle:])).status == 204
    assert await room.engine.content("trace.log") == data


@pytest.mark.parametrize("method", ["PATCH", "HEAD", "DELETE"])
async def test_a_method_override_replaces_the_method(room: HttpRoom, method: str) -> None:
    location = await room.begin(len(DATA))
    answer = await room.ask(
        "POST",
        location,
        headers={
            **TUS,
            **OFFSET_TYPE,
            "Upload-Offset": "0",
            "X-HTTP-Method-Override": method,
        },
        data=DATA if method == "PATCH" else None,
    )
    expected = {"PATCH": (204, str(len(DATA))), "HEAD": (200, "0"), "DELETE": (204, None)}
    assert (answer.status, answer.headers.get("Upload-Offset")) == expected[method]


async def test_an_override_of_what_is_open_to_all_needs_a_token(room: HttpRoom) -> None:
    location = await room.begin(len(DATA))
    override = {**TUS, "X-HTTP-Method-Override": "DELETE"}
    assert (await room.ask("OPTIONS", location, who=None, headers=override)).status == 401
    assert (await room.ask("OPTIONS", location, headers=override)).status == 204
    assert (await room.head(location)).status == 410


async def test_other_methods_are_told_which_there_are(room: HttpRoom) -> None:
    location = await room.begin(len(DATA))
    for method, override in (("PUT", None), ("GET", None), ("POST", None), ("POST", "PUT")):
        overriding = {} if override is None else {"X-HTTP-Method-Override": override}
        answer = await room.ask(method, location, headers={**TUS, **overriding})
        assert (answer.status, answer.code) == (405, "method-not-allowed")
        assert set(answer.headers["Allow"].split(",")) == {"DELETE", "HEAD", "OPTIONS", "PATCH"}


async def test_headers_are_sent_once(room: HttpRoom) -> None:
    location = await room.begin(len(DATA))
    headers = CIMultiDict({**TUS, **OFFSET_TYPE, **room.bearer("designated")})
    headers.add("Upload-Offset", "0")
    headers.add("Upload-Offset", "100")
    async with room.session.patch(room.url + location, headers=headers, data=DATA) as response:
        assert response.status == 400
    assert await room.offset(location) == 0
