"""Uploads that stand still: told once, and not in the first minutes."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import cast

from tests.clock import START, MovableClock
from tests.unit.casebridge.meters import ReadMeter
from transfer.casebridge.interruptions import Interruptions
from transfer.core.errors import RecordsUnavailableError
from transfer.ports import Records

PATIENCE = timedelta(minutes=15)


@dataclass
class StillUploads:
    """An outbox that has found so many uploads, round after round."""

    found: list[int] = field(default_factory=list)
    asked: list[datetime] = field(default_factory=list)
    broken: bool = False

    async def note_interruptions(
        self, before: datetime, _now: datetime, _limit: int
    ) -> Collection[str]:
        self.asked.append(before)
        if self.broken:
            raise RecordsUnavailableError("away")
        return [f"u{n}" for n in range(self.found.pop(0) if self.found else 0)]


def watching(
    outbox: StillUploads, clock: MovableClock, meter: ReadMeter | None = None
) -> Interruptions:
    records = cast("Records", SimpleNamespace(outbox=outbox))
    return Interruptions(records=records, clock=clock, patience=PATIENCE, meter=meter)


async def test_a_round_goes_on_until_none_is_left() -> None:
    outbox, meter = StillUploads([100, 100, 7]), ReadMeter()
    assert await watching(outbox, MovableClock(), meter).run_once() == 207
    assert outbox.asked == [START - PATIENCE] * 3
    assert meter.counted == {"uploads_interrupted": 207}


async def test_the_loop_survives_an_outage_and_ends_when_told() -> None:
    outbox, clock = StillUploads(broken=True), MovableClock()
    watch = watching(outbox, clock)
    task = asyncio.create_task(watch.run())
    await clock.wait_for_sleepers()
    outbox.broken = False
    clock.advance(timedelta(minutes=1))
    await asyncio.to_thread(lambda: None)
    await clock.wait_for_sleepers()
    watch.stop()
    await asyncio.wait_for(task, 5)
    assert len(outbox.asked) >= 1
    assert await watch.run_once() == 0
