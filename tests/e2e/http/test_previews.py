"""Looks into files over HTTP: what the API tells, and the page that does without scripts."""

import gzip
from collections.abc import Mapping
from urllib.parse import quote

import pytest

from tests.e2e.http.browser import PAGE, signed_in
from tests.e2e.http.http_room import Answer, HttpRoom, Parsed
from tests.engine_room import NUMBER
from transfer.storage.memory import MemoryObjectStore

LOG = "".join(f"{number} INFO all is well\n" for number in range(1, 1501))
EVIL = '<script>alert("1")</script> & <b>\x1b[31m'


async def sent(room: HttpRoom, data: bytes | str = LOG, path: str = "logs/trace.log") -> str:
    file: Parsed = await room.send(data.encode() if isinstance(data, str) else data, path)
    return str(file["id"])


async def look(room: HttpRoom, file: str, what: str = "preview", **query: str) -> Parsed:
    answer = await ask(room, file, what, **query)
    assert answer.status == 200, answer
    return answer.json()


async def ask(room: HttpRoom, file: str, what: str = "preview", **query: str) -> Answer:
    text = "&".join(f"{name}={quote(value)}" for name, value in query.items())
    return await room.ask("GET", f"/api/v1/files/{file}/{what}?{text}", who="analyst")


def texts(found: Parsed) -> list[str]:
    return ["".join(line["parts"]) for line in found["lines"]]


# ── The API ──────────────────────────────────────────────────────────────────────────────────


async def test_a_preview_tells_what_the_file_is_and_its_lines(room: HttpRoom) -> None:
    file = await sent(room, gzip.compress(LOG.encode()))
    found = await look(room, file, limit="2")
    assert found["lines"] == [
        {"number": 1, "parts": ["1 INFO all is well"], "cut": False},
        {"number": 2, "parts": ["2 INFO all is well"], "cut": False},
    ]
    told = {name: found[name] for name in ("file_id", "kind", "compression", "encoding")}
    assert told == {"file_id": file, "kind": "text", "compression": "gzip", "encoding": "utf-8"}
    assert (found["media_type"], found["hex"], found["damaged"]) == (None, [], False)
    following = await look(room, file, limit="1", after=found["next"])
    assert texts(following) == ["3 INFO all is well"]
    last = await look(room, file, part="last", limit="1")
    assert texts(last) == ["1500 INFO all is well"]
    assert last["next"] is None


async def test_a_file_that_is_no_text_is_told_by_its_first_bytes(room: HttpRoom) -> None:
    found = await look(room, await sent(room, b"PK\x03\x04" + bytes(30)))
    assert (found["kind"], found["media_type"]) == ("binary", "application/zip")
    assert found["hex"][0] == {
        "offset": 0,
        "hex": "50 4b 03 04" + " 00" * 12,
        "text": "PK" + "." * 14,
    }
    assert (found["lines"], found["encoding"]) == ([], None)
    as_text = await look(room, await sent(room, b"PK\x03\x04" + bytes(30)), encoding="big5")
    assert as_text["kind"] == "text"


async def test_a_search_tells_what_matches_apart(room: HttpRoom) -> None:
    file = await sent(room)
    found = await look(room, file, "search", find="1500 info", context="1")
    assert found["lines"] == [
        {"number": 1499, "parts": ["1499 INFO all is well"], "cut": False},
        {"number": 1500, "parts": ["", "1500 INFO", " all is well"], "cut": False},
    ]
    assert (found["read"], found["size"], found["next"]) == (len(LOG), len(LOG), None)
    exact = await look(room, file, "search", find="1500 info", match_case="1")
    assert exact["lines"] == []


async def test_a_search_goes_on_from_its_cursor(room: HttpRoom) -> None:
    file = await sent(room)
    first = await look(room, file, "search", find="INFO", context="0", limit="700")
    rest = await look(
        room, file, "search", find="INFO", context="0", limit="1000", after=first["next"]
    )
    assert texts(first) + texts(rest) == LOG.splitlines()


@pytest.mark.parametrize(
    ("what", "query"),
    [
        ("preview", {"part": "middle"}),
        ("preview", {"encoding": "utf-7"}),
        ("preview", {"limit": "0"}),
        ("preview", {"after": "x"}),
        ("preview", {"part": "last", "after": "W10="}),
        ("search", {}),
        ("search", {"find": ""}),
        ("search", {"find": "x" * 201}),
        ("search", {"find": "a\nb"}),
        ("search", {"find": "a", "match_case": "yes"}),
        ("search", {"find": "a", "context": "11"}),
        ("search", {"find": "a", "context": "-1"}),
        ("search", {"find": "a", "context": "²"}),
        ("search", {"find": "a", "after": "x"}),
    ],
)
async def test_what_makes_no_sense_is_refused(
    room: HttpRoom, what: str, query: Mapping[str, str]
) -> None:
    answer = await ask(room, await sent(room), what, **query)
    assert (answer.status, answer.code) == (400, "invalid-request")


async def test_a_store_that_is_away_is_told_as_a_problem(room: HttpRoom) -> None:
    file = await sent(room)
    store = room.engine.store
    assert isinstance(store, MemoryObjectStore)
    store.fail_next("read")
    answer = await ask(room, file)
    assert (answer.status, answer.code) == (503, "store-unavailable")
    assert answer.headers["Retry-After"]


async def test_a_look_is_noted_without_what_was_looked_for(room: HttpRoom) -> None:
    await look(room, await sent(room), "search", find="secret")
    events = await room.engine.records.audit.events(NUMBER)
    (event,) = [event for event in events if event.action == "file.searched"]
    assert (event.actor, event.address) == ("analyst", "127.0.0.1")
    assert event.details == {"path": "logs/trace.log"}


# ── The page ─────────────────────────────────────────────────────────────────────────────────


async def page(room: HttpRoom, file: str, query: str = "", who: str = "analyst") -> str:
    answer = await room.ask("GET", f"/files/{file}{query}", who=who, headers=PAGE)
    assert answer.status == 200, answer
    return answer.body.decode()


async def test_the_page_shows_the_file_and_its_first_lines(room: HttpRoom) -> None:
    shown = await page(room, await sent(room))
    assert "trace.log" in shown
    assert "In the folder logs" in shown
    assert 'data-number="500">500 INFO all is well' in shown
    assert 'data-number="501"' not in shown
    assert "More lines" in shown


async def test_pages_are_walked_without_a_script(room: HttpRoom) -> None:
    file = await sent(room)
    found = (await look(room, file, limit="500"))["next"]
    shown = await page(room, file, f"?after={quote(found)}")
    assert 'data-number="501"' in shown
    last = await page(room, file, "?part=last")
    assert 'data-number="1500"' in last
    assert "data-at-end" in last


async def test_a_search_works_without_a_script(room: HttpRoom) -> None:
    file = await sent(room, LOG * 2)
    shown = await page(room, file, "?find=1500&match_case=1&encoding=utf-8")
    assert "2 lines found." in shown
    assert shown.count("<mark>1500</mark>") == 2
    assert shown.count('<pre class="lines"') == 2
    assert 'value="1500"' in shown
    many = await page(room, file, "?find=info")
    assert "100 lines found." in many
    assert "There may be more." in many
    assert "Search on" in many
    assert "Nothing found." in await page(room, file, "?find=nothing")


async def test_nothing_of_a_file_becomes_part_of_the_page(room: HttpRoom) -> None:
    file = await sent(room, EVIL, 'a"><img src=x>.log')
    shown = await page(room, file) + await page(room, file, f"?find={quote('</script>')}")
    assert "<script>alert" not in shown
    assert "<img" not in shown
    assert "\x1b" not in shown
    assert "&lt;script&gt;alert" in shown


async def test_other_files_are_told_for_what_they_are(room: HttpRoom) -> None:
    assert "The file is empty." in await page(room, await sent(room, b""))
    binary = await page(room, await sent(room, b"%PDF-" + bytes(99), "a.pdf"))
    assert "application/pdf" in binary
    assert "25 50 44 46 2d 00" in binary
    broken = await page(room, await sent(room, gzip.compress(b"abc\n" * 99)[:-4], "a.gz"))
    assert "is damaged" in broken


async def test_a_page_without_the_store_has_what_is_known(room: HttpRoom) -> None:
    file = await sent(room)
    store = room.engine.store
    assert isinstance(store, MemoryObjectStore)
    store.fail_next("read")
    assert "can't be shown just now" in await page(room, file)


async def test_a_customer_sees_the_page_of_their_file_alone(room: HttpRoom) -> None:
    file = await sent(room)
    for who in ("designated", "read-only"):
        assert "INFO all is well" in await page(room, file, who=who)
    answer = await room.ask("GET", f"/files/{file}", who="stranger", headers=PAGE)
    assert answer.status == 404
    browser = await signed_in(room)
    assert (await browser.raw("GET", f"/files/{file}", headers=PAGE)).status == 200


async def test_a_page_that_makes_no_sense_is_refused(room: HttpRoom) -> None:
    file = await sent(room)
    for query in ("?part=last&after=W10=", "?encoding=x", "?find=a&after=x"):
        answer = await room.ask("GET", f"/files/{file}{query}", who="analyst")
        assert (answer.status, answer.code) == (400, "invalid-request")
