"""The part of a case's page that takes files, and the page of receipts, without a browser."""

from pathlib import Path

import pytest

from tests.e2e.http.browser import PAGE, signed_in
from tests.e2e.http.http_room import HttpRoom, Parsed, http_room, metadata
from tests.engine_room import NUMBER
from transfer.http.policy import HttpPolicy

CASE_PAGE = f"/cases/{NUMBER}"
RECEIPTS_PAGE = f"{CASE_PAGE}/receipts"
ZONE = 'id="uploader"'


async def page(room: HttpRoom, who: str, path: str = CASE_PAGE) -> str:
    answer = await room.ask("GET", path, who=who, headers=PAGE)
    assert answer.status == 200, answer
    return answer.body.decode()


@pytest.mark.parametrize(
    ("who", "heading"),
    [("designated", "Send files"), ("analyst", "Share files with the customer")],
)
async def test_who_may_send_files_has_a_drop_zone(room: HttpRoom, who: str, heading: str) -> None:
    shown = await page(room, who)
    assert heading in shown
    assert ZONE in shown
    assert f'data-uploads="/api/v1/cases/{NUMBER}/uploads"' in shown


async def test_who_only_reads_is_told_so_and_gets_no_script(room: HttpRoom) -> None:
    shown = await page(room, "read-only")
    assert "designated contact" in shown
    assert ZONE not in shown
    assert "/upload-" not in shown


async def test_a_token_that_may_not_send_has_no_drop_zone(room: HttpRoom) -> None:
    wanted = {"role": "designated", "name": "designated", "cases": [NUMBER]}
    limited = {**wanted, "actions": ["see", "download"]}
    issued = await room.ask("POST", "/api/v1/tokens", who="admin", json=limited)
    room.tokens["looks"] = issued.json()["token"]
    shown = await page(room, "looks")
    assert "designated contact" in shown
    assert ZONE not in shown


async def test_a_closed_case_says_that_it_takes_nothing_more(room: HttpRoom) -> None:
    await room.ask("POST", f"/api/v1/cases/{NUMBER}/close", who="analyst")
    for who in ("designated", "analyst"):
        shown = await page(room, who)
        assert "takes no more files" in shown
        assert ZONE not in shown


async def test_behind_a_prefix_the_drop_zone_sends_there(tmp_path: Path) -> None:
    policy = HttpPolicy(public_url="https://files.example.com/transfer/", max_file_bytes=1000)
    async with http_room(tmp_path, policy=policy) as room:
        shown = await page(room, "designated")
        assert f'data-uploads="/transfer/api/v1/cases/{NUMBER}/uploads"' in shown
        assert 'data-max-bytes="1000"' in shown


async def test_an_unfinished_upload_tells_what_it_is_known_again_by(room: HttpRoom) -> None:
    named = metadata(
        filename="trace.log", relativePath="logs/trace.log", lastModified="1767225600123"
    )
    await room.create(10, headers={"Upload-Metadata": named})
    (upload,) = await room.uploads()
    told = {name: upload[name] for name in ("path", "size", "modified_at", "sent_by", "door")}
    assert told == {
        "path": "logs/trace.log",
        "size": 10,
        "modified_at": "2026-01-01T00:00:00.123000Z",
        "sent_by": "designated",
        "door": "http",
    }
    assert upload["direction"] == "from_customer"
    assert upload["created_at"].endswith("Z")


# ── Receipts ─────────────────────────────────────────────────────────────────────────────────────


async def receipts(room: HttpRoom) -> Parsed:
    answer = await room.ask("GET", f"/api/v1/cases/{NUMBER}/receipts")
    return answer.json()["receipts"]


async def test_the_receipts_of_a_case_are_those_of_its_uploads(room: HttpRoom) -> None:
    for number in range(2):
        await room.send(b"abc", f"{number}.log")
    listed = await receipts(room)
    assert [one["receipt"]["path"] for one in listed] == ["1.log", "0.log"]
    for one in listed:
        upload_id = one["receipt"]["upload_id"]
        single = await room.ask("GET", f"/api/v1/uploads/{upload_id}/receipt")
        assert single.json() == one


async def test_the_page_of_receipts_shows_them_whatever_a_file_is_called(room: HttpRoom) -> None:
    browser = await signed_in(room)
    empty = await browser.raw("GET", RECEIPTS_PAGE, headers=PAGE)
    assert "Nothing has been received yet" in empty.body.decode()
    file = await room.send(b"abc", "<b>&amp;.log")
    shown = (await browser.raw("GET", RECEIPTS_PAGE, headers=PAGE)).body.decode()
    assert "&lt;b&gt;&amp;amp;.log" in shown
    assert "<b>" not in shown
    assert file["sha256"] in shown


async def test_the_page_of_receipts_leads_to_those_before_and_back(room: HttpRoom) -> None:
    for number in range(3):
        await room.send(b"abc", f"{number}.log")
    first = await page(room, "designated", f"{RECEIPTS_PAGE}?limit=2")
    assert ("2.log" in first, "0.log" in first, "To the latest" in first) == (True, False, False)
    [link] = [
        part.split('"')[0] for part in first.split('href="') if part.startswith(RECEIPTS_PAGE)
    ]
    second = await page(room, "designated", link.replace("&amp;", "&"))
    assert ("2.log" in second, "0.log" in second, "To the latest" in second) == (False, True, True)


async def test_nobody_sees_the_receipts_of_someone_else_s_case(room: HttpRoom) -> None:
    for path in (RECEIPTS_PAGE, f"/api/v1/cases/{NUMBER}/receipts"):
        answer = await room.ask("GET", path, who="stranger")
        assert (answer.status, answer.code) == (404, "case-not-found")


async def test_scripts_may_hash_by_webassembly_in_a_worker_and_ask_nobody(room: HttpRoom) -> None:
    shown = await page(room, "designated")
    [script] = [
        part.split('"')[0] for part in shown.split('src="') if "/upload-" in part.split('"')[0]
    ]
    answer = await room.ask("GET", script, who=None)
    policy = answer.headers["Content-Security-Policy"]
    assert policy == "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'"
