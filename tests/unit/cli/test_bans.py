"""`transfer ban`, and the settings of who gets in by SFTP."""

from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run
from transfer.core.notices import Notice
from transfer.settings import SettingsError, load
from transfer.wiring.doors import sftp_banner
from transfer.wiring.parts import ban_policy


def test_a_ban_is_placed_listed_and_lifted(run: Run, data: Path) -> None:
    placed = run("ban", "place", "192.0.2.0/24", "--reason", "guessing", "--for", "1h", "--json")
    assert placed.status == 0, placed.err
    ban = placed.json
    assert (ban["network"], ban["reason"]) == ("192.0.2.0/24", "guessing")
    assert ban["until"] is not None
    endless = run("ban", "place", "2001:db8::1", "--reason", "theirs", "--json").json
    assert endless["until"] is None
    listed = run("ban", "list", "--json").json["bans"]
    assert [one["id"] for one in listed] == [endless["id"], ban["id"]]
    assert run("ban", "lift", ban["id"]).status == 0
    assert "192.0.2" not in run("ban", "list").out
    assert "No such ban" in run("ban", "lift", ban["id"]).err


def test_all_bans_are_listed_however_many(
    run: Run, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transfer.cli.bans._PAGE", 2)
    for n in range(5):
        assert run("ban", "place", f"192.0.2.{n}", "--reason", "guessing").status == 0
    assert len(run("ban", "list", "--json").json["bans"]) == 5


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("192.0.2.7/24", "--reason", "x"), "A network is"),
        (("192.0.2.7", "--reason", " "), "A reason is"),
        (("192.0.2.7", "--reason", "x", "--for", "soon"), "A duration is"),
        (("192.0.2.7", "--reason", "x", "--for", "0s"), "A ban lasts"),
    ],
)
def test_what_can_not_be_banned_is_refused(
    run: Run, data: Path, words: tuple[str, ...], said: str
) -> None:
    refused = run("ban", "place", *words)
    assert refused.status == 1
    assert said in refused.err


def test_settings_say_whom_to_ban(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSFER_SFTP_BANNED_NETWORKS", "192.0.2.0/24, 2001:db8::/32")
    monkeypatch.setenv("TRANSFER_SFTP_TRUSTED_NETWORKS", "10.0.0.0/8")
    monkeypatch.setenv("TRANSFER_SFTP_BAN_AFTER", "0")
    monkeypatch.setenv("TRANSFER_SFTP_BAN_LIFETIME", "1d")
    policy = ban_policy(load())
    assert [str(one) for one in policy.always] == ["192.0.2.0/24", "2001:db8::/32"]
    assert [str(one) for one in policy.never] == ["10.0.0.0/8"]
    assert (policy.after, policy.lifetime.days) == (0, 1)


def test_the_banner_is_the_warning_unless_the_operator_has_another(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sftp_banner(load(), Notice("Mind this.\n\nAnd that.\n")) == (
        "Mind this.\r\n\r\nAnd that.\r\n"
    )
    file = tmp_path / "banner.txt"
    monkeypatch.setenv("TRANSFER_SFTP_BANNER_FILE", str(file))
    file.write_text("Ours: für alle.  \n", "utf-8")
    assert sftp_banner(load(), Notice()) == "Ours: für alle.\r\n"
    file.write_text("\n")
    assert sftp_banner(load(), Notice()) == ""
    file.write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="SFTP_BANNER_FILE"):
        sftp_banner(load(), Notice())
    file.unlink()
    with pytest.raises(SettingsError, match="No such file"):
        sftp_banner(load(), Notice())
