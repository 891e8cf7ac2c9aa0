"""Digests of what is sent and of whole files, with resumable uploads for HTTP (RFC 9530)."""

import base64
import hashlib

import pytest

from tests.e2e.http.http_room import HttpRoom
from tests.e2e.http.rufh_client import FINAL, PROBLEMS

DATA = bytes(range(256)) * 1200


def field(data: bytes, algorithm: str = "sha-256") -> str:
    digest = hashlib.new(algorithm.replace("-", ""), data).digest()
    return f"{algorithm}=:{base64.b64encode(digest).decode()}:"


# ── Of what is sent ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("algorithm", ["sha-256", "sha-512"])
async def test_bytes_with_a_right_digest_count(room: HttpRoom, algorithm: str) -> None:
    first, second = DATA[:200_000], DATA[200_000:]
    told = {"Content-Digest": field(first, algorithm)}
    created = await FINAL.create(room, first, ends=False, headers=told)
    assert (created.status, created.headers["Upload-Offset"]) == (201, "200000")
    told = {"Content-Digest": field(second, algorithm)}
    location = created.headers["Location"]
    answer = await FINAL.append(room, location, len(first), second, ends=True, headers=told)
    assert answer.status == 201
    assert await room.engine.content("trace.log") == DATA


@pytest.mark.parametrize("algorithm", ["sha-256", "sha-512"])
@pytest.mark.parametrize("size", [1000, 200_000])
async def test_bytes_with_a_wrong_digest_count_for_nothing_and_can_be_sent_again(
    room: HttpRoom, algorithm: str, size: int
) -> None:
    location = await FINAL.begin(room)
    await FINAL.append(room, location, 0, DATA[:7], ends=False)
    told = {"Content-Digest": field(b"other", algorithm)}
    for ends in (False, True):
        chunk = DATA[7:] if ends else DATA[7 : 7 + size]
        answer = await FINAL.append(room, location, 7, chunk, ends=ends, headers=told)
        assert (answer.status, answer.code) == (400, "checksum-mismatch")
        assert answer.json()["type"] == f"{PROBLEMS}digest-mismatching-values"
        assert (await FINAL.head(room, location)).headers["Upload-Offset"] == "7"
    assert (await FINAL.append(room, location, 7, DATA[7:], ends=True)).status == 201
    assert await room.engine.content("trace.log") == DATA


async def test_an_upload_that_begins_with_damaged_bytes_is_not_begun(room: HttpRoom) -> None:
    told = {"Content-Digest": field(b"other")}
    assert (await FINAL.create(room, DATA, ends=True, headers=told)).status == 400
    listing = await room.listing()
    assert (listing["files"], listing["uploads"]) == ([], [])


async def test_a_digest_of_an_unknown_algorithm_is_passed_over(room: HttpRoom) -> None:
    told = {"Content-Digest": "md5=:AAAA:", "Repr-Digest": "unixsum=30637"}
    assert (await FINAL.create(room, DATA, ends=True, headers=told)).status == 201


# ── Of the whole file ────────────────────────────────────────────────────────────────────────


async def test_a_file_that_keeps_what_was_promised_at_its_creation_is_verified(
    room: HttpRoom,
) -> None:
    told = {"Repr-Digest": field(DATA)}
    created = await FINAL.create(room, DATA[:100], ends=False, headers=told)
    answer = await FINAL.append(room, created.headers["Location"], 100, DATA[100:], ends=True)
    assert (answer.status, answer.json()["verified"]) == (201, True)


async def test_a_file_that_keeps_what_is_promised_with_its_last_bytes_is_verified(
    room: HttpRoom,
) -> None:
    location = await FINAL.begin(room)
    await FINAL.append(room, location, 0, DATA[:100], ends=False)
    told = {"Repr-Digest": field(DATA)}
    answer = await FINAL.append(room, location, 100, DATA[100:], ends=True, headers=told)
    assert (answer.status, answer.json()["verified"]) == (201, True)


@pytest.mark.parametrize("size", [100, len(DATA)])
async def test_a_file_that_does_not_keep_it_is_not_received(room: HttpRoom, size: int) -> None:
    told = {"Repr-Digest": field(b"other")}
    answer = await FINAL.create(room, DATA[:size], ends=True, headers=told)
    assert (answer.status, answer.code) == (422, "digest-mismatch")
    # All of it was sent, and will not do: resuming is of no use.
    assert answer.headers["Upload-Complete"] == "?1"
    location = await FINAL.begin(room)
    answer = await FINAL.append(room, location, 0, DATA[:size], ends=True, headers=told)
    assert (answer.status, answer.code) == (422, "digest-mismatch")
    assert (await FINAL.head(room, location)).status == 410
    assert await room.files() == []


async def test_the_file_s_digest_is_told_at_its_end_and_afterwards(room: HttpRoom) -> None:
    location = await FINAL.begin(room)
    begun = await FINAL.head(room, location)
    assert "Repr-Digest" not in begun.headers
    answer = await FINAL.append(room, location, 0, DATA, ends=True)
    head = await FINAL.head(room, location)
    assert answer.headers["Repr-Digest"] == head.headers["Repr-Digest"] == field(DATA)
    content = await room.ask("HEAD", head.headers["Content-Location"])
    assert content.headers["Repr-Digest"] == field(DATA)


async def test_who_wants_no_digest_that_is_known_here_gets_none(room: HttpRoom) -> None:
    wanted = {"Want-Repr-Digest": "sha-512=9, sha-256=0"}
    answer = await FINAL.create(room, DATA, ends=True, headers=wanted)
    assert answer.status == 201
    assert "Repr-Digest" not in answer.headers


# ── tus ──────────────────────────────────────────────────────────────────────────────────────


async def test_tus_bytes_are_checked_against_a_content_digest_too(room: HttpRoom) -> None:
    location = await room.begin(len(DATA))
    wrong, right = ({"Content-Digest": field(data)} for data in (b"other", DATA))
    answer = await room.patch(location, 0, DATA, headers=wrong)
    assert (answer.status, answer.code) == (460, "checksum-mismatch")
    assert await room.offset(location) == 0
    assert (await room.patch(location, 0, DATA, headers=right)).status == 204
    assert await room.engine.content("trace.log") == DATA
