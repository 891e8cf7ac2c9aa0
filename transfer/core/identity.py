"""What an identity provider says of a person, and whether it may be believed."""

import base64
import hashlib
import hmac
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeGuard
from urllib.parse import urlsplit

from transfer.core.access import Role

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
"""By what an ID token may be signed. Never by nothing, and never by a shared secret."""

CLOCK_SKEW = timedelta(seconds=60)
_LONGEST_CLAIM = 255
_PLAIN = re.compile(r"[!-~]{1,2000}")
_LOOPBACK = re.compile(r"localhost|127(\.[0-9]{1,3}){3}|::1")
_MOST_GROUPS = 1000


class ClaimError(ValueError):
    """An ID token that says something else than it has to; the message names the claim alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderDescription:
    """What a provider says of itself (OpenID Connect Discovery 1.0).

    `tells_issuer`: its answers to the browser carry `iss` (RFC 9207).
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods: tuple[str, ...] = ("client_secret_basic",)
    tells_issuer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What an ID token has to say."""

    issuer: str
    client_id: str
    nonce: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffGroups:
    """Which of the provider's groups are which role here; names are compared exactly."""

    claim: str = "groups"
    analysts: frozenset[str] = frozenset()
    admins: frozenset[str] = frozenset()


def is_trusted_url(url: str) -> bool:
    """Whether secrets may be sent to `url`: by HTTPS, or without leaving the machine."""
    try:
        parsed = urlsplit(url)
        host = parsed.hostname
        port_is_good = parsed.port != 0
    except ValueError:
        return False
    if (
        not host
        or not port_is_good
        or "@" in parsed.netloc
        or "#" in url
        or not _PLAIN.fullmatch(url)
    ):
        return False
    is_local = _LOOPBACK.fullmatch(host) is not None
    return parsed.scheme == "https" or (parsed.scheme == "http" and is_local)


def check_claims(claims: Mapping[str, Any], expected: Expected, now: datetime) -> str:
    """Return the subject of an ID token whose signature is good.

    Raises:
        ClaimError: it is another issuer's, for another client, of another sign-in, or out of date.

    Source: OpenID Connect Core 1.0, 3.1.3.7.
    """
    if claims.get("iss") != expected.issuer:
        raise ClaimError("iss")
    _check_audience(claims, expected.client_id)
    seconds = now.timestamp()
    skew = CLOCK_SKEW.total_seconds()
    if _number(claims, "exp") + skew <= seconds:
        raise ClaimError("exp")
    if _number(claims, "iat") - skew > seconds:
        raise ClaimError("iat")
    if "nbf" in claims and _number(claims, "nbf") - skew > seconds:
        raise ClaimError("nbf")
    if not _is_same(claims.get("nonce"), expected.nonce):
        raise ClaimError("nonce")
    subject = claims.get("sub")
    if not _is_short(subject) or not subject.isascii():
        raise ClaimError("sub")
    return subject


def check_at_hash(claims: Mapping[str, Any], access_token: str | None, algorithm: str) -> None:
    """Raise unless the access token is the one that the ID token was issued with, if it says.

    Raises:
        ClaimError: it is another one.

    Source: OpenID Connect Core 1.0, 3.1.3.6; for EdDSA with Ed25519 the hash is SHA-512.
    """
    told = claims.get("at_hash")
    if told is None or access_token is None:
        return
    hashed = hashlib.sha512 if algorithm.startswith("Ed") else hashlib.sha256
    digest = hashed(access_token.encode("utf-8", "replace")).digest()
    half = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
    if not _is_same(told, half):
        raise ClaimError("at_hash")


def groups_of(claims: Mapping[str, Any], claim: str) -> frozenset[str] | None:
    """Return the groups that `claims` tell; None if they don't tell any."""
    told = claims.get(claim)
    if isinstance(told, str):
        return frozenset({told})
    if not isinstance(told, list):
        return None
    return frozenset(group for group in told[:_MOST_GROUPS] if isinstance(group, str))


def role_of(groups: Collection[str], staff: StaffGroups) -> Role | None:
    """Return the widest role that someone of `groups` has here, None if they have none."""
    if not staff.admins.isdisjoint(groups):
        return Role.ADMIN
    if not staff.analysts.isdisjoint(groups):
        return Role.ANALYST
    return None


def name_of(claims: Mapping[str, Any], claim: str, subject: str) -> str:
    """Return what a person is called here: by `claim`, or else what the provider knows them by."""
    told = claims.get(claim)
    return told.strip() if _is_short(told) and told.strip() else subject


def _check_audience(claims: Mapping[str, Any], client_id: str) -> None:
    told = claims.get("aud")
    audience = [told] if isinstance(told, str) else told
    if not isinstance(audience, list) or client_id not in audience:
        raise ClaimError("aud")
    authorized = claims.get("azp")
    if authorized is None and len(audience) == 1:
        return
    if authorized != client_id:
        raise ClaimError("azp")


def _number(claims: Mapping[str, Any], name: str) -> float:
    told = claims.get(name)
    if isinstance(told, bool) or not isinstance(told, int | float) or not math.isfinite(told):
        raise ClaimError(name)
    return told


def _is_short(told: object) -> TypeGuard[str]:
    """Whether it is text that can be shown on a line."""
    return isinstance(told, str) and 0 < len(told) <= _LONGEST_CLAIM and told.isprintable()


def _is_same(told: object, expected: str) -> bool:
    if not isinstance(told, str):
        return False
    return hmac.compare_digest(told.encode("utf-8", "replace"), expected.encode())
