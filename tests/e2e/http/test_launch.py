"""Launch links over HTTP: a session once, and a clear page with an event for everything else."""

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from http.cookies import SimpleCookie
from pathlib import Path

import aiohttp
import pytest
import structlog

from tests.clock import MovableClock
from tests.e2e.http.browser import PAGE, Browser
from tests.e2e.http.http_room import OTHER_NUMBER, HttpRoom, http_room
from tests.engine_room import NUMBER, PORTAL
from tests.portal import Portal
from transfer.core.access import Role
from transfer.engine.attempts import AttemptPolicy
from transfer.http.certificates import CertificateFiles
from transfer.http.cookie import COOKIE
from transfer.http.policy import HttpPolicy
from transfer.http.tls import own_certificate

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def token(room: HttpRoom, **changes: object) -> str:
    return PORTAL.token(room.engine.clock.now(), **changes)  # type: ignore[arg-type]


async def reasons(room: HttpRoom) -> list[str]:
    events = await room.engine.records.audit.events()
    return [one.details["reason"] for one in events if one.action == "launch.refused"]


@pytest.fixture
def browser(room: HttpRoom) -> Browser:
    return Browser(room=room)


@asynccontextmanager
async def by_tls(room: HttpRoom, certificate: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """Open a client with a cookie jar, as a browser has one, that trusts the room."""
    trusting = ssl.create_default_context(cafile=str(certificate))
    jar = aiohttp.CookieJar(unsafe=True)  # of an address too
    async with aiohttp.ClientSession(
        f"https://127.0.0.1:{room.port}",
        cookie_jar=jar,
        connector=aiohttp.TCPConnector(ssl=trusting),
    ) as client:
        yield client


# ── Followed ─────────────────────────────────────────────────────────────────────────────────


async def test_a_link_leads_to_its_case_with_a_cookie_that_only_the_browser_has(
    room: HttpRoom, browser: Browser
) -> None:
    answer = await browser.follow(token(room))
    assert (answer.status, answer.headers["Location"]) == (303, f"/cases/{NUMBER}")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    cookie = SimpleCookie(answer.headers["Set-Cookie"])[COOKIE]
    assert cookie.value.startswith("cts_")
    assert (cookie["path"], cookie["samesite"], cookie["domain"]) == ("/", "Lax", "")
    assert cookie["secure"] is True
    assert cookie["httponly"] is True
    assert cookie["max-age"] == str(12 * 3600)
    page = await browser.raw("GET", f"/cases/{NUMBER}/acknowledgement", headers=PAGE)
    assert page.status == 200
    assert "Jo Smith" in page.body.decode()


async def test_a_real_jar_keeps_the_cookie_by_tls_from_link_to_sign_out(tmp_path: Path) -> None:
    clock = MovableClock()
    made = own_certificate(tmp_path, [], clock.now())
    tls = CertificateFiles(made.certificate, made.key, clock).context
    async with (
        http_room(tmp_path, tls=tls) as room,
        by_tls(room, made.certificate) as client,
    ):
        async with client.get("/launch", params={"token": token(room)}, headers=PAGE) as answer:
            assert answer.url.path == f"/cases/{NUMBER}/acknowledgement"
            assert "Jo Smith" in await answer.text()
        async with client.get("/api/v1/session") as answer:
            csrf = (await answer.json())["csrf_token"]
        ours = {"Origin": f"https://127.0.0.1:{room.port}", "X-CSRF-Token": csrf}
        stolen = {one.key: one.value for one in client.cookie_jar}
        async with client.delete("/api/v1/session", headers=ours) as answer:
            assert answer.status == 204
        assert list(client.cookie_jar) == []
        async with client.get("/api/v1/session", cookies=stolen) as answer:
            assert (answer.status, (await answer.json(content_type=None))["code"]) == (
                401,
                "session-expired",
            )


async def test_a_page_of_the_portal_may_send_the_token_in_a_form(
    room: HttpRoom, browser: Browser
) -> None:
    data = f"token={token(room)}".encode()
    headers = {**FORM, "Origin": "https://portal.example.com", "Sec-Fetch-Site": "cross-site"}
    answer = await browser.raw("POST", "/launch", headers=headers, data=data)
    assert (answer.status, answer.headers["Location"]) == (303, f"/cases/{NUMBER}")
    assert browser.secret is not None


async def test_two_cases_are_open_in_two_tabs(room: HttpRoom, browser: Browser) -> None:
    await browser.launch()
    await browser.launch(case=OTHER_NUMBER)
    for number in (NUMBER, OTHER_NUMBER):
        assert (await browser.ask("GET", f"/api/v1/cases/{number}")).status == 200
    assert (await browser.session())["cases"] == [NUMBER, OTHER_NUMBER]


async def test_a_link_of_the_operator_s_leads_staff_to_all_cases(
    room: HttpRoom, browser: Browser
) -> None:
    link = await room.engine.links.make(Role.ANALYST, "Al", None, made_by="operator")
    answer = await browser.follow(link)
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    listed = await browser.ask("GET", "/api/v1/cases")
    assert len(listed.json()["cases"]) == 2


async def test_a_link_leads_behind_the_prefix_of_a_proxy(tmp_path: Path) -> None:
    policy = HttpPolicy(public_url="https://example.com/transfer")
    async with http_room(tmp_path, policy=policy) as room:
        answer = await Browser(room=room).follow(token(room))
        assert answer.headers["Location"] == f"/transfer/cases/{NUMBER}"


# ── Refused ──────────────────────────────────────────────────────────────────────────────────


async def test_each_bad_link_gets_the_same_page_and_its_own_event(
    room: HttpRoom, browser: Browser
) -> None:
    now = room.engine.clock.now()
    used = token(room)
    assert (await Browser(room=room).follow(used)).status == 303
    header, payload, _ = used.split(".")
    links = {
        "replayed": used,
        "wrong-audience": token(room, aud="case-transfer-us"),
        "wrong-issuer": token(room, iss="https://evil.example.com"),
        "algorithm": f"eyJhbGciOiJub25lIn0.{payload}.",
        "signature": Portal().token(now),
        "unknown-key": Portal(kid="portal-9").token(now),
        "expired": PORTAL.token(now - timedelta(minutes=5)),
        "role": token(room, role="admin"),
        "no-such-case": token(room, case="0000000404"),
        "malformed": "",
    }
    assert header
    bodies = set()
    for link in links.values():
        answer = await browser.follow(link)
        assert (answer.status, browser.secret) == (401, None)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        bodies.add(answer.body.replace(answer.headers["X-Request-Id"].encode(), b""))
    assert len(bodies) == 1
    assert b"This link can" in bodies.pop()
    assert await reasons(room) == list(links)
    for link in links.values():
        assert link == "" or link not in str(await room.engine.records.audit.events())


async def test_a_program_gets_a_problem(room: HttpRoom) -> None:
    answer = await room.ask("GET", "/launch?token=x", who=None)
    assert (answer.status, answer.code) == (401, "launch-refused")
    assert answer.json()["sign_in"] == "/sign-in"


@pytest.mark.parametrize("query", ["", "?token=", "?token=a&token=b", "?Token=a"])
async def test_a_link_without_one_token_is_refused(room: HttpRoom, query: str) -> None:
    answer = await room.ask("GET", f"/launch{query}", who=None)
    assert (answer.status, answer.code) == (401, "launch-refused")
    assert await reasons(room) == ["malformed"]


async def test_looking_at_a_link_does_not_use_it_up(room: HttpRoom, browser: Browser) -> None:
    link = token(room)
    head = await browser.raw("HEAD", f"/launch?token={link}")
    assert head.status == 405
    for name in ("Sec-Purpose", "Purpose"):
        early = await browser.raw("GET", f"/launch?token={link}", headers={name: "prefetch"})
        assert (early.status, browser.secret) == (503, None)
    assert (await browser.follow(link)).status == 303


async def test_whoever_tries_links_is_slowed_down(room: HttpRoom, browser: Browser) -> None:
    for _ in range(AttemptPolicy().free):
        assert (await browser.follow("x")).status == 401
    page = await browser.follow("x")
    assert (page.status, page.headers["Retry-After"]) == (429, "1")
    assert "text/html" in page.headers["Content-Type"]
    problem = await room.ask("GET", "/launch?token=x", who=None)
    assert (problem.status, problem.code) == (429, "too-many-attempts")
    assert (await browser.follow(token(room))).status == 303


@pytest.mark.parametrize(
    ("headers", "data", "status"),
    [
        (FORM, b"token=" + b"x" * 20_000, 413),
        (FORM, b"&".join(b"a%d=1" % number for number in range(20)), 400),
        (FORM, b"token=%ff", 400),
        (FORM, b"\xff", 400),
        ({"Content-Type": "application/json"}, b"{}", 415),
        ({**FORM, "Content-Encoding": "gzip"}, b"token=x", 415),
        (FORM, b"token=a&token=b", 401),
        (FORM, b"", 401),
    ],
)
async def test_a_form_that_is_none_is_refused(
    room: HttpRoom, headers: dict[str, str], data: bytes, status: int
) -> None:
    answer = await room.ask("POST", "/launch", who=None, headers=headers, data=data)
    assert answer.status == status


async def test_no_log_has_the_token(room: HttpRoom, browser: Browser) -> None:
    good, bad = token(room), token(room, aud="case-transfer-us")
    with structlog.testing.capture_logs() as logs:
        await browser.follow(good)
        await browser.follow(bad)
        await room.ask("GET", f"/launch/{bad}?token={bad}", who=None)
        await room.ask("POST", "/launch", who=None, headers=FORM, data=f"token={bad}".encode())
    said = json.dumps(logs, default=str)
    assert [one["path"] for one in logs if one["event"] == "request"].count("/launch") == 3
    for one in (good, bad):
        assert one not in said
        assert one.rpartition(".")[2] not in said
    assert browser.secret is not None
    assert browser.secret not in said
