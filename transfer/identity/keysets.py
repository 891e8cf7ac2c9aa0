"""The public keys of whoever signs launch links: in a file of the operator's, or at a URL."""

import asyncio
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import structlog
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, import_key

from transfer.core.errors import ProviderUnavailableError, UnavailableError
from transfer.identity.client import JsonClient
from transfer.ports import Clock, PublicKey

_log = structlog.get_logger(__name__)

_PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", re.DOTALL)
_CURVES = {"P-256": "EC", "Ed25519": "OKP"}
_PARTS = ("kty", "crv", "x", "y", "kid")
_MOST_KEYS = 100

FRESH = timedelta(minutes=10)
"""How long keys are used before they are fetched again: a key that is withdrawn is trusted so
long."""

STALE = timedelta(hours=24)
"""How long they are used while they can't be fetched."""

APART = timedelta(seconds=30)
"""Between two fetches, however many links name keys that nobody has heard of."""


class KeySetError(ValueError):
    """A file that holds no key that can be used."""


class KnownKeys:
    """Keys that don't change; plays the role `transfer.ports.LaunchKeys`."""

    def __init__(self, keys: Sequence[PublicKey]) -> None:
        self._keys = keys

    async def close(self) -> None:
        """Do nothing: there is no connection."""

    async def keys(self, kid: str | None) -> Sequence[PublicKey]:
        """Return the keys that may have signed a link whose header names `kid`, or none."""
        return _matching(self._keys, kid)


class FetchedKeys:
    """The keys of a JWKS URL, fetched when needed; plays the role `transfer.ports.LaunchKeys`."""

    def __init__(self, url: str, client: JsonClient, clock: Clock) -> None:
        self._url = url
        self._client = client
        self._clock = clock
        self._lock = asyncio.Lock()
        self._keys: Sequence[PublicKey] = ()
        self._fetched_at: float | None = None
        self._tried_at: float | None = None

    async def keys(self, kid: str | None) -> Sequence[PublicKey]:
        """Return the keys that may have signed a link whose header names `kid`, or none.

        Raises:
            UnavailableError: they can't be fetched, and those that are known are too old.
        """
        if self._is_older_than(FRESH) or not _matching(self._keys, kid):
            async with self._lock:
                # Whoever waited finds what the one before has fetched.
                if self._is_older_than(FRESH) or not _matching(self._keys, kid):
                    await self._fetch()
        if self._is_older_than(STALE):
            raise UnavailableError("Links can't be checked at the moment: try again soon.")
        return _matching(self._keys, kid)

    async def close(self) -> None:
        """Close the connections to the URL."""
        await self._client.close()

    def _is_older_than(self, age: timedelta) -> bool:
        return not _is_within(self._fetched_at, age, self._clock)

    async def _fetch(self) -> None:
        """Fetch the keys, unless that was tried a moment ago; those that are known stay if not."""
        if _is_within(self._tried_at, APART, self._clock):
            return
        self._tried_at = self._clock.monotonic()
        try:
            answer = await self._client.get(self._url)
        except ProviderUnavailableError:
            _log.warning("launch-keys-not-fetched", fault="no answer")
            return
        keys = usable_keys(answer.body)
        if answer.status != HTTPStatus.OK or not keys:
            _log.warning("launch-keys-not-fetched", fault=f"status {answer.status}")
            return
        self._keys, self._fetched_at = keys, self._tried_at


def read_keys(path: Path) -> list[PublicKey]:
    """Return the keys of a file: PEM, one or several, or a JWKS. Blocking.

    Raises:
        OSError: it can't be read.
        KeySetError: there is no key in it that can be used.
    """
    raw = path.read_bytes()
    found = _PEM.findall(raw)
    keys = _pem_keys(found) if found else usable_keys(_parsed(raw))
    if not keys:
        raise KeySetError("no public key of P-256 or Ed25519")
    return keys


def usable_keys(document: Mapping[str, Any]) -> list[PublicKey]:
    """Return those keys of a JWKS that can be used for launch links; a single JWK is one too."""
    listed = document.get("keys", [document])
    candidates = listed[:_MOST_KEYS] if isinstance(listed, list) else []
    return [key for one in candidates if isinstance(one, dict) and (key := _public(one))]


def _public(jwk: Mapping[str, Any]) -> PublicKey | None:
    """Return the public part of a JWK that is meant for signatures we take; None of another."""
    if _CURVES.get(str(jwk.get("crv"))) != jwk.get("kty") or jwk.get("use", "sig") != "sig":
        return None
    parts = {name: jwk[name] for name in _PARTS if name in jwk}
    if not all(isinstance(part, str) for part in parts.values()):
        return None
    try:
        import_key(dict(parts))
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return parts


def _pem_keys(blocks: Iterable[bytes]) -> list[PublicKey]:
    keys: list[PublicKey] = []
    for block in blocks:
        try:
            key = load_pem_public_key(block)
        except ValueError as exc:
            raise KeySetError("a public key that can't be read") from exc
        made: ECKey | OKPKey | None = None
        if isinstance(key, EllipticCurvePublicKey):
            made = ECKey.import_key(block)
        elif isinstance(key, Ed25519PublicKey):
            made = OKPKey.import_key(block)
        known = _public(made.as_dict(private=False)) if made else None
        if known is not None:
            keys.append({name: part for name, part in known.items() if name != "kid"})
    return keys


def _parsed(raw: bytes) -> Mapping[str, Any]:
    try:
        parsed = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _matching(keys: Sequence[PublicKey], kid: str | None) -> list[PublicKey]:
    """Return the keys of that id; a key or a link without one matches any."""
    return [key for key in keys if kid is None or key.get("kid") in (None, kid)]


def _is_within(then: float | None, span: timedelta, clock: Clock) -> bool:
    return then is not None and clock.monotonic() - then < span.total_seconds()
