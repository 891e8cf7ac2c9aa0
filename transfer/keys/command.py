"""A master key in a KMS, asked by a program of the operator's.

The program is called in one of three ways. It answers on standard output, with one line, and
leaves with 0; its complaints on standard error go to the service's own.

    PROGRAM id                  the id of the key that wraps now: up to 200 visible characters
    PROGRAM wrap CONTEXT        standard input: 32 bytes in base64; answer: what seals them, too
    PROGRAM unwrap CONTEXT      the other way round

CONTEXT names the case, for a KMS that binds what it wraps to such a text. What was wrapped by a
former key of the KMS must still be unwrapped: what is sealed tells by which.
"""

import asyncio
import os
import re
import signal
from base64 import b64decode, b64encode
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import cast

from transfer.core.cases import CaseId
from transfer.core.errors import KeyUnavailableError
from transfer.ports import WrappedKey

_ID = re.compile(r"[\x21-\x7e]{1,200}")
_PREFIX = "command:"
_TIMEOUT = timedelta(seconds=20)
_AT_ONCE = 4
_LONGEST_ANSWER = 64 * 1024
_PARTING_SECONDS = 1


class MasterKeyCommand:
    """The master key of a KMS; plays the role `transfer.keys.masters.MasterKey`."""

    def __init__(self, program: Path, timeout: timedelta = _TIMEOUT) -> None:
        self._program = program
        self._timeout = timeout
        self._slots = asyncio.Semaphore(_AT_ONCE)

    def opens(self, master: str) -> bool:
        """Whether it was wrapped by a KMS: which of its keys it was, that one knows."""
        return master.startswith(_PREFIX)

    async def current(self) -> str:
        """Return the id of the KMS's key that wraps now."""
        answer = (await self._ask("id")).decode("utf-8", "replace")
        if not _ID.fullmatch(answer):
            raise KeyUnavailableError("The master key's command gave no id.")
        return f"{_PREFIX}{answer}"

    async def wrap(self, case_id: CaseId, key: bytes) -> WrappedKey:
        """Have a case's key wrapped."""
        # The id comes first: should the KMS change its key meanwhile, a rotation finds this one.
        master = await self.current()
        return WrappedKey(master=master, sealed=await self._transform("wrap", case_id, key))

    async def unwrap(self, case_id: CaseId, wrapped: WrappedKey) -> bytes:
        """Have a case's key unwrapped."""
        return await self._transform("unwrap", case_id, wrapped.sealed)

    async def _transform(self, verb: str, case_id: CaseId, given: bytes) -> bytes:
        answer = await self._ask(verb, f"case-transfer:{case_id}", given=b64encode(given))
        try:
            return b64decode(answer, validate=True)
        except ValueError as exc:
            raise KeyUnavailableError("The master key's command gave no base64.") from exc

    async def _ask(self, *words: str, given: bytes = b"") -> bytes:
        try:
            # Whoever waits for a slot waits for the same KMS: that counts, too.
            async with asyncio.timeout(self._timeout.total_seconds()), self._slots:
                status, answer = await self._run(words, given)
        except TimeoutError as exc:
            raise KeyUnavailableError("The master key's command takes too long.") from exc
        if status != 0:
            raise KeyUnavailableError(
                f"The master key's command failed with status {status}; try again."
            )
        return answer.strip()

    async def _run(self, words: Sequence[str], given: bytes) -> tuple[int, bytes]:
        try:
            process = await asyncio.create_subprocess_exec(
                self._program,
                *words,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as exc:
            raise KeyUnavailableError("The master key's command can't be run.") from exc
        has_ended = False
        try:
            answer = await _exchange(process, given)
            status = await process.wait()
            has_ended = True
        finally:
            if not has_ended:
                await _end(process)
        return status, answer


async def _exchange(process: asyncio.subprocess.Process, given: bytes) -> bytes:
    stdin = cast(asyncio.StreamWriter, process.stdin)
    stdout = cast(asyncio.StreamReader, process.stdout)
    stdin.write(given)
    with suppress(BrokenPipeError, ConnectionResetError):  # it may not want to know
        await stdin.drain()
    stdin.close()
    answer = b""
    while chunk := await stdout.read(_LONGEST_ANSWER):
        answer += chunk
        if len(answer) > _LONGEST_ANSWER:
            raise KeyUnavailableError("The master key's command says too much.")
    return answer


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a program and all that it has started: any of them may hold its output open."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(TimeoutError):
        async with asyncio.timeout(_PARTING_SECONDS):
            await process.wait()
