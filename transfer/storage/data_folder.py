"""The folder of the embedded store: private, locked, with its credentials and ports. Blocking."""

import fcntl
import json
import os
import random
import re
import secrets
import socket
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Any

from transfer.storage.weed_sockets import is_barred, remove_leftovers

PORT_NAMES = ("master", "volume", "filer", "s3", "admin")
GRPC_OFFSET = 10_000
"""SeaweedFS opens a second port this far above each one."""

# Both ports of a pair stay below 32768, where Linux begins to take ports for outgoing connections.
_CANDIDATES = range(15_000, 32_768 - GRPC_OFFSET)
_GRAVE = re.compile(r"[EF]\d{4} |panic:")
"""How lines begin that say what is wrong; after a fatal one, pages of stack traces follow."""

_PRIVATE_FOLDER = 0o700
_PRIVATE_FILE = 0o600


class EmbeddedStoreError(RuntimeError):
    """The embedded store can't run; the message is for whoever started the service."""


class DataFolder:
    """Where the embedded store keeps its bytes, and what must stay the same between two starts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.identity_path = path / "identity.json"
        self.log_path = path / "weed.log"
        self._lock_path = path / "lock"
        self._ports_path = path / "ports.json"

    def prepare(self) -> None:
        """Make the folder, for its owner alone."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.path.chmod(_PRIVATE_FOLDER)
        (self.path / "log").mkdir(exist_ok=True)

    def lock(self) -> int | None:
        """Return a descriptor that holds the folder's lock, None while another process has it.

        A child that inherits the descriptor holds the lock as well.
        """
        descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, _PRIVATE_FILE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        os.truncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        return descriptor

    def holder(self) -> str:
        """Return the process id of who locked the folder last."""
        return self._lock_path.read_text() or "unknown"

    def credentials(self) -> tuple[str, str]:
        """Return the access key and the secret key; they are made once and kept.

        Raises:
            EmbeddedStoreError: the file that keeps them is damaged.
        """
        if not self.identity_path.exists():
            _write_private(self.identity_path, _identity(secrets.token_hex(10), _secret()))
        try:
            identity = json.loads(self.identity_path.read_text())["identities"][0]
            keys = identity["credentials"][0]
            return keys["accessKey"], keys["secretKey"]
        except (ValueError, LookupError) as exc:
            raise EmbeddedStoreError(
                f"{self.identity_path} is damaged. Restore it from a backup, or remove it to have "
                "new credentials made."
            ) from exc

    def ports(self) -> dict[str, int]:
        """Return a port for each of PORT_NAMES: those of the last time, if they are free."""
        kept = self._kept_ports()
        if kept and all(pair_is_free(port) for port in kept.values()):
            return kept
        return self.fresh_ports()

    def fresh_ports(self) -> dict[str, int]:
        """Return other ports, and keep them for the next time."""
        chosen = dict(zip(PORT_NAMES, free_ports(len(PORT_NAMES)), strict=True))
        _write_private(self._ports_path, chosen)
        return chosen

    def tidy(self, ports: Mapping[str, int]) -> None:
        """Remove what the server on `ports`, which has ended, leaves outside of the folder."""
        remove_leftovers(port + GRPC_OFFSET for port in ports.values())

    def open_log(self) -> IO[bytes]:
        """Return the file for what the server prints, emptied."""
        return self.log_path.open("wb")

    def last_log_lines(self, count: int = 15) -> str:
        """Return the end of what the server has printed: of its errors, if there are any."""
        if not self.log_path.exists():
            return ""
        lines = self.log_path.read_text(errors="replace").splitlines()
        errors = [line for line in lines if _GRAVE.match(line)]
        return "\n".join((errors or lines)[-count:])

    def _kept_ports(self) -> dict[str, int] | None:
        try:
            kept = json.loads(self._ports_path.read_text())
            return {name: int(kept[name]) for name in PORT_NAMES}
        except (OSError, ValueError, LookupError, TypeError):
            return None  # there are none yet, or the file is damaged: new ones will do


def free_ports(
    count: int,
    candidates: Iterable[int] | None = None,
    is_free: Callable[[int], bool] | None = None,
) -> list[int]:
    """Return `count` ports that are free together with their second ones.

    Raises:
        EmbeddedStoreError: there aren't as many.
    """
    shuffled = random.sample(_CANDIDATES, len(_CANDIDATES)) if candidates is None else candidates
    check = is_free or pair_is_free
    chosen: list[int] = []
    for port in shuffled:
        if check(port):
            chosen.append(port)
        if len(chosen) == count:
            return chosen
    raise EmbeddedStoreError("There are not enough free ports for the embedded store.")


def pair_is_free(port: int) -> bool:
    """Whether nothing bars `port` or the one that SeaweedFS opens with it."""
    grpc_port = port + GRPC_OFFSET
    return _is_free(port) and _is_free(grpc_port) and not is_barred(grpc_port)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a connection of the last run that is still closing is no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _secret() -> str:
    return secrets.token_urlsafe(32)


def _identity(access_key: str, secret_key: str) -> dict[str, Any]:
    return {
        "identities": [
            {
                "name": "transfer",
                "credentials": [{"accessKey": access_key, "secretKey": secret_key}],
                "actions": ["Admin", "Read", "List", "Tagging", "Write"],
            }
        ]
    }


def _write_private(path: Path, content: object) -> None:
    """Write JSON that nobody else can read, whole or not at all."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
