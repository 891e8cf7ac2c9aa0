"""The folder of a service on one machine: what is in it, and who may run on it. Blocking."""

import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from transfer.core.errors import ConflictError
from transfer.settings import Settings, SettingsError, variable

SERVICE = "service"
"""The announcement of the whole service; a part of a deployment announces itself by its name."""

SEALING_KEY_BYTES = 32
_LOOK_SECONDS = 0.05
_LOOKS = 10
_PRIVATE_FOLDER = 0o700
_PRIVATE_FILE = 0o600


class FolderInUseError(ConflictError):
    """Another service runs on the folder."""

    code = "folder-in-use"


class ServiceFolder:
    """Where a service keeps its records, keys and, embedded, its objects; for its owner alone."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.records_path = self.path / "records.db"
        self.store_path = self.path / "store"
        self.host_keys_path = self.path / "hostkeys"
        self.spool_path = self.path / "spool"
        self._key_path = self.path / "sealing.key"
        self._lock_path = self.path / "service.lock"

    def prepare(self) -> None:
        """Make the folder, if it isn't there.

        Raises:
            SettingsError: it can't be made or written.
        """
        try:
            self.path.mkdir(_PRIVATE_FOLDER, parents=True, exist_ok=True)
        except OSError as exc:
            fault = f"{variable('data')}: the folder can't be made ({exc.strerror})."
            raise SettingsError([fault]) from exc
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise SettingsError([f"{variable('data')}: the folder can't be written to."])

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the one service on this folder. The lock ends with the process, however that ends.

        Raises:
            FolderInUseError: another one is.
        """
        descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, _PRIVATE_FILE)
        try:
            if not _locked(descriptor, fcntl.LOCK_EX):
                holder = os.read(descriptor, 32).decode(errors="replace") or "unknown"
                raise FolderInUseError(
                    f"Process {holder} serves the folder {self.path} already: stop it first, "
                    "or choose another folder with --data."
                )
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            yield
        finally:
            os.close(descriptor)

    def is_served(self) -> bool:
        """Whether a service is on this folder now."""
        try:
            descriptor = os.open(self._lock_path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            return not _locked(descriptor, fcntl.LOCK_SH, looks=1)
        finally:
            os.close(descriptor)

    def sealing_key(self, settings: Settings) -> bytes:
        """Return the key that seals passwords: the operator's, or one made once and kept here.

        Raises:
            SettingsError: the file isn't a key.
        """
        if settings.sealing_key_file is not None:
            return _read_key(settings.sealing_key_file)
        if not self._key_path.exists():
            _create_private(self._key_path, secrets.token_bytes(SEALING_KEY_BYTES))
        return _read_key(self._key_path)

    def announce(self, name: str, content: Mapping[str, Any]) -> None:
        """Write `name`.json, whole or not at all, for others on this machine to find a service."""
        path = self._announcement(name)
        draft = path.with_suffix(f".{secrets.token_hex(4)}")
        _write_private(draft, json.dumps(content, indent=2).encode() + b"\n")
        draft.replace(path)

    def announced(self, name: str) -> dict[str, Any] | None:
        """Return what was announced last; it may be over since, without a word."""
        try:
            content = json.loads(self._announcement(name).read_bytes())
        except (OSError, ValueError):
            return None
        return content if isinstance(content, dict) else None

    def withdraw(self, name: str) -> None:
        """Remove an announcement."""
        self._announcement(name).unlink(missing_ok=True)

    def _announcement(self, name: str) -> Path:
        return self.path / f"{name}.json"


def _locked(descriptor: int, kind: int, *, looks: int = _LOOKS) -> bool:
    """Lock a file, unless it is locked; who only looks whether it is holds it for an instant."""
    for look in range(looks):
        if look:
            time.sleep(_LOOK_SECONDS)
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        return True
    return False


def _read_key(path: Path) -> bytes:
    expected = f"{variable('sealing_key_file')}: expected {path} to be a file of 32 random bytes"
    try:
        key = path.read_bytes()
    except OSError as exc:
        raise SettingsError([f"{expected} ({exc.strerror})."]) from exc
    if len(key) != SEALING_KEY_BYTES:
        raise SettingsError([f"{expected}; it has {len(key)}."])
    return key


def _create_private(path: Path, content: bytes) -> None:
    """Write a file unless another process does so first; never half of it."""
    draft = path.with_suffix(f".{secrets.token_hex(4)}")
    _write_private(draft, content)
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return
    finally:
        draft.unlink()


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
