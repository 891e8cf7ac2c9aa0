"""The files of a case on its page, for who has no scripts: a list in pages, and a way to remove."""

import re
from html import unescape

import pytest

from tests.e2e.http.browser import PAGE, signed_in
from tests.e2e.http.http_room import HttpRoom
from tests.engine_room import NUMBER
from transfer.core.access import Role
from transfer.http.site.problem_texts import problem_text

CASE = f"/cases/{NUMBER}"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def page(room: HttpRoom, path: str = CASE, who: str = "designated") -> str:
    answer = await room.ask("GET", path, who=who, headers=PAGE)
    assert answer.status == 200, answer
    return answer.body.decode()


def shown(html: str) -> list[str]:
    """Return the paths of the files that are listed."""
    return [unescape(path) for path in re.findall(r'<a href="/files/\w+" title="([^"]*)"', html)]


async def test_every_file_is_listed_whatever_its_name(room: HttpRoom) -> None:
    await room.send(b"abc", 'logs/<script>alert("1")<script>.log')
    await room.send(b"", "ログ.txt")
    html = await page(room)
    assert shown(html) == ['logs/<script>alert("1")<script>.log', "ログ.txt"]
    assert "<script>alert" not in html


async def test_a_long_list_comes_in_pages(room: HttpRoom) -> None:
    for number in range(101):
        await room.send(b"x", f"{number}.log")
    first = await page(room)
    assert shown(first) == [f"{number}.log" for number in range(100)]
    (following,) = re.findall(r'href="([^"]*)" rel="next"', first)
    second = await page(room, unescape(following).removesuffix("#files"))
    assert shown(second) == ["100.log"]
    assert 'rel="next"' not in second


@pytest.mark.parametrize("after", ["", "x", "W10="])
async def test_a_page_that_is_none_is_refused(room: HttpRoom, after: str) -> None:
    answer = await room.ask("GET", f"{CASE}?files-after={after}")
    assert (answer.status, answer.code) == (400, "invalid-request")


async def test_the_state_of_a_file_is_told(room: HttpRoom) -> None:
    file = await room.send(b"abc", "a.log")
    assert 'class="state received"' in await page(room)
    listing = await room.engine.records.audit.events(NUMBER)
    upload = next(event for event in listing if event.subject == file["id"]).details["upload_id"]
    told = {"sha256": "0" * 64}
    await room.ask("PUT", f"/api/v1/uploads/{upload}/digest", json=told)
    assert 'class="state differs"' in await page(room)
    told = {"sha256": file["sha256"]}
    await room.ask("PUT", f"/api/v1/uploads/{upload}/digest", json=told)
    assert 'class="state verified"' in await page(room)


async def test_only_who_sends_nothing_themselves_is_shown_who_does(room: HttpRoom) -> None:
    location = await room.begin(10, "half.log")
    await room.patch(location, 0, b"half")
    assert "half.log" not in await page(room)
    for who in ("read-only", "analyst"):
        html = await page(room, who=who)
        assert "half.log" in html
        assert "4 bytes of 10 bytes" in html


# ── Removing ─────────────────────────────────────────────────────────────────────────────────


async def test_a_file_is_removed_after_a_question(room: HttpRoom) -> None:
    file = await room.send(b"abc", "a.log")
    path = f"/files/{file['id']}/removal"
    browser = await signed_in(room)
    html = (await browser.ask("GET", CASE, headers=PAGE)).body.decode()
    assert f'href="{path}"' in html
    asked = await browser.ask("GET", path, headers=PAGE)
    assert asked.status == 200
    assert "a.log" in asked.body.decode()
    assert len(await room.files()) == 1
    body = f"csrf_token={browser.csrf}".encode()
    done = await browser.ask("POST", path, headers={**PAGE, **FORM}, data=body)
    assert (done.status, done.headers["Location"]) == (303, f"{CASE}#files")
    assert await room.files() == []


async def test_of_a_file_that_a_hold_keeps_nothing_is_asked(room: HttpRoom) -> None:
    file = await room.send(b"abc", "a.log")
    await room.engine.core.hold(NUMBER, "litigation", "admin")
    browser = await signed_in(room)
    asked = await browser.ask("GET", f"/files/{file['id']}/removal", headers=PAGE)
    assert asked.status == 403
    assert problem_text("case-held", 403).title in asked.body.decode()


async def test_a_form_without_its_token_removes_nothing(room: HttpRoom) -> None:
    file = await room.send(b"abc", "a.log")
    browser = await signed_in(room)
    body = b"csrf_token=wrong"
    done = await browser.ask("POST", f"/files/{file['id']}/removal", headers=FORM, data=body)
    assert (done.status, done.code) == (403, "csrf")
    assert len(await room.files()) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_only_who_may_is_asked(room: HttpRoom, method: str) -> None:
    theirs = await room.send(b"abc", "a.log")
    ours = await room.send(b"abc", "b.log", who="analyst")
    for file, who, status in (
        (theirs, "analyst", 403),
        (theirs, "read-only", 403),
        (theirs, "stranger", 404),
        (ours, "designated", 403),
    ):
        answer = await room.ask(method, f"/files/{file['id']}/removal", who=who)
        assert answer.status == status, who
    assert len(await room.files()) == 2


async def test_each_side_is_offered_to_remove_its_own(room: HttpRoom) -> None:
    theirs = await room.send(b"abc", "a.log")
    ours = await room.send(b"abc", "b.log", who="analyst")
    for who, removable in (("designated", {theirs["id"]}), ("analyst", {ours["id"]})):
        html = await page(room, who=who)
        assert set(re.findall(r'href="/files/(\w+)/removal"', html)) == removable
    assert "/removal" not in await page(room, who="read-only")
    await room.ask("POST", f"/api/v1/cases/{NUMBER}/close", who="analyst")
    assert "/removal" not in await page(room)


async def test_a_session_of_a_read_only_contact_lists_the_files(room: HttpRoom) -> None:
    await room.send(b"abc", "a.log")
    browser = await signed_in(room, Role.READ_ONLY)
    answer = await browser.ask("GET", CASE, headers=PAGE)
    assert shown(answer.body.decode()) == ["a.log"]
