"""Signatures of the audit log's seals: by one key a deployment, and told by those that are known.

The keys that the database has are no help here: who changes the log may put a key there, too.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from transfer.core.audit_chain import Seal, parse_seal
from transfer.core.errors import InvalidRequestError
from transfer.engine.receipts import ALGORITHM

PURPOSE = "audit"
"""What the signing key is derived for."""

_TYPE = "case-transfer-audit-seal"


class SealSigner:
    """Signs seals with one Ed25519 key, named by its thumbprint (RFC 7638)."""

    def __init__(self, seed: bytes) -> None:
        """Take the 32 secret bytes of the key."""
        self._key = OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(seed))
        self._key_id = self._key.thumbprint()

    def public_key(self) -> dict[str, Any]:
        """Return the public key as a JWK."""
        public = self._key.as_dict(private=False)
        return {**public, "kid": self._key_id, "use": "sig", "alg": ALGORITHM}

    def sign(self, seal: Seal) -> str:
        """Return `seal`, signed: a JWS in its compact form."""
        header = {"alg": ALGORITHM, "kid": self._key_id, "typ": _TYPE}
        return jws.serialize_compact(header, seal.statement(), self._key, algorithms=[ALGORITHM])


class SealKeys:
    """The public keys that a seal may be signed with."""

    def __init__(self, keys: Iterable[Mapping[str, Any]]) -> None:
        """Take the keys, as JWKs.

        Raises:
            InvalidRequestError: one of them is none.
        """
        try:
            self._known = KeySet.import_key_set({"keys": [dict(key) for key in keys]})
        except (JoseError, KeyError, TypeError, ValueError) as exc:
            raise InvalidRequestError("That is no set of public keys.") from exc

    def open(self, signed: str) -> Seal | None:
        """Return the seal that is signed; None if it isn't one, or by another key."""
        try:
            checked = jws.deserialize_compact(signed, self._known, algorithms=[ALGORITHM])
            if checked.headers().get("typ") != _TYPE:
                return None
            return parse_seal((checked.payload or b"").decode())
        except (JoseError, InvalidRequestError, ValueError):
            return None


def read(signed: str) -> Seal | None:
    """Return what a seal says, whoever has signed it; None if it is no seal."""
    try:
        return parse_seal(jws.extract_compact(signed.encode()).payload.decode())
    except (JoseError, InvalidRequestError, ValueError):
        return None
