"""The archive of a case: whole, in ranges, selected, and never a mixture of two."""

import asyncio
import hashlib
import io
import zipfile
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.http.breaking_store import BreakingStore
from tests.e2e.http.http_room import OTHER_NUMBER, Answer, HttpRoom, http_room
from tests.engine_room import ADMIN, NUMBER, customer
from transfer.core.names import CasePath
from transfer.storage.memory import Call, MemoryObjectStore

URL = f"/api/v1/cases/{NUMBER}/archive"
FILES = {
    "logs/node 1/trace.log": b"one" * 1000,
    "logs/node 2/trace.log": b"two" * 70_000,
    "empty.txt": b"",
    "ログ.txt": b"three",
}


async def fill(room: HttpRoom) -> None:
    for path, data in FILES.items():
        await room.send(data, path)
    await room.send(b"shared", "answer.txt", who="analyst")


async def archive(room: HttpRoom, query: str = "", **headers: str) -> Answer:
    return await room.ask("GET", URL + query, headers=headers, who="analyst")


def unpacked(answer: Answer) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(answer.body)) as content:
        assert content.testzip() is None
        return {info.filename: content.read(info) for info in content.infolist()}


def digests(data: bytes) -> dict[str, str]:
    lines = [line for line in data.decode().splitlines() if not line.startswith("#")]
    return {line[66:]: line[:64] for line in lines}


async def events(room: HttpRoom) -> list[dict[str, object]]:
    found = await room.engine.records.audit.events(NUMBER)
    return [dict(event.details) for event in found if event.action == "archive.downloaded"]


async def test_a_case_comes_as_one_zip_with_a_list_of_digests(room: HttpRoom) -> None:
    await fill(room)
    await room.engine.files.make_folder(customer(), NUMBER, CasePath("nothing here"))
    answer = await archive(room)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Content-Length"] == str(len(answer.body))
    assert answer.headers["Content-Disposition"].startswith(
        f'attachment; filename="case-{NUMBER}.zip"'
    )
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Last-Modified" not in answer.headers
    found = unpacked(answer)
    manifest = found.pop("SHA256SUMS")
    folders = {"logs/", "logs/node 1/", "logs/node 2/", "nothing here/", "shared/"}
    assert found == {**FILES, "shared/answer.txt": b"shared", **dict.fromkeys(folders, b"")}
    assert digests(manifest) == {
        path: hashlib.sha256(data).hexdigest()
        for path, data in found.items()
        if not path.endswith("/")
    }


async def test_the_same_files_make_the_same_bytes(room: HttpRoom) -> None:
    await fill(room)
    first, second = await archive(room), await archive(room)
    assert first.body == second.body
    assert first.headers["ETag"] == second.headers["ETag"]


async def test_head_tells_the_same_and_notes_nothing(room: HttpRoom) -> None:
    await fill(room)
    head = await room.ask("HEAD", URL, who="analyst")
    assert (head.status, await events(room)) == (200, [])
    got = await archive(room)
    different = {"Date", "X-Request-ID"}
    assert {k: v for k, v in head.headers.items() if k not in different} == {
        k: v for k, v in got.headers.items() if k not in different
    }


async def test_any_range_is_that_of_the_whole(room: HttpRoom) -> None:
    await fill(room)
    whole = (await archive(room)).body
    for start in range(0, len(whole), len(whole) // 37):
        answer = await archive(room, Range=f"bytes={start}-{start + 4999}")
        assert answer.status == 206
        assert answer.body == whole[start : start + 5000]
        total = min(start + 4999, len(whole) - 1)
        assert answer.headers["Content-Range"] == f"bytes {start}-{total}/{len(whole)}"
    assert (await archive(room, Range=f"bytes={len(whole)}-")).status == 416


async def test_an_archive_of_an_empty_case_has_an_empty_list(room: HttpRoom) -> None:
    assert unpacked(await archive(room)) == {"SHA256SUMS": b"", "shared/": b""}


async def test_what_is_still_on_its_way_is_named_and_not_in_it(room: HttpRoom) -> None:
    await room.send(b"here", "here.log")
    location = await room.begin(10, "half.log")
    await room.patch(location, 0, b"half")
    found = unpacked(await archive(room, "?direction=from_customer"))
    assert set(found) == {"SHA256SUMS", "here.log"}
    assert found["SHA256SUMS"].endswith(b"# Still on its way, and not in here: half.log\n")
    pinned = unpacked(await archive(room, "?until=2030-01-01T00:00:00Z"))
    assert b"#" not in pinned["SHA256SUMS"]


# ── Selections ───────────────────────────────────────────────────────────────────────────────


async def names(room: HttpRoom, query: str) -> set[str]:
    answer = await archive(room, query)
    assert answer.status == 200, answer.body
    return set(unpacked(answer)) - {"SHA256SUMS"}


async def test_some_files_can_be_chosen(room: HttpRoom) -> None:
    await fill(room)
    ids = {file["path"]: file["id"] for file in await room.files()}
    one, shared = ids["logs/node 1/trace.log"], ids["shared/answer.txt"]
    logs = {"logs/", "logs/node 1/", "logs/node 1/trace.log"}
    rest = {"logs/node 2/", "logs/node 2/trace.log"}
    assert await names(room, "?path=logs/") == logs | rest
    assert await names(room, "?path=logs/node%201") == logs
    assert await names(room, "?path=empty.txt") == {"empty.txt"}
    assert await names(room, "?path=logs/node%201/trace.log") == logs
    assert await names(room, "?direction=shared_with_customer") == {"shared/", "shared/answer.txt"}
    both = logs | {"shared/", "shared/answer.txt"}
    assert await names(room, f"?files={one},{shared}") == both
    assert await names(room, f"?files={one}&files={shared}") == both
    assert await names(room, f"?files={one}&direction=from_customer&path=logs") == logs


async def test_an_archive_until_a_moment_stays_as_it_is(room: HttpRoom) -> None:
    await room.send(b"one", "one.log")
    until = room.engine.clock.now().isoformat()
    first = await archive(room, f"?until={until}")
    await room.send(b"two", "two.log")
    second = await archive(room, f"?until={until}")
    assert first.body == second.body
    assert set(unpacked(first)) == {"SHA256SUMS", "one.log"}


@pytest.mark.parametrize(
    "query",
    [
        "?direction=up",
        "?files=",
        "?files=a,,b",
        "?until=yesterday",
        "?path=../x",
        "?until=2026-03-02T09:00:00",
        "?until=2026-99-02T09:00:00Z",
    ],
)
async def test_what_makes_no_sense_is_refused(room: HttpRoom, query: str) -> None:
    assert (await archive(room, query)).status == 400


@pytest.mark.parametrize("query", ["?path=nowhere", "?path=a/b/c", "?files=0123456789abcdef"])
async def test_what_is_not_there_is_missing(room: HttpRoom, query: str) -> None:
    answer = await archive(room, query)
    assert (answer.status, answer.code) == (404, "file-not-found")


async def test_a_file_of_another_case_can_not_be_chosen(room: HttpRoom) -> None:
    file = await room.send(b"x")
    url = f"/api/v1/cases/{OTHER_NUMBER}/archive?files={file['id']}"
    assert (await room.ask("GET", url, who="stranger")).status == 404


# ── Who may ──────────────────────────────────────────────────────────────────────────────────


async def test_only_who_may_download_gets_it(room: HttpRoom) -> None:
    await fill(room)
    for who in ("designated", "read-only", "analyst", "admin"):
        assert (await room.ask("GET", URL, who=who)).status == 200
    stranger = await room.ask("GET", URL, who="stranger")
    assert (stranger.status, stranger.code) == (404, "case-not-found")
    assert (await room.ask("GET", URL, who=None)).status == 401


async def test_a_closed_case_still_gives_its_archive(room: HttpRoom) -> None:
    await fill(room)
    await room.engine.core.close(NUMBER, None, ADMIN.name)
    assert (await room.ask("GET", URL)).status == 200


# ── Going on ─────────────────────────────────────────────────────────────────────────────────


async def test_a_download_is_one_event_in_however_many_ranges(room: HttpRoom) -> None:
    await fill(room)
    whole = await archive(room)
    etag, size = whole.headers["ETag"], len(whole.body)
    for start in range(1, size, size // 7):
        await archive(room, Range=f"bytes={start}-{start + 9}")
        await archive(room, **{"Range": f"bytes={start}-", "If-Range": etag})
    (event,) = await events(room)
    assert event == {"etag": etag.strip('"'), "files": 5, "size": size, "start": 0}


async def test_an_unknown_client_s_range_is_an_event_of_its_own(room: HttpRoom) -> None:
    await fill(room)
    assert (await archive(room, Range="bytes=100-")).status == 206
    assert [event["start"] for event in await events(room)] == [100]


async def test_a_changed_case_never_goes_on_with_the_archive_of_before(room: HttpRoom) -> None:
    await fill(room)
    before = (await archive(room, Range="bytes=0-999")).headers["ETag"]
    await room.engine.files.move(customer(), NUMBER, CasePath("empty.txt"), CasePath("renamed.txt"))
    blind = await archive(room, Range="bytes=1000-")
    assert (blind.status, blind.code) == (412, "archive-changed")
    known = await archive(room, **{"Range": "bytes=1000-", "If-Range": before})
    assert known.status == 200
    assert "renamed.txt" in unpacked(known)
    matched = await archive(room, **{"Range": "bytes=1000-", "If-Match": before})
    assert matched.status == 412
    after = known.headers["ETag"]
    assert after != before
    again = await archive(room, Range="bytes=1000-")
    assert (again.status, again.body) == (206, known.body[1000:])


async def test_who_knows_the_new_archive_may_have_a_range_of_it(room: HttpRoom) -> None:
    await fill(room)
    await archive(room)
    await room.send(b"more", "more.log")
    head = await room.ask("HEAD", URL, who="analyst")
    for condition in ("If-Range", "If-Match"):
        known = {condition: head.headers["ETag"]}
        assert (await archive(room, Range="bytes=5-", **known)).status == 206


async def test_another_selection_does_not_disturb_the_first(room: HttpRoom) -> None:
    await fill(room)
    whole = (await archive(room)).body
    await archive(room, "?path=logs")
    answer = await archive(room, Range="bytes=100-")
    assert (answer.status, answer.body) == (206, whole[100:])


async def test_conditions_are_kept(room: HttpRoom) -> None:
    await fill(room)
    etag = (await room.ask("HEAD", URL, who="analyst")).headers["ETag"]
    assert (await archive(room, **{"If-None-Match": etag})).status == 304
    assert (await archive(room, **{"If-Match": '"other"'})).status == 412
    for header in ("If-Modified-Since", "If-Unmodified-Since"):
        for date in ("Mon, 02 Mar 2020 09:00:00 GMT", "Mon, 02 Mar 2037 09:00:00 GMT"):
            assert (await archive(room, **{header: date})).status == 200
    dated = {"Range": "bytes=5-", "If-Range": "Mon, 02 Mar 2026 09:00:00 GMT"}
    assert (await archive(room, **dated)).status == 200
    assert len(await events(room)) == 5


# ── When the store breaks ────────────────────────────────────────────────────────────────────


async def test_a_store_that_is_away_is_told_as_a_problem(room: HttpRoom) -> None:
    await fill(room)
    store = room.engine.store
    assert isinstance(store, MemoryObjectStore)
    store.fail_next("read")
    answer = await archive(room)
    assert (answer.status, answer.code) == (503, "store-unavailable")
    assert unpacked(await archive(room))


async def test_a_store_that_breaks_in_the_middle_breaks_the_connection(tmp_path: Path) -> None:
    store = BreakingStore(min_part_bytes=1)
    async with http_room(tmp_path, store=store) as room:
        await room.send(bytes(3 << 20), "big.bin")
        store.breaks = True
        async with asyncio.timeout(20):  # a connection that is only left idle isn't broken
            with pytest.raises(aiohttp.ClientPayloadError):
                await archive(room)
        store.breaks = False
        assert unpacked(await archive(room))["big.bin"] == bytes(3 << 20)


async def test_a_file_that_goes_while_it_is_sent_breaks_the_connection(tmp_path: Path) -> None:
    store = BreakingStore(min_part_bytes=1)
    async with http_room(tmp_path, store=store) as room:
        await room.send(bytes(3 << 20), "a.bin")
        last = await room.send(bytes(3 << 20), "b.bin")

        async def remove(call: Call) -> None:
            if call.operation == "read":
                store.before = None
                answer = await room.ask("DELETE", f"/api/v1/files/{last['id']}")
                assert answer.status == 204
                for key in list(store.objects)[1:]:
                    await store.delete([key])

        store.before = remove
        async with asyncio.timeout(20):
            with pytest.raises(aiohttp.ClientPayloadError):
                await archive(room)
        assert set(unpacked(await archive(room))) == {"SHA256SUMS", "a.bin", "shared/"}
