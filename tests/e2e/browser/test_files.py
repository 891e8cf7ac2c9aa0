"""The files of a case: listed live, found, taken along, and removed by who may."""

import asyncio
import hashlib
import io
import secrets
import sqlite3
import zipfile
from contextlib import closing

import pytest
from playwright.async_api import Download, expect

from tests.e2e.browser.browser_room import BrowserRoom
from tests.e2e.browser.conftest import StartRoom
from tests.e2e.browser.files_section import FilesSection, files_section
from tests.e2e.http.http_room import OFFSET_TYPE, TUS, metadata
from transfer.core.access import Role

pytestmark = pytest.mark.e2e

FILES = {
    "core.dmp": b"c" * 5000,
    "logs/node 1/trace.log": b"a" * 300,
    "logs/node 1/other.log": b"b" * 20,
    "logs/node 2/trace.log": b"",
}
SHARED = {"fix/patch.zip": b"p" * 70_000}
_TURN = """
(hidden) => {
  Object.defineProperty(document, 'hidden', { get: () => hidden, configurable: true })
  document.dispatchEvent(new Event('visibilitychange'))
}"""
"""Go to another window of the browser, or come back."""

LONG_LIST = 10_000
LONGEST_ADDRESS = 8_000


async def fill(room: BrowserRoom) -> None:
    for path, data in FILES.items():
        await room.send(path, data)
    for path, data in SHARED.items():
        await room.send(path, data, role=Role.ANALYST)


async def content_of(download: Download) -> bytes:
    return await asyncio.to_thread((await download.path()).read_bytes)


async def unpacked(download: Download) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(await content_of(download))) as content:
        names = [name for name in content.namelist() if not name.endswith("/")]
        return {name: content.read(name) for name in names if name != "SHA256SUMS"}


# ── What is shown ────────────────────────────────────────────────────────────────────────────


async def test_what_arrives_and_goes_is_seen_at_once(room: BrowserRoom) -> None:
    customer = await files_section(room)
    await expect(customer.root.get_by_text("No files here yet.")).to_be_visible()
    await expect(customer.search).to_be_hidden()
    everything = customer.button("Download all as a zip")
    await expect(everything).to_be_hidden()
    await customer.visitor.examine("none")
    await room.send("trace.log", b"abc")
    await expect(customer.names).to_have_text(["trace.log"])
    await expect(everything).to_be_visible()
    await expect(customer.root.get_by_role("status")).to_have_text("trace.log has arrived.")
    await room.send("answer.txt", b"abc", role=Role.ANALYST)
    await customer.button("One list").click()
    await expect(customer.names).to_have_text(["answer.txt", "trace.log"])
    await expect(customer.row("answer.txt")).to_contain_text("Shared")
    files = await room.files()
    await room.ask("DELETE", f"/api/v1/files/{files['trace.log']['id']}", role=Role.DESIGNATED)
    await expect(customer.names).to_have_text(["answer.txt"])


async def test_a_service_that_was_restarted_is_watched_again(start_room: StartRoom) -> None:
    room = await start_room()
    await room.send("before.log", b"abc")
    customer = await files_section(room)
    customer.visitor.complaints.expect(
        "ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED", "ERR_EMPTY_RESPONSE"
    )
    await expect(customer.root.get_by_text("Live")).to_be_visible()
    await asyncio.to_thread(room.service.kill_9)
    await expect(customer.root.get_by_text("Connecting…")).to_be_visible()
    await expect(customer.names).to_have_text(["before.log"])
    await asyncio.to_thread(room.service.start)
    await room.send("after.log", b"abc")
    await expect(customer.names).to_have_text(["after.log", "before.log"])
    await expect(customer.root.get_by_text("Live")).to_be_visible()


async def test_a_hidden_page_lets_go_of_its_stream_and_catches_up(room: BrowserRoom) -> None:
    customer = await files_section(room)
    await expect(customer.root.get_by_text("Live")).to_be_visible()
    await customer.page.evaluate(_TURN, True)
    await expect(customer.root.get_by_text("Connecting…")).to_be_visible()
    await room.send("meanwhile.log", b"abc")
    await customer.page.evaluate(_TURN, False)
    await expect(customer.names).to_have_text(["meanwhile.log"])
    await expect(customer.root.get_by_text("Live")).to_be_visible()


async def test_folders_are_walked_and_seen_in_each_look(room: BrowserRoom) -> None:
    await fill(room)
    customer = await files_section(room)
    await customer.button("Name").click()
    await expect(customer.names).to_have_text(["logs", "shared", "core.dmp"])
    await expect(customer.row("logs")).to_contain_text("3 files")
    await customer.visitor.examine("folders")
    assert await customer.visitor.reflows() == []
    await customer.button("logs").press("Enter")
    await expect(customer.names).to_have_text(["node 1", "node 2"])
    await customer.button("node 1").press("Enter")
    await expect(customer.names).to_have_text(["other.log", "trace.log"])
    await customer.visitor.examine("in-a-folder")
    way = customer.root.get_by_role("navigation", name="Folder")
    await way.get_by_role("button", name="logs").click()
    await expect(customer.names).to_have_text(["node 1", "node 2"])
    await customer.button("Shared with you").click()
    await expect(customer.names).to_have_text(["fix"])


async def test_a_list_is_sorted_and_searched(room: BrowserRoom) -> None:
    await fill(room)
    analyst = await files_section(room, Role.ANALYST)
    await analyst.button("One list").click()
    await expect(analyst.names.first).to_have_text("patch.zip")
    await analyst.button("Size").click()
    in_order = ["patch.zip", "core.dmp", "trace.log", "other.log", "trace.log"]
    await expect(analyst.names).to_have_text(in_order)
    header = analyst.table.get_by_role("columnheader", name="Size")
    await expect(header).to_have_attribute("aria-sort", "descending")
    await analyst.button("Size").click()
    await expect(analyst.names).to_have_text(in_order[::-1])
    await analyst.button("From the customer").click()
    await expect(analyst.names).to_have_count(4)
    await analyst.search.fill("NODE trace")
    await expect(analyst.names).to_have_text(["trace.log", "trace.log"])
    await analyst.visitor.examine("found")
    await analyst.search.fill(hashlib.sha256(FILES["core.dmp"]).hexdigest())
    await expect(analyst.names).to_have_text(["core.dmp"])
    await analyst.search.fill("nothing like this")
    await expect(analyst.root.get_by_text("No file matches.")).to_be_visible()
    await analyst.visitor.examine("nothing-found")
    await analyst.button("Clear the search").click()
    await expect(analyst.names).to_have_count(4)


async def test_who_sends_is_seen_with_how_far_they_are(room: BrowserRoom) -> None:
    analyst = await files_section(room, Role.ANALYST)
    headers = {**await room.bearer(Role.DESIGNATED), **TUS}
    uploads = f"{room.service.url}/api/v1/cases/{room.case}/uploads"
    named = {"Upload-Length": "1000", "Upload-Metadata": metadata(filename="big.log")}
    async with room.admin.post(uploads, headers={**headers, **named}) as created:
        location = room.service.url + created.headers["Location"]
    await expect(analyst.sending).to_contain_text("big.log")
    at = {**headers, **OFFSET_TYPE, "Upload-Offset": "0"}
    async with room.admin.patch(location, headers=at, data=b"x" * 400) as sent:
        assert sent.status == 204
    await expect(analyst.sending).to_contain_text("400 bytes of 1 kB")
    await expect(analyst.sending.get_by_role("progressbar")).to_have_attribute("value", "0.4")
    await expect(analyst.sending).to_contain_text("designated")
    await analyst.visitor.examine("sending")
    at["Upload-Offset"] = "400"
    async with room.admin.patch(location, headers=at, data=b"x" * 600) as sent:
        assert sent.status == 204
    await expect(analyst.sending).to_be_hidden()
    await expect(analyst.names).to_have_text(["big.log"])


# ── What is taken along ──────────────────────────────────────────────────────────────────────


async def test_one_some_and_all_are_downloaded(room: BrowserRoom) -> None:
    await fill(room)
    customer = await files_section(room)
    page = customer.page
    async with page.expect_download() as one:
        await customer.root.get_by_role("link", name="Download core.dmp").click()
    download = await one.value
    assert download.suggested_filename == "core.dmp"
    assert await content_of(download) == FILES["core.dmp"]

    await customer.box("Select all files in the folder logs").check()
    await customer.box("Select core.dmp").check()
    await expect(customer.root).to_contain_text("4 files selected (5.32 kB)")
    await customer.visitor.examine("selected")
    async with page.expect_download() as some:
        await customer.button("Download as zip").click()
    assert await unpacked(await some.value) == FILES

    async with page.expect_download() as whole:
        await customer.button("Download all as a zip").click()
    everything = {**FILES, **{f"shared/{path}": data for path, data in SHARED.items()}}
    assert await unpacked(await whole.value) == everything


async def test_a_digest_is_copied_whole(room: BrowserRoom) -> None:
    await room.send("core.dmp", FILES["core.dmp"])
    customer = await files_section(room)
    await customer.visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await customer.root.get_by_role("button", name="Copy the SHA-256 of core.dmp").click()
    await expect(customer.root.get_by_role("status")).to_have_text("Copied.")
    copied = await customer.page.evaluate("() => navigator.clipboard.readText()")
    assert copied == hashlib.sha256(FILES["core.dmp"]).hexdigest()


async def test_without_its_script_the_list_serves_as_well(room: BrowserRoom) -> None:
    await fill(room)
    customer = await room.visitor()
    customer.complaints.expect("ERR_FAILED")
    await customer.page.route("**/files-*.js", lambda route: route.abort())
    await customer.open(room.page_path)
    section = customer.page.locator("#files")
    await expect(section.get_by_role("row")).to_have_count(6)
    await customer.examine("plain")
    assert await customer.reflows() == []
    await section.get_by_role("checkbox", name="Select core.dmp").check()
    await section.get_by_role("checkbox", name="Select patch.zip").check()
    async with customer.page.expect_download() as some:
        await section.get_by_role("button", name="Download the selected files as a zip").click()
    chosen = {"core.dmp": FILES["core.dmp"], "shared/fix/patch.zip": SHARED["fix/patch.zip"]}
    assert await unpacked(await some.value) == chosen
    await section.get_by_role("link", name="Delete core.dmp").click()
    await customer.examine("removal")
    await customer.page.get_by_role("main").get_by_role("button", name="Delete").click()
    await expect(section.get_by_role("row")).to_have_count(5)
    assert "core.dmp" not in await room.files()


# ── What is removed ──────────────────────────────────────────────────────────────────────────


async def test_a_file_is_deleted_after_a_question(room: BrowserRoom) -> None:
    await fill(room)
    customer = await files_section(room)
    await customer.root.get_by_role("button", name="Delete core.dmp").click()
    dialog = customer.page.get_by_role("dialog", name="Delete core.dmp?")
    await expect(dialog.get_by_role("button", name="Keep")).to_be_focused()
    await customer.visitor.examine("question")
    await dialog.get_by_role("button", name="Keep").click()
    await expect(dialog).to_have_count(0)
    assert "core.dmp" in await room.files()
    await customer.root.get_by_role("button", name="Delete core.dmp").click()
    await dialog.get_by_role("button", name="Delete").click()
    await expect(customer.names.filter(has_text="core.dmp")).to_have_count(0)
    assert "core.dmp" not in await room.files()


async def test_several_are_deleted_together_and_only_ones_own(room: BrowserRoom) -> None:
    await fill(room)
    customer = await files_section(room)
    await customer.box("Select all files shown").check()
    await expect(customer.button("Delete")).to_be_hidden()
    await customer.box("Select all files in the folder shared").uncheck()
    await customer.button("Delete").click()
    dialog = customer.page.get_by_role("dialog", name="Delete 4 files?")
    await dialog.get_by_role("button", name="Delete").click()
    await expect(customer.names).to_have_text(["shared"])
    assert set(await room.files()) == {"shared/fix/patch.zip"}


async def test_nothing_is_deleted_from_a_case_that_was_closed(room: BrowserRoom) -> None:
    await room.send("trace.log", b"abc")
    customer = await files_section(room)
    remove = customer.root.get_by_role("button", name="Delete trace.log")
    await expect(remove).to_be_visible()
    await room.ask("POST", f"/api/v1/cases/{room.case}/close")
    await expect(remove).to_have_count(0)
    await expect(customer.root.get_by_text("The status of the case has changed.")).to_be_visible()


# ── Ten thousand ─────────────────────────────────────────────────────────────────────────────


def multiply(room: BrowserRoom, path: str) -> None:
    """Make a case hold `LONG_LIST` more files like that at `path`, as rows."""
    with closing(sqlite3.connect(room.service.data / "records.db", timeout=30)) as records:
        names = [one[1] for one in records.execute("PRAGMA table_info(files)")]
        query = "SELECT * FROM files WHERE case_number = ? AND name = ?"
        row = dict(zip(names, records.execute(query, (room.case, path)).fetchone(), strict=True))
        more = [
            {**row, "id": secrets.token_hex(16), "name": name, "name_key": name}
            for name in (f"trace-{number:05}.log" for number in range(LONG_LIST))
        ]
        marks = ", ".join(f":{name}" for name in names)
        records.executemany(f"INSERT INTO files VALUES ({marks})", more)  # noqa: S608 - our names
        records.commit()


async def all_listed(section: FilesSection) -> None:
    """Wait until all are there."""
    await expect(section.table).to_have_attribute("aria-rowcount", str(LONG_LIST + 2))


async def test_ten_thousand_files_need_few_rows(room: BrowserRoom) -> None:
    await room.send("trace.log", b"abc")
    multiply(room, "trace.log")
    analyst = await files_section(room, Role.ANALYST)
    await all_listed(analyst)
    await analyst.button("Name").click()
    assert await analyst.rows.count() < 60
    await expect(analyst.names.first).to_have_text("trace-00000.log")

    scroller = analyst.root.locator(".files-scroller")
    await scroller.evaluate("(one) => { one.scrollTop = one.scrollHeight }")
    await expect(analyst.names.last).to_have_text("trace.log")
    last = analyst.rows.last
    await expect(last).to_have_attribute("aria-rowindex", str(LONG_LIST + 2))
    assert await analyst.rows.count() < 60

    name = last.locator("[data-control=name]")
    await name.focus()
    for _ in range(30):
        await analyst.page.keyboard.press("ArrowUp")
    focused = analyst.page.locator(":focus")
    await expect(focused).to_have_text(f"trace-{LONG_LIST - 30:05}.log")
    await expect(focused).to_be_in_viewport()

    await analyst.search.fill("trace-0777")
    await expect(analyst.names).to_have_count(10)
    await room.send("trace-07777.txt", b"abc")
    await expect(analyst.names).to_have_count(11)


async def test_nearly_all_of_ten_thousand_files_make_one_archive(room: BrowserRoom) -> None:
    await room.send("trace.log", b"abc")
    multiply(room, "trace.log")
    analyst = await files_section(room, Role.ANALYST)
    await all_listed(analyst)
    await analyst.box("Select all files shown").check()
    await analyst.button("Name").click()
    await analyst.box("Select trace-00000.log").uncheck()
    await expect(analyst.root).to_contain_text(f"{LONG_LIST:,} files selected")
    link = await analyst.button("Download as zip").get_attribute("href")
    assert link is not None
    assert "chosen=" in link
    assert len(link) < LONGEST_ADDRESS
    answer = await analyst.visitor.context.request.head(analyst.visitor.url + link)
    assert answer.status == 200
    assert int(answer.headers["content-length"]) > LONG_LIST * 100
