"""The SFTP accounts of a case on its page: who sees them, issues them and ends them."""

import re
from pathlib import Path
from urllib.parse import urlencode

import asyncssh
import pytest

from tests.e2e.http.browser import PAGE, Browser, signed_in
from tests.e2e.http.http_room import SFTP, Answer, HttpRoom, Parsed, http_room
from tests.e2e.http.test_account_api import let_contacts_issue
from tests.engine_room import NUMBER
from transfer.core.access import Role
from transfer.core.accounts import AccountId, AccountUse
from transfer.core.notices import Notice
from transfer.http.policy import HttpPolicy

CASE = f"/cases/{NUMBER}"
ACCOUNTS = f"{CASE}/sftp-accounts"
API = f"/api/v1{ACCOUNTS}"
SECTION = 'id="sftp-account"'
VERSION = Notice().version
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ATTESTED = urlencode({"attested": VERSION}).encode()


async def issued(room: HttpRoom) -> Parsed:
    answer = await room.ask("POST", API, who="analyst")
    assert answer.status == 201
    return answer.json()


async def shown(room: HttpRoom, path: str = CASE, who: str = "designated") -> str:
    answer = await room.ask("GET", path, who=who, headers=PAGE)
    assert answer.status == 200, answer
    return answer.body.decode()


async def submit(browser: Browser, path: str, csrf: str | None = None, **fields: str) -> Answer:
    """Press a button of a page with its box ticked, as a browser without scripts does."""
    token = browser.csrf if csrf is None else csrf
    filled = {"csrf_token": token or "", "attested": VERSION, **fields}
    headers = {
        **PAGE,
        "Content-Type": "application/x-www-form-urlencoded",
        "Origin": "null",
        "Sec-Fetch-Site": "same-origin",
    }
    return await browser.raw("POST", path, headers=headers, data=urlencode(filled).encode())


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


@pytest.mark.parametrize(
    "path", [ACCOUNTS, f"{ACCOUNTS}/{{id}}/reissue", f"{ACCOUNTS}/{{id}}/revoke"]
)
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


async def test_a_form_says_what_an_account_is_issued_with(room: HttpRoom) -> None:
    analyst = await signed_in(room, Role.ANALYST, None)
    key = asyncssh.generate_private_key("ssh-ed25519", comment="ada@laptop")
    lines = f"# hers\r\n{key.export_public_key('openssh').decode()}\r\n"
    answer = await submit(
        analyst,
        ACCOUNTS,
        label="Night <shift>",
        keys=lines,
        networks="192.0.2.7, 198.51.100.0/24\r\n2001:db8::/32",
        keys_only="1",
    )
    assert answer.status == 303
    [account] = (await room.ask("GET", API)).json()["accounts"]
    assert (account["label"], account["password"]) == ("Night <shift>", None)
    assert account["networks"] == ["192.0.2.7/32", "198.51.100.0/24", "2001:db8::/32"]
    page = await shown(room)
    assert "Night &lt;shift&gt;" in page
    for text in (key.get_fingerprint("sha256"), "ada@laptop", "198.51.100.0/24", "Not used yet."):
        assert text in page
    assert "Show the password" not in page


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"attested": ""}, "Fill in again: attested"),
        ({"keys": "/etc/passwd"}, "A key is"),
        ({"networks": "somewhere"}, "A network is"),
        ({"keys_only": "1"}, "An account has a password"),
        ({"label": "x" * 101}, "label"),
    ],
)
async def test_what_is_wrong_with_a_form_is_told(
    room: HttpRoom, fields: dict[str, str], said: str
) -> None:
    analyst = await signed_in(room, Role.ANALYST, None)
    answer = await submit(analyst, ACCOUNTS, **fields)
    assert answer.status == 400
    assert said in answer.body.decode()
    assert (await room.ask("GET", API)).json()["accounts"] == []


async def test_staff_issue_an_account_again_by_a_button(room: HttpRoom) -> None:
    analyst = await signed_in(room, Role.ANALYST, None)
    account = await issued(room)
    page = await shown(room, who="analyst")
    assert f'data-account="{account["id"]}" data-issue="1"' in page
    path = f"{ACCOUNTS}/{account['id']}/reissue"
    assert (await submit(analyst, path, attested="")).status == 400
    assert (await submit(analyst, path, attested="another")).status == 409
    answer = await submit(analyst, path)
    assert (answer.status, answer.headers["Location"]) == (303, f"{CASE}#sftp-account")
    [again] = (await room.ask("GET", API)).json()["accounts"]
    assert again["password"] != account["password"]
    assert 'data-issue="2"' in await shown(room, who="analyst")


async def test_the_use_of_an_account_is_on_its_page(room: HttpRoom) -> None:
    account = await issued(room)
    use = AccountUse(
        sessions=2,
        bytes_received=3 << 20,
        last_seen_at=room.engine.clock.now(),
        last_address="192.0.2.7",
    )
    await room.engine.records.accounts.use(AccountId(account["id"]), use)
    page = await shown(room)
    assert "from 192.0.2.7" in page
    assert "2 sign-ins" in page


async def test_contacts_have_the_form_where_the_operator_lets_them(room: HttpRoom) -> None:
    assert "Issue an SFTP account" not in await shown(room)
    let_contacts_issue(room)
    assert "Issue an SFTP account" in await shown(room)
    contact = await signed_in(room)
    assert (await submit(contact, ACCOUNTS)).status == 303
    assert "Issued by Jo Smith" in await shown(room)


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
        answer = await room.ask("POST", ACCOUNTS, who="analyst", headers=FORM, data=ATTESTED)
        assert answer.headers["Location"] == f"/transfer{CASE}#sftp-account"
