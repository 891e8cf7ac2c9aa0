"""What customers and Customer Care do with a case in the browser, from beginning to end."""

import hashlib
import json
import zipfile
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.e2e.browser.browser_room import BrowserRoom
from tests.e2e.browser.conftest import StartRoom
from tests.e2e.browser.uploader import Uploader
from tests.openssh import OpenSsh
from transfer.core.access import Role

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

LOG = b"10:00:00 the first line\n10:00:01 the second line\n" * 500
CONFIG = b"level = debug\n"
PATCH = b"what Customer Care has for the customer" * 100


async def case_with_files(room: BrowserRoom) -> None:
    await room.send("logs/node1/trace.log", LOG)
    await room.send("config.txt", CONFIG)
    await room.send("fix.zip", PATCH, role=Role.ANALYST)


async def test_a_read_only_contact_sees_everything_and_can_change_nothing(
    room: BrowserRoom,
) -> None:
    await case_with_files(room)
    await room.ask("POST", f"/api/v1/cases/{room.case}/sftp-accounts", {})
    reader = await room.visitor(Role.READ_ONLY)
    assert await reader.open(room.page_path) == 200
    await reader.page.get_by_role("button", name="One list").click()
    for name in ("trace.log", "config.txt", "fix.zip"):
        await expect(reader.page.get_by_text(name).first).to_be_visible()
    await expect(Uploader(reader.page).zone).to_have_count(0)
    await expect(reader.page.locator("input[type=file]")).to_have_count(0)
    await expect(reader.page.get_by_role("button", name="Delete")).to_have_count(0)
    await expect(reader.page.get_by_text("SFTP")).to_have_count(0)
    await reader.examine("read-only")


async def test_an_analyst_gets_everything_as_a_zip_whose_list_of_digests_is_right(
    room: BrowserRoom, tmp_path: Path
) -> None:
    await case_with_files(room)
    analyst = await room.visitor(Role.ANALYST)
    await analyst.open(room.page_path)
    await expect(analyst.page.get_by_text("trace.log").first).to_be_visible()
    async with analyst.page.expect_download() as begun:
        await analyst.page.get_by_role("button", name="Download all as a zip").click()
    path = tmp_path / "case.zip"
    await (await begun.value).save_as(path)
    with zipfile.ZipFile(path) as archive:
        [manifest] = [name for name in archive.namelist() if name.endswith("SHA256SUMS")]
        lines = archive.read(manifest).decode().splitlines()
        listed = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
        found = {
            name: hashlib.sha256(archive.read(name)).hexdigest()
            for name in archive.namelist()
            if name != manifest and not name.endswith("/")
        }
    assert listed == found
    assert sorted(found.values()) == sorted(
        hashlib.sha256(data).hexdigest() for data in (LOG, CONFIG, PATCH)
    )


async def test_an_account_is_issued_shown_to_the_customer_used_and_gone_when_it_expires(
    start_room: StartRoom, tmp_path: Path
) -> None:
    room = await start_room(account_lifetime="40s")
    customer = await room.visitor()
    await customer.open(room.page_path)
    section = customer.page.get_by_role("region", name="SFTP")
    await expect(section).to_have_count(0)

    analyst = await room.visitor(Role.ANALYST)
    await analyst.open(room.page_path)
    await analyst.page.get_by_role("checkbox", name="I attest that").check()
    await analyst.page.get_by_role("button", name="Issue an SFTP account").click()
    await analyst.picture("issued")

    await customer.open(room.page_path)
    await expect(section).to_be_visible()
    await section.get_by_role("button", name="Show").click()
    await customer.picture("account")
    [account] = (await room.ask("GET", f"/api/v1/cases/{room.case}/sftp-accounts"))["accounts"]
    for shown in (account["username"], account["password"], account["fingerprints"][0]):
        await expect(section.get_by_text(shown).first).to_be_visible()

    (tmp_path / "trace.log").write_bytes(LOG)
    client = OpenSsh(account["username"], account["password"], account["port"], tmp_path)
    outcome = await client.sftp("put trace.log")
    assert outcome.code == 0, outcome
    await expect(customer.page.get_by_text("trace.log").first).to_be_visible()
    assert await room.digests() == {"trace.log": hashlib.sha256(LOG).hexdigest()}

    await expect(section).to_have_count(0, timeout=60_000)
    assert (await client.sftp("ls")).code != 0


async def test_a_case_that_is_closed_takes_nothing_more_and_still_gives(
    room: BrowserRoom, tmp_path: Path
) -> None:
    await case_with_files(room)
    customer = await room.visitor()
    await customer.open(room.page_path)
    await expect(Uploader(customer.page).zone).to_be_visible()

    analyst = await room.visitor(Role.ANALYST)
    await analyst.open(room.page_path)
    await analyst.page.get_by_text("Close the case", exact=True).click()
    await analyst.page.get_by_role("button", name="Close the case now").click()
    await expect(analyst.page.get_by_text("Closed").first).to_be_visible()

    await expect(Uploader(customer.page).zone).to_have_count(0)
    await customer.open(room.page_path)
    await expect(Uploader(customer.page).zone).to_have_count(0)
    await expect(customer.page.get_by_text("Data will be deleted").first).to_be_visible()
    await customer.examine("closed")
    async with customer.page.expect_download() as begun:
        await customer.page.get_by_role("link", name="Download config.txt").click()
    saved = await (await begun.value).path()
    assert saved.read_bytes() == CONFIG


async def test_the_customer_acknowledges_the_warning_before_anything_else(
    room: BrowserRoom,
) -> None:
    customer = await room.visitor(acknowledged=False)
    await customer.open(room.page_path)
    assert customer.path == f"{room.page_path}/acknowledgement"
    await customer.examine("warning")
    await customer.page.get_by_role("button", name="Acknowledge").click()
    await customer.page.wait_for_url(f"**{room.page_path}")
    await expect(Uploader(customer.page).zone).to_be_visible()
    told = await customer.ask("GET", f"/api/v1/cases/{room.case}/acknowledgement")
    assert told["acknowledged_at"] is not None, json.dumps(told)
