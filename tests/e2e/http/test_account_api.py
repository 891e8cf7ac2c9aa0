"""SFTP accounts over the API: what they are issued with, by whom, how many, and issued again."""

from typing import Any, cast

import asyncssh
import pytest

from tests.e2e.http.http_room import HttpRoom, Parsed
from tests.engine_room import NUMBER
from transfer.core.access import Action, Role
from transfer.core.accounts import MOST_OF_A_CASE, AccountId, AccountUse
from transfer.core.notices import Notice

CASE = f"/api/v1/cases/{NUMBER}"
ACCOUNTS = f"{CASE}/sftp-accounts"
KEY = asyncssh.generate_private_key("ssh-ed25519", comment="ada@laptop")
LINE = KEY.export_public_key("openssh").decode()


async def issued(room: HttpRoom, who: str = "analyst", **asked: Any) -> Parsed:  # noqa: ANN401 - JSON
    answer = await room.ask("POST", ACCOUNTS, who=who, json=asked or None)
    assert answer.status == 201, answer
    return answer.json()


def let_contacts_issue(room: HttpRoom) -> None:
    """Have the operator allow it."""
    grants = cast("dict[Role, frozenset[Action]]", room.engine.tools.grants)
    grants[Role.DESIGNATED] = frozenset({Action.MANAGE_ACCOUNTS})


async def test_an_account_has_what_was_asked_for(room: HttpRoom) -> None:
    account = await issued(
        room,
        label=" Night shift ",
        keys=[LINE],
        networks=["192.0.2.7", "2001:db8::/32"],
        lifetime_seconds=3600,
        attested_version=Notice().version,
    )
    assert account["label"] == "Night shift"
    assert account["networks"] == ["192.0.2.7/32", "2001:db8::/32"]
    assert account["keys"] == [
        {
            "algorithm": "ssh-ed25519",
            "fingerprint": KEY.get_fingerprint("sha256"),
            "comment": "ada@laptop",
        }
    ]
    assert account["expires_at"] == "2026-03-02T10:00:00Z"
    [shown] = (await room.ask("GET", ACCOUNTS)).json()["accounts"]
    assert shown == account
    bare = await issued(room, keys=[LINE], password=False)
    assert bare["password"] is None


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"keys": ["/etc/passwd"]}, "A key is"),
        ({"keys": [KEY.export_private_key("openssh").decode()]}, "private key"),
        ({"networks": ["10.0.0.1/8"]}, "A network is"),
        ({"password": False}, "An account has a password"),
        ({"label": "a\nb"}, "A label is"),
        ({"lifetime_seconds": 432_001}, "lifetime_seconds"),
        ({"lifetime_seconds": 0}, "lifetime_seconds"),
        ({"keys": [LINE] * 11}, "keys"),
        ({"password": "no"}, "password"),
        ({"surprise": 1}, "surprise"),
    ],
)
async def test_what_cannot_be_had_is_refused(room: HttpRoom, asked: Parsed, said: str) -> None:
    answer = await room.ask("POST", ACCOUNTS, who="analyst", json=asked)
    assert (answer.status, answer.code) == (400, "invalid-request")
    assert said in answer.json()["detail"]
    assert (await room.ask("GET", ACCOUNTS)).json()["accounts"] == []


async def test_a_case_has_so_many_accounts_and_then_no_more(room: HttpRoom) -> None:
    accounts = [await issued(room) for _ in range(MOST_OF_A_CASE)]
    refused = await room.ask("POST", ACCOUNTS, who="analyst")
    assert (refused.status, refused.code) == (409, "too-many-accounts")
    await room.ask("DELETE", f"{ACCOUNTS}/{accounts[0]['id']}", who="analyst")
    await issued(room)


async def test_an_account_that_is_issued_again_has_another_password(room: HttpRoom) -> None:
    first = await issued(room, label="Night shift")
    room.engine.clock.advance(60)
    answer = await room.ask("POST", f"{ACCOUNTS}/{first['id']}/reissue", who="admin")
    assert answer.status == 200
    second = answer.json()
    assert second["password"] != first["password"]
    assert second == {
        **first,
        "password": second["password"],
        "issue": 2,
        "issued_by": "admin",
        "issued_at": "2026-03-02T09:01:00Z",
        "expires_at": "2026-03-07T09:01:00Z",
    }
    assert (await room.ask("GET", ACCOUNTS)).json()["accounts"] == [second]
    gone = await room.ask("POST", f"{ACCOUNTS}/{'0' * 32}/reissue", who="analyst")
    assert (gone.status, gone.code) == (404, "account-not-found")


async def test_who_issues_attests_for_the_present_warning(room: HttpRoom) -> None:
    account = await issued(room)
    for path in (ACCOUNTS, f"{ACCOUNTS}/{account['id']}/reissue"):
        answer = await room.ask("POST", path, who="analyst", json={"attested_version": "another"})
        assert (answer.status, answer.code) == (409, "acknowledgement-outdated")
    assert (await room.ask("GET", ACCOUNTS)).json()["accounts"] == [account]


async def test_contacts_issue_accounts_where_the_operator_lets_them(room: HttpRoom) -> None:
    assert (await room.ask("POST", ACCOUNTS)).status == 403
    let_contacts_issue(room)
    assert "manage-accounts" in (await room.ask("GET", CASE)).json()["may"]
    account = await issued(room, "designated")
    assert account["issued_by"] == "designated"
    path = f"{ACCOUNTS}/{account['id']}"
    assert (await room.ask("POST", f"{path}/reissue")).status == 200
    for who, status in (("read-only", 403), ("stranger", 404)):
        assert (await room.ask("POST", ACCOUNTS, who=who)).status == status
        assert (await room.ask("POST", f"{path}/reissue", who=who)).status == status
    assert (await room.ask("DELETE", path)).status == 204


async def test_contacts_acknowledge_the_warning_before_they_issue(room: HttpRoom) -> None:
    let_contacts_issue(room)
    tokens = room.engine.tokens
    _, room.tokens["new"] = await tokens.issue(Role.DESIGNATED, "new", NUMBER, issued_by="test")
    refused = await room.ask("POST", ACCOUNTS, who="new")
    assert (refused.status, refused.code) == (403, "acknowledgement-required")
    version = {"version": refused.json()["version"]}
    await room.ask("POST", f"{CASE}/acknowledgement", who="new", json=version)
    await issued(room, "new")


async def test_the_use_of_an_account_is_shown(room: HttpRoom) -> None:
    account = await issued(room)
    use = AccountUse(
        sessions=2,
        bytes_received=1 << 40,
        bytes_sent=5,
        last_seen_at=room.engine.clock.now(),
        last_address="2001:db8::7",
    )
    await room.engine.records.accounts.use(AccountId(account["id"]), use)
    shown = (await room.ask("GET", f"{ACCOUNTS}/{account['id']}")).json()
    assert shown["use"] == {
        "sessions": 2,
        "bytes_received": 1 << 40,
        "bytes_sent": 5,
        "last_seen_at": "2026-03-02T09:00:00Z",
        "last_address": "2001:db8::7",
    }


async def test_another_issue_is_on_the_timeline(room: HttpRoom) -> None:
    account = await issued(room)
    await room.ask("POST", f"{ACCOUNTS}/{account['id']}/reissue", who="analyst")
    timeline = (await room.ask("GET", f"{CASE}/timeline?topic=accounts", who="analyst")).json()
    assert [one["action"] for one in timeline["entries"]] == ["account.reissued", "account.issued"]
    assert account["password"] not in str(timeline)
