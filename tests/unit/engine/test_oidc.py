"""Sign-in of staff: who gets in, who doesn't, and what is told of it."""

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.engine_room import EngineRoom
from tests.identity import (
    ACCESS_TOKEN,
    CLIENT_ID,
    ISSUER,
    REDIRECT_URI,
    FakeProvider,
    at_hash,
    public,
    signing_key,
)
from transfer.core.access import Role
from transfer.core.errors import (
    ForbiddenError,
    ProviderUnavailableError,
    SignInFailedError,
    TooManyAttemptsError,
)
from transfer.core.identity import StaffGroups
from transfer.engine.oidc import Departure, OidcPolicy, StaffSignIn
from transfer.ports import AuditEvent, Method

STAFF = StaffGroups(analysts=frozenset({"care"}), admins=frozenset({"ops"}))
ADDRESS = "192.0.2.4"


@pytest.fixture
def provider(room: EngineRoom) -> FakeProvider:
    return FakeProvider(clock=room.clock, published=[public(signing_key())])


@pytest.fixture
def staff(room: EngineRoom, provider: FakeProvider) -> StaffSignIn:
    return signing_in(room, provider)


def signing_in(room: EngineRoom, provider: FakeProvider) -> StaffSignIn:
    return StaffSignIn(
        room.tools,
        provider,
        attempts=room.attempts,
        sessions=room.sessions,
        policy=OidcPolicy(client_id=CLIENT_ID, redirect_uri=REDIRECT_URI, groups=STAFF),
    )


async def refusals(room: EngineRoom) -> list[AuditEvent]:
    events = await room.records.audit.events()
    return [event for event in events if event.action == "oidc.refused"]


async def reasons(room: EngineRoom) -> list[str]:
    return [str(event.details["reason"]) for event in await refusals(room)]


def asked(departure: Departure) -> dict[str, str]:
    return {name: one for name, [one] in parse_qs(urlsplit(departure.url).query).items()}


async def test_a_browser_is_sent_with_all_that_binds_the_answer_to_it(staff: StaffSignIn) -> None:
    first, second = await staff.begin("/", None), await staff.begin("/", None)
    parameters = asked(first)
    assert first.url.startswith(f"{ISSUER}/auth?")
    assert parameters == {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": REDIRECT_URI,
        "scope": "openid profile",
        "state": parameters["state"],
        "nonce": parameters["nonce"],
        "code_challenge": parameters["code_challenge"],
        "code_challenge_method": "S256",
    }
    secrets = ("state", "nonce", "code_challenge")
    assert all(len(parameters[name]) == 43 for name in secrets)
    assert not {parameters[name] for name in secrets} & {asked(second)[name] for name in secrets}
    assert first.browser not in first.url
    assert first.browser != second.browser


async def test_an_endpoint_with_a_query_keeps_it(room: EngineRoom, provider: FakeProvider) -> None:
    provider.authorization_endpoint = f"{ISSUER}/auth?tenant=7"
    departure = await signing_in(room, provider).begin("/", None)
    assert departure.url.startswith(f"{ISSUER}/auth?tenant=7&response_type=code&")


async def test_who_comes_back_is_signed_in_as_what_their_groups_say(
    room: EngineRoom, provider: FakeProvider, staff: StaffSignIn
) -> None:
    for groups, role in ((["care"], Role.ANALYST), (["care", "ops"], Role.ADMIN)):
        provider.claims = {"groups": groups, "preferred_username": "jo@example.com"}
        departure = await staff.begin("/cases/0003256109", None)
        arrival = await staff.finish(provider.answer(departure.url), departure.browser, ADDRESS)
        assert arrival.return_to == "/cases/0003256109"
        session = arrival.session
        assert (session.name, session.role, session.case_number) == ("jo@example.com", role, None)
        assert (session.subject, session.method) == ("subject-1", Method.OIDC)
        principal = await room.sessions.authenticate(arrival.secret, ADDRESS)
        assert (principal.role, principal.cases) == (role, None)
    assert await refusals(room) == []


async def test_without_a_name_a_person_is_called_by_their_subject(
    provider: FakeProvider, staff: StaffSignIn
) -> None:
    departure = await staff.begin("/", None)
    arrival = await staff.finish(provider.answer(departure.url), departure.browser, ADDRESS)
    assert arrival.session.name == "subject-1"


async def test_two_windows_of_one_browser_sign_in_beside_each_other(
    provider: FakeProvider, staff: StaffSignIn
) -> None:
    first = await staff.begin("/first", None)
    second = await staff.begin("/second", first.browser)
    assert second.browser == first.browser
    assert asked(second)["nonce"] != asked(first)["nonce"]
    for departure, path in ((second, "/second"), (first, "/first")):
        answer = provider.answer(departure.url)
        assert (await staff.finish(answer, departure.browser, ADDRESS)).return_to == path


@pytest.mark.parametrize("planted", ["", "x", "x" * 44, "x" * 42 + "\n", "é" * 43])
async def test_what_is_no_secret_of_ours_is_not_taken_for_the_browser_s(
    staff: StaffSignIn, planted: str
) -> None:
    assert (await staff.begin("/", planted)).browser != planted


# ── The way back ─────────────────────────────────────────────────────────────────────────────


async def test_an_answer_is_good_once(
    room: EngineRoom, provider: FakeProvider, staff: StaffSignIn
) -> None:
    departure = await staff.begin("/", None)
    answer = provider.answer(departure.url)
    await staff.finish(answer, departure.browser, ADDRESS)
    provider.answer(departure.url)  # even if the provider would take the code again
    with pytest.raises(SignInFailedError):
        await staff.finish(answer, departure.browser, ADDRESS)
    assert await reasons(room) == ["state"]


@pytest.mark.parametrize("browser", [None, "", "x" * 43, "\ud800" * 43])
async def test_another_browser_is_not_signed_in_and_uses_the_sign_in_up(
    room: EngineRoom, provider: FakeProvider, staff: StaffSignIn, browser: str | None
) -> None:
    departure = await staff.begin("/", None)
    answer = provider.answer(departure.url)
    for _ in range(2):
        with pytest.raises(SignInFailedError):
            await staff.finish(answer, browser, ADDRESS)
    with pytest.raises(SignInFailedError):
        await staff.finish(answer, departure.browser, ADDRESS)
    assert await reasons(room) == ["browser", "state", "state"]


async def test_a_sign_in_takes_ten_minutes_at_most(
    room: EngineRoom, provider: FakeProvider, staff: StaffSignIn
) -> None:
    first, second = await staff.begin("/", None), await staff.begin("/", None)
    room.clock.advance(timedelta(minutes=10, microseconds=-1))
    await staff.finish(provider.answer(first.url), first.browser, ADDRESS)
    room.clock.advance(timedelta(microseconds=1))
    with pytest.raises(SignInFailedError):
        await staff.finish(provider.answer(second.url), second.browser, ADDRESS)
    assert await reasons(room) == ["expired"]


Changed = Callable[[dict[str, str]], dict[str, str]]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda _: {}, "state"),
        (lambda answer: {**answer, "state": ""}, "state"),
        (lambda answer: {**answer, "state": "x" * 43}, "state"),
        (lambda answer: {**answer, "state": answer["state"] + "x"}, "state"),
        (lambda answer: {**answer, "state": "\ud800" * 43}, "state"),
        (lambda answer: {**answer, "iss": "https://evil.example.com"}, "issuer"),
        (lambda answer: {"state": answer["state"]}, "provider:no_code"),
        (
            lambda answer: {"state": answer["state"], "error": "access_denied"},
            "provider:access_denied",
        ),
        (lambda answer: {**answer, "error": "<script>"}, "provider:no_code"),
        (lambda answer: {**answer, "code": "\ud800"}, "provider:no_code"),
        (lambda answer: {**answer, "code": "x" * 4097}, "provider:no_code"),
        (lambda answer: {**answer, "code": "stolen"}, "code"),
    ],
)
async def test_an_answer_that_is_not_the_provider_s_signs_nobody_in(
    room: EngineRoom, provider: FakeProvider, staff: StaffSignIn, change: Changed, reason: str
) -> None:
    departure = await staff.begin("/", None)
    answer = change(provider.answer(departure.url))
    with pytest.raises(SignInFailedError):
        await staff.finish(answer, departure.browser, ADDRESS)
    assert await reasons(room) == [reason]
    [event] = await refusals(room)
    assert event.address == ADDRESS
    secrets = [departure.browser, ACCESS_TOKEN, answer.get("state"), answer.get("code")]
    assert not [secret for secret in secrets if secret and secret in repr(event)]
    assert await room.sessions.sessions() == []


async def test_who_says_that_they_tell_their_issuer_has_to(
    room: EngineRoom, provider: FakeProvider, staff: StaffSignIn
) -> None:
    async def without_issuer() -> None:
        departure = await staff.begin("/", None)
        answer = provider.answer(departure.url)
        del answer["iss"]
        await staff.finish(answer, departure.browser, ADDRESS)

    await without_issuer()
    provider.tells_issuer = True
    with pytest.raises(SignInFailedError):
        await without_issuer()
    assert await reasons(room) == ["issuer"]


async def test_the_code_of_another_sign_in_is_not_taken(
    room: EngineRoom, provider: FakeProvider, staff: StaffSignIn
) -> None:
    mine, theirs = await staff.begin("/", None), await staff.begin("/", None)
    injected = {**provider.answer(mine.url), "code": provider.answer(theirs.url)["code"]}
    with pytest.raises(SignInFailedError):
        await staff.finish(injected, mine.browser, ADDRESS)
    assert await reasons(room) == ["code"]


@pytest.mark.parametrize(
    ("claims", "fault"),
    [
        ({"nonce": "another"}, "nonce"),
        ({"iss": "https://evil.example.com"}, "iss"),
        ({"aud": "another-client"}, "aud"),
        ({"exp": 0}, "exp"),
        ({"at_hash": at_hash("another")}, "at_hash"),
    ],
    ids=str,
)
async def test_an_id_token_with_a_fault_signs_nobody_in(
    room: EngineRoom,
    provider: FakeProvider,
    staff: StaffSignIn,
    claims: dict[str, object],
    fault: str,
) -> None:
    provider.claims |= claims
    departure = await staff.begin("/", None)
    with pytest.raises(SignInFailedError):
        await staff.finish(provider.answer(departure.url), departure.browser, ADDRESS)
    assert await reasons(room) == [f"id-token:{fault}"]


async def test_a_new_key_of_the_provider_is_asked_for_once(
    room: EngineRoom, provider: FakeProvider, staff: StaffSignIn
) -> None:
    provider.key = signing_key(kid="key-2")
    for _ in range(2):
        departure = await staff.begin("/", None)
        await staff.finish(provider.answer(departure.url), departure.browser, ADDRESS)
    assert provider.asked_afresh == 1


async def test_a_key_that_the_provider_does_not_show_signs_nobody_in(
    room: EngineRoom, provider: FakeProvider, staff: StaffSignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.key = signing_key(kid="key-2")
    monkeypatch.setattr("tests.identity.public", lambda _: public(signing_key()))
    departure = await staff.begin("/", None)
    with pytest.raises(SignInFailedError):
        await staff.finish(provider.answer(departure.url), departure.browser, ADDRESS)
    assert (await reasons(room), provider.asked_afresh) == (["id-token:kid"], 1)


# ── Who they are ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("groups", [[], ["sales"], "sales", None, {"care": True}], ids=str)
async def test_who_is_in_no_group_that_counts_is_told_so(
    room: EngineRoom, provider: FakeProvider, staff: StaffSignIn, groups: object
) -> None:
    provider.claims = {"groups": groups}
    departure = await staff.begin("/", None)
    with pytest.raises(ForbiddenError, match="none of the groups"):
        await staff.finish(provider.answer(departure.url), departure.browser, ADDRESS)
    [event] = await refusals(room)
    assert (event.details["reason"], event.subject) == ("no-role", "subject-1")
    assert await room.sessions.sessions() == []


async def test_groups_that_the_id_token_does_not_tell_are_asked_for(
    provider: FakeProvider, staff: StaffSignIn
) -> None:
    provider.claims = {}
    provider.info = {
        "sub": "subject-1",
        "groups": ["ops"],
        "preferred_username": "jo",
        "iss": "ignored",
    }
    departure = await staff.begin("/", None)
    arrival = await staff.finish(provider.answer(departure.url), departure.browser, ADDRESS)
    assert (arrival.session.role, arrival.session.name) == (Role.ADMIN, "jo")


@pytest.mark.parametrize("sub", ["subject-2", None])
async def test_what_is_told_of_somebody_else_does_not_count(
    room: EngineRoom, provider: FakeProvider, staff: StaffSignIn, sub: str | None
) -> None:
    provider.claims = {}
    provider.info = {"sub": sub, "groups": ["ops"]}
    departure = await staff.begin("/", None)
    with pytest.raises(SignInFailedError):
        await staff.finish(provider.answer(departure.url), departure.browser, ADDRESS)
    assert await reasons(room) == ["id-token:userinfo"]


async def test_without_an_access_token_nothing_more_is_asked_for(
    provider: FakeProvider, staff: StaffSignIn
) -> None:
    provider.claims, provider.access_token = {}, None
    provider.info = {"sub": "subject-1", "groups": ["ops"]}
    departure = await staff.begin("/", None)
    with pytest.raises(ForbiddenError):
        await staff.finish(provider.answer(departure.url), departure.browser, ADDRESS)


# ── When something is away ───────────────────────────────────────────────────────────────────


async def test_a_provider_that_is_down_refuses_nobody(
    room: EngineRoom, provider: FakeProvider, staff: StaffSignIn
) -> None:
    departure = await staff.begin("/", None)
    answer = provider.answer(departure.url)
    provider.down = True
    with pytest.raises(ProviderUnavailableError):
        await staff.begin("/", None)
    with pytest.raises(ProviderUnavailableError):
        await staff.finish(answer, departure.browser, ADDRESS)
    assert await refusals(room) == []


async def test_who_fails_too_often_has_to_wait_and_others_do_not(
    room: EngineRoom, provider: FakeProvider, staff: StaffSignIn
) -> None:
    departure = await staff.begin("/", None)
    for _ in range(10):
        with pytest.raises(SignInFailedError):
            await staff.finish({"state": "x" * 43}, None, ADDRESS)
    with pytest.raises(TooManyAttemptsError):
        await staff.finish({"state": "x" * 43}, None, ADDRESS)
    await staff.finish(provider.answer(departure.url), departure.browser, ADDRESS)


async def test_sign_ins_that_nobody_finishes_are_cleared_away(
    room: EngineRoom, staff: StaffSignIn
) -> None:
    abandoned = await staff.begin("/", None)
    room.clock.advance(timedelta(minutes=10))
    await staff.begin("/", None)
    with pytest.raises(SignInFailedError):
        await staff.finish({"state": asked(abandoned)["state"]}, abandoned.browser, ADDRESS)
    assert await reasons(room) == ["state"]  # not "expired": its row is gone
