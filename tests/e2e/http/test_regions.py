"""Regions over HTTP: links go to their gateway, programs and people are told the right address."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.e2e.http.browser import PAGE, Browser, signed_in
from tests.e2e.http.http_room import TUS, HttpRoom, http_room
from tests.e2e.http.rufh_client import FINAL
from tests.engine_room import NUMBER, PORTAL
from tests.regions import EMEA, PlacedCases
from transfer.core.access import Role

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def placed() -> PlacedCases:
    return PlacedCases()


@pytest.fixture
async def room(tmp_path: Path, placed: PlacedCases) -> AsyncIterator[HttpRoom]:
    async with http_room(tmp_path, placed=placed) as opened:
        yield opened


def token(room: HttpRoom, **changes: object) -> str:
    return PORTAL.token(room.engine.clock.now(), **changes)  # type: ignore[arg-type]


# ── Links ────────────────────────────────────────────────────────────────────────────────────


async def test_a_link_for_another_region_is_sent_there_with_its_token(room: HttpRoom) -> None:
    browser, link = Browser(room=room), token(room, region="emea")
    answer = await browser.follow(link)
    assert answer.status == 303
    where = urlsplit(answer.headers["Location"])
    assert f"{where.scheme}://{where.netloc}{where.path}" == f"{EMEA}/launch"
    assert parse_qs(where.query) == {"token": [link], "passed-on": ["1"]}
    assert browser.secret is None
    assert answer.headers["Referrer-Policy"] == "no-referrer"


async def test_a_form_for_another_region_is_sent_again_without_the_token_in_the_address(
    room: HttpRoom, placed: PlacedCases
) -> None:
    placed.regions[NUMBER] = "emea"
    data = f"token={token(room)}".encode()
    answer = await Browser(room=room).raw("POST", "/launch", headers=FORM, data=data)
    assert answer.status == 307  # keeps the method and the body
    assert answer.headers["Location"] == f"{EMEA}/launch?passed-on=1"


async def test_two_gateways_that_disagree_send_nobody_to_and_fro(
    room: HttpRoom, placed: PlacedCases
) -> None:
    placed.regions[NUMBER] = "emea"
    path = f"/launch?token={token(room)}&passed-on=1"
    answer = await room.ask("GET", path, who=None)
    assert (answer.status, answer.code) == (401, "launch-refused")


async def test_a_link_to_a_region_that_nobody_knows_is_a_page_that_says_so(
    room: HttpRoom,
) -> None:
    answer = await Browser(room=room).follow(token(room, region="apac"))
    assert answer.status == 421
    assert "apac" in answer.body.decode()


# ── Programs and people ──────────────────────────────────────────────────────────────────────


async def test_a_program_is_told_where_to_ask_at_every_verb(
    room: HttpRoom, placed: PlacedCases
) -> None:
    upload = await room.begin(6)
    sent = await room.send(b"abc", "small.log")
    placed.regions[NUMBER] = "emea"
    answers = {
        "create": await room.create(3),
        "list": await room.ask("GET", f"/api/v1/cases/{NUMBER}/files"),
        "head": await room.head(upload),
        "patch": await room.patch(upload, 0, b"abcdef"),
        "delete": await room.ask("DELETE", upload, headers=TUS),
        "content": await room.ask("GET", f"/api/v1/files/{sent['id']}/content"),
        "archive": await room.ask("GET", f"/api/v1/cases/{NUMBER}/archive"),
        "account": await room.ask("POST", f"/api/v1/cases/{NUMBER}/sftp-accounts", who="analyst"),
        "hold": await room.ask("POST", f"/api/v1/cases/{NUMBER}/hold", who="admin", json={}),
    }
    assert {name: answer.status for name, answer in answers.items()} == dict.fromkeys(answers, 421)
    problem = answers["create"].json()
    assert answers["create"].code == "case-elsewhere"
    assert (problem["region"], problem["gateway"]) == ("emea", EMEA)
    assert problem["page"] == f"{EMEA}/cases/{NUMBER}"


async def test_a_resumable_upload_of_http_is_told_the_same(
    room: HttpRoom, placed: PlacedCases
) -> None:
    placed.regions[NUMBER] = "emea"
    answer = await FINAL.create(room, b"abc", ends=True)
    assert (answer.status, answer.json()["gateway"]) == (421, EMEA)


async def test_somebody_else_s_case_of_another_region_looks_like_one_that_is_not_there(
    room: HttpRoom, placed: PlacedCases
) -> None:
    placed.regions[NUMBER] = "emea"
    answer = await room.ask("GET", f"/api/v1/cases/{NUMBER}", who="stranger")
    assert (answer.status, answer.code) == (404, "case-not-found")


async def test_a_person_finds_a_link_to_the_case_in_its_region(
    room: HttpRoom, placed: PlacedCases
) -> None:
    browser = await signed_in(room, Role.ANALYST, None, "Al")
    placed.regions[NUMBER] = "emea"
    answer = await browser.raw("GET", f"/cases/{NUMBER}", headers=PAGE)
    assert answer.status == 421
    assert f'href="{EMEA}/cases/{NUMBER}"' in answer.body.decode()
