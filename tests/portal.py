"""The customers' portal, as far as this service sees it: something that signs links."""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey

from transfer.core.access import CUSTOMER_ROLES, Role
from transfer.core.launches import LaunchRules
from transfer.engine.launches import LaunchIssuer
from transfer.identity.keysets import KnownKeys, usable_keys
from transfer.ports import Method

ISSUER = "https://portal.example.com"
AUDIENCE = "case-transfer-eu"
KID = "portal-1"


class Portal:
    """A portal with a key of its own; with `ed25519`, of that kind."""

    def __init__(self, *, ed25519: bool = False, kid: str | None = KID) -> None:
        parameters: Any = {} if kid is None else {"kid": kid}
        self.key: ECKey | OKPKey = (
            OKPKey.generate_key("Ed25519", parameters)
            if ed25519
            else ECKey.generate_key("P-256", parameters)
        )
        self._algorithm = "Ed25519" if ed25519 else "ES256"
        self._kid = kid

    @property
    def jwks(self) -> dict[str, Any]:
        """What it publishes."""
        return {"keys": [self.key.as_dict(private=False)]}

    @property
    def pem(self) -> bytes:
        """Its public key, as an operator gets it."""
        return self.key.as_pem(private=False)

    def issuer(self, *roles: Role) -> LaunchIssuer:
        """Return it as an issuer that may give `roles`, a customer's unless others are named."""
        rules = LaunchRules(
            issuer=ISSUER, audience=AUDIENCE, roles=frozenset(roles) or CUSTOMER_ROLES
        )
        return LaunchIssuer(
            rules=rules, keys=KnownKeys(usable_keys(self.jwks)), method=Method.LAUNCH
        )

    def token(
        self,
        now: datetime,
        *,
        header: Mapping[str, Any] | None = None,
        without: str | None = None,
        **changes: object,
    ) -> str:
        """Return the token of a link; `changes` are to its claims, the one `without` left out."""
        claims = {**self.claims(now), **changes}
        claims.pop(without or "", None)
        named = {} if self._kid is None else {"kid": self._kid}
        return jwt.encode(
            {"alg": self._algorithm, **named, **(header or {})},
            claims,
            self.key,
            algorithms=["ES256", "Ed25519"],
        )

    def claims(self, now: datetime) -> dict[str, Any]:
        """Return what a good link says."""
        return {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "jti": secrets.token_hex(8),
            "iat": int(now.timestamp()),
            "exp": int((now + timedelta(minutes=5)).timestamp()),
            "sub": "contact-7",
            "name": "Jo Smith",
            "case": "0003256109",
            "role": "designated",
        }
