"""`transfer retention plan`, `migrate`, `check-config`, `version`, and how commands fail."""

import json
from pathlib import Path

import pytest

import transfer
from tests.unit.cli.conftest import Run
from transfer.cli.retention import _added


def test_the_plan_has_what_is_due_at_a_time_and_what_a_hold_keeps(run: Run, case: str) -> None:
    due = run("case", "close", case, "--json").json["deletion_due_at"]
    assert run("retention", "plan", "--json").json["cases"] == []
    planned = run("retention", "plan", "--at", due, "--json").json
    assert [row["number"] for row in planned["cases"]] == [case]
    assert planned["deletes"]["cases"] == 1
    run("case", "hold", case, "--reason", "Audit")
    planned = run("retention", "plan", "--at", due, "--json").json
    assert [row["verdict"] for row in planned["cases"]] == ["held"]
    assert planned["deletes"]["cases"] == 0


def test_the_plan_is_a_table_and_a_sum_for_people(run: Run, case: str) -> None:
    run("case", "close", case)
    printed = run("retention", "plan", "--at", "2999-01-01").out.splitlines()
    assert case in printed[-2]
    assert printed[-1].startswith("At 2999-01-01T00:00:00+00:00: 1 cases to delete")


def test_a_time_that_is_none_is_told(run: Run, case: str) -> None:
    failed = run("retention", "plan", "--at", "tomorrow")
    assert failed.status == 1
    assert "RFC 3339" in failed.err


def test_reports_of_rounds_add_up() -> None:
    first = {"cases": {"finished": 2}, "objects": {"deleted": 7}, "failures": ["a"], "more": True}
    then = {"cases": {"kept": 1}, "objects": {"deleted": 3}, "failures": [], "more": False}
    assert _added(first, then) == {
        "cases": {"finished": 2, "kept": 1},
        "objects": {"deleted": 10},
        "failures": ["a"],
        "more": False,
    }


def test_migrating_twice_does_it_once(run: Run) -> None:
    first = run("migrate", "--json").json
    assert first["migrated"]
    assert first["revision"] == first["migrated"][-1]
    assert run("migrate", "--json").json == {"revision": first["revision"], "migrated": []}


def test_the_settings_in_force_are_shown(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSFER_ACCOUNT_LIFETIME", "5s")
    shown = run("check-config", "--json")
    assert shown.status == 0
    assert shown.json["TRANSFER_ACCOUNT_LIFETIME"] == "PT5S"


def test_files_that_cannot_be_used_are_all_told(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("SEALING_KEY_FILE", "TLS_CERT_FILE", "TLS_KEY_FILE"):
        (tmp_path / name).write_text("nothing of the kind")
        monkeypatch.setenv(f"TRANSFER_{name}", str(tmp_path / name))
    monkeypatch.setenv("TRANSFER_CASE_CORE", "rest")
    monkeypatch.setenv("TRANSFER_CASE_CORE_URL", "https://cases.example.com")
    monkeypatch.setenv("TRANSFER_CASE_CORE_TOKEN_FILE", str(tmp_path / "gone"))
    failed = run("check-config")
    assert failed.status == 1
    assert "TRANSFER_CASE_CORE_TOKEN_FILE: expected" in failed.err
    assert "TRANSFER_SEALING_KEY_FILE: expected" in failed.err
    assert "TRANSFER_TLS_CERT_FILE, TRANSFER_TLS_KEY_FILE: can't be used" in failed.err


def test_many_nodes_without_one_sealing_key_are_worth_a_note(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRANSFER_DATABASE_URL", "postgresql://user@host/name")
    assert "TRANSFER_SEALING_KEY_FILE" in run("check-config").err


@pytest.mark.parametrize("words", [("check-config",), ("case", "list"), ("serve",), ("http",)])
def test_settings_that_cannot_be_used_are_all_told_by_every_command(
    run: Run, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("TRANSFER_WORKERS", "many")
    monkeypatch.setenv("TRANSFER_HTTP_LISTEN", "here")
    failed = run(*words)
    assert failed.status == 1
    assert "TRANSFER_WORKERS: expected" in failed.err
    assert "TRANSFER_HTTP_LISTEN: expected" in failed.err


def test_a_folder_that_cannot_be_made_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    failed = run("case", "list", "--data", str(tmp_path / "file" / "data"))
    assert failed.status == 1
    assert "TRANSFER_DATA: the folder can't be made" in failed.err


def test_the_version_is_that_of_the_package(run: Run) -> None:
    assert run("version").out == f"{transfer.__version__}\n"
    assert run("version", "--json").json == {"version": transfer.__version__}


def test_a_database_that_is_no_database_is_told_without_a_traceback(run: Run, data: Path) -> None:
    data.mkdir()
    (data / "records.db").write_text("this is no database, and long enough to look at\n" * 100)
    failed = run("case", "list")
    assert failed.status == 1
    assert failed.err.startswith("Error: ")
    assert "Traceback" not in failed.err


def test_a_part_of_a_deployment_needs_a_store(run: Run, data: Path) -> None:
    failed = run("worker")
    assert failed.status == 1
    assert "TRANSFER_S3_ENDPOINT_URL" in failed.err


def test_no_words_print_the_help(run: Run) -> None:
    helped = run()
    assert "Usage: transfer" in helped.out + helped.err


def test_json_is_one_object_on_one_line(run: Run, case: str) -> None:
    printed = run("case", "show", case, "--json").out
    assert printed.count("\n") == 1
    assert isinstance(json.loads(printed), dict)
