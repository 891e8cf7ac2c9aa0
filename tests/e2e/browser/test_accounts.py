"""The SFTP account on the page of a case, as people use it."""

import re
import shlex
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from tests.e2e.browser.browser_room import BrowserRoom
from tests.openssh import OpenSsh
from transfer.core.access import Role

pytestmark = pytest.mark.e2e


def section(page: Page) -> Locator:
    return page.get_by_role("region", name="Temporary SFTP account")


async def issue(room: BrowserRoom) -> dict[str, str]:
    account: dict[str, str] = await room.ask("POST", f"/api/v1/cases/{room.case}/sftp-accounts", {})
    return account


async def test_an_account_appears_and_goes_without_loading_the_page_again(
    room: BrowserRoom,
) -> None:
    customer = await room.visitor()
    await customer.open(room.page_path)
    await expect(section(customer.page)).to_have_count(0)
    async with customer.page.expect_response(re.compile("/events")):
        await customer.page.reload()

    analyst = await room.visitor(Role.ANALYST)
    await analyst.open(room.page_path)
    await section(analyst.page).get_by_text("A label, keys, addresses").click()
    await section(analyst.page).get_by_label("Label").fill("Night shift")
    await analyst.examine("about-to-issue")
    await section(analyst.page).get_by_role("checkbox", name="I attest that").check()
    await section(analyst.page).get_by_role("button", name="Issue an SFTP account").click()
    await expect(section(analyst.page).get_by_role("article")).to_have_count(1)
    await analyst.examine("issued")

    shown = section(customer.page)
    await expect(shown.get_by_role("article")).to_have_count(1)
    await expect(shown.get_by_text(re.compile(r"\bdays\b.* left"))).to_be_visible()
    await expect(shown.get_by_role("button", name="Issue")).to_have_count(0)
    await expect(shown.get_by_text("Night shift")).to_be_visible()
    await customer.examine("shown")

    await section(analyst.page).get_by_text("End this account").click()
    await analyst.examine("about-to-end")
    await section(analyst.page).get_by_role("button", name="End it now").click()
    await expect(section(analyst.page).get_by_role("article")).to_have_count(0)
    await expect(shown).to_have_count(0)


async def test_an_account_that_is_issued_again_has_another_password(room: BrowserRoom) -> None:
    account = await issue(room)
    customer, analyst = await room.visitor(), await room.visitor(Role.ANALYST)
    async with customer.page.expect_response(re.compile("/events")):
        await customer.open(room.page_path)
    await analyst.open(room.page_path)
    theirs = section(analyst.page)
    await theirs.get_by_text("Issue it again", exact=True).click()
    await analyst.examine("about-to-issue-again")
    again = theirs.get_by_role("article")
    await again.get_by_role("checkbox", name="I attest that").check()
    await again.get_by_role("button", name="Issue it again now").click()

    shown = section(customer.page).get_by_role("article")
    await expect(shown).to_have_attribute("data-issue", "2")
    await shown.get_by_role("button", name="Show the password").click()
    await expect(shown.locator('[data-part="secret"]')).not_to_be_empty()
    await expect(shown.get_by_text(account["password"])).to_have_count(0)
    await expect(shown.get_by_text(account["username"]).first).to_be_visible()


async def test_the_password_is_shown_hidden_and_copied(room: BrowserRoom) -> None:
    account = await issue(room)
    customer = await room.visitor()
    await customer.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await customer.open(room.page_path)
    shown = section(customer.page)
    password = shown.get_by_text(account["password"])
    await expect(password).to_have_count(0)

    copy = shown.get_by_role("button", name="Copy the password")
    await customer.tab_to(copy)
    await customer.page.keyboard.press("Enter")
    await expect(copy).to_have_text("Copied")
    assert await customer.page.evaluate("navigator.clipboard.readText()") == account["password"]
    await expect(password).to_have_count(0)

    await customer.tab_to(shown.get_by_role("button", name="Show the password"))
    await customer.page.keyboard.press("Space")
    await expect(password).to_be_visible()
    await shown.get_by_role("button", name="Hide the password").click()
    await expect(password).to_have_count(0)


async def test_openssh_trusts_the_server_and_gets_in_by_what_the_page_gives(
    room: BrowserRoom, tmp_path: Path
) -> None:
    account = await issue(room)
    customer = await room.visitor()
    await customer.open(room.page_path)
    shown = section(customer.page)
    await shown.get_by_text("OpenSSH", exact=True).click()
    await customer.examine("openssh")
    command = shown.get_by_role("button", name="Copy the command for OpenSSH")
    words = shlex.split(await command.get_attribute("data-copy") or "")
    async with customer.page.expect_download() as begun:
        await shown.get_by_role("link", name="Download them as a file").click()
    known_hosts = tmp_path / "known_hosts"
    await (await begun.value).save_as(known_hosts)

    assert words == [
        "sftp", "-P", str(account["port"]), f"{account['username']}@{account['host']}",
    ]  # fmt: skip
    (tmp_path / "trace.log").write_bytes(b"abc")
    client = OpenSsh(account["username"], account["password"], int(words[2]), tmp_path)
    options = f"-oUserKnownHostsFile={known_hosts} -oStrictHostKeyChecking=yes"
    outcome = await client.sftp("put trace.log", before=options)
    assert outcome.code == 0, outcome
    assert list(await room.files()) == ["trace.log"]

    known_hosts.write_text("")
    refused = await client.sftp("ls", before=options)
    assert refused.code != 0


@pytest.mark.parametrize(
    ("client", "link", "name"),
    [
        ("WinSCP", "Download a script for WinSCP's console", "winscp.txt"),
        ("FileZilla", "Download the settings for FileZilla", "filezilla.xml"),
    ],
)
async def test_settings_are_files_that_say_which_case_they_are_for(
    room: BrowserRoom, tmp_path: Path, client: str, link: str, name: str
) -> None:
    account = await issue(room)
    customer = await room.visitor()
    await customer.open(room.page_path)
    shown = section(customer.page)
    await shown.get_by_text(client, exact=True).click()
    await customer.examine(client)
    async with customer.page.expect_download() as begun:
        await shown.get_by_role("link", name=link).click()
    download = await begun.value
    assert download.suggested_filename == f"case-{room.case}-{name}"
    await download.save_as(tmp_path / name)
    content = (tmp_path / name).read_text()
    assert account["username"] in content
    assert account["password"] not in content


async def test_without_scripts_the_password_is_a_page_away(room: BrowserRoom) -> None:
    account = await issue(room)
    customer = await room.visitor()
    path = f"{room.page_path}/sftp-accounts"
    await customer.open(path)
    link = section(customer.page).get_by_role("button", name="Show the password")
    href = await link.get_attribute("href")
    assert href is not None
    await customer.open(href)
    await expect(section(customer.page).get_by_text(account["password"])).to_be_visible()
    await customer.examine("password")


async def test_the_account_goes_when_the_case_is_closed(room: BrowserRoom) -> None:
    await issue(room)
    customer = await room.visitor()
    await customer.open(room.page_path)
    await expect(section(customer.page).get_by_role("article")).to_have_count(1)
    await room.ask("POST", f"/api/v1/cases/{room.case}/close", {})
    await expect(section(customer.page)).to_have_count(0)
