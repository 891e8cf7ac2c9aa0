"""`transfer keys`: what wraps the keys of cases."""

import asyncio
from pathlib import Path

import pytest

from tests.clock import MovableClock
from tests.unit.cli.conftest import Run
from transfer.core.cases import CaseNumber
from transfer.core.uploads import UploadId, object_key
from transfer.keys.masters import MasterKeyFile
from transfer.settings import load
from transfer.wiring.case_keys import case_keys, master_keys
from transfer.wiring.parts import open_parts

OLD, NEW = bytes(32), bytes([7]) * 32


@pytest.fixture
def masters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Files of an old and a new master key; the old one is set."""
    old, new = tmp_path / "old.key", tmp_path / "new.key"
    old.write_bytes(OLD)
    new.write_bytes(NEW)
    monkeypatch.setenv("TRANSFER_MASTER_KEYS", f"file:{old}")
    monkeypatch.setenv("TRANSFER_ENCRYPT_CASES", "true")
    return old, new


def store_something(number: str) -> bytes | None:
    """Do as a door does that stores a first object for a case; return the case's key."""

    async def work() -> bytes | None:
        settings = load()
        async with open_parts(settings) as parts:
            case = await parts.records.cases.case(CaseNumber(number))
            ring = case_keys(parts.records, master_keys(settings), MovableClock())
            return await ring.for_writing(object_key(case.id, UploadId("upload"), 1, keyed=True))

    return asyncio.run(work())


def test_the_status_tells_what_wraps_how_many_keys(
    run: Run, case: str, masters: tuple[Path, Path]
) -> None:
    store_something(case)
    old = MasterKeyFile(OLD).id
    assert run("keys", "status", "--json").json == {
        "encrypts": True,
        "master": old,
        "wrapped": {old: 1},
        "destroyed": 0,
    }
    assert old in run("keys", "status").out


def test_a_rotation_is_done_once_noted_and_leaves_the_old_key_without_use(
    run: Run, case: str, masters: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = store_something(case)
    old, new = masters
    monkeypatch.setenv("TRANSFER_MASTER_KEYS", f"file:{new},file:{old}")
    rotated = run("keys", "rotate", "--json")
    assert rotated.status == 0
    assert rotated.json == {"master": MasterKeyFile(NEW).id, "rewrapped": 1, "failed": 0}
    old.unlink()
    monkeypatch.setenv("TRANSFER_MASTER_KEYS", f"file:{new}")
    assert store_something(case) == key
    assert run("keys", "rotate", "--json").json["rewrapped"] == 0


def test_a_rotation_that_lacks_the_old_key_says_so_and_fails(
    run: Run, case: str, masters: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    store_something(case)
    monkeypatch.setenv("TRANSFER_MASTER_KEYS", f"file:{masters[1]}")
    rotated = run("keys", "rotate", "--json")
    assert rotated.status == 1
    assert rotated.json["failed"] == 1
    assert "Not all keys" in rotated.err


def test_without_a_master_key_there_is_nothing_to_rotate_to(run: Run) -> None:
    rotated = run("keys", "rotate")
    assert rotated.status == 1
    assert "TRANSFER_MASTER_KEYS: missing" in rotated.err
    assert run("keys", "status", "--json").json["master"] is None


def test_a_master_key_that_can_not_be_read_is_found_by_check_config(
    run: Run, masters: tuple[Path, Path]
) -> None:
    assert run("check-config").status == 0
    masters[0].write_bytes(b"short")
    checked = run("check-config")
    assert checked.status == 1
    assert "TRANSFER_MASTER_KEYS" in checked.err
