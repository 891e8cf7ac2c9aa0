"""The keys of cases, as one process has them at hand."""

import asyncio
import hashlib
import os
from dataclasses import dataclass, field
from datetime import timedelta
from weakref import WeakValueDictionary

from transfer.core.cases import Case, CaseId
from transfer.core.errors import (
    EntryMissingError,
    KeyUnavailableError,
    StoreUnavailableError,
    UploadGoneError,
)
from transfer.core.uploads import keyed_case
from transfer.ports import (
    CaseKeyRecords,
    Clock,
    KeptKey,
    MasterKeys,
    WrappedKey,
)

KEY_BYTES = 32
"""As AES-256 takes them."""

_AT_HAND = timedelta(minutes=5)
_APART = 2 * _AT_HAND
"""Between a key's end and the next one of its case, so that nobody has the former one at hand."""


_RETRY_SECONDS = 5
"""Between two attempts to have a case's key from a master key that has failed."""


@dataclass(frozen=True, slots=True)
class _Failure:
    message: str
    good_until: float


@dataclass(frozen=True, slots=True)
class _Held:
    key: bytes = field(repr=False)
    good_until: float


class CaseKeyRing:
    """Plays the role `transfer.ports.CaseKeys`.

    Keys are at hand for five minutes: so long may another process still read a copy of an object
    whose key was destroyed. Without `masters` there is nothing to read or write by: then only
    objects that aren't encrypted can be.
    """

    def __init__(
        self,
        *,
        records: CaseKeyRecords,
        masters: MasterKeys | None,
        clock: Clock,
        most_at_hand: int = 4096,
    ) -> None:
        self._records = records
        self._masters = masters
        self._clock = clock
        self._most_at_hand = most_at_hand
        self._held: dict[CaseId, _Held] = {}
        self._failures: dict[CaseId, _Failure] = {}
        self._locks: WeakValueDictionary[CaseId, asyncio.Lock] = WeakValueDictionary()

    async def for_reading(self, object_key: str) -> bytes | None:
        """Return the key of an object that is there; see the role."""
        case_id = keyed_case(object_key)
        if case_id is None:
            return None
        return await self._key(case_id, make=False)

    async def for_writing(self, object_key: str) -> bytes | None:
        """Return the key of an object that is to be; see the role."""
        case_id = keyed_case(object_key)
        if case_id is None:
            return None
        return await self._key(case_id, make=True)

    async def forget(self, case: Case) -> str | None:
        """Have a case's key at hand no more, and return its fingerprint; see the role."""
        self._held.pop(case.id, None)
        kept = await self._records.find(case.id)
        return None if kept is None else kept.fingerprint

    async def _key(self, case_id: CaseId, *, make: bool) -> bytes:
        held = self._at_hand(case_id)
        if held is not None:
            return held
        lock = self._locks.setdefault(case_id, asyncio.Lock())
        async with lock:
            held = self._at_hand(case_id)
            if held is not None:
                return held
            self._check_failures(case_id)
            try:
                return await self._asked_for(case_id, make=make)
            except KeyUnavailableError as exc:
                self._note_failure(case_id, exc)
                raise

    async def _asked_for(self, case_id: CaseId, *, make: bool) -> bytes:
        kept = await self._records.find(case_id)
        if kept is not None and kept.wrapped is not None:
            return await self._open(kept, kept.wrapped)
        if not make:
            raise EntryMissingError("The key of the stored bytes was destroyed.")
        return await self._make(case_id)

    def _check_failures(self, case_id: CaseId) -> None:
        """Raise if the master key has just failed: not everybody waits for that one by one."""
        failure = self._failures.get(case_id)
        if failure is not None and self._clock.monotonic() < failure.good_until:
            raise KeyUnavailableError(failure.message)

    def _note_failure(self, case_id: CaseId, problem: KeyUnavailableError) -> None:
        now = self._clock.monotonic()
        self._failures = {
            other: one for other, one in self._failures.items() if now < one.good_until
        }
        self._failures[case_id] = _Failure(problem.message, now + _RETRY_SECONDS)

    def _at_hand(self, case_id: CaseId) -> bytes | None:
        held = self._held.get(case_id)
        if held is None or self._clock.monotonic() >= held.good_until:
            return None
        return held.key

    async def _make(self, case_id: CaseId) -> bytes:
        masters, key = self._needed(), os.urandom(KEY_BYTES)
        wrapped = await masters.wrap(case_id, key)
        # A key that can't be had back would take everything with it that is stored under it.
        if await masters.unwrap(case_id, wrapped) != key:
            raise StoreUnavailableError("The master key doesn't give back what it has wrapped.")
        mine = KeptKey(
            case_id=case_id,
            fingerprint=fingerprint(key),
            wrapped=wrapped,
            created_at=self._clock.now(),
        )
        kept = await self._records.keep(mine, destroyed_before=mine.created_at - _APART)
        if kept is None:
            raise UploadGoneError("The case's data is being deleted or is gone.")
        if kept.wrapped is None:
            raise StoreUnavailableError(
                "The deletion of this case's data has just been called off: try again in a while."
            )
        if kept.fingerprint != mine.fingerprint:
            return await self._open(kept, kept.wrapped)  # another process was faster
        return self._hold(case_id, key)

    async def _open(self, kept: KeptKey, wrapped: WrappedKey) -> bytes:
        key = await self._needed().unwrap(kept.case_id, wrapped)
        if fingerprint(key) != kept.fingerprint:
            raise StoreUnavailableError("The master key gives another key than it has wrapped.")
        return self._hold(kept.case_id, key)

    def _hold(self, case_id: CaseId, key: bytes) -> bytes:
        self._held.pop(case_id, None)
        while len(self._held) >= self._most_at_hand:
            del self._held[next(iter(self._held))]
        good_until = self._clock.monotonic() + _AT_HAND.total_seconds()
        self._held[case_id] = _Held(key, good_until)
        return key

    def _needed(self) -> MasterKeys:
        if self._masters is None:
            raise KeyUnavailableError(
                "What is stored for this case is encrypted, and no master key is set."
            )
        return self._masters


def fingerprint(key: bytes) -> str:
    """Return what tells a case's key from all others, and nothing else of it."""
    return hashlib.sha256(b"case key " + key).hexdigest()[:16]
