"""What a small file costs, counted: requests of the store, transactions, statements.

Times depend on the machine; these don't. Whoever makes a small file dearer has to say so here.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from asyncssh import SFTPClient
from sqlalchemy import Connection, Engine, event

from tests.clock import MovableClock
from tests.e2e.http.http_room import HttpRoom, http_room
from tests.e2e.sftp.gateway import gateway_of, services_of
from tests.engine_room import NUMBER, engine_room
from transfer.casebridge.outbox import OutboxDispatcher
from transfer.core.uploads import Part
from transfer.engine.brief_cases import BriefCases
from transfer.engine.files import Files
from transfer.engine.uploads import Uploads
from transfer.ports import Buffer, StoredItem
from transfer.sftp.hostkeys import load_host_keys
from transfer.storage.memory import MemoryObjectStore

pytestmark = pytest.mark.load

FILES = 192
AT_ONCE = 16
FEW = 24
BESIDE = 12
"""Transactions of the watchers beside the sessions, in the time that a few files take."""
DATA = bytes(10 * 1024)


class CountingStore(MemoryObjectStore):
    """Counts what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()

    async def put(
        self, key: str, body: Buffer, *, crc64nvme: int, customer_key: bytes | None = None
    ) -> None:
        self.asked["put"] += 1
        await super().put(key, body, crc64nvme=crc64nvme, customer_key=customer_key)

    async def create_multipart(self, key: str, *, customer_key: bytes | None = None) -> str:
        self.asked["create"] += 1
        return await super().create_multipart(key, customer_key=customer_key)

    async def complete_multipart(
        self,
        key: str,
        multipart_id: str,
        parts: Sequence[Part],
        *,
        crc64nvme: int,
        customer_key: bytes | None = None,
    ) -> None:
        self.asked["complete"] += 1
        await super().complete_multipart(
            key, multipart_id, parts, crc64nvme=crc64nvme, customer_key=customer_key
        )

    async def delete(self, keys: Sequence[str]) -> None:
        self.asked["delete"] += 1
        await super().delete(keys)

    async def list_everything(self, prefix: str, limit: int = 1000) -> list[StoredItem]:
        self.asked["list"] += 1
        return await super().list_everything(prefix, limit)


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count transactions and statements of every database; BEGIN is none, nor is SAVEPOINT."""
    counts: Counter[str] = Counter()

    def execute(_: Connection, __: object, statement: str, *___: object) -> None:
        counts["writes" if statement.startswith("BEGIN") else "statements"] += 1

    def commit(_: Connection) -> None:
        counts["transactions"] += 1

    event.listen(Engine, "before_cursor_execute", execute)
    event.listen(Engine, "commit", commit)
    try:
        yield counts
    finally:
        event.remove(Engine, "before_cursor_execute", execute)
        event.remove(Engine, "commit", commit)


async def send_all(room: HttpRoom, first: int) -> None:
    numbers = iter(range(first, first + FILES))

    async def send_some() -> None:
        for number in numbers:
            answer = await room.create(len(DATA), f"{number}.log", data=DATA)
            assert answer.status == 201, answer

    await asyncio.gather(*(send_some() for _ in range(AT_ONCE)))


async def test_a_small_file_costs_one_put_and_little_of_the_database(tmp_path: Path) -> None:
    store = CountingStore()
    async with http_room(tmp_path, store=store) as room:
        await send_all(room, 0)  # what is learnt only once isn't counted
        store.asked.clear()
        with counted() as counts:
            await send_all(room, FILES)
    assert store.asked == {"put": FILES}
    reads = counts["transactions"] - counts["writes"]
    assert reads <= FILES  # who it is, and the case; one read answers all who wait for it
    assert counts["writes"] <= FILES // 2  # what comes while one is written goes with the next
    assert counts["statements"] <= 4 * FILES + 8  # one a read, and eight for many files


async def copy_as_rclone_does(client: SFTPClient, names: Iterable[str]) -> None:
    """Send files to a folder: under other names, renamed, given a time, and looked at often."""
    for name in names:
        await client.stat("logs")
        async with client.open(f"logs/{name}.partial", "wb") as file:
            await file.write(DATA)
        await client.utime(f"logs/{name}.partial", (1_700_000_000, 1_700_000_000))
        await client.stat(f"logs/{name}.partial")
        await client.stat("logs")
        await client.posix_rename(f"logs/{name}.partial", f"logs/{name}")
        await client.stat(f"logs/{name}")


async def test_a_small_file_by_sftp_costs_a_transaction_for_each_thing_asked(
    tmp_path: Path,
) -> None:
    """What a door's services are made of is said by `wiring.doors`; here it is the same."""
    async with engine_room(tmp_path, running=True) as room:
        brief = replace(room.tools, core=BriefCases(room.tools.core, room.clock))
        services = replace(
            services_of(room), uploads=Uploads(brief, room.leases), files=Files(brief)
        )
        keys = load_host_keys(tmp_path / "keys")
        async with (
            gateway_of(room, keys, services=services) as gateway,
            gateway.client() as client,
        ):
            await client.mkdir("logs")
            await copy_as_rclone_does(client, ["first.log"])
            with counted() as counts:
                await copy_as_rclone_does(client, [f"{number}.log" for number in range(FEW)])
    assert counts["transactions"] <= 9 * FEW + BESIDE
    assert counts["statements"] <= 22 * FEW + 4 * BESIDE


async def test_the_events_of_many_files_are_told_together(tmp_path: Path) -> None:
    async with http_room(tmp_path) as room:
        await send_all(room, 0)
        engine = room.engine
        dispatcher = OutboxDispatcher(
            outbox=engine.records.outbox, core=engine.core, clock=MovableClock(), worker="w"
        )
        with counted() as counts:
            assert await dispatcher.run_once() == FILES
        assert counts["transactions"] <= 2 * 5 + 1  # claim, two looks, note, mark, for 100 events
        history = await engine.core.updates(NUMBER)
    assert len(history) == 1 + FILES
