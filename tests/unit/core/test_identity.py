"""What is believed of an identity provider's word, and what isn't."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import pytest

from tests.clock import START
from transfer.core.access import Role
from transfer.core.identity import (
    ClaimError,
    Expected,
    StaffGroups,
    check_at_hash,
    check_claims,
    groups_of,
    is_trusted_url,
    name_of,
    role_of,
)

NOW = START.timestamp()
EXPECTED = Expected(issuer="https://id.example.com", client_id="transfer", nonce="n-1")
CLAIMS: Mapping[str, Any] = {
    "iss": "https://id.example.com",
    "aud": "transfer",
    "exp": NOW + 300,
    "iat": NOW,
    "nonce": "n-1",
    "sub": "248289761001",
}
STAFF = StaffGroups(analysts=frozenset({"care"}), admins=frozenset({"care-leads", "ops"}))
MISSING = "a claim that is not there"


def claims(**changed: object) -> dict[str, Any]:
    return {name: value for name, value in {**CLAIMS, **changed}.items() if value != MISSING}


@pytest.mark.parametrize(
    "good",
    [
        {},
        {"aud": ["transfer"]},
        {"aud": ["other", "transfer"], "azp": "transfer"},
        {"azp": "transfer"},
        {"exp": NOW - 59},
        {"iat": NOW + 60},
        {"nbf": NOW + 60},
    ],
    ids=str,
)
def test_an_id_token_that_says_what_it_has_to_is_believed(good: dict[str, object]) -> None:
    assert check_claims(claims(**good), EXPECTED, START) == "248289761001"


@pytest.mark.parametrize(
    ("fault", "claim"),
    [
        ({"iss": "https://id.example.com/"}, "iss"),
        ({"iss": MISSING}, "iss"),
        ({"iss": ["https://id.example.com"]}, "iss"),
        ({"aud": "other"}, "aud"),
        ({"aud": []}, "aud"),
        ({"aud": MISSING}, "aud"),
        ({"aud": {"transfer": 1}}, "aud"),
        ({"aud": ["other", "transfer"]}, "azp"),
        ({"aud": ["other", "transfer"], "azp": "other"}, "azp"),
        ({"azp": "other"}, "azp"),
        ({"azp": ""}, "azp"),
        ({"exp": NOW - 60}, "exp"),
        ({"exp": MISSING}, "exp"),
        ({"exp": str(NOW + 300)}, "exp"),
        ({"exp": True}, "exp"),
        ({"exp": float("nan")}, "exp"),
        ({"exp": float("inf")}, "exp"),
        ({"iat": NOW + 61}, "iat"),
        ({"iat": MISSING}, "iat"),
        ({"nbf": NOW + 61}, "nbf"),
        ({"nbf": "soon"}, "nbf"),
        ({"nonce": "n-2"}, "nonce"),
        ({"nonce": MISSING}, "nonce"),
        ({"nonce": "\ud800"}, "nonce"),
        ({"nonce": ["n-1"]}, "nonce"),
        ({"sub": MISSING}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sub": 7}, "sub"),
        ({"sub": "x" * 256}, "sub"),
        ({"sub": "a\nb"}, "sub"),
        ({"sub": "é"}, "sub"),
    ],
    ids=str,
)
def test_an_id_token_with_a_fault_is_not(fault: dict[str, object], claim: str) -> None:
    with pytest.raises(ClaimError) as caught:
        check_claims(claims(**fault), EXPECTED, START)
    assert str(caught.value) == claim


def at_hash(access_token: str, name: str) -> str:
    digest = hashlib.new(name, access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).decode().rstrip("=")


def test_the_access_token_has_to_be_the_one_of_the_id_token_if_that_says_which() -> None:
    check_at_hash({}, "token", "RS256")
    check_at_hash({"at_hash": "anything"}, None, "RS256")
    for algorithm, name in (("RS256", "sha256"), ("ES256", "sha256"), ("EdDSA", "sha512")):
        told = {"at_hash": at_hash("token", name)}
        check_at_hash(told, "token", algorithm)
        for wrong in ("tokem", "", "\ud800"):
            with pytest.raises(ClaimError):
                check_at_hash(told, wrong, algorithm)
    with pytest.raises(ClaimError):
        check_at_hash({"at_hash": 7}, "token", "RS256")


@pytest.mark.parametrize(
    ("told", "groups"),
    [
        (["care", "ops"], ["care", "ops"]),
        (["care", 7, None, ["ops"]], ["care"]),
        ("care", ["care"]),
        ([], []),
        (None, None),
        ({"care": True}, None),
        (7, None),
    ],
    ids=str,
)
def test_groups_are_a_list_of_names_or_one_name(told: object, groups: list[str] | None) -> None:
    found = groups_of({"groups": told}, "groups")
    assert found == (None if groups is None else frozenset(groups))


def test_the_claim_of_the_groups_is_the_operator_s_choice() -> None:
    told = {"https://example.com/roles": ["care"], "groups": ["ops"]}
    assert groups_of(told, "https://example.com/roles") == frozenset({"care"})
    assert groups_of(told, "roles") is None


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["care"], Role.ANALYST),
        (["ops", "care"], Role.ADMIN),
        (["care-leads"], Role.ADMIN),
        (["Care", "care ", "caring", ""], None),
        ([], None),
    ],
    ids=str,
)
def test_groups_give_the_widest_role_that_they_name(groups: list[str], role: Role | None) -> None:
    assert role_of(groups, STAFF) == role


def test_without_any_groups_set_nobody_has_a_role() -> None:
    assert role_of(["care", ""], StaffGroups()) is None


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("jo@example.com", "jo@example.com"),
        ("  Jo Müller ", "Jo Müller"),
        ("a\nb", "sub-1"),
        ("   ", "sub-1"),
        ("", "sub-1"),
        ("x" * 256, "sub-1"),
        (None, "sub-1"),
        (["jo"], "sub-1"),
    ],
)
def test_a_person_is_called_by_a_claim_or_by_what_the_provider_knows_them_by(
    told: object, name: str
) -> None:
    assert name_of({"preferred_username": told}, "preferred_username", "sub-1") == name


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("https://id.example.com", True),
        ("https://id.example.com:8443/realms/care?x=1", True),
        ("http://localhost:3000/auth", True),
        ("http://127.0.0.1", True),
        ("http://127.9.9.9:1", True),
        ("http://[::1]:3000", True),
        ("http://id.example.com", False),
        ("http://localhost.example.com", False),
        ("http://127.0.0.1.example.com", False),
        ("http://1270.0.0.1", False),
        ("https://user:secret@id.example.com", False),
        ("https://id.example.com/#here", False),
        ("https://id.example.com:99999", False),
        ("https://id.example.com:0", False),
        ("https://[::1", False),
        ("https:///path", False),
        ("https://", False),
        ("https://id.example.com/a b", False),
        ("https://id.exämple.com", False),
        ("https://id.example.com/" + "x" * 2000, False),
        ("file:///etc/passwd", False),
        ("ftp://localhost", False),
        ("", False),
    ],
)
def test_secrets_go_by_https_or_stay_on_the_machine(url: str, trusted: bool) -> None:
    assert is_trusted_url(url) is trusted
