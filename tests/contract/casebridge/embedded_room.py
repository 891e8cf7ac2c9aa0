"""The embedded core and those who run its cases, for whatever stands upon it."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.clock import MovableClock
from tests.contract.casebridge.case_core_contract import CoreRoom
from tests.sqlite import sqlite_records
from transfer.casebridge.embedded import EmbeddedCaseCore
from transfer.core.cases import CaseNumber, Status
from transfer.ports import CaseCore


class EmbeddedRoom(CoreRoom):
    """`core` is asked for what the desk has done: the desk itself, or what is connected to it."""

    def __init__(self, desk: EmbeddedCaseCore, core: CaseCore, clock: MovableClock) -> None:
        self.desk = desk
        self.core = core
        self.clock = clock

    async def open(self, subject: str, account: str) -> CaseNumber:
        return (await self.desk.open(subject, account, "ada")).number

    async def move(self, number: CaseNumber, status: Status) -> None:
        await self.desk.move(number, status, None, "ada")

    async def close(self, number: CaseNumber) -> None:
        await self.desk.close(number, "Resolved", "ada")

    async def reopen(self, number: CaseNumber) -> None:
        await self.desk.reopen(number, "ada")

    async def texts(self, number: CaseNumber) -> list[str]:
        return [update.text for update in await self.desk.updates(number)]


@asynccontextmanager
async def embedded_desk(folder: Path, clock: MovableClock) -> AsyncIterator[EmbeddedCaseCore]:
    """Open an embedded core on records of its own."""
    numbers = itertools.count(1)
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    async with sqlite_records(folder) as records:
        yield EmbeddedCaseCore(records=records, clock=clock, new_id=lambda: f"core-{next(numbers)}")
