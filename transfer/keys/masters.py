"""Master keys: the one that wraps now, and those that open what they wrapped before."""

import hashlib
import os
from collections.abc import Sequence
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from transfer.core.cases import CaseId
from transfer.core.errors import KeyUnavailableError, StoreUnavailableError
from transfer.ports import WrappedKey

MASTER_KEY_BYTES = 32
_NONCE_BYTES = 12


class MasterKey(Protocol):
    """One source of master keys."""

    def opens(self, master: str) -> bool:
        """Whether what the master key of that id wrapped is for this source to open."""

    async def current(self) -> str:
        """Return the id of the master key that `wrap` uses now."""

    async def wrap(self, case_id: CaseId, key: bytes) -> WrappedKey:
        """Encrypt a case's key."""

    async def unwrap(self, case_id: CaseId, wrapped: WrappedKey) -> bytes:
        """Return what was wrapped for that case."""


class MasterKeyChain:
    """Plays the role `transfer.ports.MasterKeys` by several sources: the first one wraps."""

    def __init__(self, sources: Sequence[MasterKey]) -> None:
        """Take `sources`, one or more, the newest first."""
        self._sources = tuple(sources)
        self._openers: dict[str, MasterKey] = {}

    def opens(self, master: str) -> bool:
        """Whether some source opens what the master key of that id wrapped."""
        return any(source.opens(master) for source in self._sources)

    async def current(self) -> str:
        """Return the id of the master key that `wrap` uses now."""
        return await self._sources[0].current()

    async def wrap(self, case_id: CaseId, key: bytes) -> WrappedKey:
        """Encrypt a case's key by the newest master key."""
        return await self._sources[0].wrap(case_id, key)

    async def unwrap(self, case_id: CaseId, wrapped: WrappedKey) -> bytes:
        """Return what was wrapped for that case, by whichever master key.

        Of several KMS none tells whether a key is one of its own, other than by unwrapping it.
        """
        problem: StoreUnavailableError = KeyUnavailableError(
            f"The master key {wrapped.master} isn't set here."
        )
        for source in self._likeliest_first(wrapped.master):
            try:
                key = await source.unwrap(case_id, wrapped)
            except StoreUnavailableError as exc:
                problem = exc
            else:
                self._openers[wrapped.master] = source
                return key
        raise problem

    def _likeliest_first(self, master: str) -> list[MasterKey]:
        able = [source for source in self._sources if source.opens(master)]
        return sorted(able, key=lambda source: source is not self._openers.get(master))


class MasterKeyFile:
    """A master key of 32 bytes that is at hand: AES-256-GCM, what it wraps bound to its case.

    Shape of what is sealed: nonce (12 bytes), ciphertext and tag.
    """

    def __init__(self, key: bytes) -> None:
        """Take a `key` of 32 bytes.

        Raises:
            ValueError: a key of another length.
        """
        if len(key) != MASTER_KEY_BYTES:
            raise ValueError("a master key has 32 bytes")
        self._aead = AESGCM(key)
        self.id = f"file:{hashlib.sha256(b'master key ' + key).hexdigest()[:16]}"

    def opens(self, master: str) -> bool:
        """Whether it is this one."""
        return master == self.id

    async def current(self) -> str:
        """Return its id, which comes from the key itself: every node gets the same."""
        return self.id

    async def wrap(self, case_id: CaseId, key: bytes) -> WrappedKey:
        """Encrypt a case's key."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + self._aead.encrypt(nonce, key, case_id.encode())
        return WrappedKey(master=self.id, sealed=sealed)

    async def unwrap(self, case_id: CaseId, wrapped: WrappedKey) -> bytes:
        """Return what was wrapped for that case.

        Raises:
            StoreUnavailableError: it is another case's, or was tampered with.
        """
        nonce, ciphertext = wrapped.sealed[:_NONCE_BYTES], wrapped.sealed[_NONCE_BYTES:]
        try:
            return self._aead.decrypt(nonce, ciphertext, case_id.encode())
        except (InvalidTag, ValueError) as exc:
            raise StoreUnavailableError("The key of this case is damaged in the records.") from exc
