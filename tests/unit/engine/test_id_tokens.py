"""ID tokens: whose signature is taken, and whose isn't."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, RSAKey

from tests.identity import public, signed, signing_key
from transfer.core.identity import ClaimError
from transfer.engine.id_tokens import UnknownKeyError, open_id_token

CLAIMS = {"sub": "subject-1"}


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"])
def test_a_token_that_the_provider_has_signed_is_opened(algorithm: str) -> None:
    key = signing_key(algorithm)
    others = [public(signing_key(other, "other")) for other in ("RS256", "ES256", "EdDSA")]
    published = [*others, {**public(key), "alg": algorithm}]
    opened = open_id_token(signed(CLAIMS, key, algorithm), published)
    assert (opened.claims, opened.algorithm) == (CLAIMS, algorithm)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_without_a_key_s_id_the_only_one_of_its_kind_is_taken(algorithm: str) -> None:
    key = signing_key(algorithm)
    kinds = [public(signing_key(one)) for one in ("RS256", "ES256", "EdDSA")]
    token = signed(CLAIMS, key, algorithm, kid=None)
    assert open_id_token(token, kinds).claims == CLAIMS
    with pytest.raises(UnknownKeyError):
        open_id_token(token, [*kinds, public(signing_key(algorithm, "other"))])


def changed(**members: object) -> dict[str, Any]:
    return {
        name: value
        for name, value in {**public(signing_key()), **members}.items()
        if value is not None
    }


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [changed(kid="other")],
        [changed(kid=None)],
        [changed(use="enc")],
        [changed(alg="ES384")],
        [changed(crv="P-384")],
        [changed(crv=None)],
        [changed(kty="RSA")],
        [changed(), changed()],
    ],
    ids=range(9),
)
def test_a_key_that_does_not_fit_is_not_taken(keys: list[dict[str, Any]]) -> None:
    with pytest.raises(UnknownKeyError):
        open_id_token(signed(CLAIMS, signing_key()), keys)


def test_a_key_that_is_too_short_is_not_taken() -> None:
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is the point
    numbers = weak.public_key().public_numbers()
    modulus = base64.urlsafe_b64encode(numbers.n.to_bytes(128)).decode().rstrip("=")
    key = {"kty": "RSA", "n": modulus, "e": "AQAB"}
    with pytest.raises(UnknownKeyError):
        open_id_token(signed(CLAIMS, signing_key("RS256"), "RS256", kid=None), [key])


def unsigned(**header: object) -> str:
    parts = [{"alg": "none", **header}, CLAIMS]
    told = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts]
    return ".".join([*(part.rstrip("=") for part in told), ""])


def by_the_public_key_as_a_secret() -> str:
    secret = OctKey.import_key(json.dumps(public(signing_key("RS256"))))
    return signed(CLAIMS, secret, "HS256", kid="key-1")


def tampered() -> str:
    header, payload, signature = signed(CLAIMS, signing_key()).split(".")
    other = signed({"sub": "subject-2"}, signing_key()).split(".")[1]
    assert payload != other
    return f"{header}.{other}.{signature}"


def of_another_s_key_with_the_same_id() -> str:
    return signed(CLAIMS, ECKey.generate_key("P-256", {"kid": "key-1"}))


def with_its_own_key_in_the_header() -> str:
    own = ECKey.generate_key("P-256", {"kid": "key-1"})
    return signed(CLAIMS, own, jwk=public(own))


FORGED: list[Callable[[], str]] = [
    lambda: "",
    lambda: "a.b.c",
    lambda: "a.b.c.d.e",
    lambda: "\ud800.b.c",
    lambda: "x" * 1_000_000,
    unsigned,
    lambda: unsigned(kid="key-1"),
    lambda: unsigned(alg="None"),
    lambda: unsigned(alg=["ES256"]),
    lambda: unsigned(alg=None),
    lambda: unsigned(alg="ES256", kid="key-1"),
    lambda: unsigned(alg="RS384", kid="key-1"),
    by_the_public_key_as_a_secret,
    tampered,
    of_another_s_key_with_the_same_id,
    with_its_own_key_in_the_header,
    lambda: signed(CLAIMS, signing_key(), crit=["teleport"], teleport=True),
    lambda: signed(CLAIMS, signing_key())[:-4],
]


@pytest.mark.parametrize("forge", FORGED, ids=range(len(FORGED)))
def test_a_token_that_the_provider_has_not_signed_is_refused(forge: Callable[[], str]) -> None:
    with pytest.raises(ClaimError):
        open_id_token(forge(), [public(signing_key()), public(signing_key("RS256"))])


def test_a_payload_that_is_no_object_is_refused() -> None:
    token = jws.serialize_compact({"alg": "ES256", "kid": "key-1"}, b"[1]", signing_key())
    with pytest.raises(ClaimError):
        open_id_token(token, [public(signing_key())])


@pytest.mark.parametrize(
    "members", [{"x": "!"}, {"x": None}, {"x": 7}, {"y": "AAAA"}, {"d": "AAAA"}], ids=str
)
def test_a_key_that_is_broken_opens_nothing(members: dict[str, object]) -> None:
    with pytest.raises(ClaimError):
        open_id_token(signed(CLAIMS, signing_key()), [changed(**members)])


def test_a_header_with_certificates_is_no_obstacle() -> None:
    key = signing_key("RS256")
    assert isinstance(key, RSAKey)
    token = signed(CLAIMS, key, "RS256", x5c=["M" * 4000], x5t="thumbprint")
    assert open_id_token(token, [public(key)]).claims == CLAIMS
