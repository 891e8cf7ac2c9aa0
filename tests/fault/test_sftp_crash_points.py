"""A node that dies right after any one of its effects, while a client sends a file by SFTP.

An effect is a change of the records or of the store. One life after the other has one effect more,
until a whole transfer fits into it: so there is no moment between two effects that isn't tried.
"""

import random
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any, cast

import pytest

from tests.engine_room import KIB, MIB, engine_room
from tests.fault.sftp_nodes import Life, NodeWorld, mortal_node
from tests.fault.sftp_sender import MANNERS, LostError, Manner, Sender
from transfer.core.errors import UnavailableError
from transfer.core.parts import PartPlan
from transfer.core.uploads import Upload
from transfer.engine.policy import UploadPolicy
from transfer.ports import UploadLedger
from transfer.storage.memory import MemoryObjectStore

pytestmark = pytest.mark.fault

PART = 64 * KIB
SIZE = 2 * PART + 10 * KIB


def policy_of(manner: Manner) -> UploadPolicy:
    """What a node has left behind can be taken over at once; parts are as small as files."""
    base_bytes = PART if manner.before < MIB else 6 * MIB
    return UploadPolicy(
        plan=PartPlan(base_bytes=base_bytes),
        lease=timedelta(milliseconds=1),
        takeover_grace=timedelta(milliseconds=50),
    )


def sender_of(manner: Manner, number: int) -> Sender:
    chance = random.Random(number)
    return Sender(
        path=f"{number}.log",
        data=chance.randbytes(SIZE),
        before=chance.randbytes(manner.before),
        manner=manner,
        chance=random.Random(1),
    )


@pytest.mark.parametrize("manner", MANNERS, ids=lambda manner: manner.name)
async def test_a_node_that_dies_after_any_of_its_effects_loses_nothing(
    tmp_path: Path, manner: Manner
) -> None:
    async with engine_room(tmp_path, running=True, policy=policy_of(manner)) as room:
        survivor = NodeWorld(room)
        for effects in count(1):
            sender, life = sender_of(manner, effects), Life(effects)
            await sender.prepare(survivor)
            with suppress(LostError):
                await sender.attempt(NodeWorld(mortal_node(room, life)))
            await sender.check(survivor)
            assert sender.done or life.is_over, "it failed though nobody died"
            if not sender.done:
                await sender.attempt(survivor)
            await sender.check_received(survivor)
            if not life.is_over:
                break
        assert effects > 8, "it has never died: the test says nothing"


async def test_an_upload_that_is_put_together_late_replaces_no_newer_file(tmp_path: Path) -> None:
    async with engine_room(tmp_path, running=True) as room:
        assert isinstance(room.store, MemoryObjectStore)
        world, older, data = NodeWorld(room), sender_of(MANNERS[0], 1), b"newer" * PART
        room.store.fail_next("complete_multipart")
        with pytest.raises(LostError):
            await older.attempt(world)
        async with world.session() as session:
            file = await session.open(older.path, older.manner.first, None)
            await file.write(0, data)
            await file.close()
        room.clock.advance(timedelta(minutes=2))
        assert await room.uploads.tend_overdue() == 1
        assert await room.content("1.log") == data
        assert await room.content("1 (2).log") == older.data


class _Failover:
    """The ledger of uploads whose database goes away once a draft is shown, before it says so."""

    def __init__(self, ledger: UploadLedger) -> None:
        self._ledger = ledger
        self._is_away = False

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a ledger has
        return self._revealing if name == "reveal" else getattr(self._ledger, name)

    async def create(self, *args: Any) -> Upload:  # noqa: ANN401 - as the ledger's
        if self._is_away:
            raise UnavailableError("The database is away.")
        return await self._ledger.create(*args)

    async def _revealing(self, *args: Any) -> None:  # noqa: ANN401 - as the ledger's
        await self._ledger.reveal(*args)
        self._is_away = True
        raise UnavailableError("The database went away.")


async def test_what_was_durable_is_shown_though_the_answer_is_lost_that_it_was_written_anew(
    tmp_path: Path,
) -> None:
    async with engine_room(tmp_path, running=True) as room:
        ledger = cast(UploadLedger, _Failover(room.records.uploads))
        node = room.another_node(records=replace(room.records, uploads=ledger))
        async with NodeWorld(node).session() as session:
            file = await session.open("1.log", MANNERS[0].first, None)
            await file.write(0, bytes(SIZE))
            await file.sync()
            await file.write(0, b"header")
            with pytest.raises(LostError, match="went away"):
                await file.sync()
        shown = await NodeWorld(room).found("1.log")
        assert [(one.size, one.is_received) for one in shown] == [(SIZE, False)]
