"""The change to another master key: cases' keys are wrapped anew, and nothing stored is touched."""

from dataclasses import dataclass

import structlog

from transfer.core.cases import CaseId
from transfer.core.errors import StoreUnavailableError
from transfer.keys.ring import fingerprint
from transfer.ports import CaseKeyRecords, KeptKey, MasterKeys, WrappedKey

_log = structlog.get_logger(__name__)

_MOST_FAILURES = 10
"""After so many in a row it is the master key that fails, not a case's."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation did; `master` is the key that wraps now."""

    master: str
    rewrapped: int
    failed: int


class MasterKeyRotation:
    """Wraps by the newest master key what others wrapped. Repeatable, and safe while all runs on.

    A key that was destroyed meanwhile stays destroyed.
    """

    def __init__(
        self, records: CaseKeyRecords, masters: MasterKeys, *, page_size: int = 100
    ) -> None:
        self._records = records
        self._masters = masters
        self._page_size = page_size

    async def run(self) -> Rotation:
        """Wrap all that is left to wrap anew.

        Raises:
            StoreUnavailableError: the newest master key can't be asked.
        """
        master = await self._masters.current()
        rewrapped = failed = failed_in_a_row = 0
        after = None
        while page := await self._page(master, after):
            after = page[-1].case_id
            for kept in page:
                if await self._wrap_anew(kept):
                    rewrapped, failed_in_a_row = rewrapped + 1, 0
                    continue
                failed, failed_in_a_row = failed + 1, failed_in_a_row + 1
                if failed_in_a_row >= _MOST_FAILURES:
                    return Rotation(master, rewrapped, failed)
        return Rotation(master, rewrapped, failed)

    async def _page(self, master: str, after: CaseId | None) -> list[KeptKey]:
        return await self._records.wrapped_by_others(master, after=after, limit=self._page_size)

    async def _wrap_anew(self, kept: KeptKey) -> bool:
        try:
            wrapped = await self._wrapped(kept)
        except StoreUnavailableError as exc:
            _log.warning("keys.not-rewrapped", case_id=kept.case_id, reason=exc.message)
            return False
        await self._records.rewrap(kept, wrapped)
        return True

    async def _wrapped(self, kept: KeptKey) -> WrappedKey:
        if kept.wrapped is None:
            raise StoreUnavailableError("The key was destroyed.")
        key = await self._masters.unwrap(kept.case_id, kept.wrapped)
        if fingerprint(key) != kept.fingerprint:
            raise StoreUnavailableError("The master key gives another key than it has wrapped.")
        wrapped = await self._masters.wrap(kept.case_id, key)
        # The old wrapping is about to go: this one must be good.
        if await self._masters.unwrap(kept.case_id, wrapped) != key:
            raise StoreUnavailableError("The master key doesn't give back what it has wrapped.")
        return wrapped
