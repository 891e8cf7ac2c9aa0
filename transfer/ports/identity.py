"""The identity provider of staff, and the sign-ins that are on their way to it and back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from transfer.core.identity import ProviderDescription


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeemed:
    """What an authorization code was exchanged for."""

    id_token: str
    access_token: str | None


class IdentityProvider(Protocol):
    """An OpenID provider, as far as one is needed to sign people in.

    Any method may raise ProviderUnavailableError: retry later. Nothing that a method returns has
    been checked beyond its form.
    """

    async def description(self) -> ProviderDescription:
        """Return what the provider says of itself; its issuer is the expected one."""

    async def keys(self, *, afresh: bool = False) -> Sequence[Mapping[str, Any]]:
        """Return the provider's public keys as JWKs; asked for once more if `afresh`."""

    async def redeem(self, code: str, *, verifier: str, redirect_uri: str) -> Redeemed:
        """Exchange an authorization code.

        Raises:
            SignInFailedError: the provider doesn't take it.
        """

    async def userinfo(self, access_token: str) -> Mapping[str, Any]:
        """Return what the provider tells of a person beside the ID token; empty if nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingSignIn:
    """A sign-in that has begun: of which browser, and where its user wants to go.

    The digests are SHA-256, of values that only the browser holds.
    """

    state_sha256: bytes
    browser_sha256: bytes
    return_to: str
    expires_at: datetime


class SignInRecords(Protocol):
    """The rows of sign-ins on their way."""

    async def begin(self, pending: PendingSignIn, now: datetime) -> None:
        """Insert a sign-in, and delete some of those that have expired."""

    async def take(self, state_sha256: bytes) -> PendingSignIn | None:
        """Delete a sign-in and return it; None if there is none. One of two at once gets it."""
