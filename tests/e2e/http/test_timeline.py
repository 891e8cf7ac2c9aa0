"""The timeline of a case over the API."""

import pytest

from tests.e2e.http.http_room import HttpRoom
from tests.engine_room import NUMBER

CASE = f"/api/v1/cases/{NUMBER}"


async def test_the_timeline_tells_what_happened_and_what_comes(room: HttpRoom) -> None:
    file = await room.send(b"abc", "logs/trace.log")
    await room.ask("GET", f"/api/v1/files/{file['id']}/content", who="analyst")
    account = (await room.ask("POST", f"{CASE}/sftp-accounts", who="analyst")).json()
    told = (await room.ask("GET", f"{CASE}/timeline?limit=3", who="analyst")).json()
    assert told["coming"] == [
        {"at": account["expires_at"], "kind": "account-end", "name": account["username"]}
    ]
    issued, downloaded, received = told["entries"]
    assert issued["details"] == {
        "username": account["username"],
        "expires_at": "2026-03-07T09:00:01+00:00",
    }
    assert downloaded == {
        "number": downloaded["number"],
        "at": "2026-03-02T09:00:01Z",
        "topic": "files",
        "action": "file.downloaded",
        "actor": "analyst",
        "subject": file["id"],
        "door": "http",
        "address": "127.0.0.1",
        "details": {"path": "logs/trace.log", "start": 0, "size": 3},
    }
    assert (received["action"], received["actor"]) == ("file.received", "designated")
    older = await room.ask("GET", f"{CASE}/timeline?after={told['next']}", who="admin")
    assert older.json()["coming"] == []
    assert older.json()["entries"][-1]["action"] == "case.opened"


async def test_a_topic_limits_what_is_told(room: HttpRoom) -> None:
    await room.send(b"abc")
    for query, actions in (
        ("?topic=files", {"file.received"}),
        ("?topic=case", {"case.opened"}),
        ("?topic=retention", set()),
    ):
        told = (await room.ask("GET", f"{CASE}/timeline{query}", who="analyst")).json()
        assert {entry["action"] for entry in told["entries"]} == actions
    everything = (await room.ask("GET", f"{CASE}/timeline?topic=", who="analyst")).json()
    assert len(everything["entries"]) >= 3


@pytest.mark.parametrize("query", ["topic=Files", "topic=%00", "limit=0", "after=x"])
async def test_what_is_no_timeline_is_refused(room: HttpRoom, query: str) -> None:
    answer = await room.ask("GET", f"{CASE}/timeline?{query}", who="analyst")
    assert (answer.status, answer.code) == (400, "invalid-request")
