"""Comparing files with what their senders' side files say of them.

A side file is looked at when it is received, and again until all that it tells of was judged, as
the files may come later than what tells of them. The longer nothing came, the rarer that is. A
file that differs is waited for too: its sender sends it again.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from transfer.core.errors import CaseClosedError, EntryMissingError, TransferError
from transfer.core.names import split
from transfer.core.side_files import Statement, stated_path, statements
from transfer.core.uploads import FileId, StoredFile
from transfer.engine.hashes import FileHashes
from transfer.engine.policy import Tools
from transfer.ports import Comparison, Job, JobKind
from transfer.rounds import Rounds

_log = structlog.get_logger(__name__)

_CLAIM = timedelta(minutes=10)
"""Whoever takes longer for a huge file may be joined by another node: it finds the same."""

_A_ROUND = 100
_EVERY = timedelta(seconds=5)
_APART = timedelta(seconds=1)
_SOONEST = timedelta(seconds=2)
_LATEST = timedelta(hours=1)
_AFTER_FAILURE = timedelta(seconds=30)
_PATIENCE = timedelta(days=7)
_PART_OF_AGE = 10
"""Who has waited for ten minutes for a file can wait for another one."""

_MOST_STATEMENTS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pending:
    """A side file, and the files that were judged by it."""

    file: StoredFile
    judged: Collection[str]


class SideFiles:
    """Does the jobs that side files leave behind; any number of nodes may do so.

    `node` is the name by which this one claims them.
    """

    def __init__(self, tools: Tools, node: str) -> None:
        self._tools = tools
        self._node = node
        self._hashes = FileHashes(tools)
        self._tree = tools.records.tree
        self._queue = tools.records.jobs
        self._rounds = Rounds(clock=tools.clock, every=_EVERY, apart=_APART)

    def wake(self) -> None:
        """Have a round within a second: a file has come, or was renamed."""
        self._rounds.wake()

    async def run(self) -> None:
        """Have rounds until cancelled."""
        while True:
            try:
                await self.run_once()
            except TransferError as exc:
                _log.warning("side-files-not-compared", problem=exc.code)
            await self._rounds.pause()

    async def run_once(self) -> int:
        """Do what is due, and return how many side files that were."""
        for count in range(_A_ROUND):
            now = self._tools.clock.now()
            jobs = await self._queue.claim(self._node, now, now + _CLAIM, 1, kind=JobKind.SIDE_FILE)
            if not jobs:
                return count
            await self._do(jobs[0])
        return _A_ROUND

    async def _do(self, job: Job) -> None:
        try:
            left = await self._look_at(job.payload)
        except (EntryMissingError, CaseClosedError):
            await self._queue.done([job])  # nothing more will come of it
        except TransferError as exc:
            await self._queue.retry(job, self._tools.clock.now() + _AFTER_FAILURE, exc.code)
        except asyncio.CancelledError:
            await self._queue.retry(job, self._tools.clock.now(), "stopped")
            raise
        else:
            await self._put_off(job, left)

    async def _put_off(self, job: Job, left: _Pending | None) -> None:
        now = self._tools.clock.now()
        run_at = None if left is None else _next_look(left.file.created_at, now)
        if left is None or run_at is None:
            await self._queue.done([job])
        else:
            payload = {"file_id": left.file.id, "judged": sorted(left.judged)}
            await self._queue.put_off(job, run_at, payload)

    async def _look_at(self, payload: Mapping[str, Any]) -> _Pending | None:
        """Judge what can be judged now; return what is left to do, if anything.

        Raises:
            EntryMissingError: the side file is gone.
            CaseClosedError: its case takes nothing new.
            StoreUnavailableError, RecordsUnavailableError: try again.
        """
        file = await self._tree.file(FileId(payload["file_id"]))
        judged = set(payload["judged"])
        told = await self._told_by(file)
        done = True
        for statement in told:
            found = await self._subject(file, statement)
            if found is None:
                done = False
            elif found.id not in judged:
                matches = await self._compare(file, statement, found)
                judged.add(found.id)
                done = done and matches
            else:
                done = done and found.claimed_digest is None
        return None if done else _Pending(file=file, judged=judged)

    async def _told_by(self, file: StoredFile) -> Sequence[Statement]:
        content = bytearray()
        async with self._tools.store.read(file.object_key, 0, file.size) as stream:
            async for chunk in stream:
                content += chunk
        return statements(split(file.path)[1], bytes(content))[:_MOST_STATEMENTS]

    async def _subject(self, file: StoredFile, statement: Statement) -> StoredFile | None:
        """Return the file that a statement is about, once it is there.

        Nobody vouches for the files of the other side.
        """
        folder = split(file.path)[0]
        for told in (statement.path, statement.otherwise):
            path = None if told is None else stated_path(folder, told)
            found = None if path is None else await self._tree.entry(file.case_number, path)
            if (
                isinstance(found, StoredFile)
                and found.direction is file.direction
                and found.id != file.id
            ):
                return found
        return None

    async def _compare(self, file: StoredFile, statement: Statement, found: StoredFile) -> bool:
        """Judge a file; False too if it has just gone, for one that may come."""
        try:
            digest = (await self._hashes.whole(found, statement.algorithm)).hex()
            comparison = Comparison(
                matches=digest == statement.digest,
                claimed=f"{statement.algorithm}:{statement.digest}",
                side_file=file.path,
                side_file_id=file.id,
            )
            await self._tree.compare(found.id, comparison, self._tools.clock.now())
        except EntryMissingError:
            return False
        return comparison.matches


def _next_look(since: datetime, now: datetime) -> datetime | None:
    """Return when to look again, None if nothing comes any more."""
    age = now - since
    if age > _PATIENCE:
        return None
    return now + min(max(age / _PART_OF_AGE, _SOONEST), _LATEST)
