"""Digests of what is sent, and of files: Content-Digest, Repr-Digest and who wants which.

Algorithms that are unknown here are passed over, as the RFC asks; what can't be a digest of a known
one is refused, since whoever sends it wants something checked.

Source: RFC 9530.
"""

from multidict import CIMultiDictProxy

from transfer.core.errors import InvalidRequestError
from transfer.engine.checksums import ChunkChecksum
from transfer.http.structured_fields import dictionary, serialise

CONTENT_DIGEST, REPR_DIGEST, WANT_REPR_DIGEST = "Content-Digest", "Repr-Digest", "Want-Repr-Digest"

Headers = CIMultiDictProxy[str]

_SHA256 = "sha-256"
_BYTES = {_SHA256: 32, "sha-512": 64}
_OURS = {_SHA256: "sha256", "sha-512": "sha512"}


def content_checksum(headers: Headers) -> ChunkChecksum | None:
    """Return what Content-Digest declares of the request's own bytes, if anything is known of it.

    Raises:
        InvalidRequestError: the field is malformed.
    """
    checksum: ChunkChecksum | None = None
    for algorithm, digest in _digests(headers, CONTENT_DIGEST).items():
        checksum = ChunkChecksum(_OURS[algorithm], digest, checksum)
    return checksum


def promised_sha256(headers: Headers) -> str | None:
    """Return the SHA-256 that Repr-Digest promises of the whole file, if any, in lower-case hex.

    Raises:
        InvalidRequestError: the field is malformed.
    """
    digest = _digests(headers, REPR_DIGEST).get(_SHA256)
    return None if digest is None else digest.hex()


def representation_digest(headers: Headers, sha256: str) -> dict[str, str]:
    """Return Repr-Digest of a file, unless its receiver wants none that is known here."""
    wanted = dictionary(headers, WANT_REPR_DIGEST) or {}
    if wanted.get(_SHA256) == 0:
        return {}
    return {REPR_DIGEST: serialise({_SHA256: bytes.fromhex(sha256)})}


def _digests(headers: Headers, name: str) -> dict[str, bytes]:
    members = dictionary(headers, name)
    if members is None:
        raise InvalidRequestError(f"{name} looks like sha-256=:…:, with the digest in Base64.")
    digests: dict[str, bytes] = {}
    for algorithm, size in _BYTES.items():
        if algorithm not in members:
            continue
        digest = members[algorithm]
        if not isinstance(digest, bytes) or len(digest) != size:
            raise InvalidRequestError(f"{name}: a {algorithm} has {size} bytes, in Base64.")
        digests[algorithm] = digest
    return digests
