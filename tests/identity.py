"""An identity provider in memory, that signs whatever a test wants it to say."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import ECKey, KeyParameters, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from joserfc.registry import HeaderParameter

from tests.clock import MovableClock
from transfer.core.errors import ProviderUnavailableError, SignInFailedError
from transfer.core.identity import ProviderDescription
from transfer.ports import Redeemed

ISSUER = "https://id.example.com"
CLIENT_ID = "transfer"
REDIRECT_URI = "https://transfer.example.com/sign-in/callback"
ACCESS_TOKEN = "access-1"

SigningKey = RSAKey | ECKey | OKPKey | OctKey
_KEYS: dict[str, SigningKey] = {}


def signing_key(algorithm: str = "ES256", kid: str = "key-1") -> SigningKey:
    """Return a key for `algorithm`, made once a run: RSA takes its time."""
    name = f"{algorithm} {kid}"
    if name not in _KEYS:
        _KEYS[name] = _made(algorithm, {"kid": kid, "use": "sig"})
    return _KEYS[name]


def _made(algorithm: str, parameters: KeyParameters) -> SigningKey:
    if algorithm == "ES256":
        return ECKey.generate_key("P-256", parameters)
    if algorithm in ("EdDSA", "Ed25519"):
        return OKPKey.generate_key("Ed25519", parameters)
    return RSAKey.generate_key(2048, parameters)


class _Registry(JWSRegistry):
    """Signs in any way, by the older name of one too, and marks as critical what nobody knows."""

    def get_alg(self, name: str) -> JWSAlgModel:
        return super().get_alg("Ed25519" if name == "EdDSA" else name)


def public(key: SigningKey) -> dict[str, Any]:
    """Return the JWK that everybody may see."""
    return dict(key.as_dict(private=False))


def signed(
    claims: Mapping[str, Any], key: SigningKey, algorithm: str = "ES256", **header: object
) -> str:
    """Return `claims` as a signed token; its header names the key unless told otherwise."""
    named = {"alg": algorithm, "kid": key.kid, **header}
    chosen = {name: value for name, value in named.items() if value is not None}
    registry = _Registry(
        header_registry={"teleport": HeaderParameter("Of no specification", "bool")},
        algorithms=[algorithm, "Ed25519"],
        strict_check_header=False,
    )
    return jwt.encode(chosen, dict(claims), key, registry=registry)


def at_hash(access_token: str) -> str:
    """Return what an ID token of ES256 tells of its access token."""
    digest = hashlib.sha256(access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")


@dataclass(kw_only=True)
class FakeProvider:
    """Plays the role `transfer.ports.IdentityProvider`; what it says is the test's choice.

    A code is `code for STATE`, as `answer` gives it, and is good once.
    """

    clock: MovableClock
    key: SigningKey = field(default_factory=signing_key)
    published: list[dict[str, Any]] = field(default_factory=list)
    claims: dict[str, Any] = field(default_factory=lambda: {"groups": ["care"]})
    info: dict[str, Any] = field(default_factory=dict)
    tells_issuer: bool = False
    authorization_endpoint: str = f"{ISSUER}/auth"
    access_token: str | None = ACCESS_TOKEN
    down: bool = False
    asked_afresh: int = 0
    _asked: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def answer(self, url: str) -> dict[str, str]:
        """Authorize what `url` asks for; return the parameters that a browser comes back with."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        code = f"code for {asked['state']}"
        self._asked[code] = asked
        return {"state": asked["state"], "code": code, "iss": ISSUER}

    async def description(self) -> ProviderDescription:
        self._check_up()
        return ProviderDescription(
            issuer=ISSUER,
            authorization_endpoint=self.authorization_endpoint,
            token_endpoint=f"{ISSUER}/token",
            jwks_uri=f"{ISSUER}/keys",
            tells_issuer=self.tells_issuer,
        )

    async def keys(self, *, afresh: bool = False) -> Sequence[Mapping[str, Any]]:
        self._check_up()
        if afresh:
            self.asked_afresh += 1
            self.published = [public(self.key)]
        return self.published

    async def redeem(self, code: str, *, verifier: str, redirect_uri: str) -> Redeemed:
        self._check_up()
        asked = self._asked.pop(code, None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        if asked is None or (asked["redirect_uri"], asked["code_challenge"]) != (
            redirect_uri,
            challenge.decode().rstrip("="),
        ):
            raise SignInFailedError("bad code")
        now = self.clock.now().timestamp()
        said = {
            "iss": ISSUER,
            "aud": CLIENT_ID,
            "sub": "subject-1",
            "exp": now + 300,
            "iat": now,
            "nonce": asked["nonce"],
            "at_hash": at_hash(ACCESS_TOKEN),
            **self.claims,
        }
        return Redeemed(id_token=signed(said, self.key), access_token=self.access_token)

    async def userinfo(self, access_token: str) -> Mapping[str, Any]:
        self._check_up()
        return self.info if access_token == ACCESS_TOKEN else {}

    def _check_up(self) -> None:
        if self.down:
            raise ProviderUnavailableError("The provider is down.")
