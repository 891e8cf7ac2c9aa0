"""Two nodes on one database: what one of them had when it was killed, the other goes on with."""

import asyncio
import random
from collections.abc import Callable

import pytest

from tests.fault.big_file import MIB, CaseApi
from tests.fault.sftp_sender import KIB, MANNERS, Sender
from tests.fault.sftp_service import ServiceWorld
from tests.fault.sftp_troubles import Troubles
from tests.service import Service

pytestmark = [pytest.mark.fault, pytest.mark.timeout(600)]

# Opt-in for their time alone: each round starts a process anew, so that even four take about half a
# minute on two idle cores, and minutes on busy ones.
ROUNDS = [
    pytest.param(range(4), id="some", marks=pytest.mark.slow),
    pytest.param(range(4, 60), id="many", marks=[pytest.mark.slow, pytest.mark.timeout(1800)]),
]


def sender_of(number: int, chance: random.Random) -> Sender:
    manner = MANNERS[number % len(MANNERS)]
    return Sender(
        path=f"{number}-{manner.name}.log",
        data=chance.randbytes(chance.randint(1, 12 * MIB)),
        before=chance.randbytes(manner.before),
        manner=manner,
        chance=chance,
        block_bytes=255 * KIB,
    )


@pytest.mark.parametrize("numbers", ROUNDS)
async def test_what_a_killed_node_had_goes_on_at_another(
    start_service: Callable[..., Service],
    operator: Service,
    settings: dict[str, str],
    numbers: range,
) -> None:
    settings |= {"part_bytes": "5MiB", "takeover_grace": "500ms", "idle_flush": "500ms"}
    await asyncio.to_thread(operator.cli, "migrate")
    opened = operator.cli_json("case", "open", "--subject", "Crash", "--account", "Example")
    case, token = opened["number"], operator.token("analyst")
    staying = await asyncio.to_thread(start_service, **settings)
    dying = await asyncio.to_thread(lambda: start_service(command="sftp", **settings))
    account = operator.account(case)
    world = ServiceWorld(lambda: CaseApi(staying, token), case, account, staying.sftp[1])

    async def kill() -> None:
        await asyncio.to_thread(dying.kill_9)

    for number in numbers:
        chance = random.Random(number)
        sender = sender_of(number, chance)
        there = dying.sftp[1]  # another one after each start
        await sender.prepare(world)
        async with Troubles(world.behind(there), there, chance) as troubles:
            await troubles.kill(sender, kill)
            await sender.check(world)
        starting = asyncio.create_task(asyncio.to_thread(dying.start))
        async with Troubles(world, staying.sftp[1], chance) as troubles:
            if not sender.done:
                await troubles.stall(sender)
                await sender.check(world)
            await starting
            if not sender.done:
                await sender.attempt(world.behind(dying.sftp[1]))
            await sender.check_received(world)
            troubles.resume()
        await sender.check_received(world)
