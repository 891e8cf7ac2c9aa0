"""kill -9, cuts and stalls at random moments, round after round, while files are sent by SFTP.

What a client was told to be durable is there, what it never finished isn't shown as received, and
in the end every byte is what was sent. A failing round is run again by its number.
"""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.fault.big_file import MIB, CaseApi
from tests.fault.sftp_sender import KIB, MANNERS, LostError, Sender
from tests.fault.sftp_service import ServiceWorld
from tests.fault.sftp_troubles import Troubles
from tests.service import Service

pytestmark = [pytest.mark.fault, pytest.mark.timeout(400)]

SHORT, LONG = 15, 200
ROUNDS = [
    *range(SHORT),
    *(pytest.param(number, marks=pytest.mark.slow) for number in range(SHORT, LONG)),
]
ATTEMPTS = 4
"""How often a sender tries whom nothing is done to: what was stalled may still get in the way."""


@dataclass(frozen=True, slots=True)
class Stand:
    """A service that is killed at will, and an account on its demo case."""

    service: Service
    account: dict[str, Any]

    @property
    def port(self) -> int:
        return self.service.sftp[1]

    @property
    def world(self) -> ServiceWorld:
        return ServiceWorld(
            lambda: CaseApi(self.service), self.service.case, self.account, self.port
        )

    async def kill(self) -> None:
        await asyncio.to_thread(self.service.kill_9)


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    service = Service(
        tmp_path_factory.mktemp("sftp-kills"),
        settings={"part_bytes": "5MiB", "takeover_grace": "500ms", "idle_flush": "500ms"},
    )
    try:
        service.start()
        yield Stand(service, service.account())
    finally:
        service.end()


def sender_of(number: int, chance: random.Random) -> Sender:
    manner = MANNERS[number % len(MANNERS)]
    size = chance.choice((1, 100 * KIB, 3 * MIB, 12 * MIB))
    size = chance.randint(size // 2 + 1, size)
    return Sender(
        path=f"{number}-{manner.name}.log",
        data=chance.randbytes(size),
        before=chance.randbytes(manner.before),
        manner=manner,
        chance=chance,
        block_bytes=chance.choice((4 * KIB, 32 * KIB) if size < MIB else (32 * KIB, 255 * KIB)),
    )


@pytest.mark.parametrize("number", ROUNDS)
async def test_a_sender_who_is_stopped_anywhere_loses_nothing(stand: Stand, number: int) -> None:
    chance = random.Random(number)
    sender, world = sender_of(number, chance), stand.world
    await sender.prepare(world)
    async with Troubles(world, stand.port, chance) as troubles:
        for _ in range(chance.randint(1, 3)):
            what = chance.choices(("kill", "cut", "stall"), (5, 4, 2))[0]
            if what == "kill":
                try:
                    await troubles.kill(sender, stand.kill)
                finally:
                    await asyncio.to_thread(stand.service.start)
            elif what == "cut":
                await troubles.cut(sender)
            else:
                await troubles.stall(sender)
            await sender.check(world)
            if sender.done:
                break
        await finish(sender, world)
        await sender.check_received(world)
        troubles.resume()
    await sender.check_received(world)


async def finish(sender: Sender, world: ServiceWorld) -> None:
    """Have `sender` do the rest, whom nothing is done to any more."""
    for left in reversed(range(ATTEMPTS)):
        if sender.done:
            return
        try:
            await sender.attempt(world)
        except LostError:
            if not left:
                raise
        await sender.check(world)
