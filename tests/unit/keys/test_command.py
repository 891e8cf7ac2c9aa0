"""A master key that a program of the operator's is asked for."""

import stat
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from tests.keys import ShellKms
from transfer.core.cases import CaseId
from transfer.core.errors import StoreUnavailableError
from transfer.keys.command import MasterKeyCommand
from transfer.ports import WrappedKey

CASE, KEY = CaseId("case"), bytes(range(32))


def program(folder: Path, text: str) -> MasterKeyCommand:
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(stat.S_IRWXU)
    return MasterKeyCommand(path, timedelta(seconds=20))


async def test_what_a_kms_wraps_it_unwraps(tmp_path: Path) -> None:
    kms = ShellKms(tmp_path)
    master = MasterKeyCommand(kms.program)
    wrapped = await master.wrap(CASE, KEY)
    assert wrapped.master == "command:key-1" == await master.current()
    assert wrapped.sealed != KEY
    assert await master.unwrap(CASE, wrapped) == KEY
    assert kms.asked == [
        "id",
        "wrap case-transfer:case",
        "id",
        "unwrap case-transfer:case",
    ]


async def test_which_of_its_keys_has_wrapped_is_for_the_kms_to_know(tmp_path: Path) -> None:
    kms = ShellKms(tmp_path)
    master = MasterKeyCommand(kms.program)
    wrapped = await master.wrap(CASE, KEY)
    kms.master = "key-2"
    assert await master.current() == "command:key-2"
    assert master.opens(wrapped.master)
    assert not master.opens("file:0123456789abcdef")
    assert await master.unwrap(CASE, wrapped) == KEY


@pytest.mark.parametrize("text", ["echo", "echo two words", "printf 'k\\377'", "echo $$$(seq 200)"])
async def test_an_id_is_one_visible_word(tmp_path: Path, text: str) -> None:
    with pytest.raises(StoreUnavailableError, match="no id"):
        await program(tmp_path, text).current()


async def test_what_is_no_base64_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match="no base64"):
        await program(tmp_path, "echo '*?!'").unwrap(CASE, WrappedKey(master="", sealed=b"x"))


async def test_a_program_that_fails_is_told_by_its_status(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match="status 7"):
        await program(tmp_path, "echo key; exit 7").current()


async def test_a_program_that_is_not_there_or_not_one_can_not_be_run(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match="can't be run"):
        await MasterKeyCommand(tmp_path / "nothing").current()
    (tmp_path / "text").write_text("no program")
    with pytest.raises(StoreUnavailableError, match="can't be run"):
        await MasterKeyCommand(tmp_path / "text").current()


async def test_a_program_that_does_not_end_is_ended(tmp_path: Path) -> None:
    path = tmp_path / "slow"
    path.write_text('#!/bin/sh\necho $$ > "$0.pid"\nexec sleep 60\n')
    path.chmod(stat.S_IRWXU)
    with pytest.raises(StoreUnavailableError, match="too long"):
        await MasterKeyCommand(path, timedelta(seconds=0.5)).current()
    pid = int((tmp_path / "slow.pid").read_text())
    assert not psutil.pid_exists(pid)
