"""Everything below a prefix goes, and a listing tells when it has."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

import structlog

from transfer.core.errors import StoreUnavailableError
from transfer.ports import ObjectStore, StoredItem, StoredKind
from transfer.retention.pace import Pace

_log = structlog.get_logger(__name__)

_PAGE = 1000
_MOST_PAGES = 100
_MOST_SHORT_PAGES = 10
_MOST_SINGLY = 100
_MOST_FAILURES = 3
_MOST_REFUSED = 10


@dataclass(slots=True)
class ObjectCounts:
    """What has gone from the store, and how many bytes it had."""

    versions: int = 0
    delete_markers: int = 0
    multiparts: int = 0
    size_bytes: int = 0

    def add(self, item: StoredItem, times: int = 1) -> None:
        """Count one item; -1 `times` takes it back."""
        if item.kind is StoredKind.MULTIPART:
            self.multiparts += times
        elif item.kind is StoredKind.DELETE_MARKER:
            self.delete_markers += times
        else:
            self.versions += times
        self.size_bytes += times * item.size

    def merge(self, other: "ObjectCounts") -> None:
        """Add what another has counted."""
        self.versions += other.versions
        self.delete_markers += other.delete_markers
        self.multiparts += other.multiparts
        self.size_bytes += other.size_bytes

    def to_json(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)


class SweepEnd(StrEnum):
    """How a sweep ended."""

    EMPTY = "empty"  # the last listing showed nothing
    HALTED = "halted"  # it was told to leave
    UNFINISHED = "unfinished"  # it made progress, and leaves the rest for the next one
    STUCK = "stuck"  # what is left can't be deleted, or keeps coming back


class Sweep:
    """One emptying of a prefix.

    It goes by listings: what the next one still shows is not deleted, whatever the store has said.
    `may_go_on` is asked before each deletion, with what is about to go. `counts` is added to;
    `left` is how many items the last listing showed, `problem` what the store said last when it
    refused.
    """

    def __init__(
        self,
        store: ObjectStore,
        prefix: str,
        *,
        counts: ObjectCounts,
        may_go_on: Callable[[Sequence[StoredItem]], Awaitable[bool]],
        pace: Pace | None = None,
    ) -> None:
        self._store = store
        self._prefix = prefix
        self._counts = counts
        self._may_go_on = may_go_on
        self._pace = pace
        self._most = _PAGE if pace is None else min(_PAGE, pace.most)
        self._tried: dict[StoredItem, bool] = {}  # and whether the store accepted it
        self._stuck: set[StoredItem] = set()
        self._retried = False
        self._one_by_one = False
        self._failures = 0
        self._short_pages = 0
        self.left = 0
        self.problem = ""

    async def run(self) -> SweepEnd:
        """Delete until a listing is empty, or there is no sense in going on.

        Raises:
            StoreUnavailableError: the store can't list.
        """
        for _ in range(_MOST_PAGES):
            limit = _PAGE + len(self._stuck)  # so that what stays never hides the rest
            listed = await self._store.list_everything(self._prefix, limit)
            self.left = len(listed)
            self._compare(listed)
            if len(listed) == limit and self._stuck.issuperset(listed):
                continue  # the rest is behind what stays: the next listing is longer
            self._short_pages += len(listed) < limit
            batch = self._next_batch(listed)
            if not listed:
                return SweepEnd.EMPTY
            if not self._one_by_one:
                await self._keep_pace(len(batch))
            if not await self._may_go_on(batch):
                return SweepEnd.HALTED
            if not batch:
                return SweepEnd.STUCK
            await self._delete(batch)
        return SweepEnd.UNFINISHED

    def _compare(self, listed: list[StoredItem]) -> None:
        present = set(listed)
        for item, accepted in self._tried.items():
            if item in present:
                self._stuck.add(item)
            if accepted == (item in present):  # the store said otherwise
                self._counts.add(item, -1 if accepted else 1)
        if self._tried:
            _log.info("retention.progress", prefix=self._prefix, **self._counts.to_json())
        self._tried = {}

    def _next_batch(self, listed: list[StoredItem]) -> list[StoredItem]:
        # After a page that wasn't full the next one should be empty. If it never is, someone
        # writes: then there is no end to it.
        if self._short_pages > _MOST_SHORT_PAGES or self._failures >= _MOST_FAILURES:
            return []
        fresh = [item for item in listed if item not in self._stuck]
        if fresh or self._retried:
            return fresh[: self._most]
        # A store may give up at the first item that it can't delete. So, once, each by itself.
        self._retried = self._one_by_one = True
        self._stuck.clear()
        return sorted(listed, key=lambda item: item.kind is not StoredKind.MULTIPART)[:_MOST_SINGLY]

    async def _keep_pace(self, count: int) -> None:
        if self._pace is not None:
            await self._pace.take(count)

    async def _delete(self, items: list[StoredItem]) -> None:
        if not self._one_by_one:
            deleted = await self._try_to_delete(items)
            self._failures = 0 if deleted else self._failures + 1
            return
        self._one_by_one = False
        refused = 0
        for item in items:
            await self._keep_pace(1)
            if refused >= _MOST_REFUSED or not await self._may_go_on([item]):
                return
            refused = 0 if await self._try_to_delete([item]) else refused + 1

    async def _try_to_delete(self, items: list[StoredItem]) -> bool:
        self._tried.update(dict.fromkeys(items, False))
        try:
            await self._store.delete_items(items)
        except StoreUnavailableError as exc:
            # Perhaps one item only: the next listing tells what is gone, and the rest goes on.
            _log.warning("retention.refused", prefix=self._prefix, error=exc.message)
            self.problem = exc.message
            return False
        for item in items:
            self._tried[item] = True
            self._counts.add(item)
        return True
