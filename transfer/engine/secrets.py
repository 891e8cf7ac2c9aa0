"""Secrets: made here, kept as hashes, and sealed where they have to be shown again."""

import hashlib
import os
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12
_ALPHABET = "23456789abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
_PASSWORD_LENGTH = 24
_USERNAME_LENGTH = 10


def new_id() -> str:
    """Return an id of 128 random bits that is safe in a URL and says nothing."""
    return secrets.token_hex(16)


def new_password() -> str:
    """Return a password of 24 characters that aren't mistaken for each other: 139 bits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_PASSWORD_LENGTH))


def new_username(case_number: str) -> str:
    """Return a user name that tells an analyst the case, and nobody the next one."""
    tail = "".join(secrets.choice(_ALPHABET[:31]) for _ in range(_USERNAME_LENGTH))
    return f"c{case_number}-{tail}"


def secret_hash(secret: str) -> bytes:
    """Return the SHA-256 of a secret of at least 128 random bits, which needs no slower hash."""
    return hashlib.sha256(secret.encode()).digest()


class Sealer:
    """AES-256-GCM under one key, each sealed value bound to the row that it stands in.

    Shape of a sealed value: key id (4 bytes), nonce (12), ciphertext and tag.
    """

    def __init__(self, key: bytes) -> None:
        """Take a `key` of 32 bytes.

        Raises:
            ValueError: a key of another length.
        """
        if len(key) != 32:
            raise ValueError("the sealing key has 32 bytes")
        self._key = key
        self._aead = AESGCM(key)
        self._key_id = hashlib.sha256(b"key id" + key).digest()[:4]

    def seal(self, text: str, row: str) -> bytes:
        """Encrypt `text`, for `row` only."""
        nonce = os.urandom(_NONCE_BYTES)
        return self._key_id + nonce + self._aead.encrypt(nonce, text.encode(), row.encode())

    def derive(self, purpose: str) -> bytes:
        """Return 32 secret bytes for `purpose`: the same on every node, and nothing tells the key.

        Source: RFC 5869.
        """
        info = b"case-transfer " + purpose.encode()
        return HKDF(hashes.SHA256(), length=32, salt=None, info=info).derive(self._key)

    def open(self, sealed: bytes, row: str) -> str | None:
        """Return what was sealed for `row`; None if it was by another key, or tampered with."""
        key_id, nonce, ciphertext = sealed[:4], sealed[4:16], sealed[16:]
        if key_id != self._key_id:
            return None
        try:
            return self._aead.decrypt(nonce, ciphertext, row.encode()).decode()
        except InvalidTag:
            return None
