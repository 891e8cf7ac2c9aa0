"""Keys that the ledger knows of before anything is stored under them.

An object that is stored before its row is written would be nobody's if the process died in
between. So its discard is queued first, for later; the transaction that makes it a file takes the
discard back. Of many files the keys are reserved in blocks, so that each costs one transaction.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import timedelta

from transfer.core.cases import CaseId
from transfer.core.uploads import UploadId, object_key
from transfer.engine.policy import Tools

_DISCARDED_AFTER = timedelta(hours=1)
_USED_WITHIN = timedelta(minutes=30)
"""What is left then is more than it takes to store an object, whatever goes wrong."""

_LARGEST_BLOCK = 64
_MOST_CASES = 256
_FENCE = 0
"""No writer ever holds such an upload."""


@dataclass(frozen=True, slots=True)
class Reserved:
    """The id of an upload to come, the key of its object, and the reservation of that key."""

    upload_id: UploadId
    key: str
    reservation: int


class _Block:
    """What is reserved for one case."""

    def __init__(self) -> None:
        self.left: deque[Reserved] = deque()
        self.size = 0
        self.good_until = 0.0
        self.lock = asyncio.Lock()


class Reservations:
    """Reserved keys, of each case as many as it will need at its present pace."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._blocks: dict[CaseId, _Block] = {}

    async def take(self, case_id: CaseId) -> Reserved:
        """Return a key of a case that nobody else has."""
        block = self._block(case_id)
        async with block.lock:
            if not block.left or self._tools.clock.monotonic() >= block.good_until:
                await self._fill(block, case_id)
            return block.left.popleft()

    async def _fill(self, block: _Block, case_id: CaseId) -> None:
        # One at first; twice as many each time that all were used while they were good.
        used_up = block.size > 0 and not block.left
        size = min(2 * block.size, _LARGEST_BLOCK) if used_up else 1
        ids = [UploadId(self._tools.new_id()) for _ in range(size)]
        keyed = self._tools.policy.keyed
        keys = [object_key(case_id, upload_id, _FENCE, keyed=keyed) for upload_id in ids]
        clock = self._tools.clock
        good_until = clock.monotonic() + _USED_WITHIN.total_seconds()
        reservations = await self._tools.records.uploads.reserve(
            keys, clock.now() + _DISCARDED_AFTER
        )
        block.size, block.good_until = size, good_until
        block.left = deque(map(Reserved, ids, keys, reservations))

    def _block(self, case_id: CaseId) -> _Block:
        # The one used last stands last; the first to be forgotten is the one unused for longest.
        block = self._blocks.pop(case_id, None) or _Block()
        self._blocks[case_id] = block
        if len(self._blocks) > _MOST_CASES:
            del self._blocks[next(iter(self._blocks))]
        return block
