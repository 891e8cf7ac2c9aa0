"""The SFTP peer without S3: OpenSSH's sshd writing to memory, the best case of a file server."""

import contextlib
import os
import pwd
import shutil
from pathlib import Path

from bench.processes import Process, environment, output_of
from bench.servers import Server, listens
from bench.sftp_client import SftpTarget, make_key
from bench.workplace import free_port

# Demanded of an sshd that runs as root; where systemd starts it, systemd makes it.
_SEPARATION = Path("/run/sshd")


class OpenSshServer(Server):
    """An sshd of the caller's own: own host key, own configuration, loopback only, no PAM."""

    name = "OpenSSH"
    _made_separation = False

    @staticmethod
    def missing() -> str:
        """Return why it can't run here, or nothing."""
        return "" if _sshd() else "OpenSSH's sshd is not installed (openssh-server)"

    @staticmethod
    def version() -> str:
        """Return what exactly is measured."""
        # Only the client tells its version by an option; both come from one source and package.
        return output_of(["sh", "-c", "ssh -V 2>&1"]).strip()

    def start(self) -> None:
        """Start it and wait until it listens."""
        folder = self._fresh_folder()
        files = folder / "files"
        files.mkdir()
        self._port = free_port()
        self._key = make_key(folder / "client-key")
        config = folder / "sshd_config"
        settings = {
            "ListenAddress": f"127.0.0.1:{self._port}",
            "HostKey": make_key(folder / "host-key"),
            "AuthorizedKeysFile": f"{self._key}.pub",
            "PidFile": "none",
            "PermitRootLogin": "yes",
            "PasswordAuthentication": "no",
            "UsePAM": "no",
            "StrictModes": "no",  # the scratch folder's parents are open to all
            "Subsystem": f"sftp internal-sftp -d {files}",
        }
        config.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        if os.geteuid() == 0 and not _SEPARATION.exists():
            _SEPARATION.mkdir(mode=0o755)
            self._made_separation = True
        self._process = Process(
            self.name,
            [_sshd() or "sshd", "-D", "-e", "-f", config],
            log=folder / "log.txt",
            cwd=folder,
            env=environment(),
        )
        self._process.start(lambda: listens(self._port))

    def stop(self) -> None:
        """Stop it and remove its files."""
        super().stop()
        if self._made_separation:
            with contextlib.suppress(OSError):
                _SEPARATION.rmdir()

    def sftp(self) -> SftpTarget:
        """Return where to send by SFTP."""
        return SftpTarget(self._port, pwd.getpwuid(os.geteuid()).pw_name, key=self._key)


def _sshd() -> str | None:
    """Return the path of sshd, which insists on being called by its full one."""
    return shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin:/opt/homebrew/sbin")
