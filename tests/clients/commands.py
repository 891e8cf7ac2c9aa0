"""Programs, run to their end as a user would."""

import asyncio
import os
import re
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tests.clients.client import Outcome
from tests.programs import program
from tests.service import environment

_SECONDS = 60.0


async def run(
    *words: str | Path,
    folder: Path,
    typed: str = "",
    env: Mapping[str, str] | None = None,
    seconds: float = _SECONDS,
) -> Outcome:
    """Run a program in `folder`, which is its home too, and return how it ended.

    It has a session of its own, so that nothing it started is left when it takes too long.
    """
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=folder,
        env={**environment(), "HOME": str(folder), **(env or {})},
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(seconds):
            output, _ = await process.communicate(typed.encode())
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        raise
    assert process.returncode is not None
    return Outcome(process.returncode, output.decode(errors="replace"))


def version_of(name: str, *words: str, pattern: str) -> str:
    """Return the version that a program tells of itself, where `pattern` has its group."""
    done = subprocess.run(  # noqa: S603 - our own words
        [program(name), *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=30,
        check=False,
    )
    found = re.search(pattern, done.stdout)
    assert found, done.stdout
    return found[1]
