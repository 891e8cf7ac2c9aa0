"""Sign-ins on their way: each is good once, and none stays."""

import asyncio
from dataclasses import replace

from sqlalchemy import Connection, func, select

from tests.contract.records.scenario import NOW, after
from transfer.ports import PendingSignIn, Records
from transfer.records.database import Database
from transfer.records.tables import sign_ins

PENDING = PendingSignIn(
    state_sha256=b"\x01" * 32,
    browser_sha256=b"\x02" * 32,
    return_to="/cases/0003256109?x=ä#y",
    expires_at=after(600),
)


def _count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(sign_ins)).scalar_one()


async def test_a_sign_in_is_taken_once(records: Records) -> None:
    await records.sign_ins.begin(PENDING, NOW)
    assert await records.sign_ins.take(b"\x03" * 32) is None
    assert await records.sign_ins.take(PENDING.state_sha256) == PENDING
    assert await records.sign_ins.take(PENDING.state_sha256) is None


async def test_of_many_who_take_a_sign_in_at_once_one_gets_it(records: Records) -> None:
    await records.sign_ins.begin(PENDING, NOW)
    taken = await asyncio.gather(*(records.sign_ins.take(PENDING.state_sha256) for _ in range(8)))
    assert sorted(taken, key=bool) == [None] * 7 + [PENDING]


async def test_a_beginning_clears_away_what_has_expired_some_at_a_time(
    records: Records, database: Database
) -> None:
    for number in range(150):
        old = replace(PENDING, state_sha256=number.to_bytes(32, "big"), expires_at=after(1))
        await records.sign_ins.begin(old, NOW)
    await records.sign_ins.begin(PENDING, after(1))
    assert await database.read(_count) == 51
    others = [replace(PENDING, state_sha256=bytes([n]) * 32) for n in (200, 201)]
    await asyncio.gather(*(records.sign_ins.begin(other, after(1)) for other in others))
    assert await database.read(_count) == 3
    assert await records.sign_ins.take(PENDING.state_sha256) == PENDING
