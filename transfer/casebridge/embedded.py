"""The case core that runs from here, when no other is connected."""

from collections.abc import Callable
from dataclasses import replace

from transfer.casebridge.wording import author_of, shown_name, text_of
from transfer.core import cases as rules
from transfer.core.accounts import AccountEnd
from transfer.core.case_search import CaseSearch, FoundCase
from transfer.core.cases import Case, CaseId, CaseNumber, CaseUpdate, Hold, Status
from transfer.core.errors import CaseStateError, NameTakenError
from transfer.core.uploads import Direction
from transfer.ports import AuditEvent, CaseEvent, Clock, Records

_ATTEMPTS = 40
"""How often a change is tried when others change the same case. Each failure means that someone
else's change was made, so this many writers at once all come through."""

_LAST_NUMBER = 10**10 - 1


class EmbeddedCaseCore:
    """Cases kept in our own records; plays the role `transfer.ports.CaseDesk`.

    Changes are optimistic: read, decide by the rules of `transfer.core.cases`, write if the case
    is still the one that was read. `new_id` gives the opaque ids of new cases.
    """

    def __init__(self, *, records: Records, clock: Clock, new_id: Callable[[], str]) -> None:
        self._cases = records.cases
        self._accounts = records.accounts
        self._audit = records.audit
        self._clock = clock
        self._new_id = new_id

    async def case(self, number: CaseNumber) -> Case:
        """Return a case.

        Raises:
            CaseMissingError: no such case.
        """
        return await self._cases.case(number)

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

    async def open(
        self, subject: str, account: str, actor: str, number: CaseNumber | None = None
    ) -> Case:
        """Open a case, under the next free number unless one is given.

        Raises:
            NameTakenError: the number is in use, or all are.
        """
        for _ in range(_ATTEMPTS):
            case = self._new_case(subject, account, number or await self._next_number())
            update = CaseUpdate(at=case.opened_at, author=actor, text="Case opened.")
            try:
                await self._cases.insert(case, update)
            except NameTakenError:
                if number is not None:
                    raise
                continue
            await self._record("case.opened", case, actor)
            return case
        raise NameTakenError("Others take case numbers just as fast: try again, or give a number.")

    async def move(
        self, number: CaseNumber, status: Status, substatus: str | None, actor: str
    ) -> Case:
        """Change the status; see core.cases.move."""
        case = await self._change(
            number, actor, lambda case: rules.move(case, status, substatus), _status_text
        )
        details = {"status": case.status.value, "substatus": case.substatus}
        await self._record("case.moved", case, actor, **details)
        return case

    async def close(self, number: CaseNumber, resolution: str | None, actor: str) -> Case:
        """Close a case, which ends its SFTP accounts for good; see core.cases.close."""
        case = await self._change(
            number,
            actor,
            lambda case: rules.close(case, resolution, self._clock.now()),
            lambda case: f"Case closed: {case.substatus}.",
        )
        await self._record("case.closed", case, actor, resolution=case.substatus)
        await self._end_accounts(number)
        return case

    async def reopen(self, number: CaseNumber, actor: str) -> Case:
        """Reopen a case; see core.cases.reopen."""
        case = await self._change(number, actor, rules.reopen, lambda _: "Case reopened.")
        await self._record("case.reopened", case, actor)
        return case

    async def hold(self, number: CaseNumber, reason: str, actor: str) -> Case:
        """Keep a case's data from deletion.

        Raises:
            CaseStateError: it is held already, or its data is gone.
        """
        case = await self._change(
            number,
            actor,
            lambda case: _held(
                case, Hold(reason=reason, placed_by=actor, placed_at=self._clock.now())
            ),
            lambda _: f"Hold placed on the data: {shown_name(reason)}",
        )
        await self._record("case.held", case, actor, reason=reason)
        return case

    async def unhold(self, number: CaseNumber, actor: str) -> Case:
        """Lift a case's hold.

        Raises:
            CaseStateError: it isn't held.
        """
        case = await self._change(number, actor, _lifted, lambda _: "Hold lifted.")
        await self._record("case.unheld", case, actor)
        return case

    async def tell(self, *events: CaseEvent) -> None:
        """Take note of events of one case, in their order; one told before changes nothing.

        A file from the customer makes a case that waited for them ours again; it never reopens one.

        Raises:
            CaseMissingError: no such case.
        """
        events = tuple(event for event in events if text_of(event) is not None)
        for _ in range(_ATTEMPTS):
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

    def _new_case(self, subject: str, account: str, number: CaseNumber) -> Case:
        status = Status.OPEN
        return Case(
            number=number,
            id=CaseId(self._new_id()),
            subject=subject,
            account=account,
            status=status,
            substatus=rules.substatus_of(status, None),
            opened_at=self._clock.now(),
        )

    async def _next_number(self) -> CaseNumber:
        highest = await self._cases.highest_number()
        following = 1 if highest is None else int(highest) + 1
        if following > _LAST_NUMBER:
            raise NameTakenError("The highest case number is in use: give a free one.")
        return CaseNumber(f"{following:010}")

    async def _change(
        self,
        number: CaseNumber,
        actor: str,
        decide: Callable[[Case], Case],
        describe: Callable[[Case], str],
    ) -> Case:
        for _ in range(_ATTEMPTS):
            case = await self._cases.case(number)
            changed = decide(case)
            update = CaseUpdate(at=self._clock.now(), author=actor, text=describe(changed))
            if await self._cases.save(changed, expected_version=case.version, update=update):
                return changed
        raise CaseStateError("The case keeps changing: look at it again, then retry.")

    async def _end_accounts(self, number: CaseNumber) -> None:
        # Also those that nobody uses now: reopening the case must not bring them back.
        now = self._clock.now()
        for account in await self._accounts.of_case(number, active_at=now):
            await self._accounts.end(account.id, AccountEnd.CASE_CLOSED, None, now)

    async def _record(self, action: str, case: Case, actor: str, **details: str) -> None:
        await self._audit.record(
            AuditEvent(
                at=self._clock.now(),
                action=action,
                actor=actor,
                case_number=case.number,
                details=details,
            )
        )


def _noted(case: Case, event: CaseEvent) -> tuple[Case, CaseUpdate]:
    """Return the case after an event, and the entry of the event in its history."""
    entry = CaseUpdate(at=event.at, author=author_of(event), text=text_of(event) or "")
    from_customer = (
        event.type == "file.received"
        and event.data.get("direction") == Direction.FROM_CUSTOMER.value
    )
    changed = rules.after_customer_upload(case) if from_customer else case
    return changed, entry if changed is case else _with_status(entry, changed)


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
