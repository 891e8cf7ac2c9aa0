"""Cases, files and SFTP accounts over the API: what is shown, and what is refused."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.http.http_room import OTHER_NUMBER, HttpRoom, http_room
from tests.engine_room import NUMBER
from transfer.core.notices import Notice
from transfer.http.policy import HttpPolicy

CASE = f"/api/v1/cases/{NUMBER}"
ACCOUNTS = f"{CASE}/sftp-accounts"
UNUSED = {
    "sessions": 0,
    "bytes_received": 0,
    "bytes_sent": 0,
    "last_seen_at": None,
    "last_address": None,
}


# ── The case ─────────────────────────────────────────────────────────────────────────────────


async def test_a_case_tells_its_state_what_one_may_do_and_the_sftp_address(
    room: HttpRoom,
) -> None:
    answer = await room.ask("GET", CASE)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json() == {
        "number": NUMBER,
        "status": "Open",
        "substatus": "New",
        "subject": "Contact centre down",
        "closed_at": None,
        "deletion_due_at": None,
        "priority": "Medium",
        "close_reason": None,
        "waiting_since": None,
        "may": ["see", "download", "upload", "arrange", "see-accounts", "take-part"],
        "sftp": {"host": "files.example.com", "port": 2222, "fingerprints": ["SHA256:abc"]},
        "as_of": None,
    }
    assert (await room.ask("GET", CASE, who="read-only")).json()["may"] == ["see", "download"]


async def test_a_closed_case_tells_when_its_data_goes_and_takes_nothing(room: HttpRoom) -> None:
    file = await room.send(b"abc")
    location = await room.begin(10)
    closed = await room.ask(
        "POST", f"{CASE}/close", who="analyst", json={"resolution": "Cancelled"}
    )
    assert closed.json() == {
        "number": NUMBER,
        "status": "Closed",
        "substatus": "Cancelled",
        "subject": "Contact centre down",
        "closed_at": "2026-03-02T09:00:01Z",
        "deletion_due_at": "2026-04-01T09:00:01Z",
        "priority": "Medium",
        "close_reason": None,
        "waiting_since": None,
    }
    may = (await room.ask("GET", CASE)).json()["may"]
    assert may == ["see", "download", "see-accounts", "take-part"]
    for answer in (
        await room.create(3),
        await room.patch(location, 0, b"abc"),
        await room.ask("DELETE", f"/api/v1/files/{file['id']}"),
        await room.ask("POST", ACCOUNTS, who="analyst"),
    ):
        assert (answer.status, answer.code) == (403, "case-closed")
    assert (await room.ask("GET", f"/api/v1/files/{file['id']}/content")).body == b"abc"
    reopened = await room.ask("POST", f"{CASE}/reopen", who="analyst")
    assert (reopened.json()["status"], reopened.json()["deletion_due_at"]) == ("Open", None)
    assert (await room.patch(location, 0, b"abcdefghij")).status == 204


async def test_a_case_goes_through_its_statuses(room: HttpRoom) -> None:
    moved = await room.ask(
        "POST",
        f"{CASE}/status",
        who="analyst",
        json={"status": "awaiting information", "substatus": "Third Party Pending"},
    )
    assert (moved.json()["status"], moved.json()["substatus"]) == (
        "Awaiting Information",
        "Third Party Pending",
    )
    again = await room.ask("POST", f"{CASE}/reopen", who="analyst")
    assert (again.status, again.code) == (409, "case-state")
    closing = await room.ask("POST", f"{CASE}/status", who="analyst", json={"status": "Closed"})
    assert (closing.status, closing.code) == (409, "case-state")


async def test_a_hold_is_placed_and_lifted_by_an_admin(room: HttpRoom) -> None:
    refused = await room.ask("POST", f"{CASE}/hold", who="analyst", json={"reason": "Lawsuit"})
    assert refused.status == 403
    held = await room.ask("POST", f"{CASE}/hold", who="admin", json={"reason": "Lawsuit"})
    assert held.status == 200
    assert (await room.engine.core.case(NUMBER)).hold is not None
    assert (await room.ask("POST", f"{CASE}/unhold", who="admin")).status == 200
    assert (await room.engine.core.case(NUMBER)).hold is None


async def test_staff_open_cases(room: HttpRoom) -> None:
    opened = await room.ask(
        "POST", "/api/v1/cases", who="analyst", json={"subject": "No sound", "account": "ACME"}
    )
    assert opened.status == 201
    number = opened.json()["number"]
    assert opened.headers["Location"] == f"/api/v1/cases/{number}"
    taken = await room.ask(
        "POST",
        "/api/v1/cases",
        who="analyst",
        json={"subject": "No sound", "account": "ACME", "number": number},
    )
    assert (taken.status, taken.code) == (409, "name-taken")
    refused = await room.ask(
        "POST", "/api/v1/cases", json={"subject": "No sound", "account": "ACME"}
    )
    assert refused.status == 403


async def test_the_list_of_cases_has_only_those_that_one_sees(room: HttpRoom) -> None:
    async def numbers(who: str, query: str = "") -> set[str]:
        answer = await room.ask("GET", f"/api/v1/cases{query}", who=who)
        return {case["number"] for case in answer.json()["cases"]}

    assert await numbers("analyst") == {NUMBER, OTHER_NUMBER}
    assert await numbers("designated") == {NUMBER}
    assert await numbers("stranger") == {OTHER_NUMBER}
    await room.ask("POST", f"{CASE}/close", who="analyst")
    assert await numbers("analyst", "?status=closed") == {NUMBER}
    assert await numbers("designated", "?status=open") == set()
    assert (await room.ask("GET", "/api/v1/cases?status=lost")).status == 400


async def test_the_history_tells_what_happened(room: HttpRoom) -> None:
    await room.ask("POST", f"{CASE}/close", who="analyst")
    updates: Any = (await room.ask("GET", f"{CASE}/updates")).json()["updates"]
    assert [update["text"] for update in updates] == ["Case opened.", "Case closed: Resolved."]
    assert updates[1]["author"] == "analyst"
    assert updates[1]["at"] == "2026-03-02T09:00:00Z"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"{", "JSON"),
        (b"[]", "body"),
        (b"{}", "subject"),
        (b'{"subject": 5, "account": "A"}', "subject"),
        (b'{"subject": "", "account": "A"}', "subject"),
        (b'{"subject": "   ", "account": "A"}', "subject"),
        (b'{"subject": "a\\u0000b", "account": "A"}', "subject"),
        (b'{"subject": "S", "account": "A", "extra": 1}', "extra"),
        (b'{"subject": "S", "account": "A", "number": "12"}', "ten digits"),
        (b'{"subject": "' + b"x" * 501 + b'", "account": "A"}', "subject"),
        (b"\xff\xfe", "JSON"),
    ],
)
async def test_a_body_that_is_not_what_is_wanted_is_told_why(
    room: HttpRoom, body: bytes, told: str
) -> None:
    answer = await room.ask(
        "POST",
        "/api/v1/cases",
        who="analyst",
        headers={"Content-Type": "application/json"},
        data=body,
    )
    assert (answer.status, answer.code) == (400, "invalid-request")
    assert told in answer.json()["detail"]
    assert len((await room.ask("GET", "/api/v1/cases", who="analyst")).json()["cases"]) == 2


async def test_a_body_that_is_too_big_or_of_another_type_is_refused(room: HttpRoom) -> None:
    big = await room.ask(
        "POST",
        "/api/v1/cases",
        who="analyst",
        headers={"Content-Type": "application/json"},
        data=b" " * ((1 << 20) + 1),
    )
    assert (big.status, big.code) == (413, "too-large")
    form = await room.ask(
        "POST",
        "/api/v1/cases",
        who="analyst",
        headers={"Content-Type": "text/plain"},
        data=b'{"subject": "S", "account": "A"}',
    )
    assert (form.status, form.code) == (415, "unsupported-media-type")


# ── Files ────────────────────────────────────────────────────────────────────────────────────


async def test_the_list_tells_all_of_a_file(room: HttpRoom) -> None:
    await room.send(b"abc", "logs/trace.log")
    (file,) = await room.files()
    assert file == {
        "id": file["id"],
        "path": "logs/trace.log",
        "size": 3,
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "state": "received",
        "verified": False,
        "claimed_sha256": None,
        "claimed_digest": None,
        "direction": "from_customer",
        "door": "http",
        "sent_by": "designated",
        "created_at": "2026-03-02T09:00:01Z",
        "modified_at": "2026-03-02T09:00:01Z",
        "scan": None,
    }


async def test_an_upload_that_is_silent_for_a_minute_reads_interrupted(room: HttpRoom) -> None:
    location = await room.begin(10)
    await room.patch(location, 0, b"abc")
    (upload,) = await room.uploads()
    assert (upload["state"], upload["offset"]) == ("receiving", 3)
    room.engine.clock.advance(timedelta(seconds=61))
    (upload,) = await room.uploads()
    assert upload["state"] == "interrupted"


async def test_the_list_comes_in_pages(room: HttpRoom) -> None:
    for number in range(5):
        await room.send(b"x", f"{number}.log")
    await room.begin(5)
    seen, after, uploads = [], "", 0
    while True:
        page: Any = (await room.ask("GET", f"{CASE}/files?limit=2{after}")).json()
        seen += [file["path"] for file in page["files"]]
        uploads += len(page["uploads"])
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert seen == ["0.log", "1.log", "2.log", "3.log", "4.log"]
    assert uploads == 1


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=x", "limit=1001", "after=%00x"])
async def test_a_page_that_cannot_be_is_refused(room: HttpRoom, query: str) -> None:
    answer = await room.ask("GET", f"{CASE}/files?{query}")
    assert (answer.status, answer.code) == (400, "invalid-request")


async def test_a_removed_file_is_gone(room: HttpRoom) -> None:
    file = await room.send(b"abc")
    assert (await room.ask("DELETE", f"/api/v1/files/{file['id']}")).status == 204
    again = await room.ask("DELETE", f"/api/v1/files/{file['id']}")
    assert (again.status, again.code) == (404, "file-not-found")
    assert await room.files() == []


async def test_a_file_that_a_hold_keeps_is_not_removed(room: HttpRoom) -> None:
    file = await room.send(b"abc")
    await room.engine.core.hold(NUMBER, "litigation", "admin")
    refused = await room.ask("DELETE", f"/api/v1/files/{file['id']}")
    assert (refused.status, refused.code) == (403, "case-held")
    assert "Customer Care" in refused.json()["detail"]
    await room.send(b"abc")
    assert len(await room.files()) == 2


async def test_neither_side_removes_what_the_other_sent(room: HttpRoom) -> None:
    shared = await room.send(b"abc", "fix.zip", who="analyst")
    sent = await room.send(b"abc", "trace.log")
    assert (await room.ask("DELETE", f"/api/v1/files/{shared['id']}")).status == 403
    assert (await room.ask("DELETE", f"/api/v1/files/{sent['id']}", who="analyst")).status == 403
    assert len(await room.files()) == 2


# ── SFTP accounts ────────────────────────────────────────────────────────────────────────────


async def test_an_account_is_issued_shown_and_revoked(room: HttpRoom) -> None:
    issued = await room.ask("POST", ACCOUNTS, who="analyst")
    assert issued.status == 201
    account = issued.json()
    assert account == {
        "id": account["id"],
        "username": account["username"],
        "password": account["password"],
        "host": "files.example.com",
        "port": 2222,
        "fingerprints": ["SHA256:abc"],
        "expires_at": "2026-03-07T09:00:00Z",
        "label": "",
        "keys": [],
        "networks": [],
        "issued_by": "analyst",
        "issued_at": "2026-03-02T09:00:00Z",
        "issue": 1,
        "attested_version": Notice().version,
        "use": UNUSED,
    }
    assert issued.headers["Location"] == f"{ACCOUNTS}/{account['id']}"
    for who in ("designated", "analyst"):
        shown = await room.ask("GET", ACCOUNTS, who=who)
        assert shown.json() == {"accounts": [account], "next": None}
        assert (await room.ask("GET", f"{ACCOUNTS}/{account['id']}", who=who)).json() == account
    assert (await room.ask("DELETE", f"{ACCOUNTS}/{account['id']}", who="analyst")).status == 204
    assert (await room.ask("GET", ACCOUNTS)).json() == {"accounts": [], "next": None}
    gone = await room.ask("GET", f"{ACCOUNTS}/{account['id']}")
    assert (gone.status, gone.code) == (404, "account-not-found")


async def test_an_account_is_not_shown_once_it_has_expired(room: HttpRoom) -> None:
    await room.ask("POST", ACCOUNTS, who="analyst")
    room.engine.clock.advance(timedelta(hours=120))
    assert (await room.ask("GET", ACCOUNTS)).json() == {"accounts": [], "next": None}


async def test_an_account_is_revoked_only_by_its_own_case(room: HttpRoom) -> None:
    account = (await room.ask("POST", ACCOUNTS, who="analyst")).json()
    other = f"/api/v1/cases/{OTHER_NUMBER}/sftp-accounts/{account['id']}"
    assert (await room.ask("DELETE", other, who="analyst")).status == 404
    assert (await room.ask("GET", ACCOUNTS)).json()["accounts"] == [account]


# ── Probes ───────────────────────────────────────────────────────────────────────────────────


async def test_probes_answer_without_a_token(room: HttpRoom) -> None:
    assert (await room.ask("GET", "/healthz", who=None)).json() == {"status": "ok"}
    ready = await room.ask("GET", "/readyz", who=None)
    assert (ready.status, ready.json()) == (200, {"ready": True, "waiting_for": []})
    room.awaited.append("store")
    unready = await room.ask("GET", "/readyz", who=None)
    assert (unready.status, unready.json()) == (503, {"ready": False, "waiting_for": ["store"]})


async def test_without_a_desk_or_a_gateway_a_case_is_still_shown(tmp_path: Path) -> None:
    async with http_room(tmp_path, policy=HttpPolicy(), with_desk=False) as room:
        assert (await room.ask("GET", CASE)).json()["sftp"] is None
        account = (await room.ask("POST", ACCOUNTS, who="analyst")).json()
        assert (account["host"], account["port"], account["fingerprints"]) == (None, None, [])
        for method, path in (("GET", "/api/v1/cases"), ("POST", f"{CASE}/close")):
            assert (await room.ask(method, path, who="analyst")).status == 404
