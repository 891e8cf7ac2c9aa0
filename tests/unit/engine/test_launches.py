"""Launch links: one session each, and none for what isn't signed as it has to be."""

import asyncio
import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.engine_room import NUMBER, PORTAL, EngineRoom
from tests.portal import KID, Portal
from transfer.core.access import Role
from transfer.core.cases import CaseNumber
from transfer.core.errors import (
    CaseMissingError,
    InvalidRequestError,
    LaunchRefusedError,
    TooManyAttemptsError,
)
from transfer.engine.attempts import AttemptPolicy
from transfer.engine.launches import Launches
from transfer.engine.links import LinkKey, Links
from transfer.ports import Method

OTHER = CaseNumber("0009999999")


def good(room: EngineRoom, **changes: Any) -> str:  # noqa: ANN401 -- a claim may be anything
    return PORTAL.token(room.clock.now(), **changes)


async def refused(room: EngineRoom, token: str, launches: Launches | None = None) -> str:
    """Follow a link that is refused, and return why, as the audit log has it."""
    with pytest.raises(LaunchRefusedError):
        await (launches or room.launches).follow(token, address="192.0.2.1")
    event = (await room.records.audit.events())[-1]
    assert (event.action, event.address) == ("launch.refused", "192.0.2.1")
    return str(event.details["reason"])


def portal_alone(room: EngineRoom, portal: Portal) -> Launches:
    return Launches(room.tools, room.sessions, room.attempts, [portal.issuer()])


def encoded(part: object) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


# ── Followed ─────────────────────────────────────────────────────────────────────────────────


async def test_a_link_becomes_a_session(room: EngineRoom) -> None:
    launched = await room.launches.follow(good(room), address="192.0.2.1")
    session = launched.session
    assert (session.name, session.subject) == ("Jo Smith", "contact-7")
    assert (session.role, session.case_number) == (Role.DESIGNATED, NUMBER)
    assert (session.method, session.address) == (Method.LAUNCH, "192.0.2.1")
    who = await room.sessions.authenticate(launched.secret, None)
    assert who.cases == frozenset({NUMBER})


@pytest.mark.parametrize("algorithm", ["EdDSA", "Ed25519"])
async def test_edwards_curves_sign_as_well_by_either_name(room: EngineRoom, algorithm: str) -> None:
    portal = Portal(ed25519=True)
    launches = portal_alone(room, portal)
    claims = portal.claims(room.clock.now())
    text = f"{encoded({'alg': algorithm, 'kid': KID})}.{encoded(claims)}"
    key = portal.key.get_op_key("sign")
    assert isinstance(key, Ed25519PrivateKey)
    signature = key.sign(text.encode())
    launched = await launches.follow(f"{text}.{encoded(signature)}", address=None)
    assert launched.session.subject == "contact-7"


async def test_a_second_case_of_the_same_person_joins_the_first(room: EngineRoom) -> None:
    await room.core.open("Another", "Example Ltd", "analyst", OTHER)
    first = await room.launches.follow(good(room), address=None)
    second = await room.launches.follow(good(room, case=OTHER), address=None, beside=first.secret)
    who = await room.sessions.authenticate(second.secret, None)
    assert who.cases == frozenset({NUMBER, OTHER})


async def test_a_portal_without_key_ids_is_understood(room: EngineRoom) -> None:
    portal = Portal(kid=None)
    launches = portal_alone(room, portal)
    launched = await launches.follow(portal.token(room.clock.now()), address=None)
    assert launched.session.subject == "contact-7"


# ── Refused ──────────────────────────────────────────────────────────────────────────────────


async def test_a_link_is_followed_once_however_often_it_is_tried(room: EngineRoom) -> None:
    token = good(room)
    tries = [room.launches.follow(token, address=None) for _ in range(6)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    names = [type(one).__name__ for one in outcomes]
    assert (names.count("Launched"), names.count("LaunchRefusedError")) == (1, 5)
    assert await refused(room, token) == "replayed"
    event = (await room.records.audit.events())[-1]
    assert (event.subject, event.case_number) == ("contact-7", NUMBER)


async def test_ids_of_two_issuers_are_not_mistaken_for_each_other(room: EngineRoom) -> None:
    other = Portal()
    rules = replace(other.issuer().rules, issuer="https://other.example.com")
    issuers = [PORTAL.issuer(), replace(other.issuer(), rules=rules)]
    launches = Launches(room.tools, room.sessions, room.attempts, issuers)
    await launches.follow(good(room, jti="1"), address=None)
    token = other.token(room.clock.now(), jti="1", iss="https://other.example.com")
    await launches.follow(token, address=None)


async def test_a_link_whose_case_is_not_there_is_refused_and_not_used_up(
    room: EngineRoom,
) -> None:
    token = good(room, case=OTHER)
    assert await refused(room, token) == "no-such-case"
    await room.core.open("Another", "Example Ltd", "analyst", OTHER)
    await room.launches.follow(token, address=None)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"aud": "case-transfer-us"}, "wrong-audience"),
        ({"iss": "https://evil.example.com"}, "wrong-issuer"),
        ({"role": "analyst"}, "role"),
        ({"case": "1"}, "case"),
    ],
)
async def test_a_link_that_says_the_wrong_thing_is_refused(
    room: EngineRoom, changes: dict[str, object], why: str
) -> None:
    assert await refused(room, good(room, **changes)) == why


async def test_a_link_that_is_late_early_or_good_for_too_long_is_refused(
    room: EngineRoom,
) -> None:
    now = room.clock.now()
    assert await refused(room, PORTAL.token(now - timedelta(minutes=5))) == "expired"
    assert await refused(room, PORTAL.token(now + timedelta(minutes=1))) == "from-the-future"
    long = int((now + timedelta(hours=1)).timestamp())
    assert await refused(room, good(room, exp=long)) == "too-long-lived"


async def test_a_link_by_a_key_that_is_not_the_portal_s_is_refused(room: EngineRoom) -> None:
    now = room.clock.now()
    assert await refused(room, Portal().token(now)) == "signature"
    assert await refused(room, Portal(kid="portal-2").token(now)) == "unknown-key"
    assert await refused(room, Portal(ed25519=True).token(now)) == "unknown-key"


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "RS256", "ES384", "PS256", "x"])
async def test_no_other_algorithm_is_taken(room: EngineRoom, algorithm: str) -> None:
    claims = PORTAL.claims(room.clock.now())
    text = f"{encoded({'alg': algorithm, 'kid': KID})}.{encoded(claims)}"
    for signature in ("", encoded(b"x" * 64)):
        assert await refused(room, f"{text}.{signature}") == "algorithm"


async def test_the_public_key_does_not_pass_for_a_shared_secret(room: EngineRoom) -> None:
    text = f"{encoded({'alg': 'HS256', 'kid': KID})}.{encoded(PORTAL.claims(room.clock.now()))}"
    for secret in (PORTAL.pem, json.dumps(PORTAL.jwks).encode()):
        signature = hmac.digest(secret, text.encode(), hashlib.sha256)
        assert await refused(room, f"{text}.{encoded(signature)}") == "algorithm"


async def test_a_key_that_the_link_brings_along_is_not_believed(room: EngineRoom) -> None:
    own = Portal()
    header = {"jwk": own.key.as_dict(private=False)}
    assert await refused(room, own.token(room.clock.now(), header=header)) == "signature"


async def test_what_was_signed_can_not_be_changed(room: EngineRoom) -> None:
    header, payload, signature = good(room).split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    changed = encoded({**claims, "case": "0000000001"})
    assert await refused(room, f"{header}.{changed}.{signature}") == "signature"
    assert await refused(room, f"{header}.{payload}.") == "signature"
    assert await refused(room, f"{header}.{payload}.{signature[:-4]}") == "signature"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        "...",
        ".".join("x" * 4 for _ in range(5)),
        f"{encoded([])}.{encoded({})}.x",
        f"{encoded({'kid': 'x'})}.{encoded({})}.x",
        f"{encoded({'alg': 'ES256', 'kid': 'x'})}.{encoded([])}.x",
        f"{encoded({'alg': 'ES256', 'kid': 'x'})}.{encoded(b'no json')}.x",
        "é.é.é",
        "\ud800",
        "x" * 8193,
    ],
)
async def test_what_is_no_token_is_refused(room: EngineRoom, token: str) -> None:
    assert await refused(room, token) == "malformed"


@pytest.mark.parametrize(
    "header", [{"crit": ["exp"], "exp": 1}, {"crit": ["b64"], "b64": False}, {"kid": 5}]
)
async def test_a_header_that_is_not_understood_is_refused(
    room: EngineRoom, header: dict[str, object]
) -> None:
    named = {"alg": "ES256", "kid": KID, **header}
    text = f"{encoded(named)}.{encoded(PORTAL.claims(room.clock.now()))}"
    assert await refused(room, f"{text}.{encoded(b'x' * 64)}") in (
        "signature",
        "unknown-key",
        "malformed",
    )


async def test_whoever_tries_too_often_is_slowed_down_and_a_good_link_still_works(
    room: EngineRoom,
) -> None:
    for _ in range(AttemptPolicy().free):
        await refused(room, "x")
    with pytest.raises(TooManyAttemptsError):
        await room.launches.follow("x", address="192.0.2.1")
    await room.launches.follow(good(room), address="192.0.2.1")


# ── The service's own ────────────────────────────────────────────────────────────────────────


async def test_the_operator_s_link_works_once_for_any_role(room: EngineRoom) -> None:
    token = await room.links.make(Role.ADMIN, "Al", None, made_by="operator")
    launched = await room.launches.follow(token, address=None)
    assert (launched.session.role, launched.session.case_number) == (Role.ADMIN, None)
    assert launched.session.method is Method.LINK
    assert await refused(room, token) == "replayed"
    actions = [event.action for event in await room.records.audit.events()]
    assert actions.count("link.made") == 1


async def test_the_operator_s_link_lives_as_long_as_is_set(room: EngineRoom) -> None:
    token = await room.links.make(Role.DESIGNATED, "Jo", NUMBER, made_by="operator")
    room.clock.advance(timedelta(minutes=59))
    assert (await room.launches.follow(token, address=None)).session.case_number == NUMBER
    token = await room.links.make(Role.DESIGNATED, "Jo", NUMBER, made_by="operator")
    room.clock.advance(timedelta(hours=1))
    assert await refused(room, token) == "expired"


async def test_a_link_that_makes_no_sense_is_not_made(room: EngineRoom) -> None:
    with pytest.raises(InvalidRequestError):
        await room.links.make(Role.READ_ONLY, "Jo", None, made_by="operator")
    with pytest.raises(CaseMissingError):
        await room.links.make(Role.READ_ONLY, "Jo", OTHER, made_by="operator")


async def test_a_link_of_another_service_is_refused(room: EngineRoom) -> None:
    others = Links(room.tools, LinkKey(bytes([1]) * 32), timedelta(hours=1))
    token = await others.make(Role.ADMIN, "Al", None, made_by="operator")
    assert await refused(room, token) == "signature"


async def test_the_portal_can_not_make_the_service_s_own_links(room: EngineRoom) -> None:
    own = room.links.issuer.rules
    token = good(room, iss=own.issuer, aud=own.audience, role="admin")
    assert await refused(room, token) == "unknown-key"
    edwards = Portal(ed25519=True)
    token = edwards.token(room.clock.now(), iss=own.issuer, aud=own.audience, role="admin")
    assert await refused(room, token) == "signature"
