from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest

from tests.contract.records.scenario import NOW, after
from transfer.core.bans import Ban
from transfer.core.errors import InvalidRequestError, MissingError
from transfer.ports import AuditEvent, Records

HOUR = timedelta(hours=1)
BAN = Ban(
    id="ban-1",
    network=ip_network("192.0.2.7"),
    reason="guessing",
    banned_by="service",
    since=NOW,
    until=NOW + HOUR,
)
PLACED = AuditEvent(at=NOW, action="ban.placed", actor="service", subject="to be filled in")
LIFTED = AuditEvent(at=NOW, action="ban.lifted", actor="admin", subject=BAN.id)


async def test_a_ban_holds_until_its_end(records: Records) -> None:
    assert await records.bans.put(BAN, PLACED) == BAN
    assert await records.bans.holding(NOW + HOUR - timedelta(seconds=1), 10) == [BAN]
    assert await records.bans.holding(NOW + HOUR, 10) == []
    assert await records.audit.events() == [replace(PLACED, subject=BAN.id)]


async def test_a_network_that_is_banned_again_keeps_its_id_and_the_later_end(
    records: Records,
) -> None:
    await records.bans.put(BAN, PLACED)
    again = replace(BAN, id="ban-2", reason="still", since=after(60), until=NOW + HOUR / 2)
    assert await records.bans.put(again, PLACED) == replace(again, id="ban-1", until=NOW + HOUR)
    later = replace(again, until=NOW + 2 * HOUR)
    assert (await records.bans.put(later, PLACED)).until == NOW + 2 * HOUR
    endless = replace(again, until=None)
    assert (await records.bans.put(endless, PLACED)).until is None
    assert (await records.bans.put(later, PLACED)).until is None
    assert len(await records.bans.holding(NOW, 10)) == 1


async def test_bans_are_listed_latest_first_page_by_page(records: Records) -> None:
    bans = [
        replace(
            BAN,
            id=f"ban-{n}",
            network=ip_network(f"2001:db8:{n}::/48"),
            since=after(n // 2),  # two in the same moment
            until=None if n % 2 else NOW + HOUR,
        )
        for n in range(5)
    ]
    for ban in bans:
        await records.bans.put(ban, PLACED)
    latest = bans[::-1]
    first, cursor = await records.bans.page(NOW, after=None, limit=2)
    assert (first, cursor is None) == (latest[:2], False)
    second, cursor = await records.bans.page(NOW, after=cursor, limit=2)
    assert (second, cursor is None) == (latest[2:4], False)
    assert await records.bans.page(NOW, after=cursor, limit=2) == (latest[4:], None)
    assert await records.bans.holding(NOW, 2) == latest[:2]
    with pytest.raises(InvalidRequestError):
        await records.bans.page(NOW, after="x", limit=2)


async def test_a_ban_is_lifted_once(records: Records) -> None:
    await records.bans.put(BAN, PLACED)
    assert await records.bans.lift(BAN.id, LIFTED) == BAN
    told = (await records.audit.events())[-1]
    assert told == replace(LIFTED, details={"network": "192.0.2.7/32"})
    for ban_id in (BAN.id, "\x00"):
        with pytest.raises(MissingError):
            await records.bans.lift(ban_id, LIFTED)
    assert await records.bans.holding(NOW, 10) == []


async def test_bans_that_are_over_are_forgotten_and_no_others(records: Records) -> None:
    endless = replace(BAN, id="ban-2", network=ip_network("198.51.100.0/24"), until=None)
    for ban in (BAN, endless):
        await records.bans.put(ban, PLACED)
    assert await records.bans.forget(NOW + HOUR) == 0
    assert await records.bans.forget(NOW + HOUR + timedelta(seconds=1)) == 1
    assert await records.bans.holding(NOW, 10) == [endless]
