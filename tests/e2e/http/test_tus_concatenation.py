"""tus concatenation: files made of uploads that were sent side by side."""

import asyncio
import hashlib
import itertools
import random
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from tests.e2e.http.http_room import (
    OFFSET_TYPE,
    TUS,
    Answer,
    HttpRoom,
    http_room,
    metadata,
)
from tests.engine_room import MIB, NUMBER, SMALL_PARTS
from transfer.engine.policy import UploadPolicy
from transfer.http.policy import HttpPolicy
from transfer.storage.memory import Call, MemoryObjectStore

DATA = random.Random(11).randbytes(300_000)
COLLECTION = f"/api/v1/cases/{NUMBER}/uploads"
PARTIAL = {"Upload-Concat": "partial"}


def store_of(room: HttpRoom) -> MemoryObjectStore:
    store = room.engine.store
    assert isinstance(store, MemoryObjectStore)
    return store


async def begin_partial(room: HttpRoom, length: int | None, who: str = "designated") -> str:
    sized = {"Upload-Defer-Length": "1"} if length is None else {"Upload-Length": str(length)}
    created = await room.ask("POST", COLLECTION, who=who, headers={**TUS, **PARTIAL, **sized})
    assert created.status == 201, created.body
    assert "Upload-Expires" in created.headers
    return created.headers["Location"]


async def send_partial(room: HttpRoom, data: bytes, who: str = "designated") -> str:
    location = await begin_partial(room, len(data), who)
    answer = await room.patch(location, 0, data, who=who)
    assert (answer.status, answer.headers["Upload-Offset"]) == (204, str(len(data)))
    assert "Upload-Expires" in answer.headers
    return location


async def concatenate(
    room: HttpRoom,
    *urls: str,
    path: str = "trace.log",
    who: str = "designated",
    number: str = NUMBER,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    sent = {
        **TUS,
        "Upload-Concat": f"final;{' '.join(urls)}",
        "Upload-Metadata": metadata(filename=path),
        **(headers or {}),
    }
    return await room.ask("POST", f"/api/v1/cases/{number}/uploads", who=who, headers=sent)


async def finished(room: HttpRoom, location: str) -> Answer:
    """Look at a final upload until it has an offset."""
    async with asyncio.timeout(20):
        while True:
            answer = await room.head(location)
            if answer.status != 200 or "Upload-Offset" in answer.headers:
                return answer


# ── A file of pieces ─────────────────────────────────────────────────────────────────────────


async def test_a_file_is_made_of_uploads_that_were_sent_side_by_side(room: HttpRoom) -> None:
    cuts = [0, 1000, 1000, 150_000, len(DATA)]
    pieces = [DATA[begin:end] for begin, end in itertools.pairwise(cuts)]
    urls = await asyncio.gather(*(send_partial(room, piece) for piece in pieces))
    created = await concatenate(room, *urls, path="logs/trace.log")
    assert created.status == 201
    head = await room.head(created.headers["Location"])
    assert head.status == 200
    assert head.headers["Upload-Offset"] == head.headers["Upload-Length"] == str(len(DATA))
    assert head.headers["Upload-Concat"] == f"final;{' '.join(urls)}"
    assert head.headers["Upload-Metadata"] == metadata(filename="logs/trace.log")
    assert "Upload-Expires" not in head.headers
    (file,) = await room.files()
    assert (file["path"], file["size"]) == ("logs/trace.log", len(DATA))
    assert file["sha256"] == hashlib.sha256(DATA).hexdigest()
    assert await room.engine.content("logs/trace.log") == DATA


async def test_a_partial_upload_is_told_as_one_and_hidden(room: HttpRoom) -> None:
    location = await begin_partial(room, len(DATA))
    head = await room.head(location)
    assert head.headers["Upload-Concat"] == "partial"
    assert (head.headers["Upload-Offset"], head.headers["Upload-Length"]) == ("0", str(len(DATA)))
    await room.patch(location, 0, DATA)
    head = await room.head(location)
    assert head.headers["Upload-Offset"] == head.headers["Upload-Length"] == str(len(DATA))
    assert "Upload-Expires" in head.headers
    assert await room.listing() == {"files": [], "uploads": [], "next": None}


async def test_metadata_of_a_partial_is_kept_and_not_inherited(room: HttpRoom) -> None:
    named = metadata(filename="/not/../a name/", sha256="neither")
    created = await room.create(3, headers={**PARTIAL, "Upload-Metadata": named})
    assert created.status == 201
    location = created.headers["Location"]
    assert (await room.head(location)).headers["Upload-Metadata"] == named
    await room.patch(location, 0, b"abc")
    whole = await room.ask(
        "POST", COLLECTION, headers={**TUS, "Upload-Concat": f"final;{location}"}
    )
    assert whole.status == 201
    assert "Upload-Metadata" not in (await room.head(whole.headers["Location"])).headers
    (file,) = await room.files()
    assert (file["path"], file["verified"]) == ("unnamed", False)


async def test_malformed_metadata_of_a_partial_is_refused(room: HttpRoom) -> None:
    refused = await room.create(3, headers={**PARTIAL, "Upload-Metadata": "a !!!"})
    assert (refused.status, refused.code) == (400, "invalid-request")


async def test_a_partial_of_length_0_and_one_that_is_sent_at_once(room: HttpRoom) -> None:
    empty = await begin_partial(room, 0)
    created = await room.create(5, data=b"hello", headers=PARTIAL)
    assert (created.status, created.headers["Upload-Offset"]) == (201, "5")
    whole = await concatenate(room, empty, created.headers["Location"], empty)
    assert whole.status == 201
    assert await room.engine.content("trace.log") == b"hello"
    nothing = await concatenate(room, empty, path="empty.log")
    assert nothing.status == 201
    assert await room.engine.content("empty.log") == b""


async def test_a_partial_is_used_again_and_twice_in_one_file(room: HttpRoom) -> None:
    one, other = await send_partial(room, b"one "), await send_partial(room, b"other ")
    assert (await concatenate(room, one, other, one, path="a.log")).status == 201
    assert (await concatenate(room, other, path="b.log")).status == 201
    assert await room.engine.content("a.log") == b"one other one "
    assert await room.engine.content("b.log") == b"other "


async def test_a_promised_digest_verifies_the_whole(room: HttpRoom) -> None:
    urls = [await send_partial(room, DATA[:1000]), await send_partial(room, DATA[1000:])]
    promised = metadata(filename="a.log", sha256=hashlib.sha256(DATA).hexdigest())
    created = await concatenate(room, *urls, headers={"Upload-Metadata": promised})
    assert created.status == 201
    assert (await room.files())[0]["verified"] is True
    wrong = metadata(filename="b.log", sha256=hashlib.sha256(b"other").hexdigest())
    refused = await concatenate(room, *urls, headers={"Upload-Metadata": wrong})
    assert (refused.status, refused.code) == (422, "digest-mismatch")
    assert len(await room.files()) == 1


@pytest.mark.parametrize("base", ["{url}", "//{host}", "..", ""])
async def test_urls_are_absolute_or_relative(room: HttpRoom, base: str) -> None:
    location = await send_partial(room, b"abc")
    upload_id = location.rpartition("/")[2]
    host = f"{room.host}:{room.port}"
    url = {
        "{url}": room.url + location,
        "//{host}": f"//{host}{location}",
        "..": f"../../uploads/{upload_id}",
        "": location,
    }[base]
    assert (await concatenate(room, f" {url}  {url} ")).status == 201
    assert await room.engine.content("trace.log") == b"abcabc"


async def test_behind_a_prefix_urls_have_it_or_not(tmp_path: Path) -> None:
    policy = HttpPolicy(public_url="https://files.example.com/transfer/")
    async with http_room(tmp_path, policy=policy) as room:
        inner = (await room.create(0, headers=PARTIAL)).headers["Location"]
        assert inner.startswith("/transfer/")
        own = inner.removeprefix("/transfer")
        urls = (
            inner,
            own,
            f"https://files.example.com{inner}",
            f"https://files.example.com:443{inner}",
        )
        assert (await concatenate(room, *urls)).status == 201


# ── Before its pieces are whole ──────────────────────────────────────────────────────────────


async def test_a_final_waits_for_its_pieces_and_becomes_a_file_with_the_last(
    room: HttpRoom,
) -> None:
    first, second = await begin_partial(room, 1000), await begin_partial(room, None)
    created = await concatenate(room, first, second)
    assert created.status == 201
    assert "Upload-Expires" in created.headers
    location = created.headers["Location"]
    head = await room.head(location)
    assert head.status == 200
    assert not {"Upload-Offset", "Upload-Length", "Upload-Defer-Length"} & set(head.headers)
    assert head.headers["Upload-Concat"] == f"final;{first} {second}"
    await room.patch(second, 0, DATA[1000:2000])
    await room.patch(second, 1000, DATA[2000:], headers={"Upload-Length": str(len(DATA) - 1000)})
    head = await room.head(location)
    assert head.headers["Upload-Length"] == str(len(DATA))
    assert "Upload-Offset" not in head.headers
    (upload,) = await room.uploads()
    assert upload["path"] == "trace.log"
    await room.patch(first, 0, DATA[:1000])
    head = await finished(room, location)
    assert head.headers["Upload-Offset"] == head.headers["Upload-Length"] == str(len(DATA))
    assert await room.engine.content("trace.log") == DATA
    assert await room.uploads() == []


async def test_a_final_takes_no_bytes(room: HttpRoom) -> None:
    whole, missing = await send_partial(room, b"abc"), await begin_partial(room, 3)
    for pieces in ((whole,), (whole, missing)):
        location = (await concatenate(room, *pieces)).headers["Location"]
        for offset, data in ((0, b"abc"), (3, b""), (0, b"")):
            answer = await room.patch(location, offset, data)
            assert (answer.status, answer.code) == (403, "forbidden")
    created = await concatenate(room, whole, headers=OFFSET_TYPE)
    assert created.status == 201
    url = room.url + COLLECTION
    sent = {**TUS, **OFFSET_TYPE, **room.bearer("designated"), "Upload-Concat": f"final;{whole}"}
    async with room.session.post(url, headers=sent, data=b"abc") as refused:
        assert refused.status == 400


async def test_the_end_of_a_final_leaves_its_pieces(room: HttpRoom) -> None:
    whole, missing = await send_partial(room, b"abc"), await begin_partial(room, 3)
    location = (await concatenate(room, whole, missing)).headers["Location"]
    assert (await room.ask("DELETE", location, headers=TUS)).status == 204
    assert (await room.head(location)).status == 410
    assert (await room.head(whole)).headers["Upload-Offset"] == "3"
    assert (await room.patch(missing, 0, b"def")).status == 204
    assert (await concatenate(room, whole, missing)).status == 201
    assert await room.engine.content("trace.log") == b"abcdef"


async def test_the_end_of_a_piece_is_the_end_of_what_waits_for_it(room: HttpRoom) -> None:
    whole, missing = await send_partial(room, b"abc"), await begin_partial(room, 3)
    location = (await concatenate(room, whole, missing)).headers["Location"]
    assert (await room.ask("DELETE", missing, headers=TUS)).status == 204
    assert (await room.head(location)).status == 410
    assert (await room.ask("DELETE", whole, headers=TUS)).status == 204
    assert (await room.head(whole)).status == 410
    gone = await concatenate(room, whole)
    assert (gone.status, gone.code) == (410, "upload-gone")


async def test_the_same_final_again_is_the_same_upload(room: HttpRoom) -> None:
    whole, missing = await send_partial(room, b"abc"), await begin_partial(room, 3)
    waiting = (await concatenate(room, whole, missing)).headers["Location"]
    assert (await concatenate(room, whole, missing)).headers["Location"] == waiting
    made = (await concatenate(room, whole)).headers["Location"]
    assert (await concatenate(room, whole)).headers["Location"] == made
    assert (await concatenate(room, whole, path="b.log")).headers["Location"] != made
    assert {file["path"] for file in await room.files()} == {"trace.log", "b.log"}


# ── What is refused ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "header",
    [
        "",
        "whole",
        "Partial",
        "partial;/api/v1/uploads/a",
        "final",
        "final;",
        "final; ",
        "final /api/v1/uploads/a",
        "final;/api/v1/files/a",
        "final;/api/v1/uploads/a/b",
        "final;/api/v1/uploads/",
        "final;/api/v1/uploads/a?b=c",
        "final;http://elsewhere.example/api/v1/uploads/a",
        "final;ftp://[/api/v1/uploads/a",
        "final;javascript:alert(1)",
    ],
)
async def test_a_concatenation_that_cannot_be_is_refused(room: HttpRoom, header: str) -> None:
    answer = await room.ask(
        "POST", COLLECTION, headers={**TUS, "Upload-Length": "3", "Upload-Concat": header}
    )
    assert (answer.status, answer.code) == (400, "invalid-request")
    assert (await room.listing())["uploads"] == []


async def test_only_partial_uploads_of_the_case_and_of_that_side_are_used(room: HttpRoom) -> None:
    whole = await send_partial(room, b"abc")
    plain = await room.begin(3)
    shared = await send_partial(room, b"abc", who="analyst")
    foreign = (
        await room.create(3, data=b"abc", who="stranger", number="0009999999", headers=PARTIAL)
    ).headers["Location"]
    final = (await concatenate(room, whole)).headers["Location"]
    details = set()
    for url in (plain, shared, foreign, final, "/api/v1/uploads/0123456789abcdef"):
        answer = await concatenate(room, whole, url, path="b.log")
        assert (answer.status, answer.code) == (400, "invalid-request")
        details.add(answer.json()["detail"])
    assert len(details) == 1, "what isn't theirs is told from what isn't there"
    assert (await concatenate(room, shared, path="fix.log", who="analyst")).status == 201
    assert await room.engine.content("shared/fix.log") == b"abc"
    elsewhere = await concatenate(room, whole, who="stranger", number="0009999999")
    assert elsewhere.status == 400
    for who, status in (("read-only", 403), ("stranger", 404)):
        assert (await concatenate(room, whole, who=who)).status == status


@pytest.mark.parametrize("length", [{"Upload-Length": "3"}, {"Upload-Defer-Length": "1"}])
async def test_a_final_has_no_length_of_its_own(room: HttpRoom, length: dict[str, str]) -> None:
    whole = await send_partial(room, b"abc")
    answer = await concatenate(room, whole, headers=length)
    assert (answer.status, answer.code) == (400, "invalid-request")
    assert await room.files() == []


async def test_a_whole_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    limits = UploadPolicy(plan=SMALL_PARTS, max_file_bytes=5)
    async with http_room(tmp_path, engine_policy=limits) as room:
        whole = await send_partial(room, b"abc")
        answer = await concatenate(room, whole, whole)
        assert (answer.status, answer.code) == (413, "too-large")
        assert await room.listing() == {"files": [], "uploads": [], "next": None}


async def test_a_closed_case_gets_no_file_of_pieces(room: HttpRoom) -> None:
    whole, missing = await send_partial(room, b"abc"), await begin_partial(room, 3)
    location = (await concatenate(room, whole, missing)).headers["Location"]
    await room.engine.core.close(NUMBER, None, "analyst")
    assert (await concatenate(room, whole)).code == "case-closed"
    assert (await room.patch(missing, 0, b"def")).code == "case-closed"
    assert "Upload-Offset" not in (await room.head(location)).headers
    assert await room.files() == []


# ── Time, and what fails ─────────────────────────────────────────────────────────────────────


async def test_pieces_expire_and_what_was_made_of_them_stays(room: HttpRoom) -> None:
    used, unused = await send_partial(room, b"abc"), await send_partial(room, b"def")
    await concatenate(room, used)
    room.engine.clock.advance(timedelta(hours=1))
    assert (await room.head(used)).status == 410
    assert (await room.head(unused)).status == 200
    gone = await concatenate(room, used, path="b.log")
    assert (gone.status, gone.code) == (410, "upload-gone")
    await room.engine.uploads.tend_overdue()
    assert (await room.head(used)).status == 410
    room.engine.clock.advance(timedelta(days=7))
    assert (await room.head(unused)).status == 410
    assert await room.engine.content("trace.log") == b"abc"


async def test_a_refused_patch_tells_the_expiry_too(room: HttpRoom) -> None:
    location = await begin_partial(room, 3)
    answer = await room.patch(location, 2, b"abc")
    assert answer.status == 409
    assert answer.headers["Upload-Expires"] == "Mon, 09 Mar 2026 09:00:00 GMT"


async def test_a_fault_of_the_store_is_told_and_the_same_again_makes_up_for_it(
    room: HttpRoom,
) -> None:
    urls = [await send_partial(room, DATA[:1000]), await send_partial(room, DATA[1000:])]
    store_of(room).fail_next("read")
    failed = await concatenate(room, *urls)
    assert (failed.status, failed.code) == (503, "store-unavailable")
    assert await room.files() == []
    (upload,) = await room.uploads()
    again = await concatenate(room, *urls)
    assert again.status == 201
    assert again.headers["Location"].endswith(upload["id"])
    assert await room.engine.content("trace.log") == DATA


async def test_no_answer_says_done_before_it_is(room: HttpRoom) -> None:
    urls = [await send_partial(room, DATA[:1000]), await send_partial(room, DATA[1000:])]
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def wait(call: Call) -> None:
        if call.operation == "complete_multipart":
            asked.set()
            await go_on.wait()

    store_of(room).before = wait
    creation = asyncio.create_task(concatenate(room, *urls))
    await asyncio.wait_for(asked.wait(), 20)
    (upload,) = await room.uploads()
    head = await room.head(f"/api/v1/uploads/{upload['id']}")
    assert head.status == 200
    assert "Upload-Offset" not in head.headers
    assert head.headers["Upload-Length"] == str(len(DATA))
    for _ in range(3):
        await room.engine.clock.wait_for_sleepers()
        room.engine.clock.advance(15)  # the client is shown that somebody is still there
    assert not creation.done()
    go_on.set()
    assert (await creation).status == 201
    assert await room.engine.content("trace.log") == DATA


async def test_big_pieces_are_copied_inside_the_store(tmp_path: Path) -> None:
    data = random.Random(12).randbytes(13 * MIB)
    async with http_room(tmp_path) as room:
        urls = [
            await send_partial(room, data[: 6 * MIB]),
            await send_partial(room, data[6 * MIB :]),
        ]
        store_of(room).calls.clear()
        assert (await concatenate(room, *urls)).status == 201
        operations = [call.operation for call in store_of(room).calls]
        assert sorted(operations) == [
            "complete_multipart",
            "copy_part",
            "copy_part",
            "create_multipart",
            "read",
        ]
        assert await room.engine.content("trace.log") == data
