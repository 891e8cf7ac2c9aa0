"""Sessions at a browser: the cookie, its end, and an upload that outlives it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.e2e.http.browser import PAGE, Browser, signed_in
from tests.e2e.http.http_room import OFFSET_TYPE, OTHER_NUMBER, TUS, HttpRoom, http_room, metadata
from tests.engine_room import ADMIN, KIB, NUMBER
from transfer.core.access import Role
from transfer.engine.attempts import AttemptPolicy
from transfer.http.policy import HttpPolicy

CASE = f"/api/v1/cases/{NUMBER}"
CREATION = {**TUS, "Upload-Metadata": metadata(filename="trace.log")}


async def begin(browser: Browser, length: int) -> str:
    headers = {**CREATION, "Upload-Length": str(length)}
    created = await browser.ask("POST", f"{CASE}/uploads", headers=headers)
    assert created.status == 201, created
    return created.headers["Location"]


async def offset(browser: Browser, location: str) -> int:
    answer = await browser.ask("HEAD", location, headers=TUS)
    assert answer.status == 200, answer
    return int(answer.headers["Upload-Offset"])


def append(at: int) -> dict[str, str]:
    return {**TUS, **OFFSET_TYPE, "Upload-Offset": str(at)}


async def events(room: HttpRoom) -> list[tuple[str, str | None]]:
    found = await room.engine.records.audit.events()
    return [(one.action, one.details.get("reason")) for one in found]


# ── Who is signed in ─────────────────────────────────────────────────────────────────────────


async def test_a_session_does_what_a_token_does(room: HttpRoom) -> None:
    browser = await signed_in(room)
    location = await begin(browser, 3)
    sent = await browser.ask("PATCH", location, headers=append(0), data=b"abc")
    assert sent.status == 204
    [file] = (await browser.ask("GET", f"{CASE}/files")).json()["files"]
    assert (file["sent_by"], file["size"]) == ("Jo Smith", 3)


async def test_a_session_tells_who_it_is_and_until_when(room: HttpRoom) -> None:
    browser = await signed_in(room)
    told = await browser.session()
    assert told.pop("csrf_token") == browser.csrf
    assert told.pop("id")
    assert told == {
        "name": "Jo Smith",
        "role": "designated",
        "cases": [NUMBER],
        "method": "launch",
        "began_at": "2026-03-02T09:00:00Z",
        "idle_until": "2026-03-02T10:00:00Z",
        "expires_at": "2026-03-02T21:00:00Z",
    }


async def test_a_token_is_told_as_one_and_can_not_be_signed_out(room: HttpRoom) -> None:
    told = (await room.ask("GET", "/api/v1/session", who="analyst")).json()
    assert told == {"name": "analyst", "role": "analyst", "cases": None, "method": "token"}
    answer = await room.ask("DELETE", "/api/v1/session", who="analyst")
    assert (answer.status, answer.code) == (400, "unsupported")


async def test_a_token_goes_before_the_cookie_even_a_bad_one(room: HttpRoom) -> None:
    browser = await signed_in(room)
    told = await browser.raw("GET", "/api/v1/session", headers=room.bearer("analyst"))
    assert told.json()["role"] == "analyst"
    bad = await browser.raw("GET", CASE, headers={"Authorization": "Bearer wrong"})
    assert bad.status == 401
    proxy_s_own = await browser.raw("GET", CASE, headers={"Authorization": "Basic dXNlcjpw"})
    assert proxy_s_own.status == 200


async def test_another_case_looks_absent_to_a_session(room: HttpRoom) -> None:
    browser = await signed_in(room)
    for path in ("", "/files"):
        answer = await browser.ask("GET", f"/api/v1/cases/{OTHER_NUMBER}{path}")
        assert (answer.status, answer.code) == (404, "case-not-found")
    event = (await room.engine.records.audit.events())[-1]
    assert (event.action, event.case_number) == ("case.refused", OTHER_NUMBER)
    assert event.details["reason"] == "not-theirs"


async def test_who_asks_for_others_cases_all_the_time_is_noted_for_a_while_and_told_the_same(
    room: HttpRoom,
) -> None:
    browser = await signed_in(room)
    answers = [await browser.ask("GET", f"/api/v1/cases/{OTHER_NUMBER}") for _ in range(30)]
    absent = await browser.ask("GET", "/api/v1/cases/0001111111")
    assert {(one.status, one.code) for one in (*answers, absent)} == {(404, "case-not-found")}
    noted = [
        one for one in await room.engine.records.audit.events() if one.action == "case.refused"
    ]
    assert 10 <= len(noted) < 15


async def test_a_file_and_an_upload_of_another_case_are_noted_as_well(room: HttpRoom) -> None:
    location = await room.begin(10)
    file = await room.send(b"theirs", "b.log")
    for path in (location, f"/api/v1/files/{file['id']}/content"):
        answer = await room.ask("GET" if "files" in path else "HEAD", path, who="stranger")
        assert answer.status == 404
        event = (await room.engine.records.audit.events())[-1]
        assert (event.action, event.actor) == ("case.refused", "stranger")


# ── Its end ──────────────────────────────────────────────────────────────────────────────────


async def test_a_cookie_is_worth_nothing_after_the_sign_out(room: HttpRoom) -> None:
    browser = await signed_in(room)
    thief = Browser(room=room, secret=browser.secret, csrf=browser.csrf)
    out = await browser.ask("DELETE", "/api/v1/session")
    assert (out.status, browser.secret) == (204, None)
    for method, path in (("GET", CASE), ("DELETE", "/api/v1/session")):
        answer = await thief.ask(method, path)
        assert (answer.status, answer.code) == (401, "session-expired")
    assert (await events(room))[-2:] == [("session.refused", "ended")] * 2


async def test_a_button_signs_out_and_leads_to_how_to_sign_in(room: HttpRoom) -> None:
    browser = await signed_in(room)
    page = await browser.ask("GET", f"/cases/{NUMBER}", headers=PAGE)
    assert browser.csrf is not None
    assert browser.csrf in page.body.decode()
    # A form of a page that tells nobody where it is from.
    headers = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
    form = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
    wrong = await browser.raw("POST", "/sign-out", headers=form, data=b"csrf_token=wrong")
    assert (wrong.status, wrong.code) == (403, "csrf")
    data = f"csrf_token={browser.csrf}".encode()
    out = await browser.raw("POST", "/sign-out", headers=form, data=data)
    assert (out.status, out.headers["Location"], browser.secret) == (303, "/sign-in", None)
    assert "portal" in (await browser.raw("GET", "/sign-in")).body.decode()
    again = await browser.raw("POST", "/sign-out", headers=form, data=data)
    assert again.status == 303


async def test_a_browser_is_shown_how_to_sign_in_and_a_program_is_told(room: HttpRoom) -> None:
    browser = Browser(room=room, secret="cts_unknown")
    page = await browser.raw("GET", f"/cases/{NUMBER}", headers=PAGE)
    assert (page.status, page.headers["Content-Type"]) == (401, "text/html; charset=utf-8")
    assert "sign in again" in page.body.decode()
    answer = await browser.raw("GET", CASE)
    assert (answer.status, answer.code) == (401, "session-expired")
    assert answer.json()["sign_in"] == "/sign-in"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    nobody = await room.ask("GET", CASE, who=None)
    assert (nobody.code, nobody.json()["sign_in"]) == ("not-signed-in", "/sign-in")


async def test_the_way_to_sign_in_is_behind_the_prefix_of_a_proxy(tmp_path: Path) -> None:
    policy = HttpPolicy(
        public_url="https://example.com/transfer/",
        portal_url="https://portal.example.com",
        staff_sign_in="/sign-in/staff",
    )
    async with http_room(tmp_path, policy=policy) as room:
        answer = await room.ask("GET", CASE, who=None)
        assert answer.json()["sign_in"] == "/transfer/sign-in"
        page = (await room.ask("GET", "/sign-in", who=None)).body.decode()
        assert 'href="https://portal.example.com"' in page
        assert 'href="/transfer/sign-in/staff"' in page


async def test_guesses_are_slowed_down_and_a_good_cookie_is_not(room: HttpRoom) -> None:
    browser = await signed_in(room)
    thief = Browser(room=room, secret="cts_guess")
    for _ in range(AttemptPolicy().free):
        assert (await thief.raw("GET", CASE)).status == 401
    answer = await thief.raw("GET", CASE)
    assert (answer.status, answer.code) == (429, "too-many-attempts")
    assert answer.headers["Retry-After"] == "1"
    assert (await browser.ask("GET", CASE)).status == 200
    assert (await room.ask("GET", CASE, who="analyst")).status == 200
    for _ in range(AttemptPolicy().free):
        wrong = await room.ask("GET", CASE, who=None, headers={"Authorization": "Bearer wrong"})
        assert wrong.status == 401
    wrong = await room.ask("GET", CASE, who=None, headers={"Authorization": "Bearer wrong"})
    assert (wrong.status, wrong.code) == (429, "too-many-attempts")
    assert (await events(room))[-1] == ("token.refused", "unknown-or-over")


# ── An upload that outlives it ───────────────────────────────────────────────────────────────


async def test_an_upload_goes_on_after_its_session_has_expired(room: HttpRoom) -> None:
    browser = await signed_in(room)
    location = await begin(browser, 6)
    await browser.ask("PATCH", location, headers=append(0), data=b"abc")
    room.engine.clock.advance(timedelta(hours=1))
    for method in ("PATCH", "HEAD"):
        late = await browser.ask(method, location, headers=append(3))
        assert late.status == 401
        assert late.headers["WWW-Authenticate"].startswith("Bearer")
    late = await browser.ask("PATCH", location, headers=append(3), data=b"def")
    assert (late.status, late.code, late.json()["sign_in"]) == (401, "session-expired", "/sign-in")
    assert await events(room) != []
    await browser.launch()
    assert await offset(browser, location) == 3
    done = await browser.ask("PATCH", location, headers=append(3), data=b"def")
    assert (done.status, done.headers["Upload-Offset"]) == (204, "6")
    [file] = await room.files()
    assert file["size"] == 6


async def test_a_request_ends_with_its_session_and_what_it_sent_is_kept(
    tmp_path: Path,
) -> None:
    async with http_room(tmp_path, running=True) as room:
        browser = await signed_in(room)
        location = await begin(browser, 300 * KIB)
        sent, go_on = asyncio.Event(), asyncio.Event()

        async def body() -> AsyncIterator[bytes]:
            yield b"x" * (100 * KIB)
            sent.set()
            await go_on.wait()

        request = asyncio.create_task(
            browser.ask("PATCH", location, headers=append(0), data=body())
        )
        watch = asyncio.create_task(room.engine.sessions.watch())
        try:
            await asyncio.wait_for(sent.wait(), 10)
            await _until_taken(room)
            [session] = await room.engine.sessions.sessions()
            other_node = room.engine.another_node()
            await other_node.sessions.end(session.id, ended_by=ADMIN)
            answer = await asyncio.wait_for(request, 10)
        finally:
            watch.cancel()
            request.cancel()
        assert (answer.status, answer.code) == (401, "session-expired")
        await browser.launch()
        assert await offset(browser, location) == 100 * KIB
        rest = await browser.ask(
            "PATCH", location, headers=append(100 * KIB), data=b"y" * (200 * KIB)
        )
        assert rest.status == 204
        [file] = await room.files()
        assert (file["size"], file["state"]) == (300 * KIB, "received")


async def _until_taken(room: HttpRoom) -> None:
    """Wait until the server has taken what was sent."""
    async with asyncio.timeout(10):
        while not any(one.position == 100 * KIB for one in room.engine.leases.writers):
            await room.engine.clock.sleep(0.01)


async def test_a_download_breaks_off_with_its_session_and_does_not_look_whole(
    tmp_path: Path,
) -> None:
    async with http_room(tmp_path, running=True) as room:
        size = 32 * 1024 * KIB
        file = await room.send(bytes(size))
        browser = await signed_in(room, Role.READ_ONLY)
        path = f"{room.url}/api/v1/files/{file['id']}/content"
        cookie = {"Cookie": f"__Host-transfer={browser.secret}"}
        async with room.session.get(path, headers=cookie) as response:
            assert response.status == 200
            assert await response.content.readexactly(1000)
            [session] = await room.engine.sessions.sessions()
            await room.engine.sessions.end(session.id, ended_by=ADMIN)
            with pytest.raises(Exception, match=r"(?i)not enough data|closed|reset|payload"):
                await response.read()


# ── Pages ────────────────────────────────────────────────────────────────────────────────────


async def test_the_first_page_shows_the_cases_of_a_customer(room: HttpRoom) -> None:
    browser = await signed_in(room)
    page = (await browser.ask("GET", "/", headers=PAGE)).body.decode()
    assert f'href="/cases/{NUMBER}"' in page
    assert "Jo Smith" in page
    assert "Designated contact" in page
    staff = await signed_in(room, Role.ANALYST, None, name="<script>alert(1)</script>")
    page = (await staff.ask("GET", f"/cases/{NUMBER}", headers=PAGE)).body.decode()
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    by_token = await room.ask("GET", "/", who="designated", headers=PAGE)
    assert "Sign out" not in by_token.body.decode()
