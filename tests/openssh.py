"""OpenSSH's own clients, run as a customer would, but for the password that they are handed."""

import asyncio
import os
import pty
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.programs import program

HOST = "127.0.0.1"
_OPTIONS = (
    "-oBatchMode=no",  # before -b, which says yes: then there would be no password
    "-oStrictHostKeyChecking=no",
    "-oUserKnownHostsFile=/dev/null",
    "-oPreferredAuthentications=password",
    "-oNumberOfPasswordPrompts=1",
    "-oLogLevel=ERROR",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a client ended, and what it said."""

    code: int
    output: str


class OpenSsh:
    """Runs `sftp`, `scp` and `ssh` as one user; local paths are below `folder`."""

    def __init__(self, username: str, password: str, port: int, folder: Path) -> None:
        self.folder = folder
        self._login = f"{username}@{HOST}"
        self._port = port
        self._askpass = folder / "askpass"
        self._askpass.write_text(f"#!/bin/sh\necho '{password}'\n")
        self._askpass.chmod(0o700)

    async def sftp(
        self,
        *commands: str,
        port: int | None = None,
        options: str = "",
        before: str = "",
        seconds: float = 60,
    ) -> Outcome:
        """Run `commands`; the first that fails is the last.

        OpenSSH takes the first of two options of a kind: those `before` win over ours.
        """
        ours = [*before.split(), *_OPTIONS, *options.split()]
        arguments = [*ours, "-b", "-", "-P", str(port or self._port)]
        process = await asyncio.create_subprocess_exec(
            program("sftp"),
            *arguments,
            self._login,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self._environment(),
            cwd=self.folder,
        )
        return await _outcome(process, "\n".join(commands), seconds)

    async def scp(self, source: str, target: str, *, options: str = "") -> Outcome:
        """Copy a local file into the case."""
        process = await asyncio.create_subprocess_exec(
            program("scp"),
            *_OPTIONS,
            *options.split(),
            "-P",
            str(self._port),
            source,
            f"{self._login}:{target}",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self._environment(),
            cwd=self.folder,
        )
        return await _outcome(process)

    async def ssh(self, *arguments: str) -> Outcome:
        """Try for more than files."""
        process = await asyncio.create_subprocess_exec(
            program("ssh"),
            *_OPTIONS,
            "-p",
            str(self._port),
            self._login,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self._environment(),
        )
        return await _outcome(process)

    @asynccontextmanager
    async def typing(self, port: int) -> AsyncIterator["Typing"]:
        """Run `sftp` as on a terminal, where Ctrl-C ends a command and not the program."""
        terminal, its_end = pty.openpty()
        process = await asyncio.create_subprocess_exec(
            program("sftp"),
            "-q",
            *_OPTIONS,
            "-P",
            str(port),
            self._login,
            stdin=its_end,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env=self._environment(),
            cwd=self.folder,
        )
        os.close(its_end)
        try:
            yield Typing(process, terminal)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            os.close(terminal)

    def _environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.folder),
            "SSH_ASKPASS": str(self._askpass),
            "SSH_ASKPASS_REQUIRE": "force",
        }


class Typing:
    """The keyboard of a running `sftp`."""

    def __init__(self, process: asyncio.subprocess.Process, terminal: int) -> None:
        self.process = process
        self._terminal = terminal

    def type(self, command: str) -> None:
        os.write(self._terminal, f"{command}\n".encode())


async def _outcome(
    process: asyncio.subprocess.Process, typed: str = "", seconds: float = 60
) -> Outcome:
    try:
        async with asyncio.timeout(seconds):
            output, _ = await process.communicate(typed.encode() or None)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    return Outcome(process.returncode, output.decode())
