"""Two nodes, one upload, and a store that stalls as it likes: the content stays intact."""

import asyncio
import random
from datetime import timedelta
from pathlib import Path

import pytest

from tests.engine_room import KIB, NUMBER, EngineRoom, chunks, customer, engine_room
from transfer.core.errors import TransferError
from transfer.core.names import CasePath
from transfer.core.parts import PartPlan
from transfer.core.uploads import UploadId, UploadState
from transfer.engine.beginnings import FileToSend
from transfer.engine.policy import UploadPolicy
from transfer.storage.memory import Call, MemoryObjectStore

pytestmark = pytest.mark.fault

PART_BYTES = 16 * KIB


@pytest.mark.parametrize("seed", range(4))
async def test_two_nodes_that_take_over_from_each_other_keep_the_content_intact(
    tmp_path: Path, seed: int
) -> None:
    """Every holder may sleep past its lease, at any call of the store, and wake up late."""
    chance = random.Random(seed)
    data = chance.randbytes(1_000_000)
    store = MemoryObjectStore(min_part_bytes=1)
    policy = UploadPolicy(
        plan=PartPlan(base_bytes=PART_BYTES),
        lease=timedelta(milliseconds=400),
        takeover_grace=timedelta(milliseconds=150),
        watch_interval=timedelta(milliseconds=30),
    )
    async with engine_room(tmp_path, store=store, running=True, policy=policy) as room:
        nodes = [room, room.another_node()]

        async def stall(_: Call) -> None:
            if chance.random() < 0.05:
                await room.clock.sleep(chance.uniform(0.05, 0.6))

        store.before = stall
        watches = [asyncio.create_task(node.leases.watch()) for node in nodes]
        file = FileToSend(case_number=NUMBER, path=CasePath("a.log"), length=len(data))
        upload = await room.uploads.create(customer(), file)
        seen = [0]
        senders = (
            _send(node, upload.id, data, random.Random(seed * 10 + number), seen)
            for number, node in enumerate((*nodes, nodes[0]))
        )
        async with asyncio.timeout(90):
            await asyncio.gather(*senders)
        for watch in watches:
            watch.cancel()
        store.before = None
        stood = await room.records.uploads.upload(upload.id)
        assert stood.fence > 8, "nobody took over: the test says nothing"
        assert stood.state is UploadState.RECEIVED
        assert await room.content("a.log") == data


async def _send(
    node: EngineRoom, upload_id: UploadId, data: bytes, chance: random.Random, seen: list[int]
) -> None:
    """Send what is missing in requests of any size until all is there, whoever sent it."""
    for _ in range(400):
        await node.clock.sleep(chance.uniform(0, 0.2))
        try:
            upload = await node.uploads.show(customer(), upload_id)
            assert upload.offset >= seen[0], "an offset that was told has decreased"
            seen[0] = max(seen[0], upload.offset)
            if upload.state is UploadState.RECEIVED:
                return
            piece = data[upload.offset : upload.offset + chance.randrange(1, 200_000)]
            await node.append(customer(), upload_id, upload.offset, chunks(piece, 9_000))
        except TransferError:
            continue
    pytest.fail("the upload never came to its end")
