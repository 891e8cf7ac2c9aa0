"""Public keys as people give them, read by `cryptography`: text alone, never the name of a file."""

import base64
import binascii
from collections.abc import Iterable

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_ssh_public_key,
)

from transfer.core.accounts import MOST_KEYS
from transfer.core.errors import InvalidRequestError
from transfer.core.public_keys import PublicKey

_ALGORITHMS = frozenset(
    {"ssh-ed25519", "ssh-rsa"} | {f"ecdsa-sha2-nistp{bits}" for bits in (256, 384, 521)}
)
_LONGEST = 16 * 1024
_LONGEST_COMMENT = 100
_LEAST_RSA_BITS = 2048
_MOST_RSA_BITS = 16 * 1024  # a signature by more costs the server too much
_PUTTY_BEGIN, _PUTTY_END = "---- BEGIN SSH2 PUBLIC KEY ----", "---- END SSH2 PUBLIC KEY ----"
_PRIVATE = ("PRIVATE KEY", "PuTTY-User-Key-File")
_EXPECTED = (
    "A key is a public one as ssh-keygen or PuTTYgen shows it, like `ssh-ed25519 AAAA…`: Ed25519, "
    f"ECDSA, or RSA of {_LEAST_RSA_BITS} to {_MOST_RSA_BITS} bits."
)


def read_public_keys(texts: Iterable[str]) -> tuple[PublicKey, ...]:
    """Return the keys that `texts` are, each once.

    Raises:
        InvalidRequestError: one is no key that may sign anybody in, or they are too many.
    """
    keys = {key.blob: key for key in map(read_public_key, texts)}
    if len(keys) > MOST_KEYS:
        raise InvalidRequestError(f"An account has at most {MOST_KEYS} keys.")
    return tuple(keys.values())


def keys_in(text: str) -> list[str]:
    """Return the keys in `text`, not looked at yet: a line each, or a file of PuTTYgen's."""
    keys: list[str] = []
    is_open = False
    for line in text.splitlines():
        if is_open:
            keys[-1] += f"\n{line}"
        elif line.strip() and not line.startswith("#"):
            keys.append(line.strip())
        is_open = line.startswith(_PUTTY_BEGIN) or (is_open and not line.startswith(_PUTTY_END))
    return keys


def read_public_key(text: str) -> PublicKey:
    """Return the key that `text` is: a line of OpenSSH's, or a file of PuTTYgen's (RFC 4716).

    Raises:
        InvalidRequestError: it is none, or one that may sign nobody in.
    """
    if any(mark in text for mark in _PRIVATE):
        raise InvalidRequestError(
            "This is a private key: it has to stay with whoever it is of. Make a new pair, and "
            "give its public key here."
        )
    algorithm, encoded, comment = _fields(text.strip())
    if algorithm not in _ALGORITHMS:  # a certificate would be read as its key
        raise InvalidRequestError(_EXPECTED)
    try:
        key = load_ssh_public_key(f"{algorithm} {encoded}".encode("ascii"))
        written = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode("ascii")
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise InvalidRequestError(_EXPECTED) from exc
    if not _is_strong(key):
        raise InvalidRequestError(_EXPECTED)
    algorithm, encoded = written.split(" ")
    return PublicKey(algorithm=algorithm, blob=base64.b64decode(encoded), comment=comment)


def _is_strong(key: object) -> bool:
    if isinstance(key, RSAPublicKey):
        return _LEAST_RSA_BITS <= key.key_size <= _MOST_RSA_BITS
    return isinstance(key, Ed25519PublicKey | EllipticCurvePublicKey)


def _fields(text: str) -> tuple[str, str, str]:
    """Return algorithm, Base64 and comment of a key."""
    if len(text) > _LONGEST:
        raise InvalidRequestError(_EXPECTED)
    if text.startswith(_PUTTY_BEGIN):
        return _putty_fields(text.splitlines()[1:])
    fields = text.split(None, 2)
    if len(fields) < 2 or "\n" in text:
        raise InvalidRequestError(_EXPECTED)
    return fields[0], fields[1], _shown("".join(fields[2:]))


def _putty_fields(lines: list[str]) -> tuple[str, str, str]:
    encoded, comment, goes_on = "", "", False
    for line in lines:
        if line.startswith(_PUTTY_END):
            break
        name, colon, value = line.partition(":")
        if not (colon or goes_on):
            encoded += line.strip()
        elif name.lower() == "comment":
            comment = value.strip().strip('"')
        goes_on = (bool(colon) or goes_on) and line.endswith("\\")
    try:
        blob = base64.b64decode(encoded, validate=True)
        algorithm = blob[4 : 4 + int.from_bytes(blob[:4], "big")].decode("ascii")
    except (binascii.Error, UnicodeDecodeError) as exc:
        raise InvalidRequestError(_EXPECTED) from exc
    return algorithm, encoded, _shown(comment)


def _shown(comment: str) -> str:
    """Return a comment as it may be shown; none rather than one that would disturb."""
    comment = comment.strip()
    return comment[:_LONGEST_COMMENT] if comment.isprintable() else ""
