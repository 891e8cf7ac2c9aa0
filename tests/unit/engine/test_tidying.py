"""Rows of sign-ins that say nothing any more are taken away, and no others."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from tests.engine_room import NUMBER, PORTAL, EngineRoom
from transfer.core.access import Role
from transfer.core.errors import LaunchRefusedError, RecordsUnavailableError
from transfer.engine.sessions import SessionPolicy
from transfer.engine.tidying import Tidying
from transfer.ports import LaunchRecords


def tidying(room: EngineRoom) -> Tidying:
    return Tidying(room.tools, room.sessions, room.attempts, room.bans)


async def refused(room: EngineRoom, token: str) -> str:
    with pytest.raises(LaunchRefusedError) as caught:
        await room.launches.follow(token, address=None)
    return caught.value.reason


async def test_a_used_link_is_remembered_until_no_node_would_follow_it(room: EngineRoom) -> None:
    token = PORTAL.token(room.clock.now())
    await room.launches.follow(token, address=None)
    room.clock.advance(timedelta(minutes=5, seconds=-1))
    assert await tidying(room).run_once() == 0
    assert await refused(room, token) == "replayed"
    room.clock.advance(31)
    assert await tidying(room).run_once() == 0
    assert await refused(room, token) == "expired"
    room.clock.advance(1)
    assert await tidying(room).run_once() == 1


async def test_failures_and_sessions_go_in_their_time(room: EngineRoom) -> None:
    with pytest.raises(LaunchRefusedError):
        await room.launches.follow("x", address="192.0.2.1")
    link = await room.links.make(Role.DESIGNATED, "Jo", NUMBER, made_by="operator")
    await room.launches.follow(link, address=None)
    policy = SessionPolicy()
    room.clock.advance(policy.lifetime)
    assert await tidying(room).run_once() == 2
    room.clock.advance(policy.kept)
    assert await tidying(room).run_once() == 0
    room.clock.advance(1)
    assert await tidying(room).run_once() == 1


async def test_rounds_go_on_after_the_database_was_away(room: EngineRoom) -> None:
    rounds: list[bool] = []

    class Away:
        async def forget(self, _: object) -> int:
            rounds.append(True)
            raise RecordsUnavailableError("away")

    records = replace(room.records, launches=cast(LaunchRecords, Away()))
    tools = replace(room.tools, records=records)
    made = Tidying(tools, room.sessions, room.attempts, room.bans)
    running = asyncio.create_task(made.run())
    try:
        await room.clock.wait_for_sleepers()
        room.clock.advance(timedelta(minutes=10))
        await room.clock.wait_for_sleepers()
        assert len(rounds) == 2
    finally:
        running.cancel()
