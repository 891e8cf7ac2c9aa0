import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.http.http_room import HttpRoom, http_room
from transfer.records.migrate import upgrade


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return empty records: copied, they cost each test a tenth of making them."""
    path = tmp_path_factory.mktemp("migrated") / "records.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(autouse=True)
def records(migrated: Path, tmp_path: Path) -> None:
    shutil.copy(migrated, tmp_path / "records.db")


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[HttpRoom]:
    async with http_room(tmp_path) as room:
        yield room
