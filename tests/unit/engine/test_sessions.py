"""Sessions: idle and absolute lifetime, revocation, families, and requests that end with them."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from tests.engine_room import ADMIN, NUMBER, EngineRoom
from transfer.core.access import Role
from transfer.core.cases import CaseNumber
from transfer.core.errors import (
    InvalidRequestError,
    RecordsUnavailableError,
    SessionMissingError,
    SessionOverError,
)
from transfer.engine.sessions import SessionPolicy, Sessions
from transfer.ports import Method, Session, SessionRecords

OTHER = CaseNumber("0009999999")
IDLE = SessionPolicy().idle
LIFETIME = SessionPolicy().lifetime
MINUTE = timedelta(minutes=1)


async def begin(
    room: EngineRoom,
    number: CaseNumber | None = NUMBER,
    *,
    role: Role = Role.DESIGNATED,
    subject: str = "contact-7",
    beside: str | None = None,
) -> tuple[Session, str]:
    return await room.sessions.begin(
        name="Jo Smith",
        role=role,
        case_number=number,
        subject=subject,
        method=Method.LAUNCH,
        address="192.0.2.1",
        beside=beside,
    )


async def is_in(room: EngineRoom, secret: str) -> bool:
    try:
        await room.sessions.authenticate(secret, "192.0.2.1")
    except SessionOverError:
        return False
    return True


async def refusals(room: EngineRoom) -> list[str]:
    events = await room.records.audit.events()
    return [one.details["reason"] for one in events if one.action == "session.refused"]


# ── Who it is ────────────────────────────────────────────────────────────────────────────────


async def test_a_session_says_who_someone_is(room: EngineRoom) -> None:
    session, secret = await begin(room)
    assert secret.startswith("cts_")
    assert len(secret) == len("cts_") + 43
    who = await room.sessions.authenticate(secret, "192.0.2.9")
    assert (who.name, who.role, who.cases) == ("Jo Smith", Role.DESIGNATED, frozenset({NUMBER}))
    assert (who.credential, who.address) == (session.id, "192.0.2.9")
    _, secret = await begin(room, None, role=Role.ANALYST)
    assert (await room.sessions.authenticate(secret, None)).cases is None


async def test_a_customer_s_session_needs_a_case(room: EngineRoom) -> None:
    with pytest.raises(InvalidRequestError):
        await begin(room, None)


async def test_a_secret_that_is_none_opens_nothing_and_is_noted(room: EngineRoom) -> None:
    for secret in ("", "cts_", "' OR 1=1 --"):
        assert not await is_in(room, secret)
    assert await refusals(room) == ["unknown"] * 3


# ── How long ─────────────────────────────────────────────────────────────────────────────────


async def test_a_session_that_nobody_uses_is_over_to_the_second(room: EngineRoom) -> None:
    session, secret = await begin(room)
    assert room.sessions.idle_until(session) == session.began_at + IDLE
    room.clock.advance(IDLE - timedelta(seconds=1))
    assert await is_in(room, secret)
    room.clock.advance(IDLE - timedelta(seconds=1))
    assert await is_in(room, secret)
    room.clock.advance(IDLE)
    assert not await is_in(room, secret)
    assert await refusals(room) == []
    assert await room.sessions.sessions() == []


async def test_a_session_is_over_at_its_end_however_busy(room: EngineRoom) -> None:
    session, secret = await begin(room)
    while room.clock.now() < session.expires_at - timedelta(minutes=30):
        room.clock.advance(timedelta(minutes=30))
        assert await is_in(room, secret)
    busy = await room.sessions.session(session.id)
    assert room.sessions.idle_until(busy) == session.expires_at == session.began_at + LIFETIME
    room.clock.advance(timedelta(minutes=30))
    assert not await is_in(room, secret)


async def test_being_used_is_written_down_once_a_minute_at_most(room: EngineRoom) -> None:
    session, secret = await begin(room)
    for seconds in (10, 49):
        room.clock.advance(seconds)
        await is_in(room, secret)
    assert (await room.sessions.session(session.id)).seen_at == session.began_at
    room.clock.advance(1)
    await is_in(room, secret)
    assert (await room.sessions.session(session.id)).seen_at == session.began_at + MINUTE


# ── Its end ──────────────────────────────────────────────────────────────────────────────────


async def test_a_stolen_secret_is_worth_nothing_after_the_sign_out(room: EngineRoom) -> None:
    session, secret = await begin(room)
    principal = await room.sessions.authenticate(secret, None)
    await room.sessions.sign_out(principal)
    assert not await is_in(room, secret)
    assert await refusals(room) == ["ended"]
    await room.sessions.sign_out(principal)
    event = (await room.records.audit.events(NUMBER))[-1]
    assert (event.action, event.subject) == ("session.refused", session.id)


async def test_sessions_end_one_by_one_by_case_and_by_person(room: EngineRoom) -> None:
    first, _ = await begin(room)
    _, second = await begin(room, subject="contact-8")
    _, third = await begin(room, OTHER, subject="contact-8")
    _, fourth = await begin(room, None, role=Role.ANALYST, subject="al")
    await room.sessions.end(first.id, ended_by=ADMIN)
    assert await room.sessions.end_of_case(NUMBER, ended_by=ADMIN) == 1
    assert [await is_in(room, one) for one in (second, third, fourth)] == [False, True, True]
    assert await room.sessions.end_of_subject("contact-8", ended_by=ADMIN) == 1
    assert [await is_in(room, one) for one in (third, fourth)] == [False, True]
    assert [one.subject for one in await room.sessions.sessions()] == ["al"]
    with pytest.raises(SessionMissingError):
        await room.sessions.end("nowhere", ended_by=ADMIN)


async def test_rows_of_sessions_are_kept_for_a_while_after_their_end(room: EngineRoom) -> None:
    await begin(room)
    room.clock.advance(LIFETIME + SessionPolicy().kept)
    assert await room.sessions.forget_old() == 0
    room.clock.advance(1)
    assert await room.sessions.forget_old() == 1


# ── One browser, several cases ───────────────────────────────────────────────────────────────


async def test_whoever_launches_another_case_keeps_the_first_one(room: EngineRoom) -> None:
    _, first = await begin(room)
    _, second = await begin(room, OTHER, beside=first)
    who = await room.sessions.authenticate(second, None)
    assert who.cases == frozenset({NUMBER, OTHER})
    await room.sessions.sign_out(who)
    assert not await is_in(room, first)


@pytest.mark.parametrize("other", ["person", "role", "ended", "idle", "unknown", "staff"])
async def test_cases_are_not_joined_with_those_of_anybody_else(
    room: EngineRoom, other: str
) -> None:
    staff = other == "staff"
    session, secret = await begin(
        room,
        None if staff else NUMBER,
        role=Role.ANALYST if staff else Role.READ_ONLY if other == "role" else Role.DESIGNATED,
        subject="contact-8" if other == "person" else "contact-7",
    )
    if other == "ended":
        await room.sessions.end(session.id, ended_by=ADMIN)
    if other == "idle":
        room.clock.advance(IDLE)
    beside = "cts_unknown" if other == "unknown" else secret
    role = Role.ANALYST if staff else Role.DESIGNATED
    _, second = await begin(room, OTHER, role=role, beside=beside)
    assert (await room.sessions.authenticate(second, None)).cases == frozenset({OTHER})


# ── Requests ─────────────────────────────────────────────────────────────────────────────────


async def test_a_request_ends_at_once_where_its_session_is_ended(room: EngineRoom) -> None:
    session, _ = await begin(room)
    ended = asyncio.Event()
    with room.sessions.attending(session.id, ended.set):
        await room.sessions.end(session.id, ended_by=ADMIN)
        assert ended.is_set()


async def test_a_request_ends_with_its_session_on_every_node(room: EngineRoom) -> None:
    session, _ = await begin(room)
    node = room.another_node()
    ended, other_ended = asyncio.Event(), asyncio.Event()
    other, _ = await begin(room, subject="contact-8")
    with (
        node.sessions.attending(session.id, ended.set),
        node.sessions.attending(session.id, ended.set),
        node.sessions.attending(other.id, other_ended.set),
    ):
        await node.sessions.watch_once()
        assert not ended.is_set()
        await room.sessions.end(session.id, ended_by=ADMIN)
        await node.sessions.watch_once()
        assert ended.is_set()
        assert not other_ended.is_set()


async def test_a_long_upload_keeps_its_session_in_use_up_to_the_end(room: EngineRoom) -> None:
    session, secret = await begin(room)
    ended = asyncio.Event()
    with room.sessions.attending(session.id, ended.set):
        for _ in range(23):
            room.clock.advance(timedelta(minutes=30))
            await room.sessions.watch_once()
        assert await is_in(room, secret)
        assert not ended.is_set()
        room.clock.advance(timedelta(minutes=30))
        await room.sessions.watch_once()
        assert ended.is_set()


async def test_a_stalled_minute_does_not_end_a_request_that_is_busy(room: EngineRoom) -> None:
    session, _ = await begin(room)
    ended = asyncio.Event()
    with room.sessions.attending(session.id, ended.set):
        room.clock.advance(IDLE * 2)
        await room.sessions.watch_once()
        assert not ended.is_set()


async def test_a_page_that_only_listens_does_not_keep_a_session_in_use(room: EngineRoom) -> None:
    session, _ = await begin(room)
    ended = asyncio.Event()
    with room.sessions.attending(session.id, ended.set, busy=False):
        room.clock.advance(IDLE - timedelta(seconds=1))
        await room.sessions.watch_once()
        assert not ended.is_set()
        room.clock.advance(1)
        await room.sessions.watch_once()
        assert ended.is_set()


async def test_a_request_whose_session_is_not_there_ends(room: EngineRoom) -> None:
    ended = asyncio.Event()
    with room.sessions.attending("nowhere", ended.set):
        await room.sessions.watch_once()
        assert ended.is_set()


async def test_a_request_that_begins_while_the_watch_is_asking_is_left_alone(
    room: EngineRoom,
) -> None:
    session, _ = await begin(room)
    newcomer, _ = await begin(room, subject="contact-8")
    ended = asyncio.Event()
    asking, answered = asyncio.Event(), asyncio.Event()
    standing = room.records.sessions.standing

    class Slow:
        async def standing(self, ids: list[str]) -> list[Session]:
            asking.set()
            await answered.wait()
            return await standing(ids)

    records = replace(room.records, sessions=cast(SessionRecords, Slow()))
    sessions = Sessions(replace(room.tools, records=records), room.attempts)
    with sessions.attending(session.id, ended.set):
        watch = asyncio.create_task(sessions.watch_once())
        await asking.wait()
        with sessions.attending(newcomer.id, ended.set):
            answered.set()
            await watch
            assert not ended.is_set()


async def test_the_watch_goes_on_after_the_database_was_away(room: EngineRoom) -> None:
    failures = [RecordsUnavailableError("away")]
    standing = room.records.sessions.standing

    class Away:
        async def standing(self, ids: list[str]) -> list[Session]:
            if failures:
                raise failures.pop()
            return await standing(ids)

    records = replace(room.records, sessions=cast(SessionRecords, Away()))
    sessions = Sessions(replace(room.tools, records=records), room.attempts)
    ended = asyncio.Event()
    watch = asyncio.create_task(sessions.watch())
    try:
        await room.clock.wait_for_sleepers()
        room.clock.advance(1)  # a round in which there is nothing to watch
        await room.clock.wait_for_sleepers()
        assert failures
        with sessions.attending("nowhere", ended.set):
            for _ in range(2):
                await room.clock.wait_for_sleepers()
                assert not ended.is_set()
                room.clock.advance(1)
            await asyncio.wait_for(ended.wait(), 10)
    finally:
        watch.cancel()
