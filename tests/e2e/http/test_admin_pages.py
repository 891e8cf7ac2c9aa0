"""The pages of the administration: who gets them, what they show, and what their forms do."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.e2e.http.browser import PAGE, Browser, signed_in
from tests.e2e.http.http_room import SFTP, Answer, HttpRoom, http_room
from tests.engine_room import NUMBER
from transfer.core.access import Role
from transfer.core.notices import Notice
from transfer.http.policy import HttpPolicy
from transfer.http.site.admin_pages import ROWS

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
VERSION = Notice().version
PAGES = (
    "/admin",
    "/admin/holds",
    "/admin/deletions",
    "/admin/storage",
    "/admin/storage?by=account",
    "/admin/tokens",
    "/admin/sessions",
    "/admin/sign-ins",
    "/admin/warnings",
    f"/admin/warnings/{VERSION}",
)
FORMS = (
    "/admin/holds",
    "/admin/holds/lift",
    "/admin/tokens",
    "/admin/tokens/none/revoke",
    "/admin/sessions/none/end",
)
HOLD = {"number": NUMBER, "reason": "Legal matter 17"}
TOKEN = {"name": "nightly", "role": "analyst", "cases": "", "limit": "", "hours": ""}


@pytest.fixture
async def admin(room: HttpRoom) -> Browser:
    """An admin at a browser."""
    return await signed_in(room, Role.ADMIN, None, "Ada")


async def send(browser: Browser, path: str, fields: Mapping[str, str]) -> Answer:
    """Send a form as a page has it."""
    sent = urlencode({**fields, "csrf_token": browser.csrf or ""}).encode()
    headers = {**PAGE, **FORM, "Sec-Fetch-Site": "same-origin", "Origin": browser.room.url}
    return await browser.raw("POST", path, headers=headers, data=sent)


async def shown(browser: Browser, path: str) -> str:
    """Return a page's text."""
    answer = await browser.ask("GET", path, headers=PAGE)
    assert answer.status == 200, answer
    return unescape(answer.body.decode())


@pytest.mark.parametrize("path", PAGES)
async def test_admins_get_a_page_and_nobody_else(room: HttpRoom, path: str) -> None:
    for who, status in (("admin", 200), ("analyst", 403), ("designated", 403), (None, 401)):
        answer = await room.ask("GET", path, who=who, headers=PAGE)
        assert answer.status == status, who
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("path", FORMS)
async def test_nobody_else_sends_a_form(room: HttpRoom, path: str) -> None:
    fields = urlencode({**HOLD, **TOKEN}).encode()
    for who, status in (("analyst", 403), ("designated", 403), (None, 401)):
        answer = await room.ask("POST", path, who=who, headers=FORM, data=fields)
        assert answer.status == status, who
    listed = (await room.ask("GET", "/api/v1/holds", who="admin")).json()
    assert listed["cases"] == []


@pytest.mark.parametrize("path", FORMS)
async def test_a_form_of_another_site_is_not_taken(
    room: HttpRoom, admin: Browser, path: str
) -> None:
    stolen = replace(admin, csrf="wrong")
    answer = await send(stolen, path, {**HOLD, **TOKEN})
    assert answer.status == 403
    assert (await room.ask("GET", "/api/v1/holds", who="admin")).json()["cases"] == []


@pytest.mark.parametrize("path", ["/admin/holds", "/admin/holds/lift", "/admin/tokens"])
async def test_what_is_no_form_is_not_read(room: HttpRoom, path: str) -> None:
    answer = await room.ask("POST", path, who="admin", json=HOLD)
    assert answer.status == 415
    assert (await room.ask("POST", path, who="admin", headers=FORM)).status == 400


async def test_a_hold_is_placed_and_lifted(room: HttpRoom, admin: Browser) -> None:
    placed = await send(admin, "/admin/holds", HOLD)
    assert (placed.status, placed.headers["Location"]) == (303, "/admin/holds?done=placed")
    page = await shown(admin, "/admin/holds?done=placed")
    assert "The hold is placed." in page
    assert "Legal matter 17" in page
    case = await room.engine.core.case(NUMBER)
    assert case.hold is not None
    assert case.hold.placed_by == "Ada"

    again = await send(admin, "/admin/holds", {**HOLD, "reason": "Another"})
    assert again.status == 400
    assert "held already" in unescape(again.body.decode())

    for done in ("lifted", "lifted-before"):
        lifted = await send(admin, "/admin/holds/lift", {"number": NUMBER})
        assert (lifted.status, lifted.headers["Location"]) == (303, f"/admin/holds?done={done}")
        assert "lifted" in await shown(admin, f"/admin/holds?done={done}")
    assert (await room.engine.core.case(NUMBER)).hold is None


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"number": "17"}, "There is no such case"),
        ({"number": ""}, "There is no such case"),
        ({"number": "0000000404"}, "There is no such case"),
        ({"reason": " "}, "Say in a line"),
        ({"reason": "a\nb"}, "Say in a line"),
        ({"reason": "x" * 501}, "Say in a line"),
    ],
)
async def test_a_form_with_a_fault_comes_back_as_it_was(
    admin: Browser, changes: Mapping[str, str], told: str
) -> None:
    answer = await send(admin, "/admin/holds", {**HOLD, **changes})
    page = unescape(answer.body.decode())
    assert (answer.status, told in page) == (400, True)
    kept = {**HOLD, **changes}
    assert f'value="{kept["number"]}"' in page
    assert 'role="alert"' in page


async def test_a_case_that_is_not_there_has_no_hold_to_lift(admin: Browser) -> None:
    assert (await send(admin, "/admin/holds/lift", {"number": "0000000404"})).status == 404
    assert (await send(admin, "/admin/holds/lift", {"number": "x"})).status == 400


async def test_holds_are_only_shown_where_another_core_places_them(tmp_path: Path) -> None:
    async with http_room(tmp_path, with_desk=False) as room:
        page = await room.ask("GET", "/admin/holds", who="admin", headers=PAGE)
        assert (page.status, b"<form" in page.body) == (200, False)
        sent = await room.ask("POST", "/admin/holds", who="admin", headers=FORM, data=b"number=1")
        assert sent.status == 405


async def test_a_token_is_shown_once_and_revoked(room: HttpRoom, admin: Browser) -> None:
    fields = {**TOKEN, "role": "designated", "cases": f"{NUMBER}, {NUMBER}", "hours": "24"}
    issued = await send(admin, "/admin/tokens", {**fields, "limit": "upload"})
    assert (issued.status, issued.headers["Cache-Control"]) == (201, "no-store")
    secret = unescape(issued.body.decode()).split('id="token-secret">')[1].split("<")[0]
    room.tokens["new"] = secret
    case = (await room.ask("GET", f"/api/v1/cases/{NUMBER}", who="new")).json()
    assert case["may"] == ["see", "upload"]
    assert secret not in await shown(admin, "/admin/tokens")
    token = (await room.ask("GET", "/api/v1/tokens?limit=1", who="new")).json()["tokens"][0]
    assert (token["name"], token["issued_by"]) == ("nightly", "Ada")
    assert token["expires_at"] == "2026-03-03T09:00:00Z"

    for path, done in ((token["id"], "revoked"), ("none", "revoked-before")):
        revoked = await send(admin, f"/admin/tokens/{path}/revoke", {})
        assert (revoked.status, revoked.headers["Location"]) == (303, f"/admin/tokens?done={done}")
        assert 'role="status"' in await shown(admin, f"/admin/tokens?done={done}")
    assert (await room.ask("GET", f"/api/v1/cases/{NUMBER}", who="new")).status == 401


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": ""}, "Say in a line"),
        ({"name": "a\x07"}, "Say in a line"),
        ({"role": "designated"}, "for some cases"),
        ({"role": "king"}, "choose another limit"),
        ({"limit": "hold"}, "choose another limit"),
        ({"hours": "0"}, "choose another limit"),
        ({"hours": "-1"}, "choose another limit"),
        ({"cases": "12"}, "One of these cases"),
        ({"cases": "0000000404"}, "One of these cases"),
        ({"role": "read-only", "cases": NUMBER, "limit": "upload"}, "choose another limit"),
    ],
)
async def test_a_token_that_makes_no_sense_is_not_issued(
    room: HttpRoom, admin: Browser, changes: Mapping[str, str], told: str
) -> None:
    before = (await room.ask("GET", "/api/v1/tokens", who="admin")).json()["tokens"]
    answer = await send(admin, "/admin/tokens", {**TOKEN, **changes})
    assert (answer.status, told in unescape(answer.body.decode())) == (400, True)
    after = (await room.ask("GET", "/api/v1/tokens", who="admin")).json()["tokens"]
    assert [one["id"] for one in after] == [one["id"] for one in before]


async def test_a_limited_admin_sees_what_theirs_allows_and_the_menu_of_it(room: HttpRoom) -> None:
    wanted = {"role": "admin", "name": "clerk", "actions": ["manage-tokens"]}
    issued = await room.ask("POST", "/api/v1/tokens", who="admin", json=wanted)
    room.tokens["clerk"] = issued.json()["token"]
    page = await room.ask("GET", "/admin/tokens", who="clerk", headers=PAGE)
    assert page.status == 200
    assert b"/admin/sessions" not in page.body
    assert b"/admin/deletions" not in page.body
    for path in ("/admin", "/admin/holds", "/admin/sessions"):
        assert (await room.ask("GET", path, who="clerk", headers=PAGE)).status == 403
    wider = urlencode(TOKEN).encode()
    sent = await room.ask("POST", "/admin/tokens", who="clerk", headers=FORM, data=wider)
    assert sent.status == 403


async def test_who_only_oversees_sees_holds_and_places_none(room: HttpRoom) -> None:
    wanted = {"role": "admin", "name": "auditor", "actions": ["oversee"]}
    issued = await room.ask("POST", "/api/v1/tokens", who="admin", json=wanted)
    room.tokens["auditor"] = issued.json()["token"]
    page = await room.ask("GET", "/admin/holds", who="auditor", headers=PAGE)
    assert (page.status, b"<form" in page.body) == (200, False)
    fields = urlencode(HOLD).encode()
    sent = await room.ask("POST", "/admin/holds", who="auditor", headers=FORM, data=fields)
    assert sent.status == 403


async def test_a_session_is_ended_by_a_button(room: HttpRoom, admin: Browser) -> None:
    jo = await signed_in(room)
    session_id = (await jo.session())["id"]
    page = await shown(admin, f"/admin/sessions?case={NUMBER}")
    assert "Jo Smith" in page
    assert "subject of Jo Smith" in await shown(
        admin, "/admin/sessions?subject=subject of Jo Smith"
    )
    for path, done in ((session_id, "ended"), ("none", "ended-before")):
        ended = await send(admin, f"/admin/sessions/{path}/end", {})
        assert (ended.status, ended.headers["Location"]) == (303, f"/admin/sessions?done={done}")
        assert 'role="status"' in await shown(admin, f"/admin/sessions?done={done}")
    assert (await jo.ask("GET", "/api/v1/session")).status == 401


async def test_an_admin_s_own_session_says_so_and_ends_too(admin: Browser) -> None:
    assert "This is your own" in await shown(admin, "/admin/sessions")
    session_id = (await admin.session())["id"]
    assert (await send(admin, f"/admin/sessions/{session_id}/end", {})).status == 303
    assert (await admin.ask("GET", "/admin", headers=PAGE)).status == 401


async def test_a_long_list_comes_in_pages_that_keep_what_was_looked_for(
    room: HttpRoom, admin: Browser
) -> None:
    for n in range(ROWS + 1):
        await signed_in(room, Role.READ_ONLY, NUMBER, f"Reader {n:02}")
    first = await shown(admin, f"/admin/sessions?case={NUMBER}&done=ended")
    assert "First page" not in first
    following = first.split('rel="next"')[0].rpartition('href="')[2].split('"')[0]
    assert following.startswith(f"/admin/sessions?case={NUMBER}&after=")
    second = await shown(admin, following)
    assert "Next page" not in second
    assert f'href="/admin/sessions?case={NUMBER}"' in second
    names = {f"Reader {n:02}" for n in range(ROWS + 1)}
    assert {name for name in names if name in first} | {
        name for name in names if name in second
    } == names
    assert sum(name in second for name in names) == 1


async def test_what_people_have_written_is_shown_as_text(room: HttpRoom, admin: Browser) -> None:
    evil = "<script>alert(1)</script>"
    case = await room.engine.core.open(evil, evil, "analyst")
    await room.engine.core.close(case.number, None, "analyst")
    await send(admin, "/admin/holds", {"number": case.number, "reason": evil})
    await send(admin, "/admin/tokens", {**TOKEN, "name": evil})
    await signed_in(room, name=evil)
    for path in PAGES:
        answer = await admin.ask("GET", path, headers=PAGE)
        assert evil.encode() not in answer.body, path


async def test_deletions_tell_what_keeps_them_and_what_is_due(
    room: HttpRoom, admin: Browser
) -> None:
    await room.ask("POST", f"/api/v1/cases/{NUMBER}/close", who="analyst")
    assert "Not due yet" in await shown(admin, "/admin/deletions")
    none = await shown(admin, "/admin/deletions?until=2026-03-31")
    assert "No closed case" in none
    assert 'value="2026-03-31"' in none
    await send(admin, "/admin/holds", HOLD)
    assert "Not while it is held" in await shown(admin, "/admin/deletions")
    refused = await admin.ask("GET", "/admin/deletions?until=x", headers=PAGE)
    assert refused.status == 400


async def test_failed_sign_ins_tell_who_has_to_wait(room: HttpRoom, admin: Browser) -> None:
    for _ in range(11):
        await room.ask("GET", "/admin", who=None, headers={"Authorization": "Bearer ctt_wrong"})
    page = await shown(admin, "/admin/sign-ins")
    assert "unknown, expired or revoked" in page
    assert "Nobody." not in page


async def test_a_warning_that_never_was_is_not_there(admin: Browser) -> None:
    assert (await admin.ask("GET", "/admin/warnings/none", headers=PAGE)).status == 404


@pytest.fixture
async def below(tmp_path: Path) -> AsyncIterator[HttpRoom]:
    """A service that browsers find below a path."""
    policy = HttpPolicy(sftp=SFTP, public_url="https://files.example.com/transfer")
    async with http_room(tmp_path, policy=policy) as room:
        yield room


async def test_every_link_leads_below_the_path_that_a_proxy_has_put_us_at(
    below: HttpRoom,
) -> None:
    for n in range(ROWS):
        await below.engine.tokens.issue(Role.ANALYST, f"token {n}", None, issued_by="test")
    page = (await below.ask("GET", "/admin/tokens", who="admin", headers=PAGE)).body.decode()
    assert 'rel="next"' in page
    links = [part.split('"')[0] for part in page.split('href="')[1:]]
    assert all(link.startswith(("/transfer/", "#", "data:", "?")) for link in links), links
    forms = [part.split('"')[0] for part in page.split('action="')[1:]]
    assert all(form.startswith("/transfer/") for form in forms), forms
    fields = urlencode(HOLD).encode()
    placed = await below.ask("POST", "/admin/holds", who="admin", headers=FORM, data=fields)
    assert placed.headers["Location"] == "/transfer/admin/holds?done=placed"
