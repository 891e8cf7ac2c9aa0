from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.engine_room import EngineRoom, engine_room
from transfer.storage.memory import MemoryObjectStore


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[EngineRoom]:
    async with engine_room(tmp_path) as made:
        yield made


@pytest.fixture
async def running_room(tmp_path: Path) -> AsyncIterator[EngineRoom]:
    """A room whose time passes by itself too: for takeovers, which wait."""
    async with engine_room(tmp_path, running=True) as made:
        yield made


@pytest.fixture
def store(room: EngineRoom) -> MemoryObjectStore:
    assert isinstance(room.store, MemoryObjectStore)
    return room.store
