"""tus creation, with and without bytes, with and without a length; and what it refuses."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.http.http_room import OFFSET_TYPE, TUS, HttpRoom, checksum, http_room, metadata
from tests.engine_room import NUMBER
from transfer.core.parts import MAX_FILE_BYTES
from transfer.engine.policy import UploadPolicy
from transfer.http.policy import HttpPolicy

DATA = bytes(range(256)) * 4
COLLECTION = f"/api/v1/cases/{NUMBER}/uploads"


async def test_a_creation_names_the_upload_and_its_expiry(room: HttpRoom) -> None:
    created = await room.create(len(DATA))
    assert created.status == 201
    assert created.headers["Location"].startswith("/api/v1/uploads/")
    assert created.headers["Upload-Expires"] == "Mon, 09 Mar 2026 09:00:00 GMT"
    assert created.headers["Tus-Resumable"] == "1.0.0"
    assert "Upload-Offset" not in created.headers
    (upload,) = await room.uploads()
    assert created.headers["Location"].endswith(upload["id"])
    assert upload == {
        "id": upload["id"],
        "path": "trace.log",
        "size": len(DATA),
        "offset": 0,
        "state": "receiving",
        "expires_at": "2026-03-09T09:00:00Z",
        "direction": "from_customer",
        "door": "http",
        "sent_by": "designated",
        "created_at": "2026-03-02T09:00:00Z",
        "modified_at": None,
    }


async def test_behind_a_prefix_the_location_has_it(tmp_path: Path) -> None:
    policy = HttpPolicy(public_url="https://files.example.com/transfer/")
    async with http_room(tmp_path, policy=policy) as room:
        created = await room.create(3)
        assert created.headers["Location"].startswith("/transfer/api/v1/uploads/")


async def test_a_file_of_length_0_is_received_at_once(room: HttpRoom) -> None:
    created = await room.create(0, "empty.log")
    assert created.status == 201
    assert await room.offset(created.headers["Location"]) == 0
    (file,) = await room.files()
    assert (file["path"], file["size"], file["state"]) == ("empty.log", 0, "received")
    assert file["sha256"] == hashlib.sha256(b"").hexdigest()


async def test_a_creation_takes_the_whole_file_along(room: HttpRoom) -> None:
    created = await room.create(len(DATA), data=DATA)
    assert (created.status, created.headers["Upload-Offset"]) == (201, str(len(DATA)))
    assert "Upload-Expires" not in created.headers
    assert await room.engine.content("trace.log") == DATA


async def test_a_creation_takes_the_first_bytes_along(room: HttpRoom) -> None:
    created = await room.create(len(DATA), data=DATA[:100])
    assert (created.status, created.headers["Upload-Offset"]) == (201, "100")
    await room.patch(created.headers["Location"], 100, DATA[100:])
    assert await room.engine.content("trace.log") == DATA


async def test_a_creation_of_length_0_takes_no_bytes_along(room: HttpRoom) -> None:
    created = await room.create(0, data=b"", headers=checksum("sha1", b""))
    assert (created.status, created.headers["Upload-Offset"]) == (201, "0")
    refused = await room.create(0, data=b"x")
    assert (refused.status, refused.code) == (413, "length-mismatch")
    assert len(await room.files()) == 1


async def test_more_bytes_than_announced_create_nothing(room: HttpRoom) -> None:
    refused = await room.create(10, data=DATA)
    assert (refused.status, refused.code) == (413, "length-mismatch")
    assert await room.listing() == {"files": [], "uploads": [], "next": None}


async def test_a_creation_with_a_right_checksum_is_taken(room: HttpRoom) -> None:
    created = await room.create(len(DATA), data=DATA, headers=checksum("sha256", DATA))
    assert created.status == 201
    assert await room.engine.content("trace.log") == DATA


async def test_a_creation_with_a_wrong_checksum_leaves_nothing(room: HttpRoom) -> None:
    refused = await room.create(len(DATA), data=DATA, headers=checksum("sha256", b"other"))
    assert (refused.status, refused.code) == (460, "checksum-mismatch")
    assert await room.listing() == {"files": [], "uploads": [], "next": None}


async def test_a_body_of_another_type_is_refused(room: HttpRoom) -> None:
    refused = await room.ask(
        "POST",
        COLLECTION,
        headers={**TUS, "Upload-Length": "3", "Content-Type": "application/json"},
        data=b"abc",
    )
    assert (refused.status, refused.code) == (415, "unsupported-media-type")
    assert await room.uploads() == []


# ── Lengths ──────────────────────────────────────────────────────────────────────────────────


async def test_a_deferred_length_comes_with_a_later_patch(room: HttpRoom) -> None:
    location = await room.begin(None)
    head = await room.head(location)
    assert head.headers["Upload-Defer-Length"] == "1"
    assert "Upload-Length" not in head.headers
    assert (await room.patch(location, 0, DATA[:100])).headers["Upload-Offset"] == "100"
    last = await room.patch(location, 100, DATA[100:], headers={"Upload-Length": str(len(DATA))})
    assert last.status == 204
    assert await room.engine.content("trace.log") == DATA


async def test_a_deferred_length_comes_with_an_empty_patch(room: HttpRoom) -> None:
    location = await room.begin(None)
    await room.patch(location, 0, DATA)
    last = await room.patch(location, len(DATA), b"", headers={"Upload-Length": str(len(DATA))})
    assert last.status == 204
    assert await room.engine.content("trace.log") == DATA


async def test_a_creation_without_a_length_takes_bytes_along(room: HttpRoom) -> None:
    created = await room.create(None, data=DATA[:100])
    assert (created.status, created.headers["Upload-Offset"]) == (201, "100")


async def test_an_announced_length_does_not_change(room: HttpRoom) -> None:
    location = await room.begin(None)
    announced = {"Upload-Length": str(len(DATA))}
    await room.patch(location, 0, DATA[:100], headers=announced)
    for length in (len(DATA) + 1, len(DATA) - 1):
        other = await room.patch(location, 100, b"", headers={"Upload-Length": str(length)})
        assert (other.status, other.code) == (400, "invalid-request")
    head = await room.head(location)
    assert (head.headers["Upload-Length"], head.headers["Upload-Offset"]) == (
        str(len(DATA)),
        "100",
    )


async def test_a_length_below_what_is_here_is_refused(room: HttpRoom) -> None:
    location = await room.begin(None)
    await room.patch(location, 0, DATA)
    answer = await room.patch(location, len(DATA), b"", headers={"Upload-Length": "5"})
    assert answer.status in (400, 413)
    assert (await room.head(location)).headers["Upload-Defer-Length"] == "1"


async def test_a_length_at_a_wrong_offset_is_not_taken(room: HttpRoom) -> None:
    location = await room.begin(None)
    answer = await room.patch(location, 5, DATA, headers={"Upload-Length": "2000"})
    assert answer.status == 409
    assert "Upload-Length" not in (await room.head(location)).headers


@pytest.mark.parametrize(
    "lengths",
    [
        {},
        {"Upload-Length": "-1"},
        {"Upload-Length": "ten"},
        {"Upload-Length": "1e3"},
        {"Upload-Length": "9" * 25},
        {"Upload-Defer-Length": "0"},
        {"Upload-Defer-Length": "true"},
        {"Upload-Length": "3", "Upload-Defer-Length": "1"},
    ],
)
async def test_a_length_that_is_none_creates_nothing(
    room: HttpRoom, lengths: dict[str, str]
) -> None:
    answer = await room.ask("POST", COLLECTION, headers={**TUS, **lengths})
    assert (answer.status, answer.code) == (400, "invalid-request")
    assert await room.uploads() == []


async def test_a_file_that_no_store_could_hold_is_too_large(room: HttpRoom) -> None:
    answer = await room.create(MAX_FILE_BYTES + 1)
    assert (answer.status, answer.code) == (413, "too-large")


async def test_a_limit_is_told_and_kept(tmp_path: Path) -> None:
    async with http_room(
        tmp_path,
        policy=HttpPolicy(max_file_bytes=1000),
        engine_policy=UploadPolicy(max_file_bytes=1000),
    ) as room:
        options = await room.ask("OPTIONS", COLLECTION, who=None)
        assert options.headers["Tus-Max-Size"] == "1000"
        assert (await room.create(1001)).status == 413
        location = await room.begin(None)
        announced = await room.patch(location, 0, b"", headers={"Upload-Length": "1001"})
        assert (announced.status, announced.code) == (413, "too-large")


# ── Names and other metadata ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"filename": "trace.log"}, "trace.log"),
        ({"filename": "trace.log", "relativePath": "logs/node1/trace.log"}, "logs/node1/trace.log"),
        ({"filename": "trace.log", "relativePath": "/logs/trace.log"}, "logs/trace.log"),
        ({"filename": "trace.log", "relativePath": ""}, "trace.log"),
        ({"filename": "trace.log", "relativePath": "null"}, "trace.log"),
        ({"filename": "Präsentation 2 \u2013 ログ.txt"}, "Präsentation 2 \u2013 ログ.txt"),
        ({"filename": "CON"}, "CON"),
        ({"filename": ".bashrc"}, ".bashrc"),
        ({"filename": "<img src=x onerror=alert(1)>"}, "<img src=x onerror=alert(1)>"),
        ({"filename": "a" * 255}, "a" * 255),
        ({}, "unnamed"),
    ],
)
async def test_a_file_gets_the_path_that_its_sender_gave(
    room: HttpRoom, values: dict[str, str], path: str
) -> None:
    created = await room.create(3, data=b"abc", headers={"Upload-Metadata": metadata(**values)})
    assert created.status == 201
    (file,) = await room.files()
    assert file["path"] == path


async def test_no_metadata_at_all_is_fine(room: HttpRoom) -> None:
    for headers in ({}, {"Upload-Metadata": ""}):
        created = await room.ask(
            "POST", COLLECTION, headers={**TUS, "Upload-Length": "0", **headers}
        )
        assert created.status == 201
    assert {file["path"] for file in await room.files()} == {"unnamed", "unnamed (2)"}


async def test_the_longest_path_fits_into_the_headers(room: HttpRoom) -> None:
    path = "/".join(["ü" * 127] * 16)[:2000]
    named = metadata(filename=path, relativePath=path)
    assert len(named) > 8190  # what the web framework takes by itself
    created = await room.create(0, headers={"Upload-Metadata": named})
    assert created.status == 201
    (file,) = await room.files()
    assert file["path"] == path


@pytest.mark.parametrize(
    "path",
    [
        "../etc/passwd",
        "logs/../../x",
        "a//b",
        "./a",
        "nul\0byte",
        "line\nbreak",
        "a" * 256,
        "/".join(["b" * 200] * 21),
        "/",
    ],
)
async def test_a_name_that_cannot_be_is_refused(room: HttpRoom, path: str) -> None:
    answer = await room.create(3, path, data=b"abc")
    assert (answer.status, answer.code) == (400, "invalid-name")
    assert await room.listing() == {"files": [], "uploads": [], "next": None}


@pytest.mark.parametrize(
    "header",
    [
        "filename",  # fine: an empty value
        "filename dHJhY2U=,note",
    ],
)
async def test_a_value_may_be_empty(room: HttpRoom, header: str) -> None:
    assert (await room.create(3, headers={"Upload-Metadata": header})).status == 201


@pytest.mark.parametrize(
    "header",
    [
        "filename dHJhY2U=,filename dHJhY2U=",
        "filename not!base64",
        "filename dHJhY2U",
        "filename dHJhY2U= dHJhY2U=",
        "filename dHJhY2U=,,",
        ",",
        "file\tname dHJhY2U=",
        "fïle dHJhY2U=",
        "filename gICA",
        "sha256 YWJj",
        "lastModified bm9uc2Vuc2U=",
        "filetype Zm8Kbw==",
    ],
)
async def test_malformed_metadata_creates_nothing(room: HttpRoom, header: str) -> None:
    answer = await room.create(3, headers={"Upload-Metadata": header})
    assert (answer.status, answer.code) == (400, "invalid-request")
    assert await room.uploads() == []


async def test_the_sender_s_time_is_kept(room: HttpRoom) -> None:
    for value, time in (
        ("1700000000123", "2023-11-14T22:13:20.123000Z"),
        ("1700000000", "2023-11-14T22:13:20Z"),
        ("2024-02-29T12:00:00+02:00", "2024-02-29T10:00:00Z"),
    ):
        named = metadata(filename="a.log", lastModified=value)
        room.engine.clock.advance(1)  # the list is in the order of arrival
        await room.create(3, data=b"abc", headers={"Upload-Metadata": named})
        assert (await room.files())[-1]["modified_at"] == time


async def test_a_promised_digest_that_matches_verifies_the_file(room: HttpRoom) -> None:
    promised = metadata(filename="a.log", sha256=hashlib.sha256(DATA).hexdigest().upper())
    created = await room.create(len(DATA), headers={"Upload-Metadata": promised})
    await room.patch(created.headers["Location"], 0, DATA)
    (file,) = await room.files()
    assert file["verified"] is True


async def test_a_promised_digest_that_does_not_match_is_no_file(room: HttpRoom) -> None:
    promised = metadata(filename="a.log", sha256=hashlib.sha256(b"other").hexdigest())
    created = await room.create(len(DATA), headers={"Upload-Metadata": promised})
    answer = await room.patch(created.headers["Location"], 0, DATA)
    assert (answer.status, answer.code) == (422, "digest-mismatch")
    assert (await room.head(created.headers["Location"])).status == 410
    assert await room.listing() == {"files": [], "uploads": [], "next": None}


async def test_a_second_file_of_the_same_name_stands_beside_the_first(room: HttpRoom) -> None:
    await room.send(DATA, "trace.log")
    await room.send(b"other", "trace.log")
    assert [file["path"] for file in await room.files()] == ["trace.log", "trace (2).log"]


async def test_what_an_analyst_sends_is_shared(room: HttpRoom) -> None:
    file = await room.send(DATA, "fix.zip", who="analyst")
    assert (file["path"], file["direction"]) == ("shared/fix.zip", "shared_with_customer")


async def test_a_customer_does_not_write_what_is_shared(room: HttpRoom) -> None:
    answer = await room.create(3, "shared/fix.zip")
    assert (answer.status, answer.code) == (403, "forbidden")


async def test_a_case_number_that_is_none_is_refused(room: HttpRoom) -> None:
    for number in ("123", "000325610x", "00032561099"):
        answer = await room.create(3, number=number)
        assert (answer.status, answer.code) == (400, "invalid-request")


async def test_a_body_is_asked_for_only_when_it_is_wanted(room: HttpRoom) -> None:
    asked: list[str] = []

    async def body() -> AsyncIterator[bytes]:
        asked.append("for the body")
        yield DATA

    async with room.session.post(
        room.url + COLLECTION,
        headers={
            **TUS,
            **OFFSET_TYPE,
            **room.bearer("read-only"),
            "Upload-Length": "1000",
            "Upload-Metadata": metadata(filename="a.log"),
        },
        data=body(),
        expect100=True,
    ) as response:
        assert response.status == 403
        assert response.headers["Connection"] == "close"
    assert not asked
    async with room.session.post(
        room.url + COLLECTION,
        headers={
            **TUS,
            **OFFSET_TYPE,
            **room.bearer("designated"),
            "Upload-Length": str(len(DATA)),
            "Upload-Metadata": metadata(filename="a.log"),
        },
        data=DATA,
        expect100=True,
    ) as response:
        assert response.status == 201
    assert await room.engine.content("a.log") == DATA
