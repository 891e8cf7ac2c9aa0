"""News from another case core: taken in once, followed in any order, and asked for besides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from transfer.core.cases import CaseNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseNews:
    """An event that says that a case has changed: a reason to look at it, and nothing more.

    `version` is the one that it had then, if the core says so; `failures`, how often following it
    has failed.
    """

    id: str
    type: str
    case_number: CaseNumber
    version: int | None
    received_at: datetime
    failures: int = 0


class CaseInbox(Protocol):
    """Takes events of the case core, for whoever has a door to it."""

    async def receive(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Take an event in; False if it was taken before. Either way it is in the records.

        `headers` are by their names in lower case.

        Raises:
            NotSignedInError: nobody whom we know has signed it, or not just now.
            InvalidRequestError: it is no event of a case.
        """


class Inbox(Protocol):
    """Events of the case core, in rows, until what they tell of was looked at."""

    async def put(self, news: CaseNews) -> bool:
        """Add an event, unless there is one of its id: then return False."""

    async def ask(self, numbers: Sequence[CaseNumber], now: datetime) -> None:
        """Have cases asked for as if an event of each had come; not of one that waits for that."""

    async def claim(self, now: datetime, until: datetime, limit: int = 100) -> list[CaseNews]:
        """Return events that are due, the oldest first; they aren't due again before `until`."""

    async def done(self, ids: Sequence[str], now: datetime) -> None:
        """Mark events as followed."""

    async def retry(self, ids: Sequence[str], run_at: datetime, error: str) -> None:
        """Have events followed later, not before `run_at`."""

    async def forget(self, before: datetime) -> int:
        """Remove events that were followed before a moment; return how many."""

    async def waiting(self) -> int:
        """Return how many events are to be followed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingMark:
    """How far a source was read: its cursor, None for not at all, and when that was."""

    cursor: str | None
    read_at: datetime | None


class ReadingMarks(Protocol):
    """How far sources of changes were read, one reader at a time."""

    async def claim(
        self, source: str, worker: str, now: datetime, until: datetime
    ) -> ReadingMark | None:
        """Return how far a source was read, and keep others away from it; None if one is at it."""

    async def move(
        self, source: str, worker: str, mark: ReadingMark, *, until: datetime | None
    ) -> bool:
        """Note how far it was read, and keep it until `until`; None lets go of it.

        False, with nothing noted, if somebody else is at it by now.
        """
