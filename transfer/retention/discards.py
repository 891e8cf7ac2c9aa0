"""Bytes that nobody needs any more, and the jobs that get rid of them."""

import random
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from transfer.ports import Clock, Job, JobQueue, ObjectStore
from transfer.retention.boundary import failure_of

_CLAIM = timedelta(minutes=5)
_JOBS_A_CLAIM = 100
_CLAIMS_A_RUN = 20
_KEYS_A_CALL = 1000
_MOST_FAILURES = 3
_FIRST_DELAY = timedelta(seconds=10)
_LONGEST_DELAY = timedelta(hours=1)


@dataclass(slots=True)
class DiscardReport:
    """How many jobs one run finished and handed back; `more` if it left some that are due."""

    done: int = 0
    failed: int = 0
    more: bool = False


class Discards:
    """Deletes what discard jobs name; any number may run at once.

    `chance` gives the jitter of the delays, from 0 up to 1. `stopping` tells when to leave; jobs
    that are claimed then become free when their claim runs out.
    """

    def __init__(
        self,
        *,
        jobs: JobQueue,
        store: ObjectStore,
        clock: Clock,
        stopping: Callable[[], bool] = lambda: False,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._jobs = jobs
        self._store = store
        self._clock = clock
        self._stopping = stopping
        self._chance = chance
        self._worker = f"retention-{secrets.token_hex(4)}"

    async def run(self) -> DiscardReport:
        """Do the jobs that are due, as many as one run may take."""
        report = DiscardReport()
        for _ in range(_CLAIMS_A_RUN):
            now = self._clock.now()
            jobs = await self._jobs.claim(self._worker, now, now + _CLAIM, _JOBS_A_CLAIM)
            if not jobs:
                return report
            await self._do(jobs, report)
            if self._stopping():
                break
        report.more = True
        return report

    async def _do(self, jobs: Sequence[Job], report: DiscardReport) -> None:
        if await failure_of(self._discard(jobs), jobs=len(jobs)) is None:
            await self._jobs.done(jobs)
            report.done += len(jobs)
            return
        # One of them, or the store as a whole: it shows when each is tried by itself.
        failures: list[str] = []
        for job in jobs:
            if self._stopping():
                return
            error = failures[-1] if len(failures) >= _MOST_FAILURES else await self._do_one(job)
            if error is None:
                failures.clear()
                report.done += 1
            else:
                failures.append(error)
                report.failed += 1
                await self._jobs.retry(job, self._clock.now() + self._delay(job), error)

    async def _do_one(self, job: Job) -> str | None:
        error = await failure_of(self._discard((job,)), job=job.id, attempts=job.attempts)
        if error is None:
            await self._jobs.done((job,))
        return error

    async def _discard(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            for key, multipart_id in job.payload.get("multiparts", ()):
                await self._store.abort_multipart(key, multipart_id)
        keys = [key for job in jobs for key in job.payload.get("keys", ())]
        for start in range(0, len(keys), _KEYS_A_CALL):
            await self._store.delete(keys[start : start + _KEYS_A_CALL])

    def _delay(self, job: Job) -> timedelta:
        doubled = _FIRST_DELAY * (1 << min(job.attempts - 1, 20))
        return min(doubled, _LONGEST_DELAY) * (1 - self._chance() / 2)
