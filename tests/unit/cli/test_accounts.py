"""`transfer account`: with keys, from some networks, issued again."""

from datetime import datetime, timedelta
from pathlib import Path

import asyncssh
import pytest

from tests.unit.cli.conftest import Run

KEY = asyncssh.generate_private_key("ssh-ed25519", comment="ada@laptop")


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "id_ed25519.pub"
    KEY.write_public_key(path)
    return path


def test_an_account_is_issued_with_all_that_it_may_have(
    run: Run, case: str, key_file: Path
) -> None:
    words = ("--label", "Night shift", "--from", "192.0.2.7", "--from", "2001:db8::/32")
    account = run(
        "account", "issue", "--case", case, *words, "--lifetime", "2h", "--json",
        "--key-file", str(key_file), "--key-file", str(key_file),
    ).json  # fmt: skip
    assert account["label"] == "Night shift"
    assert account["networks"] == ["192.0.2.7/32", "2001:db8::/32"]
    assert account["keys"] == [f"{KEY.get_fingerprint('sha256')} ada@laptop"]
    issued, expires = (datetime.fromisoformat(account[f"{at}_at"]) for at in ("issued", "expires"))
    assert expires - issued == timedelta(hours=2)
    listed = run("account", "list", "--case", case)
    assert "Night shift" in listed.out


def test_an_account_of_keys_alone_has_no_password(run: Run, case: str, key_file: Path) -> None:
    words = ("account", "issue", "--case", case, "--no-password", "--json")
    assert run(*words, "--key-file", str(key_file)).json["password"] is None
    assert "password, or a public key" in run(*words).err


def test_an_account_that_is_issued_again_has_another_password(run: Run, case: str) -> None:
    first = run("account", "issue", "--case", case, "--json").json
    second = run("account", "reissue", first["id"], "--case", case, "--json").json
    assert second["password"] != first["password"]
    assert (second["username"], second["issue"]) == (first["username"], 2)
    [listed] = run("account", "list", "--case", case, "--json").json["accounts"]
    assert listed == second
    run("account", "revoke", first["id"])
    failed = run("account", "reissue", first["id"], "--case", case)
    assert (failed.status, "ended" in failed.err) == (1, True)


def test_a_case_has_as_many_accounts_as_the_operator_allows(
    run: Run, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRANSFER_MAX_ACCOUNTS_PER_CASE", "2")
    for _ in range(2):
        assert run("account", "issue", "--case", case).status == 0
    failed = run("account", "issue", "--case", case)
    assert failed.status == 1
    assert "at most 2" in failed.err


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "can't be read"), (b"\xff", "can't be read"), (b"# none\n", "no key"), (b"x", "A key")],
)
def test_a_key_file_that_is_none_is_refused(
    run: Run, case: str, tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "key.pub"
    if content is not None:
        path.write_bytes(content)
    failed = run("account", "issue", "--case", case, "--key-file", str(path))
    assert failed.status == 1
    assert said in failed.err
    assert str(path) not in failed.err
