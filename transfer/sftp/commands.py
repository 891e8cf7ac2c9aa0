"""The few commands that are answered: which digests files have, and which shell this is.

No shell and no program is behind them: what is asked for is told from the records of the case.
rclone asks which shell it is, whether `sha1sum` tells the digest of nothing, and then after each
file that it has sent what its digest is. `md5sum` doesn't tell that of nothing, so that rclone
takes SHA-1, which costs a third; of a file that is named, it tells MD5 too.
"""

import hashlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from transfer.core.errors import (
    EntryMissingError,
    IsAFolderError,
    NotAFolderError,
    TransferError,
)
from transfer.sftp.filesystem import CaseFileSystem
from transfer.sftp.hashes import CaseHashes

_SHELL_PROBE = "echo ${ShellId}%ComSpec%"
_MOST_CHARACTERS = 64 * 1024
_SUMS = {
    "md5sum": "md5",
    "sha1sum": "sha1",
    "sha256sum": "sha256",
    "sha512sum": "sha512",
}
_MODES = frozenset({"-b", "-t", "--binary", "--text"})
"""How to read a file on systems where that makes a difference."""

FAILED = 1


class Output(Protocol):
    """Where a command writes to."""

    def write(self, data: bytes, /) -> None:
        """Send bytes to the client."""

    async def drain(self) -> None:
        """Wait until it takes more."""


class Input(Protocol):
    """Where a command reads from."""

    async def read(self, n: int = -1, /) -> bytes:
        """Return some bytes, none at the end."""


@dataclass(frozen=True, slots=True)
class ShellProbe:
    """A question which shell this is, in words that every one of them answers in its own way."""

    async def run(self, _files: CaseFileSystem, _input: Input, output: Output, _: Output) -> int:
        """Answer as a POSIX shell."""
        output.write(b"%ComSpec%\n")
        return 0


@dataclass(frozen=True, slots=True)
class SumCommand:
    """`sha256sum` and its like, of files of the case; without any, of an empty input."""

    name: str
    algorithm: str
    paths: Sequence[str]

    async def run(
        self, files: CaseFileSystem, source: Input, output: Output, errors: Output
    ) -> int:
        """Write a line a file, return the exit status."""
        if not self.paths:
            files.hashes.expect(self.algorithm)
            return await self._sum_input(source, output, errors)
        status = 0
        for path in self.paths:
            try:
                sent = path.encode("utf-8", "surrogateescape")
                digest = await files.working("exec", self._digest(files.hashes, sent), sent)
            except TransferError as exc:
                errors.write(f"{self.name}: {_shown(path)[1]}: {_reason(exc)}\n".encode())
                status = FAILED
            else:
                mark, name = _shown(path)
                output.write(f"{mark}{digest}  {name}\n".encode())
            await output.drain()
        return status

    async def _digest(self, hashes: CaseHashes, path: bytes) -> str:
        return await hashes.digest(await hashes.received(path), self.algorithm)

    async def _sum_input(self, source: Input, output: Output, errors: Output) -> int:
        if await source.read(1):
            errors.write(f"{self.name}: only files of the case are read here\n".encode())
            return FAILED
        digest = hashlib.new(self.algorithm, usedforsecurity=False).hexdigest()
        output.write(f"{digest}  -\n".encode())
        return 0


Command = ShellProbe | SumCommand


def parse_command(line: str) -> Command | None:
    """Return the command that a client means, None if it is none of those that are answered."""
    if line == _SHELL_PROBE:
        return ShellProbe()
    if len(line) > _MOST_CHARACTERS:
        return None
    try:
        words = shlex.split(line)
    except ValueError:
        return None
    return _sum_command(words)


def _sum_command(words: Sequence[str]) -> SumCommand | None:
    name, *arguments = words or ("",)
    if name == "rclone":
        return _of_rclone(arguments)
    algorithm = _SUMS.get(name)
    if algorithm is None:
        return None
    while arguments and arguments[0] in _MODES:
        del arguments[0]
    if arguments and arguments[0] == "--":
        del arguments[0]
    elif any(argument.startswith("-") for argument in arguments):
        return None
    return _offered(name, algorithm, arguments)


def _of_rclone(arguments: Sequence[str]) -> SumCommand | None:
    """Return what `rclone sha1sum` and `rclone hashsum sha256` mean: rclone asks in these words."""
    if arguments[:1] == ["hashsum"]:
        name, paths = f"{''.join(arguments[1:2])}sum", arguments[2:]
    else:
        name, paths = "".join(arguments[:1]), arguments[1:]
    algorithm = _SUMS.get(name)
    return _offered(name, algorithm, paths) if algorithm else None


def _offered(name: str, algorithm: str, paths: Sequence[str]) -> SumCommand | None:
    if algorithm == "md5" and not paths:
        return None
    return SumCommand(name, algorithm, tuple(paths))


def _shown(path: str) -> tuple[str, str]:
    """Return a path as a line of such a command shows it, and the mark of a line that escapes."""
    escaped = path.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return ("\\" if escaped != path else "", escaped)


def _reason(error: TransferError) -> str:
    if isinstance(error, EntryMissingError | NotAFolderError):
        return "No such file or directory"
    if isinstance(error, IsAFolderError):
        return "Is a directory"
    return error.message
