"""A world to delete things in."""

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.clock import MovableClock
from tests.sqlite import sqlite_records
from tests.unit.retention.world import World
from transfer.casebridge.embedded import EmbeddedCaseCore
from transfer.storage.memory import MemoryObjectStore


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def store() -> MemoryObjectStore:
    return MemoryObjectStore(versioned=True)


@pytest.fixture
async def world(
    tmp_path: Path, clock: MovableClock, store: MemoryObjectStore
) -> AsyncIterator[World]:
    names = itertools.count(1)
    async with sqlite_records(tmp_path) as records:
        core = EmbeddedCaseCore(records=records, clock=clock, new_id=lambda: f"case-{next(names)}")
        yield World(records=records, store=store, clock=clock, core=core)
