"""`transfer audit`, on a folder of its own."""

import json
import stat
from pathlib import Path

import pytest
from pysqlite3 import dbapi2

from tests.unit.cli.conftest import Run
from transfer.engine.audit_signatures import SealSigner
from transfer.folder import ServiceFolder
from transfer.ports import KeptSeal
from transfer.wiring.audit import FolderHeads

NUMBER = "0003256109"


@pytest.fixture
def case(run: Run) -> str:
    """A case that was opened here, and so an entry of the audit log."""
    opened = run("case", "open", "--subject", "Crash", "--account", "Acme", "--number", NUMBER)
    assert opened.status == 0, opened.err
    return NUMBER


def tamper(data: Path) -> None:
    with dbapi2.connect(data / "records.db") as connection:
        connection.execute("DROP TRIGGER audit_events_no_update")
        connection.execute("UPDATE audit_events SET actor = 'somebody else'")
    connection.close()


def test_a_log_that_nobody_touched_is_verified(run: Run, case: str) -> None:
    told = run("audit", "verify")
    assert told.status == 0
    assert told.out.splitlines() == [
        "1 entries, 0 seals. 1 have no seal yet.",
        "The audit log is what was sealed.",
    ]
    assert run("audit", "head").status == 0
    report = run("audit", "verify", "--json")
    assert (report.status, report.json["sound"], report.json["seals"]) == (0, True, 1)


def test_a_log_that_was_changed_is_told_and_fails(run: Run, case: str, data: Path) -> None:
    run("audit", "head")
    tamper(data)
    told = run("audit", "verify")
    assert told.status == 1
    assert told.out.splitlines()[:2] == [
        "entry-changed: entry 1 isn't what was sealed.",
        "guard-missing: 1 of the triggers that keep the log from being changed are gone.",
    ]
    report = run("audit", "verify", "--json")
    assert (report.status, report.json["sound"]) == (1, False)
    assert report.json["faults"][0] == {
        "kind": "entry-changed",
        "of": "entry",
        "first": 1,
        "last": 1,
    }


def test_the_end_of_the_log_is_compared_with_what_the_folder_keeps(
    run: Run, case: str, data: Path
) -> None:
    run("audit", "head")
    with dbapi2.connect(data / "records.db") as connection:
        for table in ("audit_events", "audit_seals"):
            connection.execute(f"DROP TRIGGER {table}_no_delete")
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - ours
        connection.execute("DELETE FROM sqlite_sequence")
    connection.close()
    told = run("audit", "verify")
    assert told.status == 1
    assert "log-cut: the log ends before seal 1" in told.out


def test_what_was_sealed_anew_behind_a_cut_is_found_by_what_was_set_aside(
    run: Run, case: str, data: Path
) -> None:
    run("audit", "head")
    run("case", "hold", case, "--reason", "Court")
    run("audit", "head")
    with dbapi2.connect(data / "records.db") as connection:
        connection.execute("DROP TRIGGER audit_seals_no_delete")
        connection.execute("DROP TRIGGER audit_events_no_update")
        connection.execute("DELETE FROM audit_seals WHERE number > 1")
        connection.execute("UPDATE audit_events SET actor = 'Jane' WHERE sequence = 2")
    connection.close()
    assert run("audit", "head", "--json").json["number"] == 2
    [aside] = data.glob("audit-head-2-*.json")
    for _ in range(2):
        told = run("audit", "verify")
        assert (told.status, "seal-changed: seal 2 " in told.out) == (1, True)
    kept = json.loads((data / "audit-head.json").read_text())
    FolderHeads(ServiceFolder(data)).keep(KeptSeal(number=1, jws="late", digests=b""))
    assert json.loads((data / "audit-head.json").read_text()) == kept
    aside.write_text("{}")
    spoiled = run("audit", "verify")
    assert (spoiled.status, "holds no seal" in spoiled.err) == (1, True)


def test_an_export_is_verified_by_its_file(run: Run, case: str, tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    assert run("audit", "export", "--output", str(path)).status == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    printed = run("audit", "export", "--case", case)
    assert [json.loads(line)["kind"] for line in printed.out.splitlines()] == [
        *("export", "entry", "seal", "end"),
    ]
    assert run("audit", "verify", "--file", str(path)).status == 0
    path.write_text(path.read_text().replace("case.opened", "case.closed"))
    changed = run("audit", "verify", "--file", str(path))
    assert (changed.status, "entry-changed" in changed.out) == (1, True)
    beyond = run("audit", "export", "--after", "1")
    assert len(beyond.out.splitlines()) == 2


def test_a_seal_and_keys_that_were_kept_are_believed(
    run: Run, case: str, data: Path, tmp_path: Path
) -> None:
    head, keys = tmp_path / "head", tmp_path / "keys"
    head.write_text(run("audit", "head", "--json").out)
    keys.write_text(run("audit", "keys").out)
    assert run("audit", "verify", "--head", str(head)).status == 0
    (data / "sealing.key").write_bytes(bytes(32))
    other = run("audit", "verify", "--head", str(head))
    assert (other.status, other.out) == (1, "")
    assert "signed by none of the keys" in other.err
    assert run("audit", "verify", "--keys", str(keys), "--head", str(head)).status == 0
    head.write_text(json.loads(head.read_text())["jws"])
    assert run("audit", "verify", "--keys", str(keys), "--head", str(head)).status == 0


def test_files_that_hold_nothing_of_the_kind_are_refused(
    run: Run, case: str, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_text("{}")
    for option, words in (("--head", "no seal"), ("--keys", "no keys"), ("--file", "Line 1")):
        refused = run("audit", "verify", option, str(path))
        assert (refused.status, words in refused.err) == (1, True), refused.err
    path.write_text(json.dumps({"keys": [SealSigner(bytes(32)).public_key()]}))
    assert run("audit", "verify", "--keys", str(path)).status == 0


def test_a_log_without_entries_has_no_last_seal(run: Run) -> None:
    empty = run("audit", "head")
    assert (empty.status, "empty" in empty.err) == (1, True)


def test_neighbours_with_the_same_fault_are_told_at_once(run: Run, data: Path) -> None:
    for _ in range(3):
        run("case", "open", "--subject", "Crash", "--account", "Acme")
    run("audit", "head")
    tamper(data)
    told = run("audit", "verify")
    assert "entry 1 to 3 isn't what was sealed" in told.out
