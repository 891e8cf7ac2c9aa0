"""Customer Care signs in at a real OpenID provider, as far as their groups let them."""

import json
import re
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import pytest

from tests.e2e.http.http_room import HttpRoom
from tests.e2e.oidc.browser import Browser, Page
from tests.e2e.oidc.oidc_provider import CLIENT_ID, OTHER_CLIENT_ID, OidcServer
from tests.engine_room import NUMBER
from tests.identity import signing_key
from transfer.http.cookie import COOKIE
from transfer.http.oidc import COOKIE as PENDING_COOKIE

pytestmark = pytest.mark.e2e

CASE = f"/api/v1/cases/{NUMBER}"


async def leave(browser: Browser, room: HttpRoom, return_to: str = f"/cases/{NUMBER}") -> Page:
    """Begin to sign in: the answer leads to the provider."""
    query = urlencode({"return_to": return_to})
    return await browser.get(f"{room.url}/sign-in/staff?{query}")


async def log_in(browser: Browser, departure: Page, login: str) -> Page:
    """Log in at the provider, as far as the redirect that leads back."""
    back = f"{asked(departure)['redirect_uri']}"
    page = await browser.follow(departure, until=back)
    for fields in ({"login": login, "password": "any"}, {}):  # log in, then consent
        if page.location is None:
            page = await browser.follow(await browser.submit(page, **fields), until=back)
    assert page.location, page
    return page


def asked(departure: Page) -> dict[str, str]:
    assert departure.location, departure
    return {name: one for name, [one] in parse_qs(urlsplit(departure.location).query).items()}


async def sign_in(browser: Browser, room: HttpRoom, login: str = "ann") -> Page:
    """Sign in, start to end; return the answer that should begin the session."""
    returned = await log_in(browser, await leave(browser, room), login)
    assert returned.location
    return await browser.get(returned.location)


async def refusals(room: HttpRoom) -> list[str]:
    events = await room.engine.records.audit.events()
    return [str(event.details["reason"]) for event in events if event.action == "oidc.refused"]


def is_refused(page: Page, status: int, heading: str = "You are not signed in") -> bool:
    return (
        page.status == status
        and heading in page.text
        and "text/html" in page.headers["Content-Type"]
        and COOKIE not in page.cookies
    )


@pytest.mark.parametrize(("login", "role"), [("ann", "analyst"), ("olga", "admin")])
async def test_staff_sign_in_at_their_provider_and_out_again(
    room: HttpRoom, provider: OidcServer, browser: Browser, login: str, role: str
) -> None:
    arrived = await sign_in(browser, room, login)
    assert (arrived.status, arrived.location) == (303, f"{room.url}/cases/{NUMBER}")
    cookie = arrived.cookies[COOKIE]
    for attribute in ("HttpOnly", "Secure", "SameSite=Lax", "Path=/"):
        assert attribute in cookie
    shown = json.loads((await browser.get(f"{room.url}/api/v1/session")).text)
    assert (shown["name"], shown["role"]) == (f"{login}@example.com", role)
    assert (shown["method"], shown["cases"]) == ("oidc", None)
    assert (await browser.get(room.url + CASE)).status == 200

    stolen = browser.cookies_of(room.url)[COOKIE]
    left = await browser.post(f"{room.url}/sign-out", {"csrf_token": shown["csrf_token"]})
    assert (left.status, left.location) == (303, f"{room.url}/sign-in")
    assert COOKIE not in browser.cookies_of(room.url)
    assert (await browser.get(room.url + CASE)).status == 401
    browser.cookies_of(room.url)[COOKIE] = stolen
    assert (await browser.get(room.url + CASE)).status == 401
    assert await refusals(room) == []


async def test_groups_in_the_id_token_itself_do_as_well(
    room: HttpRoom, provider: OidcServer, browser: Browser
) -> None:
    provider.stop()
    provider.groups_in_userinfo = False
    provider.start()
    assert (await sign_in(browser, room)).status == 303


async def test_who_is_in_no_group_that_counts_gets_a_page_that_says_so(
    room: HttpRoom, browser: Browser
) -> None:
    page = await sign_in(browser, room, "sam")
    assert is_refused(page, 403)
    assert "none of the groups" in page.text
    assert await refusals(room) == ["no-role"]
    assert await room.engine.sessions.sessions() == []


async def test_who_breaks_off_at_the_provider_is_told_to_begin_again(
    room: HttpRoom, browser: Browser
) -> None:
    departure = await leave(browser, room)
    form = await browser.follow(departure, until=room.url)
    abort = form.url.rstrip("/") + "/abort"
    returned = await browser.follow(await browser.get(abort), until=room.url)
    assert returned.location
    assert "error=access_denied" in returned.location
    page = await browser.get(returned.location)
    assert is_refused(page, 400)
    assert "/sign-in/staff" in page.text
    assert await refusals(room) == ["provider:access_denied"]


async def test_a_way_back_leads_in_once(
    room: HttpRoom, browser: Browser, session: aiohttp.ClientSession
) -> None:
    returned = await log_in(browser, await leave(browser, room), "ann")
    assert returned.location
    assert (await browser.get(returned.location)).status == 303
    assert is_refused(await browser.get(returned.location), 400)
    thief = Browser(session)
    thief.cookies = {netloc: dict(kept) for netloc, kept in browser.cookies.items()}
    assert is_refused(await thief.get(returned.location), 400)
    assert await refusals(room) == ["state", "state"]


async def test_the_way_back_of_another_browser_leads_nowhere(
    room: HttpRoom, browser: Browser, session: aiohttp.ClientSession
) -> None:
    attacker = Browser(session)
    returned = await log_in(attacker, await leave(attacker, room), "ann")
    assert returned.location
    assert is_refused(await browser.get(returned.location), 400)  # never begun here
    await leave(browser, room)
    again = await log_in(attacker, await leave(attacker, room), "ann")
    assert again.location
    assert is_refused(await browser.get(again.location), 400)  # begun, but another one
    assert await refusals(room) == ["browser", "browser"]


async def test_an_answer_for_another_state_leads_nowhere(room: HttpRoom, browser: Browser) -> None:
    first = await log_in(browser, await leave(browser, room), "ann")
    second = await leave(browser, room)
    assert first.location
    swapped = with_parameters(first.location, state=asked(second)["state"])
    assert is_refused(await browser.get(swapped), 400)
    # The code is good, but not for this verifier: the provider itself says so.
    assert await refusals(room) == ["code"]


async def test_a_nonce_of_another_sign_in_is_refused(room: HttpRoom, browser: Browser) -> None:
    departure = await leave(browser, room)
    assert departure.location
    other = Page(
        url=departure.url,
        status=303,
        headers={},
        text="",
        location=with_parameters(departure.location, nonce="of-another-sign-in"),
    )
    returned = await log_in(browser, other, "ann")
    assert returned.location
    assert is_refused(await browser.get(returned.location), 400)
    assert await refusals(room) == ["id-token:nonce"]


async def test_a_code_that_was_issued_to_another_client_is_refused(
    room: HttpRoom, browser: Browser
) -> None:
    departure = await leave(browser, room)
    assert departure.location
    other = Page(
        url=departure.url,
        status=303,
        headers={},
        text="",
        location=with_parameters(departure.location, client_id=OTHER_CLIENT_ID),
    )
    assert CLIENT_ID in departure.location
    returned = await log_in(browser, other, "ann")
    assert returned.location
    assert is_refused(await browser.get(returned.location), 400)
    assert await refusals(room) == ["code"]


async def test_another_issuer_s_answer_is_refused(room: HttpRoom, browser: Browser) -> None:
    returned = await log_in(browser, await leave(browser, room), "ann")
    assert returned.location
    mixed_up = with_parameters(returned.location, iss="https://evil.example.com")
    assert is_refused(await browser.get(mixed_up), 400)
    assert await refusals(room) == ["issuer"]


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "EdDSA"])
async def test_a_provider_that_signs_with_another_key_all_of_a_sudden_is_still_believed(
    room: HttpRoom, provider: OidcServer, browser: Browser, algorithm: str
) -> None:
    assert (await sign_in(browser, room)).status == 303  # its key is remembered now
    provider.stop()
    provider.key, provider.algorithm = signing_key(algorithm, "key-2"), algorithm
    provider.start()
    browser.cookies.pop(f"127.0.0.1:{provider.port}")
    assert (await sign_in(browser, room)).status == 303
    assert await refusals(room) == []


async def test_a_provider_that_is_down_is_told_to_people_and_programs(
    room: HttpRoom, provider: OidcServer, browser: Browser
) -> None:
    returned = await log_in(browser, await leave(browser, room), "ann")
    provider.stop()
    assert returned.location
    page = await browser.get(returned.location)
    assert is_refused(page, 503)
    assert "try again in a few minutes" in page.text
    assert int(page.headers["Retry-After"]) > 0
    answer = await room.ask("GET", "/sign-in/callback?state=x", who=None)
    assert (answer.status, answer.code) == (400, "sign-in-failed")
    room.engine.clock.advance(3600)  # nothing of it is remembered any more
    answer = await room.ask("GET", "/sign-in/staff", who=None)
    assert (answer.status, answer.code) == (503, "identity-provider-unavailable")
    assert is_refused(await leave(browser, room), 503)
    provider.start()
    room.engine.clock.advance(3)
    assert (await leave(browser, room)).status == 303


@pytest.mark.parametrize(
    "return_to",
    [
        "https://evil.example.com/",
        "//evil.example.com/",
        "/\\evil.example.com/",
        "\\\\evil.example.com",
        "/\t/evil.example.com",
        "/%0d%0aSet-Cookie:x=y\r\nX: y",
        "javascript:alert(1)",
        "cases",
        "/" + "x" * 2000,
        "/é",
        "/..//evil.example.com/",
        "/./%2e%2E//evil.example.com/",
    ],
)
async def test_a_sign_in_leads_back_to_no_other_site(
    room: HttpRoom, browser: Browser, return_to: str
) -> None:
    page = await leave(browser, room, return_to)
    assert is_refused(page, 400)
    assert page.location is None
    assert PENDING_COOKIE not in page.cookies


async def test_what_a_browser_keeps_on_its_way_is_out_of_reach(
    room: HttpRoom, browser: Browser
) -> None:
    departure = await leave(browser, room)
    cookie = departure.cookies[PENDING_COOKIE]
    for attribute in ("HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age=600"):
        assert attribute in cookie
    assert departure.headers["Cache-Control"] == "no-store"
    assert departure.headers["Referrer-Policy"] == "no-referrer"
    again = await leave(browser, room)
    assert again.cookies[PENDING_COOKIE].partition(";")[0] == cookie.partition(";")[0]


@pytest.mark.parametrize("path", ["/sign-in/staff", "/sign-in/callback"])
async def test_only_a_get_signs_anybody_in(room: HttpRoom, path: str) -> None:
    for method in ("HEAD", "POST", "PUT", "DELETE"):
        assert (await room.ask(method, path, who=None)).status == 405


async def test_nothing_secret_is_logged_or_told(
    room: HttpRoom,
    provider: OidcServer,
    browser: Browser,
    capfd: pytest.CaptureFixture[str],
) -> None:
    returned = await log_in(browser, await leave(browser, room), "ann")
    assert returned.location
    arrived = await browser.get(returned.location)
    assert arrived.status == 303
    code = parse_qs(urlsplit(returned.location).query)["code"][0]
    secrets = [code, *browser.cookies_of(room.url).values()]
    logged = "".join(capfd.readouterr())
    events = repr(await room.engine.records.audit.events())
    assert "/sign-in/callback" in logged
    for secret in secrets:
        assert secret not in logged
        assert secret not in events
        assert secret not in (arrived.location or "")


async def test_the_page_of_the_sign_in_offers_the_way_to_the_provider(
    room: HttpRoom, browser: Browser
) -> None:
    page = await browser.get(f"{room.url}/sign-in")
    assert page.status == 200
    assert 'href="/sign-in/staff"' in page.text


def with_parameters(url: str, **changed: str) -> str:
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    return parts._replace(query=urlencode({**query, **changed})).geturl()


async def test_a_page_that_needs_a_sign_in_is_come_back_to(
    room: HttpRoom, browser: Browser
) -> None:
    refused = await browser.get(f"{room.url}/cases/%C3%A9?a=1")
    [path] = re.findall(r'href="(/sign-in/staff[^"]+)"', refused.text)
    returned = await log_in(browser, await browser.get(room.url + unescape(path)), "ann")
    assert returned.location
    arrived = await browser.get(returned.location)
    assert arrived.location == f"{room.url}/cases/%C3%A9?a=1"
