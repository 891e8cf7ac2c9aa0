"""Bans: placed by admins and by the service itself, lifted, known on every node."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from typing import cast

import pytest

from tests.engine_room import ADMIN, ANALYST, EngineRoom
from transfer.core.errors import (
    ForbiddenError,
    InvalidRequestError,
    MissingError,
    RecordsUnavailableError,
)
from transfer.engine.bans import LONGEST, BanPolicy, Bans
from transfer.ports import BanRecords

ADDRESS = "192.0.2.7"
NETWORK = ip_network(ADDRESS)
HOUR = timedelta(hours=1)


async def insist(bans: Bans, times: int, address: str | None = ADDRESS) -> bool:
    outcome = False
    for _ in range(times):
        outcome = await bans.insisted(address)
    return outcome


async def test_an_admin_bans_a_network_and_lifts_the_ban(room: EngineRoom) -> None:
    placed = await room.bans.place(ADMIN, NETWORK, reason="guessing", lifetime=HOUR)
    assert room.bans.covers(ADDRESS)
    assert await room.bans.page(ADMIN) == ([placed], None)
    assert (placed.banned_by, placed.until) == ("admin", room.clock.now() + HOUR)
    assert await room.bans.lift(ADMIN, placed.id) == placed
    assert not room.bans.covers(ADDRESS)
    told = [one for one in await room.records.audit.events() if one.action.startswith("ban.")]
    assert [(one.action, one.actor, one.subject) for one in told] == [
        ("ban.placed", "admin", placed.id),
        ("ban.lifted", "admin", placed.id),
    ]
    with pytest.raises(MissingError):
        await room.bans.lift(ADMIN, placed.id)


async def test_a_ban_ends_by_itself_or_never(room: EngineRoom) -> None:
    await room.bans.place(ADMIN, NETWORK, reason="guessing", lifetime=HOUR)
    await room.bans.place(ADMIN, ip_network("2001:db8::/32"), reason="theirs", lifetime=None)
    room.clock.advance(HOUR)
    assert not room.bans.covers(ADDRESS)
    assert room.bans.covers("2001:db8::1")
    room.clock.advance(1)
    assert await room.bans.forget_old() == 1
    assert await room.bans.forget_old() == 0


async def test_only_admins_have_to_do_with_bans(room: EngineRoom) -> None:
    with pytest.raises(ForbiddenError):
        await room.bans.place(ANALYST, NETWORK, reason="guessing")
    with pytest.raises(ForbiddenError):
        await room.bans.page(ANALYST)
    with pytest.raises(ForbiddenError):
        await room.bans.lift(ANALYST, "any")


@pytest.mark.parametrize(
    ("reason", "lifetime"),
    [
        ("", HOUR),
        (" ", HOUR),
        ("two\nlines", HOUR),
        ("x" * 501, HOUR),
        ("guessing", timedelta(0)),
        ("guessing", LONGEST + HOUR),
    ],
)
async def test_a_ban_has_a_reason_and_a_time_that_is_meant(
    room: EngineRoom, reason: str, lifetime: timedelta
) -> None:
    with pytest.raises(InvalidRequestError):
        await room.bans.place(ADMIN, NETWORK, reason=reason, lifetime=lifetime)


async def test_who_goes_on_although_told_to_wait_is_banned_for_a_while(room: EngineRoom) -> None:
    policy = BanPolicy()
    assert not await insist(room.bans, policy.after - 1)
    assert not room.bans.covers(ADDRESS)
    assert await insist(room.bans, 1)
    assert room.bans.covers(ADDRESS)
    ([ban], _) = await room.bans.page(ADMIN)
    assert (ban.network, ban.banned_by) == (NETWORK, "service")
    room.clock.advance(policy.lifetime)
    assert not room.bans.covers(ADDRESS)


async def test_nobody_is_banned_for_what_others_did_or_what_was_long_ago(room: EngineRoom) -> None:
    policy = BanPolicy()
    await insist(room.bans, policy.after - 1)
    assert not await insist(room.bans, 1, "192.0.2.8")
    assert not await insist(room.bans, policy.after, "a unix socket")
    assert not await insist(room.bans, policy.after, None)
    room.clock.advance(policy.within + timedelta(seconds=1))
    assert not await insist(room.bans, 1)


async def test_settings_ban_for_good_keep_from_bans_and_turn_them_off(room: EngineRoom) -> None:
    always = Bans(room.tools, BanPolicy(always=(NETWORK,)))
    assert always.covers(ADDRESS)
    assert await always.page(ADMIN) == ([], None)
    never = Bans(room.tools, BanPolicy(never=(NETWORK,)))
    assert not await insist(never, BanPolicy().after)
    await never.place(ADMIN, NETWORK, reason="guessing")
    assert not never.covers(ADDRESS)
    off = Bans(room.tools, BanPolicy(after=0))
    assert not await insist(off, 100, "192.0.2.8")


async def test_no_more_sources_are_watched_than_there_is_memory_for(
    room: EngineRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transfer.engine.bans._MOST_WATCHED", 3)
    for n in range(10):
        await insist(room.bans, 1, f"192.0.2.{n}")
    assert len(room.bans._insistence) == 3


async def test_another_node_learns_of_bans_and_of_their_end(room: EngineRoom) -> None:
    other = room.another_node().bans
    placed = await room.bans.place(ADMIN, NETWORK, reason="guessing")
    assert not other.covers(ADDRESS)
    watching = asyncio.create_task(other.watch())
    try:
        await room.clock.wait_for_sleepers()
        assert other.covers(ADDRESS)
        await room.bans.lift(ADMIN, placed.id)
        room.clock.advance(room.tools.policy.watch_interval)
        await room.clock.wait_for_sleepers()
        assert not other.covers(ADDRESS)
    finally:
        watching.cancel()


async def test_the_watch_goes_on_while_the_records_are_away(room: EngineRoom) -> None:
    class Away:
        async def holding(self, *_: object) -> None:
            raise RecordsUnavailableError("away")

    tools = replace(room.tools, records=replace(room.records, bans=cast(BanRecords, Away())))
    bans = Bans(tools)
    watching = asyncio.create_task(bans.watch())
    try:
        await room.clock.wait_for_sleepers()
        assert not bans.covers(ADDRESS)
        assert not watching.done()
    finally:
        watching.cancel()
