from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.sftp.gateway import Gateway, gateway_of
from tests.engine_room import engine_room
from transfer.sftp.hostkeys import HostKeys, load_host_keys


@pytest.fixture(scope="session")
def host_keys(tmp_path_factory: pytest.TempPathFactory) -> HostKeys:
    return load_host_keys(tmp_path_factory.mktemp("host-keys"))


@pytest.fixture
async def gateway(tmp_path: Path, host_keys: HostKeys) -> AsyncIterator[Gateway]:
    """An SFTP server on the engine, with an account that a client may sign in with."""
    async with engine_room(tmp_path, running=True) as room, gateway_of(room, host_keys) as made:
        yield made
