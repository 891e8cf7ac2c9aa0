"""A master key that a program of the operator's is asked for."""

import asyncio
import os
import stat
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from tests.keys import ShellKms
from transfer.core.cases import CaseId
from transfer.core.errors import KeyUnavailableError, StoreUnavailableError
from transfer.keys.command import MasterKeyCommand
from transfer.ports import WrappedKey

CASE, KEY = CaseId("case"), bytes(range(32))


def program(
    folder: Path, text: str, timeout: timedelta = timedelta(seconds=20)
) -> MasterKeyCommand:
    path = folder / "program"
    path.write_text(f'#!/bin/sh\ntouch "{folder}/$$.ran"\n{text}\n')
    path.chmod(stat.S_IRWXU)
    return MasterKeyCommand(path, timeout)


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


async def test_what_a_program_has_started_is_ended_with_it(tmp_path: Path) -> None:
    path = tmp_path / "slow"
    path.write_text('#!/bin/sh\necho $$ > "$0.pid"\nsleep 60 | cat\n')
    path.chmod(stat.S_IRWXU)
    async with asyncio.timeout(20):
        with pytest.raises(KeyUnavailableError, match="too long"):
            await MasterKeyCommand(path, timedelta(seconds=0.5)).current()
    pid = int((tmp_path / "slow.pid").read_text())
    groups = [one.pid for one in psutil.process_iter() if _group_of(one.pid) == pid]
    assert [one for one in groups if psutil.Process(one).status() != psutil.STATUS_ZOMBIE] == []


async def test_whoever_waits_for_a_turn_waits_no_longer_than_others(tmp_path: Path) -> None:
    master = program(tmp_path, "exec sleep 60", timedelta(seconds=0.5))
    async with asyncio.timeout(20):
        asked = (master.current() for _ in range(40))
        answers = await asyncio.gather(*asked, return_exceptions=True)
    assert {str(answer) for answer in answers} == {"The master key's command takes too long."}
    assert _runs(tmp_path) < 20


async def test_a_program_that_says_too_much_is_stopped(tmp_path: Path) -> None:
    async with asyncio.timeout(20):
        with pytest.raises(KeyUnavailableError, match="too much"):
            await program(tmp_path, "exec cat /dev/zero").current()


def _runs(folder: Path) -> int:
    return len(list(folder.glob("*.ran")))


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None
