"""Whose launch links are followed, as a role that an adapter plays."""

from collections.abc import Mapping, Sequence
from typing import Protocol

PublicKey = Mapping[str, str]
"""A public key as a JWK: `kty`, `crv`, `x`, `y`, and `kid` if it has one."""


class LaunchKeys(Protocol):
    """The public keys of an issuer."""

    async def keys(self, kid: str | None) -> Sequence[PublicKey]:
        """Return the keys that may have signed a link whose header names `kid`, or none.

        Raises:
            UnavailableError: they can't be had at the moment.
        """
