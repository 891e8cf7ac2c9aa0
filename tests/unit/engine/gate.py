"""A process that freezes between two steps: to all others it was killed there, until it thaws."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from inspect import iscoroutinefunction
from typing import Any, cast

from tests.engine_room import EngineRoom
from transfer.ports import ObjectStore, UploadLedger


class Gate:
    """What each call to the records and the store passes, and so the end of the one before it."""

    def __init__(self, freeze_at: int) -> None:
        self.frozen = asyncio.Event()
        self._thawed = asyncio.Event()
        self._freeze_at = freeze_at
        self._passed = 0

    async def go_through(self) -> None:
        self._passed += 1
        if self._passed >= self._freeze_at:
            self.frozen.set()
            await self._thawed.wait()

    def thaw(self) -> None:
        self._thawed.set()


class _Gated:
    def __init__(self, role: object, gate: Gate) -> None:
        self._role = role
        self._gate = gate

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- whatever the role has
        method = getattr(self._role, name)
        if name == "read":
            return self._read
        if not iscoroutinefunction(method):
            return method

        async def call(*args: object, **options: object) -> object:
            await self._gate.go_through()
            return await method(*args, **options)

        return call

    @asynccontextmanager
    async def _read(self, key: str, start: int, size: int) -> AsyncIterator[AsyncIterator[bytes]]:
        await self._gate.go_through()
        async with cast(ObjectStore, self._role).read(key, start, size) as chunks:
            yield chunks


def freezing_node(room: EngineRoom, freeze_at: int) -> tuple[EngineRoom, Gate]:
    """Return another node on the same records and store, which freezes at that passage."""
    gate = Gate(freeze_at)
    ledger = cast(UploadLedger, _Gated(room.records.uploads, gate))
    store = cast(ObjectStore, _Gated(room.store, gate))
    fragile = replace(room, records=replace(room.records, uploads=ledger), store=store)
    return fragile.another_node(), gate
