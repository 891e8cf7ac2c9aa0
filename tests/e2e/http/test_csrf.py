"""Requests that another site's page may have had a browser send: refused, each with an event."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.http.browser import Browser, signed_in
from tests.e2e.http.http_room import OFFSET_TYPE, TUS, HttpRoom, http_room, metadata
from tests.engine_room import NUMBER
from transfer.core.access import Role
from transfer.http.policy import HttpPolicy

CLOSE = f"/api/v1/cases/{NUMBER}/close"


async def close(browser: Browser, headers: Mapping[str, str]) -> int:
    """Have the browser close the case, as a page of any site may, and return the status."""
    return (await browser.raw("POST", CLOSE, headers=headers)).status


async def reason(room: HttpRoom) -> str:
    event = (await room.engine.records.audit.events())[-1]
    assert event.action == "csrf.refused"
    assert event.subject is not None
    return str(event.details["reason"])


def of_our_page(browser: Browser) -> dict[str, str]:
    return {
        "Origin": browser.room.url,
        "Sec-Fetch-Site": "same-origin",
        "X-CSRF-Token": browser.csrf or "",
    }


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"Origin": "https://evil.example.com"}, "other-origin"),
        ({"Origin": "https://127.0.0.1:1"}, "other-origin"),
        ({"Origin": "https://[", "Sec-Fetch-Site": ""}, "other-site"),
        ({"Origin": "https://["}, "other-origin"),
        ({"Origin": "file://"}, "other-origin"),
        ({"Origin": "https:///"}, "other-origin"),
        ({"Sec-Fetch-Site": "cross-site"}, "other-site"),
        ({"Sec-Fetch-Site": "same-site"}, "other-site"),
        ({"Sec-Fetch-Site": "none"}, "other-site"),
        ({"Origin": "", "Sec-Fetch-Site": "-"}, "other-site"),
        ({"X-CSRF-Token": ""}, "no-token"),
        ({"X-CSRF-Token": "wrong"}, "wrong-token"),
        ({"X-CSRF-Token": "é"}, "wrong-token"),
    ],
)
async def test_what_is_not_of_a_page_of_ours_is_refused(
    room: HttpRoom, changes: dict[str, str], why: str
) -> None:
    browser = await signed_in(room, Role.ANALYST, None)
    answer = await browser.raw("POST", CLOSE, headers={**of_our_page(browser), **changes})
    assert (answer.status, answer.code) == (403, "csrf")
    assert await reason(room) == why
    assert (await room.ask("GET", CLOSE[:-6], who="admin")).json()["status"] == "Open"


@pytest.mark.parametrize("left_out", ["Origin", "Sec-Fetch-Site"])
async def test_either_of_what_browsers_tell_is_enough(room: HttpRoom, left_out: str) -> None:
    browser = await signed_in(room, Role.ANALYST, None)
    headers = of_our_page(browser)
    del headers[left_out]
    assert await close(browser, headers) == 200


async def test_neither_of_them_is_too_little(room: HttpRoom) -> None:
    browser = await signed_in(room, Role.ANALYST, None)
    assert await close(browser, {"X-CSRF-Token": browser.csrf or ""}) == 403
    assert await reason(room) == "no-origin"


async def test_a_token_is_worth_nothing_in_another_session(room: HttpRoom) -> None:
    browser = await signed_in(room, Role.ANALYST, None)
    other = await signed_in(room, Role.ANALYST, None)
    headers = {**of_our_page(browser), "X-CSRF-Token": other.csrf or ""}
    assert await close(browser, headers) == 403
    assert await reason(room) == "wrong-token"


async def test_uploads_send_the_token_too(room: HttpRoom) -> None:
    browser = await signed_in(room)
    named = {**TUS, "Upload-Length": "3", "Upload-Metadata": metadata(filename="a.log")}
    bare = {"Origin": room.url}
    path = f"/api/v1/cases/{NUMBER}/uploads"
    assert (await browser.raw("POST", path, headers={**named, **bare})).status == 403
    location = (await browser.ask("POST", path, headers=named)).headers["Location"]
    append = {**TUS, **OFFSET_TYPE, "Upload-Offset": "0"}
    for method, headers in (("PATCH", append), ("DELETE", TUS)):
        answer = await browser.raw(method, location, headers={**headers, **bare}, data=b"abc")
        assert (answer.status, answer.code) == (403, "csrf")
    # A method that is overridden counts, and so does the one that it is overridden with.
    for method, means in (("POST", "HEAD"), ("POST", "PATCH"), ("GET", "DELETE")):
        override = {**append, **bare, "X-HTTP-Method-Override": means}
        assert (await browser.raw(method, location, headers=override)).status == 403
    assert (await browser.ask("PATCH", location, headers=append, data=b"abc")).status == 204


async def test_a_bearer_token_proves_enough(room: HttpRoom) -> None:
    headers = {"Origin": "https://tool.example.com", "Sec-Fetch-Site": "cross-site"}
    answer = await room.ask("POST", CLOSE, who="analyst", headers=headers)
    assert answer.status == 200


async def test_reading_needs_no_proof(room: HttpRoom) -> None:
    browser = await signed_in(room)
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example.com"}
    answer = await browser.raw("GET", f"/api/v1/cases/{NUMBER}", headers=headers)
    assert answer.status == 200
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://transfer.example.com", 200),
        ("https://transfer.example.com:443", 200),
        ("http://transfer.example.com", 403),
        ("https://transfer.example.com:8443", 403),
        ("https://example.com", 403),
    ],
)
async def test_the_public_url_is_ours(tmp_path: Path, origin: str, status: int) -> None:
    policy = HttpPolicy(public_url="https://transfer.example.com/files")
    async with http_room(tmp_path, policy=policy) as room:
        browser = await signed_in(room, Role.ANALYST, None)
        assert await close(browser, {**of_our_page(browser), "Origin": origin}) == status


async def test_a_flood_of_them_is_noted_sparingly(room: HttpRoom) -> None:
    browser = await signed_in(room, Role.ANALYST, None)
    statuses = [await close(browser, {"Origin": "https://evil.example.com"}) for _ in range(20)]
    assert statuses == [403] * 10 + [429] * 10
    events = [one.action for one in await room.engine.records.audit.events()]
    assert events.count("csrf.refused") == 11
    assert await close(browser, of_our_page(browser)) == 200
