"""Launch links: signed elsewhere, or here for the operator, each of them a session once."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import import_key
from joserfc.jws import (
    CompactSignature,
    JWSRegistry,
    deserialize_compact,
    extract_compact,
)

from transfer.core.cases import confirmed
from transfer.core.errors import CaseMissingError, InvalidRequestError, LaunchRefusedError
from transfer.core.launches import Launch, LaunchRules, read_launch
from transfer.core.regions import Regions, elsewhere, launch_elsewhere, parse_region
from transfer.engine.attempts import Attempts, Failure
from transfer.engine.policy import Tools
from transfer.engine.sessions import Sessions
from transfer.ports import CredentialKind, LaunchKeys, Method, PublicKey, Session

_MOST_CHARACTERS = 8192
_MOST_KEYS = 16
_CURVES = {"ES256": "P-256", "EdDSA": "Ed25519", "Ed25519": "Ed25519"}
"""The algorithms that are taken, and the one curve of each. The last two are the same."""


class _Registry(JWSRegistry):
    """What the library knows, but for everything that isn't taken here."""

    max_payload_length = _MOST_CHARACTERS

    def __init__(self) -> None:
        super().__init__(algorithms=list(_CURVES))
        known = JWSRegistry.algorithms
        # By its old name the library would take any curve of EdDSA, and warn.
        self.algorithms = {
            "ES256": known["ES256"],
            "EdDSA": known["Ed25519"],
            "Ed25519": known["Ed25519"],
        }


_REGISTRY = _Registry()


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchIssuer:
    """Whose links are followed: by which rules and keys, and what the sessions are called."""

    rules: LaunchRules
    keys: LaunchKeys
    method: Method


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """A session that a link has begun, with its secret, which is shown this once."""

    session: Session
    secret: str


class Launches:
    """Follows launch links, each of them once.

    With `regions`, a link of the portal's that is for another one is the gateway's there to follow.
    """

    def __init__(
        self,
        tools: Tools,
        sessions: Sessions,
        attempts: Attempts,
        issuers: Sequence[LaunchIssuer],
        regions: Regions | None = None,
    ) -> None:
        self._tools = tools
        self._sessions = sessions
        self._attempts = attempts
        self._issuers = {issuer.rules.issuer: issuer for issuer in issuers}
        self._regions = regions

    async def follow(
        self,
        token: str,
        *,
        address: str | None,
        beside: str | None = None,
        passed_on: bool = False,
    ) -> Launched:
        """Return the session that the link `token` begins; see `Sessions.begin` for `beside`.

        `passed_on`: another gateway has sent it here. It is followed here, or by nobody: else two
        that don't agree would send it to and fro.

        Raises:
            LaunchRefusedError: it begins none; why is in the audit log, and told to nobody.
            LaunchElsewhereError: another gateway follows it; here it wasn't used up.
            CaseElsewhereError: the operator's own link, to a case that is served elsewhere by now.
            TooManyAttemptsError: the same, and too often.
            UnavailableError: keys, cases or records can't be asked now; it may be followed later.
        """
        launch: Launch | None = None
        try:
            issuer, claims = await self._open(token)
            self._check_region(claims, passed_on=passed_on)
            launch = read_launch(claims, issuer.rules, self._tools.clock.now())
            await self._check_case(issuer, launch, passed_on=passed_on)
            await self._use(issuer, launch)
        except LaunchRefusedError as exc:
            await self._attempts.failed(
                Failure(
                    kind=CredentialKind.LAUNCH,
                    address=address,
                    reason=exc.reason,
                    subject=launch.subject if launch else None,
                    case_number=launch.case_number if launch else None,
                )
            )
            raise
        session, secret = await self._sessions.begin(
            name=launch.name,
            role=launch.role,
            case_number=launch.case_number,
            subject=launch.subject,
            method=issuer.method,
            address=address,
            beside=beside,
        )
        return Launched(session=session, secret=secret)

    async def _open(self, token: str) -> tuple[LaunchIssuer, Mapping[str, Any]]:
        """Return what a link says, and who has signed it."""
        unverified = _unverified(token)
        algorithm, kid = str(unverified.headers()["alg"]), unverified.headers().get("kid")
        if algorithm not in _CURVES:
            raise LaunchRefusedError("algorithm")
        # Only tells whose keys to try; what is signed says it again.
        issuer = self._issuers.get(str(_claims(unverified.payload).get("iss")))
        if issuer is None:
            raise LaunchRefusedError("wrong-issuer")
        keys = [key for key in await issuer.keys.keys(kid) if key.get("crv") == _CURVES[algorithm]]
        if not keys:
            raise LaunchRefusedError("unknown-key")
        for key in keys[:_MOST_KEYS]:
            payload = _verified(token, key)
            if payload is not None:
                return issuer, _claims(payload)
        raise LaunchRefusedError("signature")

    def _check_region(self, claims: Mapping[str, Any], *, passed_on: bool) -> None:
        """Raise unless a link is for this region, as far as it says so.

        Before anything else that it says: it may be meant for that gateway by name (`aud`). Whether
        it was passed on is said by its address, which anybody may write: a link that was goes no
        further, and is followed here no sooner than any other.
        """
        if self._regions is None or "region" not in claims:
            return
        told = claims["region"]
        try:
            region = parse_region(told if isinstance(told, str) else "")
        except InvalidRequestError as exc:
            raise LaunchRefusedError("region") from exc
        gateway = self._regions.elsewhere(region)
        if gateway is None:
            return
        if passed_on:
            raise LaunchRefusedError("regions-disagree")
        raise launch_elsewhere(gateway)

    async def _check_case(self, issuer: LaunchIssuer, launch: Launch, *, passed_on: bool) -> None:
        """Raise unless there is the case of a link, and it is served here."""
        if launch.case_number is None:
            return
        try:
            case = confirmed(await self._tools.core.case(launch.case_number))
        except CaseMissingError as exc:
            raise LaunchRefusedError("no-such-case") from exc
        if case.gateway is None:
            return
        if passed_on:
            raise LaunchRefusedError("regions-disagree")
        if issuer.method is Method.LINK:  # no other gateway has its key
            raise elsewhere(case.number, case.gateway)
        raise launch_elsewhere(case.gateway)

    async def _use(self, issuer: LaunchIssuer, launch: Launch) -> None:
        named = json.dumps([issuer.rules.issuer, launch.id])
        used = hashlib.sha256(named.encode()).hexdigest()
        if not await self._tools.records.launches.use(used, launch.expires_at):
            raise LaunchRefusedError("replayed")


def _unverified(token: str) -> CompactSignature:
    if len(token) > _MOST_CHARACTERS:
        raise LaunchRefusedError("malformed")
    try:
        opened = extract_compact(token.encode(), registry=_REGISTRY)
        opened.headers()["alg"]
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as exc:
        raise LaunchRefusedError("malformed") from exc
    return opened


def _verified(token: str, key: PublicKey) -> bytes | None:
    """Return what `key` has signed; None if it hasn't signed this."""
    bare: dict[str, str | list[str]] = {
        name: key[name] for name in ("kty", "crv", "x", "y") if name in key
    }
    try:
        return deserialize_compact(token, import_key(bare), registry=_REGISTRY).payload
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        return None


def _claims(payload: bytes) -> Mapping[str, Any]:
    try:
        claims = json.loads(payload)
    except (ValueError, RecursionError) as exc:
        raise LaunchRefusedError("malformed") from exc
    if not isinstance(claims, dict):
        raise LaunchRefusedError("malformed")
    return claims
