"""The section of a case's page where both sides write, and customers close and reopen."""

from urllib.parse import urlencode

from tests.e2e.http.browser import PAGE, Browser, signed_in
from tests.e2e.http.http_room import Answer, HttpRoom
from tests.engine_room import NUMBER
from transfer.core.access import Role

CASE = f"/cases/{NUMBER}"
FORM = {
    **PAGE,
    "Content-Type": "application/x-www-form-urlencoded",
    "Origin": "null",
    "Sec-Fetch-Site": "same-origin",
}
CLOSURE = {"reason": "Solved by the customer", "comment": "A loose cable."}


async def submit(browser: Browser, form: str, **fields: str) -> Answer:
    data = urlencode({"csrf_token": browser.csrf or "", **fields}).encode()
    return await browser.raw("POST", f"{CASE}/{form}", headers=FORM, data=data)


async def page(browser: Browser, query: str = "") -> str:
    answer = await browser.raw("GET", CASE + query, headers=PAGE)
    assert answer.status == 200, answer
    return answer.body.decode()


async def test_both_sides_read_what_the_other_has_written(room: HttpRoom) -> None:
    customer = await signed_in(room)
    care = await signed_in(room, Role.ANALYST, None, "Ada Lovelace")
    assert "Nobody has written anything yet." in await page(customer)
    said = await submit(care, "comment", text="Is it <b>plugged</b> in?\r\nWe wonder.")
    assert (said.status, said.headers["Location"]) == (303, f"{CASE}?said=commented#conversation")
    shown = await page(customer)
    assert "Is it &lt;b&gt;plugged&lt;/b&gt; in?\nWe wonder." in shown
    assert "Ada Lovelace" in shown
    await submit(customer, "comment", text="It is now.")
    shown = await page(care, "?said=commented")
    assert shown.index("We wonder.") < shown.index("It is now.")
    assert "Your comment was added." in shown


async def test_a_customer_closes_a_case_and_has_it_reopened(room: HttpRoom) -> None:
    customer = await signed_in(room)
    assert f'action="{CASE}/closure"' in await page(customer)
    assert (await submit(customer, "closure", reason="Bored", comment="x")).status == 400
    assert (await submit(customer, "closure", **CLOSURE)).status == 303
    case = await room.engine.core.case(NUMBER)
    assert (case.substatus, case.close_reason) == ("Resolved", "Solved by the customer")
    closed = await page(customer)
    assert f'action="{CASE}/reopening"' in closed
    assert f'action="{CASE}/comment"' not in closed
    assert (await submit(customer, "reopening", information=" ")).status == 400
    assert (await submit(customer, "reopening", information="It is loose again.")).status == 303
    assert not (await room.engine.core.case(NUMBER)).is_closed
    assert "It is loose again." in await page(customer)


async def test_who_only_reads_reads_the_comments_and_writes_none(room: HttpRoom) -> None:
    await room.engine.core.comment(NUMBER, "Any news?", "ada")
    reader = await signed_in(room, Role.READ_ONLY, name="Eve")
    shown = await page(reader)
    assert "Any news?" in shown
    assert "<textarea" not in shown
    for form, fields in (("comment", {"text": "x"}), ("closure", CLOSURE)):
        assert (await submit(reader, form, **fields)).status == 403
