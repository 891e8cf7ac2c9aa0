"""Resumable uploads for HTTP: beginning one."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.http.http_room import HttpRoom, http_room, metadata
from tests.e2e.http.rufh_client import FINAL, PROBLEMS
from tests.engine_room import NUMBER
from transfer.core.parts import PartPlan
from transfer.engine.policy import UploadPolicy
from transfer.http.policy import HttpPolicy

DATA = bytes(range(256)) * 1200


async def trickle(data: bytes = DATA, size: int = 50_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def test_a_file_of_untold_length_is_sent_in_chunks(room: HttpRoom) -> None:
    answer = await FINAL.create(room, trickle(), ends=True)
    assert answer.status == 201
    assert answer.json()["size"] == len(DATA)
    assert await room.engine.content("trace.log") == DATA


async def test_an_upload_of_untold_length_is_known_once_it_ends(room: HttpRoom) -> None:
    created = await FINAL.create(room, trickle(), ends=False)
    location = created.headers["Location"]
    assert "Upload-Length" not in (await FINAL.head(room, location)).headers
    answer = await FINAL.append(room, location, len(DATA), ends=True)
    assert (answer.status, answer.json()["size"]) == (201, len(DATA))
    assert (await FINAL.head(room, location)).headers["Upload-Length"] == str(len(DATA))


async def test_an_empty_file_is_a_file(room: HttpRoom) -> None:
    answer = await FINAL.create(room, ends=True)
    assert (answer.status, answer.json()["size"]) == (201, 0)
    assert await room.engine.content("trace.log") == b""


async def test_an_empty_file_that_is_begun_waits_for_its_end(room: HttpRoom) -> None:
    created = await FINAL.create(room, ends=False, headers={"Upload-Length": "0"})
    assert (created.status, created.headers["Upload-Complete"]) == (201, "?0")
    assert await room.files() == []
    answer = await FINAL.append(room, created.headers["Location"], 0, ends=True)
    assert (answer.status, answer.json()["size"]) == (201, 0)


async def test_every_announced_byte_is_not_the_end_unless_it_is_told(room: HttpRoom) -> None:
    announced = {"Upload-Length": str(len(DATA))}
    created = await FINAL.create(room, DATA, ends=False, headers=announced)
    assert (created.status, created.headers["Upload-Complete"]) == (201, "?0")
    assert await room.files() == []
    answer = await FINAL.append(room, created.headers["Location"], len(DATA), ends=True)
    assert (answer.status, answer.headers["Upload-Complete"]) == (201, "?1")
    assert await room.engine.content("trace.log") == DATA


async def test_whoever_asks_about_an_upload_with_every_byte_finds_it_complete(
    room: HttpRoom,
) -> None:
    announced = {"Upload-Length": str(len(DATA))}
    created = await FINAL.create(room, DATA, ends=False, headers=announced)
    head = await FINAL.head(room, created.headers["Location"])
    assert head.headers["Upload-Complete"] == "?1"
    assert await room.engine.content("trace.log") == DATA


async def test_what_is_told_of_the_file_is_kept(room: HttpRoom) -> None:
    described = {
        "Content-Type": "text/plain",
        "Content-Disposition": "attachment; filename*=UTF-8''logs%2Fna%C3%AFve%20trace.log",
        "Last-Modified": "Sun, 01 Mar 2026 08:00:00 GMT",
    }
    answer = await FINAL.create(room, DATA, ends=True, headers=described)
    file = answer.json()
    assert file["path"] == "logs/naïve trace.log"
    assert file["modified_at"] == "2026-03-01T08:00:00Z"
    assert file["door"] == "http"


async def test_what_tus_would_be_told_of_the_file_counts_where_nothing_else_is_told(
    room: HttpRoom,
) -> None:
    """tus-js-client describes its files so, in whatever protocol."""
    sent = metadata(
        filename="trace.log",
        relativePath="logs/trace.log",
        lastModified="2026-03-01T08:00:00Z",
        sha256=hashlib.sha256(DATA).hexdigest(),
    )
    url = f"/api/v1/cases/{NUMBER}/uploads"
    headers = {"Upload-Complete": "?1", "Upload-Metadata": sent}
    file = (await room.ask("POST", url, headers=headers, data=DATA)).json()
    assert (file["path"], file["verified"]) == ("logs/trace.log", True)
    assert file["modified_at"] == "2026-03-01T08:00:00Z"
    named = {**headers, "Content-Disposition": "inline; filename=better.log"}
    assert (await room.ask("POST", url, headers=named, data=DATA)).json()["path"] == "better.log"


@pytest.mark.parametrize(
    "headers",
    [
        {"Upload-Complete": "1"},
        {"Upload-Complete": "true"},
        {"Upload-Complete": ""},
        {"Upload-Complete": "?1, ?1"},
        {"Upload-Complete": "?2"},
        {"Content-Disposition": "inline; filename*=nonsense"},
        {"Content-Disposition": "inline; filename*=UTF-8''..%2Fsecret"},
        {"Last-Modified": "yesterday"},
        {"Repr-Digest": "sha-256=:AAAA:"},
        {"Content-Digest": "sha-256=nonsense"},
    ],
)
async def test_a_malformed_field_is_refused_and_nothing_is_stored(
    room: HttpRoom, headers: dict[str, str]
) -> None:
    answer = await FINAL.create(room, DATA, ends=True, headers=headers)
    assert answer.status == 400
    assert answer.code in ("invalid-request", "invalid-name")
    listing = await room.listing()
    assert (listing["files"], listing["uploads"]) == ([], [])


@pytest.mark.parametrize("length", ["-1", "a", "1.5", "9" * 16, ""])
async def test_a_length_that_is_none_is_passed_over(room: HttpRoom, length: str) -> None:
    """As the draft has it: other values have the field ignored."""
    created = await FINAL.create(room, DATA, ends=False, headers={"Upload-Length": length})
    assert created.status == 201
    head = await FINAL.head(room, created.headers["Location"])
    assert "Upload-Length" not in head.headers


@pytest.mark.parametrize(
    ("length", "ends"), [(len(DATA) - 1, True), (len(DATA) + 1, True), (len(DATA) - 1, False)]
)
async def test_lengths_that_differ_are_refused(room: HttpRoom, length: int, *, ends: bool) -> None:
    told = {"Upload-Length": str(length)}
    for body in (DATA, trickle()):
        answer = await FINAL.create(room, body, ends=ends, headers=told)
        assert (answer.status, answer.code) == (400, "length-mismatch")
        assert answer.json()["type"] == f"{PROBLEMS}inconsistent-upload-length"
    listing = await room.listing()
    assert (listing["files"], listing["uploads"]) == ([], [])


async def test_a_file_that_is_too_large_is_told_the_limit(tmp_path: Path) -> None:
    limited = UploadPolicy(plan=PartPlan(), max_file_bytes=1000)
    policy = HttpPolicy(max_file_bytes=1000)
    async with http_room(tmp_path, policy=policy, engine_policy=limited) as room:
        for body in (DATA, trickle()):
            answer = await FINAL.create(room, body, ends=True)
            assert (answer.status, answer.code) == (413, "too-large")
            assert answer.headers["Upload-Limit"].startswith("max-size=1000,")
        location = await FINAL.begin(room)
        answer = await FINAL.append(room, location, 0, DATA, ends=True)
        assert (answer.status, answer.code) == (413, "too-large")
        assert (await FINAL.head(room, location)).headers["Upload-Offset"] == "0"


async def test_an_encoded_body_is_refused(room: HttpRoom) -> None:
    answer = await FINAL.create(room, DATA, ends=True, headers={"Content-Encoding": "gzip"})
    assert answer.status == 415
    assert await room.files() == []


@pytest.mark.parametrize(("who", "status"), [("read-only", 403), ("stranger", 404)])
async def test_who_may_not_upload_is_refused(room: HttpRoom, who: str, status: int) -> None:
    assert (await FINAL.create(room, DATA, ends=True, who=who)).status == status
    location = await FINAL.begin(room)
    assert (await FINAL.append(room, location, 0, DATA, ends=True, who=who)).status == status
    head = await FINAL.head(room, location, who)
    assert head.status == (204 if who == "read-only" else 404)
    assert (await room.ask("DELETE", location, who=who)).status == status
    assert await room.files() == []


async def test_who_is_nobody_is_asked_to_sign_in(room: HttpRoom) -> None:
    url = f"/api/v1/cases/{NUMBER}/uploads"
    answer = await room.ask("POST", url, headers={"Upload-Complete": "?1"}, data=DATA, who=None)
    assert answer.status == 401
