"""Bearer tokens: scoped, expiring, revocable, and kept as a hash only."""

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta

import pytest

from tests.engine_room import ADMIN, ANALYST, NUMBER, EngineRoom, customer
from transfer.core.access import Action, Door, Principal, Role, authorise, authorise_at_large
from transfer.core.cases import CaseNumber
from transfer.core.errors import (
    CaseMissingError,
    ForbiddenError,
    InvalidRequestError,
    NotSignedInError,
    RecordsUnavailableError,
    TokenMissingError,
)
from transfer.engine.tokens import TokenPolicy, TokenRequest, Tokens
from transfer.ports import Token

OTHER = CaseNumber("0009999999")


def request(
    role: Role = Role.DESIGNATED,
    *,
    cases: Collection[CaseNumber] | None = (NUMBER,),
    actions: Collection[Action] | None = None,
    lifetime: timedelta | None = None,
) -> TokenRequest:
    return TokenRequest(role=role, name="jo", cases=cases, actions=actions, lifetime=lifetime)


async def test_a_token_says_who_someone_is(room: EngineRoom) -> None:
    _, secret = await room.tokens.issue(Role.DESIGNATED, "jo", NUMBER, issued_by="cli")
    who = await room.tokens.authenticate(secret, "192.0.2.1")
    assert (who.name, who.role, who.cases) == ("jo", Role.DESIGNATED, frozenset({NUMBER}))
    assert (who.actions, who.door, who.address) == (None, Door.HTTP, "192.0.2.1")
    _, secret = await room.tokens.issue(Role.ANALYST, "al", None, issued_by="cli")
    assert (await room.tokens.authenticate(secret, None)).cases is None


async def test_a_token_for_several_cases_opens_these_alone(room: EngineRoom) -> None:
    await room.core.open("Another", "Example Ltd", "analyst", OTHER)
    third = await room.core.open("A third", "Example Ltd", "analyst", CaseNumber("0009999998"))
    token, secret = await room.tokens.grant(ADMIN, request(cases=(NUMBER, OTHER, NUMBER)))
    who = await room.tokens.authenticate(secret, None)
    assert who.cases == token.cases == frozenset({NUMBER, OTHER})
    authorise(who, Action.UPLOAD, await room.core.case(OTHER))
    with pytest.raises(CaseMissingError):
        authorise(who, Action.SEE, third)


async def test_a_limited_token_does_what_it_is_for_and_nothing_else(room: EngineRoom) -> None:
    _, secret = await room.tokens.grant(ADMIN, request(Role.ANALYST, actions=[Action.DOWNLOAD]))
    who = await room.tokens.authenticate(secret, None)
    case = await room.core.case(NUMBER)
    authorise(who, Action.DOWNLOAD, case)
    authorise(who, Action.SEE, case)  # nobody can do anything to a case without seeing it
    for action in set(Action) - {Action.DOWNLOAD, Action.SEE}:
        with pytest.raises(ForbiddenError):
            authorise(who, action, case)
        with pytest.raises(ForbiddenError):
            authorise_at_large(who, action)


async def test_a_token_ends_by_time_and_by_revocation(room: EngineRoom) -> None:
    token, secret = await room.tokens.issue(
        Role.ANALYST, "al", None, issued_by="cli", lifetime=timedelta(hours=1)
    )
    other, other_secret = await room.tokens.issue(Role.ADMIN, "ad", None, issued_by="cli")
    room.clock.advance(timedelta(hours=1))
    with pytest.raises(NotSignedInError):
        await room.tokens.authenticate(secret, None)
    elsewhere = room.another_node().tokens
    await elsewhere.authenticate(other_secret, None)
    revoked = await room.tokens.revoke(ADMIN, other.id)
    assert revoked.revoked_at == room.clock.now()
    with pytest.raises(NotSignedInError):
        await elsewhere.authenticate(other_secret, None)
    room.clock.advance(1)
    assert await room.tokens.revoke(ADMIN, other.id) == revoked
    assert (await room.tokens.token(ADMIN, token.id)).revoked_at is None


async def test_issuing_and_revoking_is_told_in_the_audit_log_once_and_by_whom(
    room: EngineRoom,
) -> None:
    admin = Principal(name="ad", role=Role.ADMIN, door=Door.HTTP, address="192.0.2.9")
    token, secret = await room.tokens.grant(admin, request(actions=[Action.UPLOAD]))
    await room.tokens.revoke(admin, token.id)
    await room.tokens.revoke(admin, token.id)
    events = [
        event
        for event in await room.records.audit.events(NUMBER)
        if event.action.startswith("token.")
    ]
    assert [event.action for event in events] == ["token.issued", "token.revoked"]
    assert {(event.actor, event.subject, event.door, event.address) for event in events} == {
        ("ad", token.id, Door.HTTP, "192.0.2.9")
    }
    assert events[0].details["actions"] == ["see", "upload"]
    assert events[0].details["cases"] == [NUMBER]
    assert secret not in repr(events)


async def test_what_is_no_token_is_refused(room: EngineRoom) -> None:
    for secret in ("", "ctt_", "' OR 1=1 --"):
        with pytest.raises(NotSignedInError):
            await room.tokens.authenticate(secret, None)
    for token_id in ("none", "\x00", "\ud800"):
        with pytest.raises(TokenMissingError):
            await room.tokens.revoke(ADMIN, token_id)


@pytest.mark.parametrize(
    "senseless",
    [
        request(cases=None),
        request(cases=()),
        request(cases=[CaseNumber(f"{n:010}") for n in range(1001)]),
        request(actions=()),
        request(actions=[Action.MANAGE_CASE]),
        request(Role.READ_ONLY, actions=[Action.UPLOAD]),
        request(Role.ANALYST, actions=[Action.MANAGE_TOKENS]),
        request(lifetime=timedelta(0)),
        request(lifetime=timedelta(days=90, microseconds=1)),
        request(Role.ADMIN, cases=None, lifetime=timedelta.max),
    ],
    ids=str,
)
async def test_a_token_that_makes_no_sense_is_not_issued(
    room: EngineRoom, senseless: TokenRequest
) -> None:
    with pytest.raises(InvalidRequestError):
        await room.tokens.grant(ADMIN, senseless)
    assert await room.tokens.page(ADMIN) == ([], None)


async def test_a_token_for_a_case_that_is_not_there_is_not_issued(room: EngineRoom) -> None:
    with pytest.raises(CaseMissingError):
        await room.tokens.grant(ADMIN, request(cases=(NUMBER, CaseNumber("0000000042"))))


async def test_only_admins_issue_tokens_and_none_that_may_do_more_than_they(
    room: EngineRoom,
) -> None:
    one_case = Principal(name="a", role=Role.ADMIN, door=Door.HTTP, cases=frozenset({NUMBER}))
    for principal in (customer(), ANALYST, one_case):
        with pytest.raises(ForbiddenError):
            await room.tokens.grant(principal, request())
    clerk = Principal(
        name="clerk",
        role=Role.ADMIN,
        door=Door.HTTP,
        actions=frozenset({Action.MANAGE_TOKENS, Action.UPLOAD, Action.SEE}),
    )
    for too_much in (request(), request(Role.ADMIN, cases=None)):
        with pytest.raises(ForbiddenError):
            await room.tokens.grant(clerk, too_much)
    await room.tokens.grant(clerk, request(actions=[Action.UPLOAD]))
    token, secret = await room.tokens.grant(
        clerk, request(Role.ADMIN, cases=None, actions=[Action.MANAGE_TOKENS])
    )
    assert token.actions == frozenset({Action.MANAGE_TOKENS})
    case = await room.core.case(NUMBER)
    with pytest.raises(ForbiddenError):
        authorise(await room.tokens.authenticate(secret, None), Action.SEE, case)


async def test_an_admin_s_token_lives_shorter_unless_asked_for_and_none_beyond_the_longest(
    room: EngineRoom,
) -> None:
    async def lifetime(tokens: Tokens, asked: TokenRequest) -> timedelta:
        token, _ = await tokens.grant(ADMIN, asked)
        return token.expires_at - token.issued_at

    assert await lifetime(room.tokens, request()) == timedelta(days=30)
    assert await lifetime(room.tokens, request(Role.ADMIN, cases=None)) == timedelta(hours=12)
    month = timedelta(days=30)
    assert await lifetime(room.tokens, request(Role.ADMIN, lifetime=month)) == month
    short = Tokens(room.tools, TokenPolicy(longest=timedelta(hours=1)))
    assert await lifetime(short, request()) == timedelta(hours=1)


async def test_others_see_and_revoke_the_token_that_they_came_with_and_no_other(
    room: EngineRoom,
) -> None:
    mine, secret = await room.tokens.grant(ADMIN, request())
    other, _ = await room.tokens.grant(ADMIN, request())
    me = await room.tokens.authenticate(secret, None)
    [shown] = (await room.tokens.page(me))[0]
    assert shown.id == mine.id
    assert (await room.tokens.token(me, mine.id)).id == mine.id
    for forbidden in (room.tokens.token(me, other.id), room.tokens.revoke(me, other.id)):
        with pytest.raises(TokenMissingError):
            await forbidden
    await room.tokens.revoke(me, mine.id)
    with pytest.raises(NotSignedInError):
        await room.tokens.authenticate(secret, None)
    assert await room.tokens.page(customer()) == ([], None)  # came without a token


async def test_tokens_are_listed_page_by_page_newest_first(room: EngineRoom) -> None:
    issued: list[Token] = []
    for _ in range(5):
        issued.append((await room.tokens.grant(ADMIN, request()))[0])
        room.clock.advance(1)
    found: list[Token] = []
    after: str | None = None
    sizes = []
    while True:
        tokens, after = await room.tokens.page(ADMIN, after=after, limit=2)
        found += tokens
        sizes.append(len(tokens))
        if after is None:
            break
    assert found == issued[::-1]
    assert sizes == [2, 2, 1]


async def test_the_use_of_a_token_is_noted_at_most_every_five_minutes(room: EngineRoom) -> None:
    writes = Counted(room)
    tokens = Tokens(room.tools)
    token, secret = await tokens.issue(Role.ANALYST, "al", None, issued_by="cli")
    began = room.clock.now()
    await asyncio.gather(*(tokens.authenticate(secret, None) for _ in range(8)))
    room.clock.advance(299)
    await tokens.authenticate(secret, None)
    assert (await tokens.token(ADMIN, token.id)).last_used_at == began
    assert writes.count == 1
    room.clock.advance(1)
    await tokens.authenticate(secret, None)
    assert (await tokens.token(ADMIN, token.id)).last_used_at == room.clock.now()
    assert writes.count == 2


async def test_a_use_that_can_not_be_noted_refuses_nobody(room: EngineRoom) -> None:
    writes = Counted(room, fail=True)
    _, secret = await room.tokens.issue(Role.ANALYST, "al", None, issued_by="cli")
    assert (await room.tokens.authenticate(secret, None)).name == "al"
    assert writes.count == 1


async def test_what_is_remembered_of_uses_is_bounded(
    room: EngineRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transfer.engine.tokens._REMEMBERED_USES", 2)
    for _ in range(5):
        _, secret = await room.tokens.issue(Role.ANALYST, "al", None, issued_by="cli")
        await room.tokens.authenticate(secret, None)
        assert len(room.tokens._uses) <= 2


class Counted:
    """Counts the writes of uses, and lets them fail if told to."""

    def __init__(self, room: EngineRoom, *, fail: bool = False) -> None:
        self.count = 0
        self._fail = fail
        records = room.records.tokens
        self._write = records.used
        records.used = self.used  # type: ignore[method-assign] # counted, and then done

    async def used(self, token_id: str, now: datetime, *, unless_after: datetime) -> None:
        self.count += 1
        if self._fail:
            raise RecordsUnavailableError("The database doesn't answer.")
        await self._write(token_id, now, unless_after=unless_after)
