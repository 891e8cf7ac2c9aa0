"""`transfer token` and `transfer account`."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run
from transfer.clock import SystemClock


def test_a_new_token_is_printed_alone(run: Run, case: str) -> None:
    issued = run("token", "issue", "--role", "designated", "--case", case, "--user", "alice")
    assert issued.status == 0
    assert re.fullmatch(r"ctt_[A-Za-z0-9_-]{43}\n", issued.out)
    [listed] = run("token", "list", "--json").json["tokens"]
    assert (listed["name"], listed["role"], listed["case"]) == ("alice", "designated", case)
    assert issued.out.strip() not in json.dumps(listed)


def test_a_token_lives_as_long_as_was_asked_for(run: Run, case: str) -> None:
    run("token", "issue", "--role", "admin", "--lifetime", "90m")
    [listed] = run("token", "list", "--json").json["tokens"]
    lifetime = datetime.fromisoformat(listed["expires_at"]) - datetime.fromisoformat(
        listed["issued_at"]
    )
    assert lifetime == timedelta(minutes=90)
    assert listed["name"] == "admin"


def test_a_revoked_token_is_listed_as_such(run: Run, case: str) -> None:
    run("token", "issue", "--role", "analyst")
    [listed] = run("token", "list", "--json").json["tokens"]
    assert run("token", "revoke", listed["id"]).status == 0
    [listed] = run("token", "list", "--json").json["tokens"]
    assert listed["revoked_at"] is not None


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("token", "issue", "--role", "designated"), 1, "needs a case"),
        (("token", "issue", "--role", "designated", "--case", "9999999999"), 1, "No such case"),
        (("token", "issue", "--role", "analyst", "--lifetime", "5"), 1, "A duration is like"),
        (("token", "issue", "--role", "king"), 2, "king"),
        (("token", "revoke", "unknown"), 1, "oken"),
        (("account", "issue", "--case", "9999999999"), 1, "No such case"),
        (("account", "revoke", "unknown"), 1, "account"),
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
