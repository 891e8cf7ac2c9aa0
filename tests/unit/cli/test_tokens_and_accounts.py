"""`transfer token` and `transfer account`."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Run
from transfer.clock import SystemClock


def lifetime_of(token: dict[str, Any]) -> timedelta:
    issued, expires = token["issued_at"], token["expires_at"]
    return datetime.fromisoformat(expires) - datetime.fromisoformat(issued)


def test_a_new_token_is_printed_alone(run: Run, case: str) -> None:
    issued = run("token", "issue", "--role", "designated", "--case", case, "--user", "alice")
    assert issued.status == 0
    assert re.fullmatch(r"ctt_[A-Za-z0-9_-]{43}\n", issued.out)
    [listed] = run("token", "list", "--json").json["tokens"]
    assert (listed["name"], listed["role"], listed["cases"]) == ("alice", "designated", [case])
    assert issued.out.strip() not in json.dumps(listed)


def test_a_token_lives_as_long_as_was_asked_for(run: Run, case: str) -> None:
    run("token", "issue", "--role", "admin", "--lifetime", "90m")
    [listed] = run("token", "list", "--json").json["tokens"]
    assert lifetime_of(listed) == timedelta(minutes=90)
    assert listed["name"] == "admin"


def test_a_token_is_issued_for_several_cases_and_for_some_actions_only(run: Run, case: str) -> None:
    opened = run("case", "open", "--subject", "Crash", "--account", "Example", "--json")
    other = str(opened.json["number"])
    issued = run(
        *("token", "issue", "--role", "designated", "--case", case, "--case", other),
        *("--allow", "upload", "--allow", "download", "--json"),
    ).json
    assert issued.pop("token").startswith("ctt_")
    assert issued["cases"] == sorted([case, other])
    assert issued["actions"] == ["download", "see", "upload"]
    [listed] = run("token", "list", "--json").json["tokens"]
    assert listed == issued


def test_an_admin_s_token_is_shorter_than_others_unless_asked_for(
    run: Run, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRANSFER_TOKEN_LIFETIME", "2d")
    monkeypatch.setenv("TRANSFER_ADMIN_TOKEN_LIFETIME", "1h")
    monkeypatch.setenv("TRANSFER_MAX_TOKEN_LIFETIME", "3d")
    for role in ("analyst", "admin"):
        run("token", "issue", "--role", role)
    admin, analyst = (lifetime_of(one) for one in run("token", "list", "--json").json["tokens"])
    assert (admin, analyst) == (timedelta(hours=1), timedelta(days=2))
    refused = run("token", "issue", "--role", "admin", "--lifetime", "73h")
    assert refused.status == 1
    assert "at most 3 days" in refused.err


def test_a_revoked_token_is_listed_as_such(run: Run, case: str) -> None:
    run("token", "issue", "--role", "analyst")
    [listed] = run("token", "list", "--json").json["tokens"]
    revoked = run("token", "revoke", listed["id"])
    assert (revoked.status, revoked.out) == (0, "")
    [listed] = run("token", "list", "--json").json["tokens"]
    assert listed["revoked_at"] is not None
    assert run("token", "revoke", listed["id"], "--json").json == listed


def test_tokens_are_listed_as_a_table_for_people(run: Run, case: str) -> None:
    assert run("token", "list").err == "There are no tokens.\n"
    run("token", "issue", "--role", "designated", "--case", case, "--user", "alice")
    heading, row = run("token", "list").out.splitlines()
    assert heading.split()[:5] == ["id", "name", "role", "cases", "actions"]
    assert row.split()[1:4] == ["alice", "designated", case]


def test_more_tokens_than_a_page_holds_are_all_listed(
    run: Run, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transfer.cli.tokens._PAGE", 2)
    for name in "abcde":
        run("token", "issue", "--role", "analyst", "--user", name)
    listed = run("token", "list", "--json").json["tokens"]
    assert [token["name"] for token in listed] == list("edcba")


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("token", "issue", "--role", "designated"), 1, "needs a case"),
        (("token", "issue", "--role", "designated", "--case", "9999999999"), 1, "No such case"),
        (("token", "issue", "--role", "analyst", "--lifetime", "5"), 1, "A duration is like"),
        (("token", "issue", "--role", "king"), 2, "king"),
        (("token", "issue", "--role", "analyst", "--allow", "hold"), 1, "limited to some of"),
        (("token", "issue", "--role", "analyst", "--allow", "fly"), 2, "fly"),
        (("token", "issue", "--role", "designated", "--case", "12"), 1, "ten digits"),
        (("token", "revoke", "unknown"), 1, "oken"),
        (("account", "issue", "--case", "9999999999"), 1, "No such case"),
        (("account", "revoke", "unknown"), 1, "account"),
        (("account", "reissue", "unknown", "--case", "9999999999"), 1, "No such case"),
    ],
)
def test_what_cannot_be_issued_or_revoked_is_told(
    run: Run, words: tuple[str, ...], status: int, said: str
) -> None:
    failed = run(*words)
    assert failed.status == status
    assert said in failed.err
    assert "Traceback" not in failed.err


def test_an_account_is_issued_with_the_address_that_the_service_has_announced(
    run: Run, case: str, data: Path
) -> None:
    said = {"sftp_host": "sftp.example.com", "sftp_port": 2022, "fingerprints": ["SHA256:abc"]}
    (data / "service.json").write_text(json.dumps(said))
    account = run("account", "issue", "--case", case, "--json").json
    assert (account["host"], account["port"]) == ("sftp.example.com", 2022)
    assert account["fingerprints"] == ["SHA256:abc"]
    assert account["username"].startswith(f"c{case}-")
    left = datetime.fromisoformat(account["expires_at"]) - SystemClock().now().astimezone(UTC)
    assert timedelta(hours=119, minutes=59) < left <= timedelta(hours=120)
    [listed] = run("account", "list", "--case", case, "--json").json["accounts"]
    assert listed == account


def test_the_address_of_an_account_is_that_of_the_settings_first(
    run: Run, case: str, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data / "service.json").write_text('{"sftp_host": "127.0.0.1", "sftp_port": 2022}')
    monkeypatch.setenv("TRANSFER_PUBLIC_SFTP", "sftp.example.com:22")
    account = run("account", "issue", "--case", case, "--json").json
    assert (account["host"], account["port"]) == ("sftp.example.com", 22)


def test_without_a_service_the_address_is_where_one_would_listen(run: Run, case: str) -> None:
    account = run("account", "issue", "--case", case, "--json").json
    assert (account["host"], account["port"]) == ("127.0.0.1", 2222)


def test_a_revoked_account_is_listed_no_longer(run: Run, case: str) -> None:
    account = run("account", "issue", "--case", case, "--json").json
    assert run("account", "revoke", account["id"], "--case", case).status == 0
    assert run("account", "list", "--case", case, "--json").json == {"accounts": []}


def test_a_closed_case_gets_no_account(run: Run, case: str) -> None:
    run("case", "close", case)
    assert "closed" in run("account", "issue", "--case", case).err


def test_passwords_are_shown_with_the_operators_own_key_only(
    run: Run, case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("account", "issue", "--case", case)
    key = tmp_path / "sealing.key"
    key.write_bytes(bytes(32))
    monkeypatch.setenv("TRANSFER_SEALING_KEY_FILE", str(key))
    [listed] = run("account", "list", "--case", case, "--json").json["accounts"]
    assert listed["password"] is None
    key.write_bytes(b"short")
    failed = run("account", "list", "--case", case)
    assert failed.status == 1
    assert "TRANSFER_SEALING_KEY_FILE: expected" in failed.err
