"""An OpenID provider over HTTPS: its description and keys, remembered, and its three answers."""

import asyncio
import base64
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Generic, TypeVar
from urllib.parse import quote_plus

import structlog
from aiohttp import hdrs

from transfer.core.errors import ProviderUnavailableError, SignInFailedError
from transfer.core.identity import ProviderDescription
from transfer.identity.client import UNAVAILABLE, JsonAnswer, JsonClient
from transfer.identity.description import UnusableDescriptionError, parse_description
from transfer.ports import Clock, Redeemed

T = TypeVar("T")

_log = structlog.get_logger(__name__)
_DISCOVERY = "/.well-known/openid-configuration"
_MOST_KEYS = 100
_ERROR = re.compile(r"[a-z_]{1,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderAccess:
    """Where the provider is, and who this service is to it; no secret for a public client.

    `remembered`: how long description and keys are used before they are asked for again;
    `given_up`: how long a provider that has just failed isn't asked at all.
    """

    issuer: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    remembered: timedelta = timedelta(hours=1)
    given_up: timedelta = timedelta(seconds=3)


class OidcProvider:
    """An OpenID provider; plays the role `transfer.ports.IdentityProvider`."""

    def __init__(self, access: ProviderAccess, client: JsonClient, clock: Clock) -> None:
        self._access = access
        self._client = client
        self._description = _Remembered(self._ask_description, access, clock)
        self._keys = _Remembered(self._ask_keys, access, clock)

    async def description(self) -> ProviderDescription:
        """Return what the provider says of itself; its issuer is the expected one."""
        return await self._description.value()

    async def keys(self, *, afresh: bool = False) -> Sequence[Mapping[str, Any]]:
        """Return the provider's public keys as JWKs; asked for once more if `afresh`."""
        return await self._keys.value(afresh=afresh)

    async def redeem(self, code: str, *, verifier: str, redirect_uri: str) -> Redeemed:
        """Exchange an authorization code.

        Raises:
            SignInFailedError: the provider doesn't take it.
            ProviderUnavailableError: it doesn't answer, or doesn't take us.

        Source: RFC 6749, 4.1.3; RFC 7636, 4.5.
        """
        description = await self.description()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        headers = self._introduce(form, description)
        answer = await self._client.post(description.token_endpoint, form, headers)
        if answer.status != HTTPStatus.OK:
            raise _refusal(answer)
        id_token, access_token = answer.body.get("id_token"), answer.body.get("access_token")
        if not isinstance(id_token, str):
            raise _unusable("token", "id_token")
        return Redeemed(
            id_token=id_token, access_token=access_token if isinstance(access_token, str) else None
        )

    async def userinfo(self, access_token: str) -> Mapping[str, Any]:
        """Return what the provider tells of a person beside the ID token; empty if nothing."""
        endpoint = (await self.description()).userinfo_endpoint
        if endpoint is None:
            return {}
        headers = {str(hdrs.AUTHORIZATION): f"Bearer {access_token}"}
        answer = await self._client.get(endpoint, headers)
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _unusable("userinfo", f"status {answer.status}")
        return answer.body if answer.status == HTTPStatus.OK else {}

    async def close(self) -> None:
        """Close the connections to the provider."""
        await self._client.close()

    def _introduce(self, form: dict[str, str], description: ProviderDescription) -> dict[str, str]:
        """Say who this service is: in a header, or where the provider wants it."""
        client_id, secret = self._access.client_id, self._access.client_secret
        methods = description.token_endpoint_auth_methods
        if secret is not None and "client_secret_basic" in methods:
            pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
            return {hdrs.AUTHORIZATION: f"Basic {base64.b64encode(pair.encode()).decode()}"}
        form["client_id"] = client_id
        if secret is not None:
            form["client_secret"] = secret
        return {}

    async def _ask_description(self) -> ProviderDescription:
        issuer = self._access.issuer
        answer = await self._client.get(f"{issuer.rstrip('/')}{_DISCOVERY}")
        if answer.status != HTTPStatus.OK:
            raise _unusable("discovery", f"status {answer.status}")
        try:
            return parse_description(answer.body, issuer)
        except UnusableDescriptionError as exc:
            raise _unusable("discovery", str(exc)) from exc

    async def _ask_keys(self) -> Sequence[Mapping[str, Any]]:
        answer = await self._client.get((await self.description()).jwks_uri)
        keys = answer.body.get("keys")
        if answer.status != HTTPStatus.OK or not isinstance(keys, list):
            raise _unusable("keys", f"status {answer.status}")
        return [key for key in keys[:_MOST_KEYS] if isinstance(key, dict)]


class _Remembered(Generic[T]):
    """An answer that is asked for once in a while, by one at a time."""

    def __init__(
        self, ask: Callable[[], Awaitable[T]], access: ProviderAccess, clock: Clock
    ) -> None:
        self._ask = ask
        self._access = access
        self._clock = clock
        self._lock = asyncio.Lock()
        self._held: list[T] = []
        self._asked_at = 0.0
        self._failed_at: float | None = None

    async def value(self, *, afresh: bool = False) -> T:
        """Return the answer; one that comes while it is awaited is fresh for all who wait.

        Raises:
            ProviderUnavailableError: it can't be had, or couldn't a moment ago.
        """
        wanted_at = self._clock.monotonic()
        async with self._lock:
            fresh_from = self._clock.monotonic() - self._access.remembered.total_seconds()
            if self._held and self._asked_at > (wanted_at if afresh else fresh_from):
                return self._held[0]
            self._check_given_up()
            asked_at = self._clock.monotonic()
            try:
                answer = await self._ask()
            except ProviderUnavailableError:
                self._failed_at = self._clock.monotonic()
                raise
            self._held, self._asked_at, self._failed_at = [answer], asked_at, None
            return answer

    def _check_given_up(self) -> None:
        """Raise if it has just failed: of all who wait, only one waits for as long as it takes."""
        if self._failed_at is None:
            return
        if self._clock.monotonic() - self._failed_at < self._access.given_up.total_seconds():
            raise ProviderUnavailableError(UNAVAILABLE)


def _refusal(answer: JsonAnswer) -> SignInFailedError | ProviderUnavailableError:
    """Return what a refused code means: it is bad, or it is this service that isn't known."""
    told = answer.body.get("error")
    error = told if isinstance(told, str) and _ERROR.fullmatch(told) else "none"
    if answer.status == HTTPStatus.BAD_REQUEST and error == "invalid_grant":
        return SignInFailedError("The sign-in can't be finished: begin again.")
    return _unusable("token", f"status {answer.status}, error {error}")


def _unusable(asked: str, fault: str) -> ProviderUnavailableError:
    _log.error("identity-provider-unusable", asked=asked, fault=fault)
    return ProviderUnavailableError(UNAVAILABLE)
