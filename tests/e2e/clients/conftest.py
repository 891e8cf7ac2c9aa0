import hashlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.clients.node_client import NodeClient, packages
from tests.e2e.http.http_room import HttpRoom, http_room
from tests.engine_room import NUMBER
from transfer.records.migrate import upgrade

DATA = b"".join(hashlib.sha256(str(number).encode()).digest() for number in range(1 << 18))
"""8 MiB that look like nothing else in the file."""


@pytest.fixture(scope="session")
def node_packages(request: pytest.FixtureRequest) -> Path:
    cache = request.config.cache
    assert cache is not None
    return packages(cache.mkdir("clients"))


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "records.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is sent."""
    path = tmp_path_factory.mktemp("sent") / "trace.log"
    path.write_bytes(DATA)
    return path


@pytest.fixture
async def room(tmp_path: Path, migrated: Path) -> AsyncIterator[HttpRoom]:
    shutil.copy(migrated, tmp_path / "records.db")
    async with http_room(tmp_path, running=True) as room:
        yield room


@pytest.fixture
def client(room: HttpRoom, node_packages: Path, file: Path) -> NodeClient:
    return NodeClient(
        packages=node_packages,
        file=file,
        endpoint=f"{room.url}/api/v1/cases/{NUMBER}/uploads",
        headers=room.bearer("designated"),
        options={"metadata": {"filename": "träce.log", "relativePath": "logs/träce.log"}},
    )
