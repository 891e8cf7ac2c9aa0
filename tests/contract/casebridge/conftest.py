"""Case cores that run on this machine."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.clock import MovableClock
from tests.contract.casebridge.embedded_room import embedded_desk
from tests.reference_core import TOKEN, ReferenceCore
from transfer.casebridge.core_client import CoreAccess, CoreClient
from transfer.casebridge.embedded import EmbeddedCaseCore
from transfer.casebridge.rest import RestCaseCore


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
async def desk(tmp_path: Path, clock: MovableClock) -> AsyncIterator[EmbeddedCaseCore]:
    async with embedded_desk(tmp_path / "core", clock) as opened:
        yield opened


@pytest.fixture
async def reference(desk: EmbeddedCaseCore) -> AsyncIterator[ReferenceCore]:
    async with ReferenceCore(desk).serving() as server:
        yield server


@pytest.fixture
async def rest(reference: ReferenceCore, clock: MovableClock) -> AsyncIterator[RestCaseCore]:
    access = CoreAccess(headers={"Authorization": f"Bearer {TOKEN}"})
    core = RestCaseCore(reference.url, CoreClient(access, clock), source="urn:test")
    yield core
    await core.close()
