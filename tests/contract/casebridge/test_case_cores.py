"""The case cores that there are, held to the contract; Roundup is in a module of its own."""

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.clock import MovableClock
from tests.contract.casebridge.case_core_contract import CaseCoreContract
from tests.contract.casebridge.embedded_room import EmbeddedRoom
from tests.sqlite import sqlite_records
from transfer.casebridge.embedded import EmbeddedCaseCore
from transfer.casebridge.known import KnownCases
from transfer.casebridge.rest import RestCaseCore


class TestEmbedded(CaseCoreContract):
    @pytest.fixture
    def room(self, desk: EmbeddedCaseCore, clock: MovableClock) -> EmbeddedRoom:
        return EmbeddedRoom(desk, desk, clock)


class TestRest(CaseCoreContract):
    """The REST client, before a server that is the embedded core."""

    @pytest.fixture
    def room(self, desk: EmbeddedCaseCore, rest: RestCaseCore, clock: MovableClock) -> EmbeddedRoom:
        return EmbeddedRoom(desk, rest, clock)


class TestKnown(CaseCoreContract):
    """What the engine sees of another system: its cases as they are known here."""

    @pytest.fixture
    async def room(
        self, tmp_path: Path, desk: EmbeddedCaseCore, rest: RestCaseCore, clock: MovableClock
    ) -> AsyncIterator[EmbeddedRoom]:
        numbers = itertools.count(1)
        folder = tmp_path / "here"
        folder.mkdir()
        async with sqlite_records(folder) as records:
            known = KnownCases(
                core=rest, records=records, clock=clock, new_id=lambda: f"here-{next(numbers)}"
            )
            yield EmbeddedRoom(desk, known, clock)
