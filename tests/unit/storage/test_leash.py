"""A child that dies with its parent."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from transfer.clock import SystemClock
from transfer.storage import leash

PARENT = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-IS", sys.argv[1], str(os.getpid()), "/bin/sleep", "60"])
print(child.pid, flush=True)
child.wait()
"""


def began(trace: Path) -> bool:
    return trace.exists()


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has buried yet doesn't."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


@pytest.mark.parametrize("as_it_begins", [False, True])
async def test_a_child_on_the_leash_dies_when_its_parent_is_killed(as_it_begins: bool) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, leash.__file__, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    child = int(await asyncio.wait_for(parent.stdout.readline(), 20))
    assert is_alive(child)
    async with asyncio.timeout(10):
        while not as_it_begins and name(child) != "sleep":
            await SystemClock().sleep(0.01)
    parent.kill()
    await parent.wait()
    async with asyncio.timeout(10):
        while is_alive(child):
            await SystemClock().sleep(0.01)


async def test_a_child_of_a_parent_that_is_gone_never_begins(tmp_path: Path) -> None:
    trace = tmp_path / "it-began"
    not_its_parent = os.getpid() + 1
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-IS",
        leash.__file__,
        str(not_its_parent),
        "/usr/bin/touch",
        str(trace),
        stderr=asyncio.subprocess.PIPE,
    )
    _, complaint = await asyncio.wait_for(child.communicate(), 20)
    assert child.returncode == 1
    assert b"parent ended" in complaint
    assert not began(trace)
