"""Uploads that stand still for so long that somebody should hear of it."""

from datetime import timedelta

import structlog

from transfer.ports import Clock, Measure, Meter, NoMeter, Records
from transfer.rounds import Rounds

_log = structlog.get_logger(__name__)

_EVERY = timedelta(minutes=1)
_BATCH = 100

INTERRUPTED = Measure("uploads_interrupted", "Uploads that were told to stand still")


class Interruptions:
    """Looks for uploads to which nothing has come for `patience`; any number may.

    A connection that is cut and back in a minute is nobody's news. One that stays away is told of
    once, and again only if something has come in between.
    """

    def __init__(
        self, *, records: Records, clock: Clock, patience: timedelta, meter: Meter | None = None
    ) -> None:
        self._outbox = records.outbox
        self._clock = clock
        self._patience = patience
        self._meter = meter or NoMeter()
        self._rounds = Rounds(clock=clock, every=_EVERY)

    def stop(self) -> None:
        """Have no more rounds."""
        self._rounds.stop()

    async def run(self) -> None:
        """Have rounds until stopped, whatever goes wrong meanwhile."""
        while not self._rounds.stopping:
            try:
                await self.run_once()
            except Exception:  # noqa: BLE001 -- the worker's outermost boundary: it goes on later
                _log.exception("interruptions.round-failed")
            await self._rounds.pause()

    async def run_once(self) -> int:
        """Have one round; return of how many uploads it told."""
        told = 0
        while not self._rounds.stopping:
            now = self._clock.now()
            found = await self._outbox.note_interruptions(now - self._patience, now, _BATCH)
            self._meter.count(INTERRUPTED, len(found))
            told += len(found)
            if len(found) < _BATCH:
                break
        return told
