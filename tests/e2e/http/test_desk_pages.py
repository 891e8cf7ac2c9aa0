"""The pages of Customer Care: the list of cases, the care of one, its timeline."""

import re
from datetime import timedelta
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.e2e.http.browser import PAGE, Browser, signed_in
from tests.e2e.http.http_room import OTHER_NUMBER, Answer, HttpRoom, http_room
from tests.engine_room import NUMBER
from transfer.core.access import Role
from transfer.core.cases import CaseNumber, Status
from transfer.core.timeline import actions_of
from transfer.http.policy import HttpPolicy
from transfer.ports import AuditEvent

CASE = f"/cases/{NUMBER}"
FORM = {
    **PAGE,
    "Content-Type": "application/x-www-form-urlencoded",
    "Origin": "null",
    "Sec-Fetch-Site": "same-origin",
}
UNTIL = "\N{EN DASH}"
FORMS = {
    "status": {"state": "Open|Investigation"},
    "close": {"resolution": "Cancelled"},
    "reopen": {},
    "hold": {"reason": "lawsuit"},
    "unhold": {},
}


def text_of(answer: Answer) -> str:
    """Return the text of a page, as its reader sees it."""
    assert answer.status == 200, answer
    text = re.sub(r"<(style|script).*?</\1>|<[^>]*>", " ", answer.body.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(text))


async def staff(room: HttpRoom, role: Role = Role.ANALYST) -> Browser:
    return await signed_in(room, role, None, "Ada Lovelace")


async def submit(browser: Browser, path: str, **fields: str) -> Answer:
    data = urlencode({"csrf_token": browser.csrf or "", **fields}).encode()
    return await browser.raw("POST", path, headers=FORM, data=data)


async def page(room: HttpRoom, path: str, who: str = "analyst") -> str:
    return text_of(await room.ask("GET", path, who=who, headers=PAGE))


def numbers_in(text: str) -> list[str]:
    return re.findall(r"\b\d{10}\b", text)


# ── The list of cases ────────────────────────────────────────────────────────────────────────


async def test_all_cases_are_listed_with_what_they_hold(room: HttpRoom) -> None:
    await room.send(b"abc")
    await room.send(b"abc", "second.log")
    await room.begin(10, "big.log")
    text = await page(room, "/cases")
    assert numbers_in(text) == [OTHER_NUMBER, NUMBER]
    assert "Contact centre down Example Ltd Open New 2 files 1 on its way" in text
    assert "0 files Nothing yet" in text


async def test_cases_are_found_by_words_account_and_status(room: HttpRoom) -> None:
    assert numbers_in(await page(room, "/cases?q=centre")) == [NUMBER]
    assert numbers_in(await page(room, "/cases?q=9999")) == [OTHER_NUMBER]
    only = await page(room, "/cases?account=Example+Ltd&status=open&since=")
    assert numbers_in(only) == [NUMBER]
    assert "Only the cases of Example Ltd." in only
    assert "No case is like that." in await page(room, "/cases?q=nothing+of+this")
    assert "No case is like that." in await page(room, "/cases?status=closed")


async def test_what_somebody_looked_for_stays_in_the_form(room: HttpRoom) -> None:
    answer = await room.ask(
        "GET", '/cases?q="%3E%3Cb%3E&status=Closed&since=7d', who="analyst", headers=PAGE
    )
    body = answer.body.decode()
    assert 'value="&#34;&gt;&lt;b&gt;"' in body
    assert '<option value="Closed" selected>' in body
    assert '<option value="7d" selected>' in body


async def test_cases_are_found_by_what_has_arrived_lately(room: HttpRoom) -> None:
    await room.send(b"abc")
    room.engine.clock.advance(timedelta(hours=2))
    text = await page(room, "/cases?since=24h")
    assert numbers_in(text) == [NUMBER]
    assert "1 of them new" in text
    assert "No case is like that." in await page(room, "/cases?since=1h")
    refused = await room.ask("GET", "/cases?since=1y", who="analyst")
    assert (refused.status, refused.code) == (400, "invalid-request")


async def test_a_whole_number_leads_to_its_case(room: HttpRoom) -> None:
    answer = await room.ask("GET", f"/cases?q=+{NUMBER}+", who="analyst")
    assert (answer.status, answer.headers["Location"]) == (303, CASE)
    assert "No case is like that." in await page(room, "/cases?q=0000000404")


async def test_a_long_list_is_read_page_by_page(room: HttpRoom) -> None:
    for n in range(5):
        await room.engine.core.open(f"Case {n}", "Many & Co", "analyst")
    seen, path = [], "/cases?account=Many+%26+Co&limit=2"
    while True:
        body = (await room.ask("GET", path, who="analyst", headers=PAGE)).body.decode()
        seen += re.findall(r"Case \d\b", body)
        following = re.search(r'href="([^"]+)" rel="next"', body)
        if following is None:
            break
        path = unescape(following[1]) + "&limit=2"
    assert seen == ["Case 4", "Case 3", "Case 2", "Case 1", "Case 0"]
    assert "To the first page" in body


async def test_who_is_limited_to_some_cases_has_them_on_the_first_page(room: HttpRoom) -> None:
    for who in ("designated", "read-only"):
        answer = await room.ask("GET", "/cases", who=who)
        assert (answer.status, answer.headers["Location"]) == (303, "/")


async def test_without_a_desk_there_is_no_list_and_no_care(tmp_path: Path) -> None:
    policy = HttpPolicy(public_url="https://example.com/transfer")
    async with http_room(tmp_path, policy=policy, with_desk=False) as room:
        answer = await room.ask("GET", "/cases", who="analyst")
        assert (answer.status, answer.headers["Location"]) == (303, "/transfer/")
        assert "Manage the case" not in await page(room, CASE)
        assert (await room.ask("POST", f"{CASE}/close", who="analyst")).status == 404


async def test_staff_open_a_case_by_the_form(room: HttpRoom) -> None:
    analyst = await staff(room)
    opened = await submit(analyst, "/cases", subject="No sound", account="ACME", number="")
    assert opened.status == 303
    case = await room.engine.core.case(CaseNumber(opened.headers["Location"][-10:]))
    assert (case.subject, case.account) == ("No sound", "ACME")
    [entry] = await room.engine.core.updates(case.number)
    assert entry.author == "Ada Lovelace"
    given = await submit(analyst, "/cases", subject="S", account="A", number="0000000042")
    assert given.headers["Location"] == "/cases/0000000042"
    taken = await submit(analyst, "/cases", subject="S", account="A", number="0000000042")
    assert taken.status == 409
    for fields in ({"subject": "S"}, {"subject": " ", "account": "A"}, {"x": "y"}):
        assert (await submit(analyst, "/cases", **fields)).status == 400
    customer = await signed_in(room)
    assert (await submit(customer, "/cases", subject="S", account="A")).status == 403


# ── Care ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_case_is_moved_closed_and_reopened_on_its_page(room: HttpRoom) -> None:
    analyst = await staff(room)
    moved = await submit(analyst, f"{CASE}/status", state="Solution Proposed|Replied")
    assert (moved.status, moved.headers["Location"]) == (303, f"{CASE}?done=moved#care")
    case = await room.engine.core.case(NUMBER)
    assert (case.status, case.substatus) == (Status.SOLUTION_PROPOSED, "Replied")
    shown = await analyst.raw("GET", f"{CASE}?done=moved", headers=PAGE)
    assert "The case has its new status." in text_of(shown)
    assert 'value="Solution Proposed|Replied" selected' in shown.body.decode()

    closing = {"resolution": "Cancelled", "reason": "Duplicate of another case", "comment": "Two."}
    closed = await submit(analyst, f"{CASE}/close", **closing)
    assert closed.headers["Location"] == f"{CASE}?done=closed#care"
    case = await room.engine.core.case(NUMBER)
    assert (case.substatus, case.close_reason) == ("Cancelled", "Duplicate of another case")
    assert (await room.engine.core.comments(NUMBER))[-1].text == "Two."
    text = await page(room, CASE)
    assert "Reopen the case" in text
    assert "Change the status" not in text
    assert (await submit(analyst, f"{CASE}/close", resolution="Resolved")).status == 409

    reopened = await submit(analyst, f"{CASE}/reopen")
    assert reopened.headers["Location"] == f"{CASE}?done=reopened#care"
    assert (await room.engine.core.updates(NUMBER))[-1].author == "Ada Lovelace"
    assert (await submit(analyst, f"{CASE}/reopen")).status == 409


async def test_an_admin_holds_the_data_and_lifts_the_hold(room: HttpRoom) -> None:
    admin = await staff(room, Role.ADMIN)
    held = await submit(admin, f"{CASE}/hold", reason="A <lawsuit>")
    assert held.headers["Location"] == f"{CASE}?done=held#care"
    for who, lifts in (("analyst", False), ("admin", True)):
        text = await page(room, CASE, who)
        assert "A <lawsuit> By Ada Lovelace" in text
        assert ("Lift the hold" in text) is lifts
    assert (await submit(admin, f"{CASE}/hold", reason="again")).status == 409
    lifted = await submit(admin, f"{CASE}/unhold")
    assert lifted.headers["Location"] == f"{CASE}?done=lifted#care"
    assert "Hold the data" in await page(room, CASE, "admin")
    assert "Hold the data" not in await page(room, CASE, "analyst")


async def test_a_case_whose_data_is_gone_is_not_cared_for(room: HttpRoom) -> None:
    closed = await room.engine.core.close(NUMBER, None, "analyst")
    now = room.engine.clock.now()
    cases = room.engine.records.cases
    assert await cases.start_purge(NUMBER, expected_version=closed.version, now=now)
    text = await page(room, CASE, "admin")
    assert "is being deleted" in text
    assert "Reopen the case" not in text
    await cases.scrub(NUMBER)
    await cases.finish_purge(NUMBER, now)
    text = await page(room, CASE, "admin")
    assert "The data of this case was deleted on" in text
    assert "Hold the data" not in text


@pytest.mark.parametrize("form", FORMS)
async def test_customers_care_for_no_case(room: HttpRoom, form: str) -> None:
    assert "Manage the case" not in await page(room, CASE, "designated")
    before = await room.engine.core.case(NUMBER)
    for role in (Role.DESIGNATED, Role.READ_ONLY):
        customer = await signed_in(room, role)
        assert (await submit(customer, f"{CASE}/{form}", **FORMS[form])).status == 403
    stranger = await signed_in(room, Role.DESIGNATED, OTHER_NUMBER)
    assert (await submit(stranger, f"{CASE}/{form}", **FORMS[form])).status == 404
    assert await room.engine.core.case(NUMBER) == before


@pytest.mark.parametrize("form", FORMS)
async def test_no_other_site_has_a_case_cared_for(room: HttpRoom, form: str) -> None:
    admin = await staff(room, Role.ADMIN)
    before = await room.engine.core.case(NUMBER)
    data = urlencode(FORMS[form]).encode()
    assert (await admin.raw("POST", f"{CASE}/{form}", headers=FORM, data=data)).status == 403
    assert await room.engine.core.case(NUMBER) == before


async def test_an_analyst_places_no_hold(room: HttpRoom) -> None:
    analyst = await staff(room)
    assert (await submit(analyst, f"{CASE}/hold", reason="lawsuit")).status == 403
    assert (await submit(analyst, f"{CASE}/unhold")).status == 403


@pytest.mark.parametrize(
    ("form", "fields"),
    [
        ("status", {}),
        ("status", {"state": "Open"}),
        ("status", {"state": "Lost|New"}),
        ("status", {"state": "Open|Lost"}),
        ("status", {"state": "Open|New", "more": "1"}),
        ("close", {"resolution": "Lost"}),
        ("reopen", {"more": "1"}),
        ("hold", {"reason": " "}),
        ("hold", {"reason": "a\x00b"}),
    ],
)
async def test_a_form_that_is_not_filled_in_is_refused(
    room: HttpRoom, form: str, fields: dict[str, str]
) -> None:
    admin = await staff(room, Role.ADMIN)
    before = await room.engine.core.case(NUMBER)
    assert (await submit(admin, f"{CASE}/{form}", **fields)).status == 400
    assert await room.engine.core.case(NUMBER) == before


async def test_a_bearer_token_sends_the_forms_without_a_session(room: HttpRoom) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await room.ask("POST", f"{CASE}/close", who="analyst", headers=headers, data=b"")
    assert answer.status == 303
    assert (await room.ask("POST", f"{CASE}/reopen", who="analyst")).status == 303


# ── The timeline ─────────────────────────────────────────────────────────────────────────────


async def test_the_page_of_a_case_has_the_latest_of_its_timeline(room: HttpRoom) -> None:
    await room.send(b"abc", "logs/<b>.log")
    await room.send(b"abc", "fix.zip", who="analyst")
    await room.ask("POST", f"/api/v1{CASE}/sftp-accounts", who="analyst")
    text = await page(room, CASE)
    assert "logs/<b>.log has arrived, 3 bytes" in text
    assert "shared/fix.zip was shared with the customer, 3 bytes" in text
    assert "was issued" in text
    assert re.search(r"The SFTP account \S+ ends", text)
    assert "The whole timeline" not in text
    await room.ask("POST", f"/api/v1{CASE}/close", who="analyst")
    assert "All files of the case will be deleted" in await page(room, CASE)
    assert "Timeline" not in await page(room, CASE, "designated")


async def test_what_somebody_does_again_and_again_is_shown_as_one(room: HttpRoom) -> None:
    for n in range(4):
        file = await room.send(b"abc", f"{n}.log")
    for _ in range(3):
        await room.ask("GET", f"/api/v1/files/{file['id']}/content", who="analyst")
    text = await page(room, f"{CASE}/timeline?topic=files")
    assert "4 files have arrived, 12 bytes" in text
    assert "3.log was downloaded 3 times" in text
    assert f"UTC {UNTIL} " not in text
    room.engine.clock.advance(timedelta(minutes=5))
    await room.ask("POST", f"/api/v1{CASE}/sftp-accounts", who="analyst")
    for n in range(4):
        room.engine.clock.advance(timedelta(minutes=5))
        await room.send(b"abc", f"later{n}.log")
    text = await page(room, f"{CASE}/timeline")
    assert re.search(rf"9:10:\d\d\sAM UTC {UNTIL} [^{UNTIL}]* 9:25:\d\d\sAM UTC", text)


async def test_a_timeline_is_read_page_by_page_and_by_topic(room: HttpRoom) -> None:
    for n in range(12):
        await room.send(b"abc", f"{n}.log")
        await room.ask("DELETE", f"/api/v1/files/{(await room.files())[0]['id']}")
    assert "The whole timeline" in await page(room, CASE)
    seen, path = [], f"{CASE}/timeline?topic=files&limit=5"
    while True:
        body = (await room.ask("GET", path, who="analyst", headers=PAGE)).body.decode()
        seen += re.findall(r'<bdi class="name">(\d+)\.log</bdi> has arrived', body)
        following = re.search(r'href="([^"]+)" rel="next"', body)
        if following is None:
            break
        path = unescape(following[1]) + "&limit=5"
    assert seen == [str(n) for n in reversed(range(12))]
    assert "To the latest" in body
    assert "Nothing has happened yet." in await page(room, f"{CASE}/timeline?topic=retention")


async def test_a_timeline_tells_everything_that_can_happen(room: HttpRoom) -> None:
    """Each of these is a sentence of its own, none the bare name of what happened."""
    for action in sorted(actions_of(None)):
        event = AuditEvent(at=room.engine.clock.now(), action=action, actor="a", case_number=NUMBER)
        await room.engine.records.audit.record(event)
        for n in range(4):
            await room.engine.records.audit.record(
                AuditEvent(
                    at=room.engine.clock.now(),
                    action=action,
                    actor="many",
                    case_number=NUMBER,
                    subject=str(n),
                )
            )
    german = {**PAGE, "Accept-Language": "de"}
    for path in ("/cases", CASE, f"{CASE}/timeline?limit=1000"):
        assert "%(" not in text_of(await room.ask("GET", path, who="admin", headers=german))
    text = await page(room, f"{CASE}/timeline?limit=1000")
    assert not [action for action in actions_of(None) if action in text]
    assert text.count(", 4 times") + len(re.findall(r"\b4 (file|entr|folder|upload)", text)) == len(
        actions_of(None)
    )


async def test_the_latest_comes_by_itself_to_a_page_that_shows_it(room: HttpRoom) -> None:
    await room.send(b"abc", "new.log")
    answer = await room.ask("GET", f"{CASE}/timeline/latest", who="analyst", headers=PAGE)
    assert "new.log has arrived" in text_of(answer)
    assert answer.body.strip().startswith(b'<section id="timeline"')
    whole = await room.ask("GET", CASE, who="analyst", headers=PAGE)
    assert answer.body.strip() in whole.body


async def test_customers_see_no_timeline(room: HttpRoom) -> None:
    for path in (f"{CASE}/timeline", f"{CASE}/timeline/latest"):
        assert (await room.ask("GET", path)).status == 403
        assert (await room.ask("GET", path, who="stranger")).status == 404
