"""The case core that runs from here, when no other is connected."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from transfer.casebridge.case_writer import (
    ATTEMPTS,
    CaseWriter,
    Deed,
    closing_details,
    closing_text,
)
from transfer.casebridge.change_cursor import parse_change_cursor
from transfer.casebridge.drops import brings_files
from transfer.casebridge.wording import AUTHOR, author_of, shown_name, text_of
from transfer.core import cases as rules
from transfer.core.case_search import CaseSearch, FoundCase
from transfer.core.cases import (
    Case,
    CaseId,
    CaseNumber,
    CaseUpdate,
    Hold,
    Priority,
    Status,
)
from transfer.core.closure import (
    REOPENING,
    CloseReason,
    close_for,
    parse_comment,
    reopen_for_customer,
)
from transfer.core.errors import CaseStateError, NameTakenError
from transfer.core.follow_ups import retimed, timed
from transfer.ports import CaseChanges, CaseEvent, Clock, Records

_LAST_NUMBER = 10**10 - 1


class EmbeddedCaseCore:
    """Cases kept in our own records; plays the role `transfer.ports.CaseDesk`.

    Changes follow the rules of `transfer.core.cases`, `closure` and `follow_ups`. `new_id` gives
    the opaque ids of new cases; `reopening` is for how long after its closure a customer may ask
    for a case to be reopened.
    """

    runs_cases = True

    def __init__(
        self,
        *,
        records: Records,
        clock: Clock,
        new_id: Callable[[], str],
        reopening: timedelta = REOPENING,
    ) -> None:
        self._cases = records.cases
        self._clock = clock
        self._new_id = new_id
        self._reopening = reopening
        self._writer = CaseWriter(records=records, clock=clock)

    async def case(self, number: CaseNumber, *, fresh: bool = False) -> Case:  # noqa: ARG002 -- it always is
        """Return a case.

        Raises:
            CaseMissingError: no such case.
        """
        return await self._cases.case(number)

    async def changes(self, since: str | None = None, *, limit: int = 100) -> CaseChanges:
        """Return up to `limit` cases that have changed since a cursor, or since ever.

        Raises:
            InvalidRequestError: `since` is not a cursor from here.
        """
        cursor = parse_change_cursor(since)
        cases, seen, more = await self._cases.changed(cursor.seen, limit)
        following = cursor.further(seen) if more else cursor.swept(seen, self._clock.now())
        return CaseChanges(cases=tuple(cases), cursor=str(following), more=more)

    async def cases(self, status: Status | None = None, limit: int = 1000) -> list[Case]:
        """Return cases, the newest first."""
        return await self._cases.cases(status, limit)

    async def search(
        self, wanted: CaseSearch, *, after: str | None = None, limit: int = 100
    ) -> tuple[list[FoundCase], str | None]:
        """Return a page of the cases that are looked for, and the cursor of the next page if any.

        Raises:
            InvalidRequestError: `after` is not a cursor from here.
        """
        return await self._cases.search(wanted, after=after, limit=limit)

    async def history(
        self, number: CaseNumber, *, after: str | None = None, limit: int = 100
    ) -> tuple[list[CaseUpdate], str | None]:
        """Return a page of the history of a case, oldest first, and the cursor of the next one.

        Raises:
            CaseMissingError: no such case.
            InvalidRequestError: `after` is not a cursor from here.
        """
        await self._cases.case(number)
        return await self._cases.history(number, after=after, limit=limit)

    async def updates(self, number: CaseNumber) -> list[CaseUpdate]:
        """Return the history of a case, oldest first.

        Raises:
            CaseMissingError: no such case.
        """
        await self._cases.case(number)
        return await self._cases.updates(number)

    async def comments(self, number: CaseNumber, limit: int = 50) -> list[CaseUpdate]:
        """Return the last comments on a case, oldest first."""
        return await self._cases.comments(number, limit)

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

        Raises:
            NameTakenError: the number is in use, or all are.
        """
        for _ in range(ATTEMPTS):
            case = Case(
                number=number or await self._next_number(),
                id=CaseId(self._new_id()),
                subject=subject,
                account=account,
                sold_to=sold_to,
                priority=priority,
                status=Status.OPEN,
                substatus=rules.substatus_of(Status.OPEN, None),
                opened_at=self._clock.now(),
            )
            update = CaseUpdate(at=case.opened_at, author=actor, text="Case opened.")
            try:
                await self._cases.insert(
                    case, update, audited=[self._writer.done("case.opened", case.number, actor)]
                )
            except NameTakenError:
                if number is not None:
                    raise
                continue
            return case
        raise NameTakenError("Others take case numbers just as fast: try again, or give a number.")

    async def move(
        self, number: CaseNumber, status: Status, substatus: str | None, actor: str
    ) -> Case:
        """Change the status; see core.cases.move."""
        return await self._writer.describe(
            number,
            actor,
            lambda case: timed(rules.move(case, status, substatus), self._clock.now()),
            _MOVED,
        )

    async def prioritise(self, number: CaseNumber, priority: Priority, actor: str) -> Case:
        """Change the priority; see core.cases.prioritise."""
        return await self._writer.describe(
            number,
            actor,
            lambda case: retimed(rules.prioritise(case, priority), self._clock.now()),
            _PRIORITISED,
        )

    async def comment(
        self, number: CaseNumber, text: str, actor: str, *, by_customer: bool = False
    ) -> Case:
        """Add a comment to the history; one of the customer's makes a case that waited ours.

        Raises:
            CaseStateError: the case is closed.
            InvalidRequestError: it is no comment.
        """
        written = parse_comment(text)

        def entries(before: Case, after: Case) -> list[CaseUpdate]:
            comment = self._writer.comment(written, actor)
            if after.status is before.status:
                return [comment]
            moved = CaseUpdate(at=comment.at, author=AUTHOR, text=_status_text(after))
            return [comment, moved]

        return await self._writer.change(
            number,
            lambda case: _commented(case, by_customer=by_customer),
            entries,
            audited=lambda _: [self._writer.done("case.commented", number, actor)],
        )

    async def close(
        self,
        number: CaseNumber,
        resolution: str | None,
        actor: str,
        *,
        reason: CloseReason | None = None,
        comment: str | None = None,
    ) -> Case:
        """Close a case, which ends its SFTP accounts for good; see core.closure.close_for."""
        said = None if comment is None else parse_comment(comment)
        case = await self._writer.describe(
            number,
            actor,
            lambda case: close_for(case, reason, resolution, self._clock.now()),
            _CLOSED,
            said,
        )
        await self._writer.end_accounts(number)
        return case

    async def reopen(
        self, number: CaseNumber, actor: str, *, information: str | None = None
    ) -> Case:
        """Reopen a case for Customer Care; see core.cases.reopen."""
        said = None if information is None else parse_comment(information)
        return await self._reopened(number, actor, rules.reopen, said)

    async def reopen_for_customer(self, number: CaseNumber, information: str, actor: str) -> Case:
        """Reopen a case as its customer asks for it; see core.closure.reopen_for_customer.

        Raises:
            CaseStateError: not any more; says what to do instead.
            InvalidRequestError: without information that supports it.
        """

        def decide(case: Case) -> Case:
            return reopen_for_customer(case, self._clock.now(), self._reopening)

        return await self._reopened(number, actor, decide, parse_comment(information))

    async def hold(self, number: CaseNumber, reason: str, actor: str) -> Case:
        """Keep a case's data from deletion.

        Raises:
            CaseStateError: it is held already, or its data is gone.
        """
        return await self._writer.describe(
            number,
            actor,
            lambda case: _held(
                case, Hold(reason=reason, placed_by=actor, placed_at=self._clock.now())
            ),
            Deed(
                action="case.held",
                text_of=lambda _: f"Hold placed on the data: {shown_name(reason)}",
                details=lambda _: {"reason": reason},
            ),
        )

    async def unhold(self, number: CaseNumber, actor: str) -> Case:
        """Lift a case's hold.

        Raises:
            CaseStateError: it isn't held.
        """
        return await self._writer.describe(number, actor, _lifted, _UNHELD)

    async def tell(self, *events: CaseEvent) -> None:
        """Take note of events of one case, in their order; one told before changes nothing.

        A file from the customer makes a case that waited for them ours again, unless it came before
        they were asked, and is only told of now; it never reopens one.

        Raises:
            CaseMissingError: no such case.
        """
        events = tuple(event for event in events if text_of(event) is not None)
        for _ in range(ATTEMPTS):
            told = await self._cases.told([event.id for event in events])
            fresh = [event for event in events if event.id not in told]
            if not fresh:
                return
            case = await self._cases.case(fresh[0].case_number)
            changed, entries = case, dict[str, CaseUpdate]()
            for event in fresh:
                changed, entries[event.id] = _noted(changed, event)
            if await self._cases.note(changed, expected_version=case.version, entries=entries):
                return
        raise CaseStateError("The case keeps changing: tell it again.")

    async def _next_number(self) -> CaseNumber:
        highest = await self._cases.highest_number()
        following = 1 if highest is None else int(highest) + 1
        if following > _LAST_NUMBER:
            raise NameTakenError("The highest case number is in use: give a free one.")
        return CaseNumber(f"{following:010}")

    async def _reopened(
        self, number: CaseNumber, actor: str, decide: Callable[[Case], Case], said: str | None
    ) -> Case:
        if (await self._cases.case(number)).is_closed:
            # What a crash amid the closing has left: reopening must not bring it back.
            await self._writer.end_accounts(number)
        return await self._writer.describe(number, actor, decide, _REOPENED, said)


def _noted(case: Case, event: CaseEvent) -> tuple[Case, CaseUpdate]:
    """Return the case after an event, and the entry of the event in its history."""
    entry = CaseUpdate(at=event.at, author=author_of(event), text=text_of(event) or "")
    changed = rules.after_customer_upload(case, event.at) if brings_files(event) else case
    return changed, entry if changed is case else _with_status(entry, changed)


def _commented(case: Case, *, by_customer: bool) -> Case:
    if case.is_closed:
        raise CaseStateError("The case is closed: have it reopened, and say why.")
    moved = rules.after_customer_upload(case) if by_customer else case
    return replace(case, version=case.version + 1) if moved is case else moved


def _held(case: Case, hold: Hold) -> Case:
    if case.purged_at is not None:
        raise CaseStateError("The case's data is gone: there is nothing to hold.")
    if case.hold is not None:
        raise CaseStateError("The case's data is held already.")
    return replace(case, hold=hold, version=case.version + 1)


def _lifted(case: Case) -> Case:
    if case.hold is None:
        raise CaseStateError("The case's data isn't held.")
    return replace(case, hold=None, version=case.version + 1)


def _status_text(case: Case) -> str:
    return f"Status: {case.status} ({case.substatus})."


def _with_status(update: CaseUpdate, case: Case) -> CaseUpdate:
    return replace(update, text=f"{update.text}. {_status_text(case)}")


_MOVED = Deed(
    action="case.moved",
    text_of=_status_text,
    details=lambda case: {"status": case.status.value, "substatus": case.substatus},
)
_PRIORITISED = Deed(
    action="case.prioritised",
    text_of=lambda case: f"Priority: {case.priority}.",
    details=lambda case: {"priority": case.priority.value},
)
_CLOSED = Deed(action="case.closed", text_of=closing_text, details=closing_details)
_REOPENED = Deed(action="case.reopened", text_of=lambda _: "Case reopened.")
_UNHELD = Deed(action="case.unheld", text_of=lambda _: "Hold lifted.")
