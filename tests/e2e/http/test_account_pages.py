"""The SFTP accounts of a case on its page: who sees them, issues them and ends them."""

import re
from pathlib import Path

import pytest

from tests.e2e.http.browser import PAGE, Browser, signed_in
from tests.e2e.http.http_room import SFTP, Answer, HttpRoom, Parsed, http_room
from tests.engine_room import NUMBER
from transfer.core.access import Role
from transfer.http.policy import HttpPolicy

CASE = f"/cases/{NUMBER}"
ACCOUNTS = f"{CASE}/sftp-accounts"
API = f"/api/v1{ACCOUNTS}"
SECTION = 'id="sftp-account"'


async def issued(room: HttpRoom) -> Parsed:
    answer = await room.ask("POST", API, who="analyst")
    assert answer.status == 201
    return answer.json()


async def shown(room: HttpRoom, path: str = CASE, who: str = "designated") -> str:
    answer = await room.ask("GET", path, who=who, headers=PAGE)
    assert answer.status == 200, answer
    return answer.body.decode()


async def submit(browser: Browser, path: str, csrf: str | None = None) -> Answer:
    """Press a button of a page, as a browser without scripts does."""
    token = browser.csrf if csrf is None else csrf
    headers = {
        **PAGE,
        "Content-Type": "application/x-www-form-urlencoded",
        "Origin": "null",
        "Sec-Fetch-Site": "same-origin",
    }
    return await browser.raw("POST", path, headers=headers, data=f"csrf_token={token}".encode())


async def test_a_customer_sees_an_active_account_and_no_button(room: HttpRoom) -> None:
    assert f"{SECTION} " in (before := await shown(room))
    assert re.search(f"<section {SECTION}[^>]* hidden>", before)
    account = await issued(room)
    page = await shown(room)
    assert not re.search(f"<section {SECTION}[^>]* hidden>", page)
    for text in (account["username"], SFTP.host, str(SFTP.port), *SFTP.fingerprints, "120 hours"):
        assert text in page
    assert "Issue" not in page
    assert "End it now" not in page


async def test_the_password_is_in_no_page_unless_it_was_asked_for(room: HttpRoom) -> None:
    account = await issued(room)
    another = await issued(room)
    for path in (CASE, ACCOUNTS, f"{ACCOUNTS}?password=other"):
        assert account["password"] not in await shown(room, path)
    page = await shown(room, f"{ACCOUNTS}?password={account['id']}")
    assert account["password"] in page
    assert another["password"] not in page


async def test_a_read_only_contact_learns_nothing_of_accounts(room: HttpRoom) -> None:
    account = await issued(room)
    page = await shown(room, who="read-only")
    assert SECTION not in page
    assert account["username"] not in page
    for path in (ACCOUNTS, f"{ACCOUNTS}/{account['id']}/known_hosts"):
        answer = await room.ask("GET", path, who="read-only")
        assert (answer.status, answer.code) == (403, "forbidden")


async def test_staff_issue_and_end_accounts_by_buttons(room: HttpRoom) -> None:
    analyst = await signed_in(room, Role.ANALYST, None, name="Ann Alyst")
    assert "Issue an SFTP account" in await shown(room, who="analyst")
    answer = await submit(analyst, ACCOUNTS)
    assert (answer.status, answer.headers["Location"]) == (303, f"{CASE}#sftp-account")
    [account] = (await room.ask("GET", API)).json()["accounts"]
    page = await shown(room, who="analyst")
    assert "Issued by Ann Alyst" in page
    answer = await submit(analyst, f"{ACCOUNTS}/{account['id']}/revoke")
    assert (answer.status, answer.headers["Location"]) == (303, f"{CASE}#sftp-account")
    assert (await room.ask("GET", API)).json()["accounts"] == []
    again = await submit(analyst, f"{ACCOUNTS}/{account['id']}/revoke")
    assert again.status == 303  # whoever presses twice gets what they want


@pytest.mark.parametrize("path", [ACCOUNTS, f"{ACCOUNTS}/{{id}}/revoke"])
async def test_buttons_are_for_staff_and_for_our_own_pages(room: HttpRoom, path: str) -> None:
    account = await issued(room)
    before = (await room.ask("GET", API)).json()
    path = path.format(id=account["id"])
    customer = await signed_in(room)
    assert (await submit(customer, path)).status == 403
    analyst = await signed_in(room, Role.ANALYST, None)
    assert (await submit(analyst, path, csrf="wrong")).status == 403
    assert (await room.ask("POST", path, who="stranger")).status == 404
    assert (await room.ask("GET", API)).json() == before


async def test_a_closed_case_has_no_accounts_and_gives_none(room: HttpRoom) -> None:
    account = await issued(room)
    await room.ask("POST", f"/api/v1{CASE}/close", who="analyst")
    assert SECTION not in await shown(room, who="analyst")
    page = await shown(room, ACCOUNTS)
    assert "No SFTP account is active." in page
    assert account["username"] not in page
    assert "Issue an SFTP account" not in await shown(room, ACCOUNTS, who="analyst")
    analyst = await signed_in(room, Role.ANALYST, None)
    assert (await submit(analyst, ACCOUNTS)).status == 403
    answer = await room.ask("GET", f"{ACCOUNTS}/{account['id']}/filezilla.xml")
    assert (answer.status, answer.code) == (404, "account-not-found")


@pytest.mark.parametrize("name", ["filezilla.xml", "winscp.txt", "known_hosts"])
async def test_settings_come_as_files_without_the_password(room: HttpRoom, name: str) -> None:
    account = await issued(room)
    answer = await room.ask("GET", f"{ACCOUNTS}/{account['id']}/{name}")
    assert answer.status == 200
    assert f"case-{NUMBER}-{name}" in answer.headers["Content-Disposition"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert SFTP.host.encode() in answer.body
    assert account["password"].encode() not in answer.body


async def test_there_are_no_other_settings_and_none_of_another_account(room: HttpRoom) -> None:
    account = await issued(room)
    answer = await room.ask("GET", f"{ACCOUNTS}/{account['id']}/other.txt")
    assert (answer.status, answer.code) == (404, "file-not-found")
    answer = await room.ask("GET", f"{ACCOUNTS}/{'0' * 32}/winscp.txt")
    assert (answer.status, answer.code) == (404, "account-not-found")


async def test_without_an_sftp_server_there_is_nothing_to_log_in_to(tmp_path: Path) -> None:
    async with http_room(tmp_path, policy=HttpPolicy(sftp=None)) as room:
        account = await issued(room)
        page = await shown(room)
        assert account["username"] in page
        assert "Ready-made settings" not in page
        answer = await room.ask("GET", f"{ACCOUNTS}/{account['id']}/winscp.txt")
        assert (answer.status, answer.code) == (404, "account-not-found")


async def test_a_prefix_of_a_proxy_is_in_all_its_addresses(tmp_path: Path) -> None:
    policy = HttpPolicy(sftp=SFTP, public_url="https://example.com/transfer")
    async with http_room(tmp_path, policy=policy) as room:
        account = await issued(room)
        page = await shown(room, who="analyst")
        for path in (f'data-page="/transfer{ACCOUNTS}"', f'"/transfer{ACCOUNTS}/{account["id"]}/'):
            assert path in page
        answer = await room.ask("POST", ACCOUNTS, who="analyst")
        assert answer.headers["Location"] == f"/transfer{CASE}#sftp-account"
