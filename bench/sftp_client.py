"""OpenSSH's own `sftp`, driven by batches: the client most people have."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from bench.processes import BenchError, environment, output_of
from bench.workplace import Workplace

_ASKPASS = "#!/bin/sh\nprintf '%s\\n' \"$BENCH_SFTP_PASSWORD\"\n"


@dataclass(frozen=True)
class SftpTarget:
    """A server and one way to sign in: a password, or the file of a private key."""

    port: int
    user: str
    password: str = ""
    key: Path | None = None


class SftpClient:
    """Runs batches; each is a process, a connection and a sign-in of its own."""

    def __init__(self, place: Workplace, number: int = 0) -> None:
        """Have a folder for batches: clients that run at once have different numbers."""
        self._folder = place.folder(f"sftp-client-{number}")
        self._askpass = self._folder / "askpass"
        self._askpass.write_text(_ASKPASS)
        self._askpass.chmod(0o700)

    @staticmethod
    def missing() -> str:
        """Return why it can't be used, or nothing."""
        return "" if shutil.which("sftp") else "OpenSSH's sftp is not installed (openssh-client)"

    def run(self, target: SftpTarget, *lines: str, seconds: float) -> None:
        """Run the lines of a batch; the first that fails ends it with BenchError."""
        self._batch("-q", target, lines, seconds)

    def cipher(self, target: SftpTarget) -> str:
        """Return what the client and this server agree on."""
        shown = self._batch("-v", target, ["pwd"], 60)
        found = re.search(r"kex: client->server cipher: (\S+) MAC: (\S+)", shown)
        if not found:
            return "an unknown cipher"
        return found[1] if found[2] == "<implicit>" else f"{found[1]} {found[2]}"

    def _batch(
        self, loudness: str, target: SftpTarget, lines: tuple[str, ...] | list[str], seconds: float
    ) -> str:
        batch = self._folder / "batch"
        batch.write_text("\n".join([*lines, ""]))
        options = {
            # -b alone would forbid passwords; the first value given is the one that holds.
            "BatchMode": "no",
            "StrictHostKeyChecking": "no",
            "UserKnownHostsFile": "/dev/null",
            "GlobalKnownHostsFile": "/dev/null",
            "NumberOfPasswordPrompts": "1",
            "PreferredAuthentications": "publickey" if target.key else "password",
            "IdentitiesOnly": "yes",
        }
        command: list[str | Path] = ["sftp", loudness, "-F", "/dev/null"]
        command += [f"-o{name}={value}" for name, value in options.items()]
        if target.key:
            command += ["-i", target.key]
        command += ["-P", str(target.port), "-b", batch, f"{target.user}@127.0.0.1"]
        env = environment(
            SSH_ASKPASS=str(self._askpass),
            SSH_ASKPASS_REQUIRE="force",
            BENCH_SFTP_PASSWORD=target.password,
        )
        # What it says when -v is given goes to stderr, which output_of shows only on a failure.
        if loudness == "-v":
            command = ["sh", "-c", 'exec "$@" 2>&1', "sh", *command]
        return output_of(command, env=env, seconds=seconds)


def make_key(path: Path) -> Path:
    """Make an Ed25519 key without a passphrase; its public half is beside it as .pub."""
    if not shutil.which("ssh-keygen"):
        raise BenchError("ssh-keygen is not installed (openssh-client)")
    output_of(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f", path])
    return path
