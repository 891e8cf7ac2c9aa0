"""Sign-in of staff at their identity provider: OpenID Connect, authorization code with PKCE."""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NoReturn
from urllib.parse import urlencode

import structlog

from transfer.core.access import Role
from transfer.core.errors import ForbiddenError, SignInFailedError
from transfer.core.identity import (
    ClaimError,
    Expected,
    ProviderDescription,
    StaffGroups,
    check_at_hash,
    check_claims,
    groups_of,
    name_of,
    role_of,
)
from transfer.engine.attempts import Attempts, Failure
from transfer.engine.id_tokens import SignedClaims, UnknownKeyError, open_id_token
from transfer.engine.policy import Tools
from transfer.engine.secrets import secret_hash
from transfer.engine.sessions import Sessions
from transfer.ports import (
    CredentialKind,
    IdentityProvider,
    Method,
    PendingSignIn,
    Redeemed,
    Session,
)

_log = structlog.get_logger(__name__)
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
_CODE = re.compile(r"[ -~]{1,4096}")
_REASON = re.compile(r"[a-z_]{1,40}")
_AGAIN = "The sign-in can't be finished: begin again."


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcPolicy:
    """How staff sign in.

    `redirect_uri` is where the provider sends them back to. `pending` is how long they may take.
    """

    client_id: str
    redirect_uri: str
    groups: StaffGroups
    name_claim: str = "preferred_username"
    scopes: tuple[str, ...] = ("openid", "profile")
    pending: timedelta = field(default=timedelta(minutes=10))


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """Where to send a browser, and the secret that it has to keep until it comes back."""

    url: str
    browser: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A session that has begun, its secret, and where its user wanted to go."""

    session: Session
    secret: str
    return_to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Person:
    subject: str
    name: str
    role: Role


class StaffSignIn:
    """Sends browsers to the identity provider, and signs in those that come back from it.

    What is kept of a sign-in on its way is a row that is good once. Nonce and code verifier are
    made of the state and of a secret that only the browser holds, so that the row is of no use to
    anybody else.
    """

    def __init__(
        self,
        tools: Tools,
        provider: IdentityProvider,
        *,
        attempts: Attempts,
        sessions: Sessions,
        policy: OidcPolicy,
    ) -> None:
        self._tools = tools
        self._records = tools.records.sign_ins
        self._provider = provider
        self._attempts = attempts
        self._sessions = sessions
        self._policy = policy

    async def begin(self, return_to: str, browser: str | None) -> Departure:
        """Return where to send a browser; `browser` is the secret that it holds already.

        Keeping that one lets a sign-in in another window go on.

        Raises:
            ProviderUnavailableError: the provider doesn't answer.
        """
        description = await self._provider.description()
        if browser is None or not _SECRET.fullmatch(browser):
            browser = secrets.token_urlsafe(32)
        state = secrets.token_urlsafe(32)
        now = self._tools.clock.now()
        pending = PendingSignIn(
            state_sha256=secret_hash(state),
            browser_sha256=secret_hash(browser),
            return_to=return_to,
            expires_at=now + self._policy.pending,
        )
        await self._records.begin(pending, now)
        return Departure(url=self._url(description, state, browser), browser=browser)

    async def finish(
        self, answer: Mapping[str, str], browser: str | None, address: str | None
    ) -> Arrival:
        """Sign in the person whose browser comes back with `answer`, the provider's parameters.

        Raises:
            SignInFailedError: begun elsewhere, too long ago, or used; refused by the provider; or
                what the provider says of the person doesn't hold. It isn't told which.
            ForbiddenError: they are someone, and not of the staff.
            TooManyAttemptsError: either of these, and it was tried too often.
            ProviderUnavailableError: the provider doesn't answer; begin again later.
        """
        state = answer.get("state", "")
        browser = browser if browser and _SECRET.fullmatch(browser) else ""
        pending = await self._pending(state, browser, address)
        code = await self._code(answer, address)
        redeemed = await self._redeem(code, _derived(browser, state, "verifier"), address)
        person = await self._person(redeemed, _derived(browser, state, "nonce"), address)
        session, secret = await self._sessions.begin(
            name=person.name,
            role=person.role,
            case_number=None,
            subject=person.subject,
            method=Method.OIDC,
            address=address,
        )
        return Arrival(session=session, secret=secret, return_to=pending.return_to)

    def _url(self, description: ProviderDescription, state: str, browser: str) -> str:
        verifier = _derived(browser, state, "verifier")
        challenge = hashlib.sha256(verifier.encode()).digest()
        parameters = {
            "response_type": "code",
            "client_id": self._policy.client_id,
            "redirect_uri": self._policy.redirect_uri,
            "scope": " ".join(self._policy.scopes),
            "state": state,
            "nonce": _derived(browser, state, "nonce"),
            "code_challenge": _base64url(challenge),
            "code_challenge_method": "S256",
        }
        endpoint = description.authorization_endpoint
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(parameters)}"

    async def _pending(self, state: str, browser: str, address: str | None) -> PendingSignIn:
        """Return the sign-in of `state`, which is used up by that."""
        pending = None
        if _SECRET.fullmatch(state):
            pending = await self._records.take(secret_hash(state))
        if pending is None:
            await self._fail("state", address)
        if self._tools.clock.now() >= pending.expires_at:
            await self._fail("expired", address)
        presented = secret_hash(browser)
        if not hmac.compare_digest(presented, pending.browser_sha256):
            await self._fail("browser", address)
        return pending

    async def _code(self, answer: Mapping[str, str], address: str | None) -> str:
        """Return the code of the provider's answer, if it is one and the provider's."""
        description = await self._provider.description()
        issuer = answer.get("iss")
        if issuer != description.issuer and (issuer is not None or description.tells_issuer):
            await self._fail("issuer", address)
        code = answer.get("code", "")
        if not _CODE.fullmatch(code) or "error" in answer:
            error = answer.get("error", "")
            told = error if _REASON.fullmatch(error) else "no_code"
            await self._fail(f"provider:{told}", address)
        return code

    async def _redeem(self, code: str, verifier: str, address: str | None) -> Redeemed:
        try:
            return await self._provider.redeem(
                code, verifier=verifier, redirect_uri=self._policy.redirect_uri
            )
        except SignInFailedError:
            await self._fail("code", address)

    async def _person(self, redeemed: Redeemed, nonce: str, address: str | None) -> _Person:
        """Return who it is, if the provider's word holds and they are of the staff."""
        try:
            signed = await self._opened(redeemed.id_token)
            issuer = (await self._provider.description()).issuer
            expected = Expected(issuer=issuer, client_id=self._policy.client_id, nonce=nonce)
            subject = check_claims(signed.claims, expected, self._tools.clock.now())
            check_at_hash(signed.claims, redeemed.access_token, signed.algorithm)
            claims = await self._all_claims(signed.claims, redeemed.access_token)
        except (ClaimError, UnknownKeyError) as exc:
            _log.warning("id-token-refused", claim=str(exc))
            await self._fail(f"id-token:{exc}", address)
        groups = groups_of(claims, self._policy.groups.claim) or frozenset()
        role = role_of(groups, self._policy.groups)
        if role is None:
            await self._attempts.failed(_failure("no-role", address, subject))
            raise ForbiddenError(
                "You are known, but in none of the groups that may sign in here: ask whoever runs "
                "this service for access."
            )
        name = name_of(claims, self._policy.name_claim, subject)
        return _Person(subject=subject, name=name, role=role)

    async def _opened(self, id_token: str) -> SignedClaims:
        """Return what the token says; a key that isn't known may be a new one."""
        try:
            return open_id_token(id_token, await self._provider.keys())
        except UnknownKeyError:
            return open_id_token(id_token, await self._provider.keys(afresh=True))

    async def _all_claims(
        self, claims: Mapping[str, Any], access_token: str | None
    ) -> Mapping[str, Any]:
        """Return the claims, with those of userinfo if the groups aren't among them."""
        if groups_of(claims, self._policy.groups.claim) is not None or access_token is None:
            return claims
        more = await self._provider.userinfo(access_token)
        if more and more.get("sub") != claims["sub"]:
            raise ClaimError("userinfo")  # somebody else's: OpenID Connect Core 1.0, 5.3.2
        return {**more, **claims}

    async def _fail(self, reason: str, address: str | None) -> NoReturn:
        await self._attempts.failed(_failure(reason, address))
        raise SignInFailedError(_AGAIN)


def _failure(reason: str, address: str | None, subject: str | None = None) -> Failure:
    return Failure(kind=CredentialKind.OIDC, address=address, reason=reason, subject=subject)


def _derived(browser: str, state: str, purpose: str) -> str:
    """Return a value of 256 bits that is made of both and tells nothing of either."""
    mac = hmac.digest(browser.encode(), f"{purpose} {state}".encode(), "sha256")
    return _base64url(mac)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
