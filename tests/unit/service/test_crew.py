"""A crew of processes, here of small scripts in the place of members."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.clock import MovableClock
from transfer.clock import SystemClock
from transfer.service.crew import Crew
from transfer.service.failures import ServiceError

_READY = "print('ready', flush=True); "
_SERVES = f"import sys, time; sys.stdin.read(); {_READY}time.sleep(60)"
_DIES = "import sys; sys.exit(3)"
_DIES_LATER = f"import sys, time; {_READY}time.sleep(0.05); sys.exit(4)"
_HEARS = (
    f"import signal, time; signal.signal(1, lambda *_: sys.exit(7)); import sys; {_READY}"
    "time.sleep(60)"
)
_IS_DEAF = f"import signal, time; signal.signal(15, signal.SIG_IGN); {_READY}time.sleep(60)"


def crew(
    script: str, size: int = 2, *, clock: MovableClock | None = None, grace: float = 5
) -> Crew:
    return Crew(
        size,
        {"secret": "hush"},
        (),
        clock or MovableClock(running=True),
        command=(sys.executable, "-c", script),
        stop_grace_seconds=grace,
    )


def lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def arguments(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


async def test_members_are_there_once_they_serve_and_gone_at_the_end() -> None:
    async with crew(_SERVES) as members:
        pids = members.pids
        assert len(set(pids)) == 2
        assert all(lives(pid) for pid in pids)
        # What they are told is nothing that other users could read.
        assert all(b"hush" not in arguments(pid) for pid in pids)
    assert not any(lives(pid) for pid in pids)


async def test_a_member_that_ends_before_it_serves_is_a_failure() -> None:
    with pytest.raises(ServiceError, match="ended at its start, with status 3"):
        async with crew(_DIES):
            pytest.fail("it never served")


async def test_a_member_that_dies_is_replaced() -> None:
    async with crew(_SERVES) as members:
        first, other = members.pids
        changed = asyncio.Event()
        members.on_change = changed.set
        watch = asyncio.create_task(members.watch())
        os.kill(first, signal.SIGKILL)
        await asyncio.wait_for(changed.wait(), 30)
        assert members.pids[1] == other
        assert members.pids[0] != first
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


async def test_members_that_keep_dying_end_the_service() -> None:
    clock = MovableClock()
    async with crew(_DIES_LATER, 1, clock=clock) as members:
        watch = asyncio.create_task(members.watch())
        for _ in range(4):  # the fifth death is one too many
            await clock.wait_for_sleepers(real_seconds=30)
            clock.advance(10)
        with pytest.raises(ServiceError, match="keeps dying; last status: 4"):
            await asyncio.wait_for(watch, 30)


async def test_a_member_that_does_not_leave_is_killed() -> None:
    async with crew(_IS_DEAF, 1, grace=0.1) as members:
        [pid] = members.pids
    assert not lives(pid)


async def test_a_hangup_is_passed_on_to_every_member_that_lives() -> None:
    async with crew(_HEARS) as members:
        members.hang_up()
        async with asyncio.timeout(30):
            while any(lives(pid) for pid in members.pids):
                await SystemClock().sleep(0.01)
        members.hang_up()
