"""The authority on cases, and the rows of those that are kept here."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from transfer.core.case_search import CaseSearch, FoundCase
from transfer.core.cases import Case, CaseNumber, CaseUpdate, Priority, Status
from transfer.core.closure import CloseReason
from transfer.ports.work import AuditEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEvent:
    """Something that the case core is told, at least once and in order a case."""

    id: str
    type: str
    case_number: CaseNumber
    at: datetime
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseChanges:
    """A page of what has changed at a case core.

    `cases` are those that changed, as they stand now, the earliest change first. `cursor` is where
    to go on: the next time when there is no more, at once when there is. `unreadable` are those of
    the page that are no case, by their numbers as far as they have one: they keep no other waiting.
    """

    cases: tuple[Case, ...]
    cursor: str
    more: bool
    unreadable: tuple[CaseNumber | None, ...] = ()


class CaseCore(Protocol):
    """The authority on cases: the embedded one, or another system by way of an adapter.

    Whichever it is, a case's `version` grows with every change that is made there. An adapter to
    another system is asked by `casebridge.known.KnownCases` alone, which is what the engine sees:
    it remembers answers for a short while, gives the last one known (`Case.is_stale`) while the
    core is away, and adds what is ours to the case: its id in object keys, holds, purge marks.
    An adapter leaves those out, the id as `core.cases.NO_ID`.

    All methods raise, besides what they name:

        CaseCoreUnavailableError: it is away, too slow, or fails; ask again later.
        CaseContradictionError: what it says can't be so: garbage, another case's data, a closure
            in the future. Nothing follows from it.
    """

    async def case(self, number: CaseNumber, *, fresh: bool = False) -> Case:
        """Return a case.

        `fresh` asks the core itself now: nothing remembered will do, and nothing stale. Whatever
        can't be undone, like a deletion, is decided upon that.

        Raises:
            CaseMissingError: no such case.
        """

    async def changes(self, since: str | None = None, *, limit: int = 100) -> CaseChanges:
        """Return up to `limit` cases that have changed since a cursor, or since ever.

        Each case that changed is in some page after the cursor, with that change or a later one; it
        may come again though nothing has changed.

        Raises:
            InvalidRequestError: `since` is not a cursor from here: begin anew.
        """

    async def tell(self, *events: CaseEvent) -> None:
        """Take note of events of one case, in their order; one told before changes nothing.

        When it raises, some may have been noted: tell them again. An UnavailableError may say when
        (`retry_after`); any RefusedError or MissingError means that telling again is of no use.
        """


class CaseMirror(CaseCore, Protocol):
    """What is known here of the cases of another core; `casebridge.known.KnownCases` plays it."""

    async def last_known(self, numbers: Collection[CaseNumber]) -> dict[CaseNumber, Case]:
        """Return cases as the core told of them last; it isn't asked.

        Good enough to be shown to who sees every case; nobody's right follows from it.
        """

    async def learn(
        self, *cases: Case, unreadable: Sequence[CaseNumber | None] = ()
    ) -> list[CaseNumber]:
        """Take over what the core says of cases, and return those that changed here by it.

        For events that come in and for the reconciler. Cases of which nothing is known here are
        left alone, as are versions that are no newer than the one known: late and doubled news
        changes nothing. What can't be so is logged, and left alone as well; of that, and of what
        was `unreadable`, the cases known here are asked for again. A closure ends the case's
        accounts.
        """


class CaseDesk(CaseCore, Protocol):
    """Where Customer Care works on cases: all of it on the embedded core.

    With another core, what is ours is done here: looking for cases, and holds. Whatever changes a
    case itself raises UnsupportedError then.
    """

    @property
    def runs_cases(self) -> bool:
        """Whether cases are opened, changed and closed here."""

    async def open(
        self,
        subject: str,
        account: str,
        actor: str,
        number: CaseNumber | None = None,
        *,
        priority: Priority = Priority.MEDIUM,
        sold_to: str | None = None,
    ) -> Case:
        """Open a case, under the next free number unless one is given.

        `account` is the End User, `sold_to` who bought, if that is another.

        Raises:
            NameTakenError: the number is in use.
        """

    async def cases(self, status: Status | None = None, limit: int = 1000) -> list[Case]:
        """Return cases, the newest first."""

    async def search(
        self, wanted: CaseSearch, *, after: str | None = None, limit: int = 100
    ) -> tuple[list[FoundCase], str | None]:
        """Return a page of the cases that are looked for, and the cursor of the next page if any.

        The newest first; of those in which something has arrived, the one where that was last.

        Raises:
            InvalidRequestError: `after` is not a cursor from here.
        """

    async def updates(self, number: CaseNumber) -> list[CaseUpdate]:
        """Return the history of a case, oldest first."""

    async def comments(self, number: CaseNumber, limit: int = 50) -> list[CaseUpdate]:
        """Return the last comments on a case, oldest first."""

    async def history(
        self, number: CaseNumber, *, after: str | None = None, limit: int = 100
    ) -> tuple[list[CaseUpdate], str | None]:
        """Return a page of the history of a case, oldest first, and the cursor of the next one.

        Raises:
            CaseMissingError: no such case.
            InvalidRequestError: `after` is not a cursor from here.
        """

    async def move(
        self, number: CaseNumber, status: Status, substatus: str | None, actor: str
    ) -> Case:
        """Change the status; see core.cases.move."""

    async def prioritise(self, number: CaseNumber, priority: Priority, actor: str) -> Case:
        """Change the priority; see core.cases.prioritise."""

    async def comment(
        self, number: CaseNumber, text: str, actor: str, *, by_customer: bool = False
    ) -> Case:
        """Add a comment to the history; one of the customer's makes a case that waited ours.

        Raises:
            CaseStateError: the case is closed.
            InvalidRequestError: it is no comment; see core.closure.parse_comment.
        """

    async def close(
        self,
        number: CaseNumber,
        resolution: str | None,
        actor: str,
        *,
        reason: CloseReason | None = None,
        comment: str | None = None,
    ) -> Case:
        """Close a case; see core.closure.close_for."""

    async def reopen(
        self, number: CaseNumber, actor: str, *, information: str | None = None
    ) -> Case:
        """Reopen a case for Customer Care; see core.cases.reopen."""

    async def reopen_for_customer(self, number: CaseNumber, information: str, actor: str) -> Case:
        """Reopen a case as its customer asks for it; see core.closure.reopen_for_customer.

        Raises:
            CaseStateError: not any more; says what to do instead.
            InvalidRequestError: without information that supports it.
        """

    async def hold(self, number: CaseNumber, reason: str, actor: str) -> Case:
        """Keep a case's data from deletion."""

    async def unhold(self, number: CaseNumber, actor: str) -> Case:
        """Lift a case's hold."""


class CaseRecords(Protocol):
    """The rows of cases."""

    async def insert(
        self, case: Case, update: CaseUpdate, *, audited: Sequence[AuditEvent] = ()
    ) -> None:
        """Insert a case with the first entry of its history, and its shared folder.

        `audited` is what the audit log has of it, in the same transaction.

        Raises:
            NameTakenError: the number is in use.
        """

    async def highest_number(self) -> CaseNumber | None:
        """Return the highest number in use."""

    async def case(self, number: CaseNumber) -> Case:
        """Return a case.

        Raises:
            CaseMissingError: no such case.
        """

    async def cases(self, status: Status | None, limit: int) -> list[Case]:
        """Return cases, the newest first."""

    async def search(
        self, wanted: CaseSearch, *, after: str | None, limit: int
    ) -> tuple[list[FoundCase], str | None]:
        """Return a page of the cases that are looked for, and the cursor of the next page if any.

        Raises:
            InvalidRequestError: `after` is not a cursor from here.
        """

    async def save(
        self,
        case: Case,
        *,
        expected_version: int,
        updates: Sequence[CaseUpdate] = (),
        events: Sequence[CaseEvent] = (),
        audited: Sequence[AuditEvent] = (),
        sending_since: datetime | None = None,
    ) -> bool:
        """Write a changed case, and in the same transaction all that tells of the change.

        `updates` are for its history, `events` for the outbox, `audited` for the audit log. False,
        with nothing written, when the row's version is another.

        Raises:
            CaseStateError: with `sending_since`: its customer has answered, see `waiting`.
        """

    async def waiting(
        self,
        since: Sequence[datetime],
        *,
        sending_since: datetime,
        after: tuple[datetime, CaseNumber] | None = None,
        limit: int = 100,
    ) -> list[Case]:
        """Return cases that wait for their customer, the longest wait first.

        Of those with n notices, the ones that wait since `since[n]` or longer. None to which the
        customer has sent a file meanwhile, or sends one that grew after `sending_since`. `after` is
        where a page before this one ended: since when its last case waits, and which that is.
        """

    async def changed(self, after: int, limit: int) -> tuple[list[Case], int, bool]:
        """Return the cases of the next `limit` entries of all histories, as they stand now.

        Those behind entry `after`; with the number of the last entry, and whether there are more.
        Entries with lower numbers may yet come.
        """

    async def updates(self, number: CaseNumber) -> list[CaseUpdate]:
        """Return the history, oldest first."""

    async def comments(self, number: CaseNumber, limit: int) -> list[CaseUpdate]:
        """Return the last comments in a history, oldest first."""

    async def history(
        self, number: CaseNumber, *, after: str | None, limit: int
    ) -> tuple[list[CaseUpdate], str | None]:
        """Return a page of the history, oldest first, and the cursor of the next page if any.

        Raises:
            InvalidRequestError: `after` is not a cursor from here.
        """

    async def note(
        self, case: Case, *, expected_version: int, entries: Mapping[str, CaseUpdate]
    ) -> bool:
        """Write a changed case and the history entries of events, by their ids; see `save`.

        False, with nothing written, also when one of the events was noted before.
        """

    async def told(self, event_ids: Collection[str]) -> set[str]:
        """Return those of the events that have been applied."""

    async def start_purge(
        self, number: CaseNumber, *, expected_version: int, now: datetime
    ) -> bool:
        """Mark that the deletion of a case's data has begun; it stays marked.

        From here on no upload is created for it. False when the case was reopened, held or changed
        meanwhile.
        """

    async def scrub(self, number: CaseNumber) -> dict[str, int]:
        """Delete the rows of a case's files, folders, uploads and parts; return counts by kind.

        The receipts of its uploads and the acknowledgements of its people go with them.
        """

    async def finish_purge(self, number: CaseNumber, now: datetime) -> None:
        """Mark that the case's data is proved gone."""
