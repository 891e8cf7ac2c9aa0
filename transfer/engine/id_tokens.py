"""ID tokens: read only if a key of the provider's has signed them, in a way that is allowed."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import import_key
from joserfc.jws import JWSRegistry, extract_compact

from transfer.core.identity import ALGORITHMS, ClaimError

_KEY_TYPES = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP", "Ed25519": "OKP"}
_CURVES = {"ES256": "P-256", "EdDSA": "Ed25519", "Ed25519": "Ed25519"}
_SHORTEST_MODULUS = 342
"""What 2048 bits take in Base64url."""


class UnknownKeyError(ValueError):
    """No key fits, or more than one: the provider may have new ones."""


class _Registry(JWSRegistry):
    """The library's rules, with room for the certificates that some providers put into a header."""

    max_header_length = 16_384

    def get_alg(self, name: str) -> JWSAlgModel:
        """Return an algorithm; `EdDSA` is the older name of what has two now (RFC 9864)."""
        return super().get_alg("Ed25519" if name == "EdDSA" else name)


_REGISTRY = _Registry(algorithms=ALGORITHMS, strict_check_header=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedClaims:
    """What an ID token says, and by which algorithm it was signed."""

    claims: Mapping[str, Any]
    algorithm: str


def open_id_token(token: str, keys: Sequence[Mapping[str, Any]]) -> SignedClaims:
    """Return what `token` says. Its signature is good; nothing else of it has been checked.

    Raises:
        UnknownKeyError: none of `keys` is its own.
        ClaimError: its form, its algorithm or its signature is bad.
    """
    with _refused():
        header = extract_compact(token.encode(), registry=_REGISTRY).headers()
    algorithm = header.get("alg")
    if algorithm not in ALGORITHMS:
        raise ClaimError("alg")
    fitting = [key for key in keys if _fits(key, algorithm, header.get("kid"))]
    if len(fitting) != 1:
        raise UnknownKeyError("kid")
    with _refused():
        # Its `alg` has been looked at, and the library knows but one of the names of EdDSA.
        key = import_key({name: fitting[0][name] for name in fitting[0] if name != "alg"})
        opened = jwt.decode(token, key, registry=_REGISTRY)
    return SignedClaims(claims=opened.claims, algorithm=algorithm)


def _fits(key: Mapping[str, Any], algorithm: str, kid: object) -> bool:
    """Whether a JWK may be the one; without a `kid` it has to be the only one of its kind."""
    if kid is not None and key.get("kid") != kid:
        return False
    if key.get("kty") != _KEY_TYPES[algorithm] or key.get("crv") != _CURVES.get(algorithm):
        return False
    if key.get("use", "sig") != "sig" or key.get("alg", algorithm) != algorithm:
        return False
    return "n" not in key or len(str(key["n"])) >= _SHORTEST_MODULUS


@contextmanager
def _refused() -> Iterator[None]:
    """Tell whatever the library can't read as a signature that isn't good."""
    try:
        yield
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as exc:
        raise ClaimError("signature") from exc
