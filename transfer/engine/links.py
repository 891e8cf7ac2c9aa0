"""Links by which an operator lets somebody in: launch links that the service signs for itself."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from transfer.core.access import CUSTOMER_ROLES, Role, check_here
from transfer.core.cases import CaseNumber, confirmed
from transfer.core.errors import InvalidRequestError
from transfer.core.launches import LaunchRules
from transfer.engine.launches import LaunchIssuer
from transfer.engine.policy import Tools
from transfer.ports import AuditEvent, Method, PublicKey

OWN_ISSUER = "urn:case-transfer:self"

LINK_PURPOSE = "launch links"
"""What the seed of the key is derived for."""


class LinkKey:
    """The service's own key for links: made of 32 secret bytes that every node has."""

    def __init__(self, seed: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)

    async def keys(self, kid: str | None) -> Sequence[PublicKey]:  # noqa: ARG002 - the port's
        """Return the one public key; plays the role `transfer.ports.LaunchKeys`."""
        public = self._private.public_key().public_bytes_raw()
        return [{"kty": "OKP", "crv": "Ed25519", "x": _base64(public)}]

    def sign(self, claims: dict[str, object]) -> str:
        """Return `claims` as a signed token."""
        parts = ({"alg": "EdDSA", "typ": "JWT"}, claims)
        text = ".".join(_base64(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
        return f"{text}.{_base64(self._private.sign(text.encode()))}"


class Links:
    """Makes links for the operator. They live longer than the portal's: they are read by people."""

    def __init__(self, tools: Tools, key: LinkKey, lifetime: timedelta) -> None:
        self._tools = tools
        self._key = key
        self._lifetime = lifetime

    @property
    def issuer(self) -> LaunchIssuer:
        """The service itself as an issuer of links, which may give any role."""
        rules = LaunchRules(
            issuer=OWN_ISSUER,
            audience=OWN_ISSUER,
            roles=frozenset(Role),
            longest=self._lifetime,
        )
        return LaunchIssuer(rules=rules, keys=self._key, method=Method.LINK)

    async def make(
        self, role: Role, name: str, case_number: CaseNumber | None, *, made_by: str
    ) -> str:
        """Return the token of a new link, which is good once.

        Raises:
            CaseMissingError: no such case.
            CaseElsewhereError: another region's gateway serves it.
            InvalidRequestError: a customer's role without a case.
        """
        if role in CUSTOMER_ROLES and case_number is None:
            raise InvalidRequestError(f"A link for the role {role} needs a case.")
        if case_number is not None:
            check_here(confirmed(await self._tools.core.case(case_number)))
        now, link_id = self._tools.clock.now(), self._tools.new_id()
        claims: dict[str, object] = {
            "iss": OWN_ISSUER,
            "aud": OWN_ISSUER,
            "jti": link_id,
            "iat": now.timestamp(),
            "exp": (now + self._lifetime).timestamp(),
            "sub": f"link:{role.value}:{name}",
            "name": name,
            "role": role.value,
        }
        if case_number is not None:
            claims["case"] = case_number
        await self._tools.records.audit.record(
            AuditEvent(
                at=now,
                action="link.made",
                actor=made_by,
                case_number=case_number,
                subject=link_id,
                details={"role": role.value, "name": name},
            )
        )
        return self._key.sign(claims)


def _base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
