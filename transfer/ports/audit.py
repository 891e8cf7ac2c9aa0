"""The audit log as a chain of seals over its entries."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from transfer.core.audit_chain import Gap, Seal
from transfer.core.audit_entries import AuditEntry
from transfer.core.cases import CaseNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSeal:
    """A seal as it is kept: signed, a JWS, and its entries' numbers and digests, packed."""

    number: int
    jws: str
    digests: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditState:
    """What the database tells of the log by itself.

    `last` is the highest number of an entry, `counted` the highest that was ever given, as far as
    the database knows. `is_gapless` says that it leaves no number out. `missing_guards` counts
    the triggers against changes that are gone.
    """

    last: int
    counted: int
    is_gapless: bool
    missing_guards: int


class AuditHeads(Protocol):
    """The last seal that was made here, kept where the database's owner doesn't get at it."""

    def newest(self) -> str | None:
        """Return the seal that is kept, a JWS; None if there is none."""

    def keep(self, seal: KeptSeal) -> None:
        """Keep a seal in place of a lower one.

        Raises:
            OSError: it can't be written.
        """

    def set_aside(self, signed: str, seal: Seal) -> None:
        """Keep `seal`, as it was `signed`, for good, whatever is kept later. Repeatable.

        Raises:
            OSError: it can't be written.
        """


class AuditChain(Protocol):
    """Entries with all that their digests cover, and the seals over them.

    An entry that can't be read, as somebody has broken its row, is left out like one that is gone.
    """

    async def head(self) -> KeptSeal | None:
        """Return the last seal."""

    async def unsealed(self, horizon: int, gaps: Sequence[Gap], limit: int) -> list[AuditEntry]:
        """Return entries behind `horizon` or in `gaps`, in the order of their numbers."""

    async def add(self, seal: KeptSeal) -> bool:
        """Keep a seal; False if there is one of its number already."""

    async def seals(self, after: int, limit: int) -> list[KeptSeal]:
        """Return the seals behind the number `after`, the lowest first."""

    async def entries(
        self, numbers: Collection[int], case_number: CaseNumber | None = None
    ) -> list[AuditEntry]:
        """Return those of these entries that are there, of one case or all, the lowest first."""

    async def numbers_within(self, first: int, last: int, limit: int) -> list[int]:
        """Return numbers of entries from `first` to `last`, the lowest first."""

    async def state(self) -> AuditState:
        """Return what the database tells of the log by itself."""
