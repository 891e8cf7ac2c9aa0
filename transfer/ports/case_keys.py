"""Keys of cases: what a case's objects are encrypted under, and what makes them unreadable."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from transfer.core.cases import Case, CaseId


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedKey:
    """A case's key as it is kept: encrypted under the master key of that id."""

    master: str
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptKey:
    """The row of a case's key.

    `fingerprint` tells one key from another, and nothing else of it. `wrapped` is None once the key
    is destroyed; the row stays, to say so.
    """

    case_id: CaseId
    fingerprint: str
    wrapped: WrappedKey | None
    created_at: datetime
    destroyed_at: datetime | None = None


class CaseKeys(Protocol):
    """The keys of cases. An object tells by its own key in the store whether it has one.

    All methods raise StoreUnavailableError where the master key can't be asked: retry later.
    """

    async def for_reading(self, object_key: str) -> bytes | None:
        """Return the 32 bytes that an object is encrypted under; None if it isn't encrypted.

        Raises:
            EntryMissingError: the key was destroyed, or never made: nobody can read the object.
        """

    async def for_writing(self, object_key: str) -> bytes | None:
        """Return the 32 bytes to encrypt an object under, made if it is the case's first one.

        Raises:
            UploadGoneError: the case's data is being deleted, or is gone.
        """

    async def forget(self, case: Case) -> str | None:
        """Have a case's key at hand no more, and return its fingerprint; None if it has none.

        For the receipt of a deletion, whose end destroys the key: see `DeletionRecords.finish`. It
        is the same once the key is destroyed. It needs no master key.
        """


class MasterKeys(Protocol):
    """What wraps the keys of cases: a file, a KMS, or a new one of these and the old ones."""

    async def current(self) -> str:
        """Return the id of the master key that `wrap` uses now."""

    async def wrap(self, case_id: CaseId, key: bytes) -> WrappedKey:
        """Encrypt a case's key, for that case only.

        Raises:
            StoreUnavailableError: not now.
        """

    async def unwrap(self, case_id: CaseId, wrapped: WrappedKey) -> bytes:
        """Return what was wrapped for that case.

        Raises:
            StoreUnavailableError: not now, or not by the master keys that are configured.
        """


class CaseKeyRecords(Protocol):
    """The rows of cases' keys."""

    async def find(self, case_id: CaseId) -> KeptKey | None:
        """Return a case's key, None if it never had one."""

    async def keep(self, key: KeptKey, *, destroyed_before: datetime) -> KeptKey | None:
        """Keep a case's first key and return the one that counts: of two at once, the earlier.

        It also takes the place of one that was `destroyed_before` that time; one that was destroyed
        later is the one that counts. None, with nothing kept, if the case's data is being deleted
        or is gone, or there is no such case.
        """

    async def wrapped_by_others(
        self, master: str, *, after: CaseId | None, limit: int
    ) -> list[KeptKey]:
        """Return keys that another master key than `master` wraps, in the order of their cases."""

    async def rewrap(self, key: KeptKey, wrapped: WrappedKey) -> bool:
        """Keep a case's key wrapped anew; False if it changed meanwhile or was destroyed."""

    async def counts(self) -> tuple[dict[str, int], int]:
        """Return how many keys each master key wraps, and how many were destroyed."""
