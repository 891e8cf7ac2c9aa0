"""What people see at a browser: problems as pages, their language, the first page, the warning."""

import re
from html import unescape
from pathlib import Path

import pytest

from tests.e2e.http.browser import PAGE, Browser, signed_in
from tests.e2e.http.http_room import OTHER_NUMBER, Answer, HttpRoom, http_room
from tests.engine_room import NUMBER
from transfer.core.access import Role
from transfer.core.cases import CaseNumber
from transfer.core.notices import Notice
from transfer.http.policy import HttpPolicy
from transfer.http.site.problem_texts import problem_text

WARNING = f"/cases/{NUMBER}/acknowledgement"
FORM = {
    **PAGE,
    "Content-Type": "application/x-www-form-urlencoded",
    "Origin": "null",
    "Sec-Fetch-Site": "same-origin",
}


def text_of(answer: Answer) -> str:
    """Return a page's text as a reader sees it."""
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8", answer
    return unescape(answer.body.decode())


async def newcomer(room: HttpRoom, role: Role = Role.DESIGNATED, name: str = "New Here") -> Browser:
    """Return the browser of somebody who has acknowledged nothing yet."""
    browser = Browser(room=room)
    await browser.launch(role=role.value, name=name)
    return browser


async def accept(browser: Browser, version: str | None, csrf: str | None = None) -> Answer:
    fields = {"csrf_token": browser.csrf if csrf is None else csrf, "version": version}
    data = "&".join(f"{name}={value}" for name, value in fields.items() if value is not None)
    return await browser.raw("POST", WARNING, headers=FORM, data=data.encode())


# ── Problems ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "who", "status", "code"),
    [
        ("/cases/0000000404", "analyst", 404, "case-not-found"),
        ("/cases/12", "analyst", 400, "invalid-request"),
        ("/nothing/here", None, 404, "not-found"),
        (f"/cases/{NUMBER}", None, 401, "not-signed-in"),
        (f"/cases/{NUMBER}", "stranger", 404, "case-not-found"),
    ],
)
async def test_a_problem_is_a_page_for_people_and_json_for_programs(
    room: HttpRoom, path: str, who: str | None, status: int, code: str
) -> None:
    page = await room.ask("GET", path, who=who, headers=PAGE)
    text, told = text_of(page), problem_text(code, status)
    assert page.status == status
    assert f"<h1>{told.title}</h1>" in text
    assert told.advice in text
    assert page.headers["X-Request-Id"] in text
    assert "Try again</button>" not in text
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    problem = await room.ask("GET", path, who=who)
    assert (problem.status, problem.code) == (status, code)


async def test_a_page_of_a_problem_keeps_what_its_headers_say(room: HttpRoom) -> None:
    page = await room.ask("PUT", "/sign-in", who=None, headers=PAGE)
    assert (page.status, page.headers["Allow"]) == (405, "GET,HEAD")
    page = await room.ask("GET", "/", who=None, headers=PAGE)
    assert page.headers["WWW-Authenticate"].startswith("Bearer")
    head = await room.ask("HEAD", "/", who=None, headers=PAGE)
    assert (head.status, head.body) == (401, b"")
    cut = await room.ask("POST", "/launch", who=None, headers=FORM, data=b"x" * 20_000)
    assert cut.status == 413
    assert "at most" in text_of(cut)


async def test_a_link_into_the_api_that_is_followed_tells_people_as_well(room: HttpRoom) -> None:
    path = "/api/v1/files/nothing/content"
    followed = {**PAGE, "Sec-Fetch-Dest": "document"}
    assert "isn't there" in text_of(await room.ask("GET", path, headers=followed))
    fetched = await room.ask("GET", path, headers={**PAGE, "Sec-Fetch-Dest": "empty"})
    assert fetched.code == "file-not-found"


async def test_what_is_wrong_is_said_where_no_text_knows_it(room: HttpRoom) -> None:
    page = text_of(await room.ask("GET", "/?case=<12>", who="analyst", headers=PAGE))
    assert "A case number has ten digits" in page
    assert "<12>" not in page


async def test_an_error_that_nobody_foresaw_is_a_page_too(room: HttpRoom) -> None:
    room.surprises.append(RuntimeError("secret"))
    page = await room.ask("GET", "/readyz", who=None, headers=PAGE)
    assert page.status == 500
    assert "went wrong on our side" in text_of(page)
    assert "Try again</button>" in text_of(page)
    assert "secret" not in text_of(page)


# ── Signing in ───────────────────────────────────────────────────────────────────────────────


async def test_whoever_has_to_sign_in_gets_back_to_where_they_were(tmp_path: Path) -> None:
    policy = HttpPolicy(
        public_url="https://example.com/transfer",
        portal_url="https://portal.example.com/?a=1&b=2",
        staff_sign_in="/sign-in/staff",
    )
    async with http_room(tmp_path, policy=policy) as room:
        page = await room.ask("GET", "/cases?status=Open&x=%C3%A9", who=None, headers=PAGE)
        body = page.body.decode()
        back = "return_to=%2Ftransfer%2Fcases%3Fstatus%3DOpen%26x%3D%25C3%25A9"
        assert f'href="/transfer/sign-in/staff?{back}"' in body
        assert 'href="https://portal.example.com/?a=1&amp;b=2"' in body
        for path in ("/sign-in", "/launch?token=x", f"/{'x' * 3000}"):
            body = (await room.ask("GET", path, who=None, headers=PAGE)).body.decode()
            assert "return_to" not in body
        body = (await room.ask("GET", f"/cases/{'x' * 3000}", who=None, headers=PAGE)).body.decode()
        assert "return_to" not in body


async def test_there_is_no_way_in_where_none_is_set(room: HttpRoom) -> None:
    page = text_of(await room.ask("GET", "/sign-in", who=None, headers=PAGE))
    assert "Go to the portal" not in page
    assert "Sign in as Customer Care" not in page
    assert "You are not signed in, or not any more." in page


async def test_who_signs_in_once_more_is_told_to_go_back(room: HttpRoom) -> None:
    browser = await signed_in(room)
    page = await browser.ask("GET", "/signed-in", headers=PAGE)
    assert "You can close this one" in text_of(page)
    assert (await room.ask("GET", "/signed-in", who=None, headers=PAGE)).status == 401


# ── The first page, and what is above all pages ──────────────────────────────────────────────


async def test_customer_care_is_led_to_all_cases(room: HttpRoom) -> None:
    for who in ("analyst", "admin"):
        answer = await room.ask("GET", "/", who=who, headers=PAGE)
        assert (answer.status, answer.headers["Location"]) == (303, "/cases")


async def test_customers_see_their_cases_the_open_ones_first(room: HttpRoom) -> None:
    browser = await newcomer(room)
    await browser.launch(case=OTHER_NUMBER, name="New Here")
    await room.engine.core.close(NUMBER, "Resolved", "analyst")
    page = text_of(await browser.ask("GET", "/", headers=PAGE))
    assert page.index(f"/cases/{OTHER_NUMBER}") < page.index(f"/cases/{NUMBER}")
    assert "Contact centre down" in page
    assert "Closed" in page


async def test_a_case_that_the_core_has_let_go_of_is_left_out(room: HttpRoom) -> None:
    browser = await signed_in(room, Role.READ_ONLY, CaseNumber("0000000404"))
    page = text_of(await browser.ask("GET", "/", headers=PAGE))
    assert "There is no case" in page


async def test_where_cases_are_kept_elsewhere_customer_care_opens_them_by_number(
    tmp_path: Path,
) -> None:
    async with http_room(tmp_path, with_desk=False) as room:
        page = text_of(await room.ask("GET", "/", who="analyst", headers=PAGE))
        assert 'name="case"' in page
        led = await room.ask("GET", f"/?case=%20{NUMBER}", who="analyst", headers=PAGE)
        assert (led.status, led.headers["Location"]) == (303, f"/cases/{NUMBER}")


@pytest.mark.parametrize(
    ("role", "links"),
    [
        (Role.READ_ONLY, ("/",)),
        (Role.DESIGNATED, ("/",)),
        (Role.ANALYST, ("/cases",)),
        (Role.ADMIN, ("/cases", "/admin")),
    ],
)
async def test_everybody_finds_the_pages_that_they_may_see(
    room: HttpRoom, role: Role, links: tuple[str, ...]
) -> None:
    number = NUMBER if role in (Role.READ_ONLY, Role.DESIGNATED) else None
    browser = await signed_in(room, role, number)
    page = (await browser.ask("GET", f"/cases/{NUMBER}", headers=PAGE)).body.decode()
    [nav] = re.findall(r"<nav.*?</nav>", page, re.DOTALL)[:1]
    assert tuple(re.findall(r'href="([^"]+)"', nav)) == links


# ── Languages ────────────────────────────────────────────────────────────────────────────────


async def test_a_language_that_is_chosen_once_stays(room: HttpRoom) -> None:
    page = await room.ask("GET", "/sign-in?lang=de", who=None, headers=PAGE)
    assert '<html lang="de" dir="ltr">' in text_of(page)
    assert page.headers["Content-Language"] == "de"
    cookie = page.headers["Set-Cookie"]
    assert "transfer-language=de" in cookie
    assert "SameSite=Lax" in cookie
    kept = {**PAGE, "Cookie": "transfer-language=de", "Accept-Language": "en"}
    assert 'lang="de"' in text_of(await room.ask("GET", "/sign-in", who=None, headers=kept))


@pytest.mark.parametrize("path", ["/sign-in", "/sign-in?lang=klingon", "/sign-in?lang="])
async def test_what_is_no_choice_is_not_kept(room: HttpRoom, path: str) -> None:
    page = await room.ask("GET", path, who=None, headers=PAGE)
    assert 'lang="en"' in text_of(page)
    assert "Set-Cookie" not in page.headers
    by_program = await room.ask("GET", "/healthz?lang=de", who=None)
    assert "Set-Cookie" not in by_program.headers


async def test_a_link_of_the_portal_s_may_choose_the_language(room: HttpRoom) -> None:
    browser = Browser(room=room)
    refused = await browser.raw("GET", "/launch?token=x&lang=de", headers=PAGE)
    assert 'lang="de"' in text_of(refused)
    assert "token=x" not in refused.body.decode()


async def test_a_page_links_to_itself_in_other_languages(room: HttpRoom) -> None:
    page = (await room.ask("GET", "/?a=1&lang=de", headers=PAGE)).body.decode()
    assert 'href="?a=1&amp;lang=en"' in page
    assert 'href="?a=1&amp;lang=de" lang="de" hreflang="de" aria-current="true"' in page
    answer_to_form = await room.ask("POST", WARNING, headers=FORM, data=b"")
    assert "hreflang" not in answer_to_form.body.decode()


# ── The warning ──────────────────────────────────────────────────────────────────────────────


async def test_the_warning_comes_before_the_case_until_it_is_acknowledged(room: HttpRoom) -> None:
    browser = await newcomer(room)
    led = await browser.ask("GET", f"/cases/{NUMBER}", headers=PAGE)
    assert (led.status, led.headers["Location"]) == (303, WARNING)
    page = await browser.ask("GET", WARNING, headers=PAGE)
    assert "<li>passwords, private keys and access tokens;</li>" in text_of(page)
    assert f'name="version" value="{Notice().version}"' in text_of(page)
    done = await accept(browser, Notice().version)
    assert (done.status, done.headers["Location"]) == (303, f"/cases/{NUMBER}")
    assert (await browser.ask("GET", f"/cases/{NUMBER}", headers=PAGE)).status == 200
    again = text_of(await browser.ask("GET", WARNING, headers=PAGE))
    assert "You acknowledged this on" in again
    assert ">Acknowledge</button>" not in again


async def test_a_new_text_is_read_again(room: HttpRoom) -> None:
    browser = await newcomer(room)
    outdated = await accept(browser, "of-yesterday")
    assert (outdated.status, outdated.headers["Location"]) == (303, f"{WARNING}?changed=1")
    page = await browser.ask("GET", f"{WARNING}?changed=1", headers=PAGE)
    assert "The text has changed" in text_of(page)
    assert (await browser.ask("GET", f"/cases/{NUMBER}", headers=PAGE)).status == 303


async def test_whoever_sends_no_files_needs_no_warning(room: HttpRoom) -> None:
    reader = await newcomer(room, Role.READ_ONLY)
    assert (await reader.ask("GET", f"/cases/{NUMBER}", headers=PAGE)).status == 200
    analyst = await room.ask("GET", f"/cases/{NUMBER}", who="analyst", headers=PAGE)
    assert analyst.status == 200
    browser = await newcomer(room)
    await room.engine.core.close(NUMBER, "Resolved", "analyst")
    page = await browser.ask("GET", f"/cases/{NUMBER}", headers=PAGE)
    assert page.status == 200
    assert "The case is closed" in text_of(page)
    closed = await browser.ask("GET", WARNING, headers=PAGE)
    assert ">Acknowledge</button>" not in text_of(closed)
    late = await accept(browser, Notice().version)
    assert late.status == 403
    assert problem_text("case-closed", 403).title in text_of(late)


async def test_nobody_acknowledges_for_somebody_else(room: HttpRoom) -> None:
    browser = await newcomer(room)
    assert (await accept(browser, Notice().version, csrf="wrong")).status == 403
    assert (await accept(browser, None)).status == 400
    foreign = await room.ask("GET", WARNING, who="stranger", headers=PAGE)
    assert foreign.status == 404
    assert (await browser.ask("GET", f"/cases/{NUMBER}", headers=PAGE)).status == 303
    by_token = await room.ask(
        "POST", WARNING, headers=FORM, data=f"version={Notice().version}".encode()
    )
    assert by_token.status == 303


async def test_the_warning_of_an_operator_is_shown_as_it_is_written(room: HttpRoom) -> None:
    notice = Notice("<b>Mind</b>\n\nNo secrets.")
    room.engine.acknowledgements._notice = notice
    page = (await room.ask("GET", WARNING, headers=PAGE)).body.decode()
    assert "<h1>&lt;b&gt;Mind&lt;/b&gt;</h1>" in page
    assert 'lang="en"><p>' not in page


# ── The head of a case ───────────────────────────────────────────────────────────────────────


async def test_the_head_of_a_case_says_when_its_data_goes(room: HttpRoom) -> None:
    async def head() -> str:
        return text_of(await room.ask("GET", f"/cases/{NUMBER}", who="analyst", headers=PAGE))

    assert "30 days after the case is closed" in await head()
    await room.engine.core.close(NUMBER, "Resolved", "analyst")
    assert 'datetime="2026-04-01T09:00:00Z"' in await head()
    await room.engine.core.hold(NUMBER, "litigation", "admin")
    assert "on hold" in await head()
    case = await room.engine.core.unhold(NUMBER, "admin")
    cases, now = room.engine.records.cases, room.engine.clock.now()
    assert await cases.start_purge(NUMBER, expected_version=case.version, now=now)
    await cases.finish_purge(NUMBER, now)
    assert "its files have been deleted" in await head()
