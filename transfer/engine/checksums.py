"""The checksum of one chunk on its way, as a client declares it with the chunk."""

import base64
import hashlib
import hmac
from typing import Protocol

from awscrt import checksums

from transfer.core.errors import ChecksumMismatchError, UnsupportedAlgorithmError
from transfer.ports import Buffer

ALGORITHMS = ("sha1", "sha256", "crc32c")
"""What tus clients are offered, in the order in which it is announced; tus demands sha1."""

_DIGEST_BYTES = {"sha1": 20, "sha256": 32, "sha512": 64, "crc32c": 4}


class _Hash(Protocol):
    def update(self, data: Buffer, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc32c:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: Buffer, /) -> None:
        self._value = checksums.crc32c(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


class ChunkChecksum:
    """A declared checksum, fed with the chunk's bytes and compared at its end."""

    def __init__(
        self, algorithm: str, expected: bytes, also: "ChunkChecksum | None" = None
    ) -> None:
        """Expect the bytes to come to `expected`, the raw digest, and to what `also` expects.

        Raises:
            UnsupportedAlgorithmError: not one of ours, or a digest of another length.
        """
        if algorithm not in _DIGEST_BYTES:
            raise _not_offered()
        if len(expected) != _DIGEST_BYTES[algorithm]:
            raise UnsupportedAlgorithmError(f"A {algorithm} has {_DIGEST_BYTES[algorithm]} bytes.")
        self._also = also
        self._expected = expected
        self._hash: _Hash = (
            _Crc32c() if algorithm == "crc32c" else hashlib.new(algorithm, usedforsecurity=False)
        )

    @classmethod
    def parse(cls, header: str, also: "ChunkChecksum | None" = None) -> "ChunkChecksum":
        """Return what `header` declares: an algorithm, a space, the digest in Base64.

        Raises:
            UnsupportedAlgorithmError: not offered, or malformed.

        Source: tus 1.0.0, Upload-Checksum.
        """
        algorithm, _, encoded = header.strip().partition(" ")
        if algorithm.lower() not in ALGORITHMS:
            raise _not_offered()
        try:
            expected = base64.b64decode(encoded.strip(), validate=True)
        except ValueError as exc:
            raise UnsupportedAlgorithmError("A checksum is sent in Base64.") from exc
        return cls(algorithm.lower(), expected, also)

    def update(self, data: Buffer) -> None:
        """Add the next bytes of the chunk."""
        self._hash.update(data)
        if self._also is not None:
            self._also.update(data)

    def verify(self) -> None:
        """Compare.

        Raises:
            ChecksumMismatchError: the chunk was damaged.
        """
        if not hmac.compare_digest(self._hash.digest(), self._expected):
            raise ChecksumMismatchError("The chunk was damaged on its way: send it again.")
        if self._also is not None:
            self._also.verify()


def _not_offered() -> UnsupportedAlgorithmError:
    return UnsupportedAlgorithmError(f"Checksum algorithms offered here: {', '.join(ALGORITHMS)}.")
