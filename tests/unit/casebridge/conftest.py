"""The embedded case core on real records."""

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.clock import MovableClock
from tests.sqlite import sqlite_records
from transfer.casebridge.embedded import EmbeddedCaseCore
from transfer.ports import Records


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    async with sqlite_records(tmp_path) as opened:
        yield opened


@pytest.fixture
def desk(records: Records, clock: MovableClock) -> EmbeddedCaseCore:
    numbers = itertools.count(1)
    return EmbeddedCaseCore(records=records, clock=clock, new_id=lambda: f"case-{next(numbers)}")
