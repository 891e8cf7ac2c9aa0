"""The keys by which clients recognise the SFTP server: made once, and kept. Blocking."""

import contextlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import asyncssh
from asyncssh import SSHKey, SSHKeyPair

_ED25519 = "ssh_host_ed25519_key"
_RSA = "ssh_host_rsa_key"
_BEGUN = ".making-host-keys"
"""There while the two keys are made: where only one is, tells an operator's own from a start that
ended half way, or is under way."""

_RSA_BITS = 3072
_PRIVATE_FILE = 0o600
_PRIVATE_FOLDER = 0o700
_RSA_SIGNATURES = (b"rsa-sha2-512", b"rsa-sha2-256")


class HostKeyError(RuntimeError):
    """The host keys can't be used; the message is for whoever started the service."""


@dataclass(frozen=True, slots=True)
class HostKeys:
    """Private keys, loaded: to read and check them at each connection would cost more than it."""

    keys: tuple[SSHKey, ...]

    @property
    def fingerprints(self) -> list[str]:
        """What people compare on their first connection, like `SHA256:…`."""
        return [key.get_fingerprint("sha256") for key in self.keys]

    @property
    def public_lines(self) -> list[str]:
        """The public keys, as they stand in a known_hosts file behind the host's name."""
        return [key.export_public_key("openssh").decode().strip() for key in self.keys]

    def pairs(self) -> list[SSHKeyPair]:
        """Return the keys for asyncssh: one object a signature algorithm, SHA-1 not among them.

        asyncssh sets the algorithm in the object when a client chooses it. Were there one for all
        connections, two of them at once could get each other's.
        """
        return [pair for key in self.keys for pair in _pairs(key)]


def load_host_keys(folder: Path) -> HostKeys:
    """Return the host keys in `folder`; made and kept there if it has none.

    Processes that start together end up with the same keys.

    Raises:
        HostKeyError: a key is damaged, or none can be kept.
    """
    paths, mark = (folder / _ED25519, folder / _RSA), folder / _BEGUN
    try:
        if not any(path.exists() for path in paths) or mark.exists():
            folder.mkdir(parents=True, exist_ok=True, mode=_PRIVATE_FOLDER)
            mark.touch()
            _make(*paths)
            mark.unlink(missing_ok=True)
        return HostKeys(tuple(_read(path) for path in paths if path.exists()))
    except OSError as exc:
        raise HostKeyError(f"The SFTP host keys in {folder} can't be kept: {exc}.") from exc


def _make(ed25519: Path, rsa: Path) -> None:
    """Make those that are missing."""
    if not rsa.exists():
        _keep(rsa, asyncssh.generate_private_key("ssh-rsa", key_size=_RSA_BITS))
    if not ed25519.exists():
        _keep(ed25519, asyncssh.generate_private_key("ssh-ed25519"))


def _keep(path: Path, key: SSHKey) -> None:
    """Write `key`, unless another process was faster."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(key.export_private_key("openssh"))
            file.flush()
            os.fsync(descriptor)
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()


def _read(path: Path) -> SSHKey:
    try:
        return asyncssh.read_private_key(path)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as exc:
        raise HostKeyError(
            f"{path} is no private key that can be used: restore it from a backup. Without it, "
            "clients are warned that the server is another one."
        ) from exc


def _pairs(key: SSHKey) -> list[SSHKeyPair]:
    if key.get_algorithm() != "ssh-rsa":
        return list(asyncssh.load_keypairs([key]))
    pairs = []
    for algorithm in _RSA_SIGNATURES:
        [pair] = asyncssh.load_keypairs([key])
        pair.set_sig_algorithm(algorithm)
        pair.host_key_algorithms = (algorithm,)
        pairs.append(pair)
    return pairs
