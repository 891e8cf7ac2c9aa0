"""How the embedded core changes a case: by the rules, once, with its history and the audit log."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from transfer.core.accounts import AccountEnd
from transfer.core.cases import Case, CaseNumber, CaseUpdate, UpdateKind
from transfer.core.errors import CaseStateError
from transfer.ports import AuditEvent, CaseEvent, Clock, Records

ATTEMPTS = 40
"""How often a change is tried when others change the same case. Each failure means that someone
else's change was made, so this many writers at once all come through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What somebody does to a case, told of the case after it.

    `action` and `details` are for the audit log, `text_of` is for the case's history.
    """

    action: str
    text_of: Callable[[Case], str]
    details: Callable[[Case], Mapping[str, str]] = lambda _: {}


class CaseWriter:
    """Changes that are optimistic: read, decide, write if the case is still the one that was read.

    What decides may raise: nothing is written then. It is called again when others were faster.
    A change and what the audit log has of it are one transaction: a kill leaves both or neither.
    """

    def __init__(self, *, records: Records, clock: Clock) -> None:
        self._cases = records.cases
        self._accounts = records.accounts
        self._clock = clock

    async def change(
        self,
        number: CaseNumber,
        decide: Callable[[Case], Case],
        entries: Callable[[Case, Case], Sequence[CaseUpdate]],
        *,
        audited: Callable[[Case], Sequence[AuditEvent]],
        tell: Callable[[Case], Sequence[CaseEvent]] = lambda _: (),
        sending_since: datetime | None = None,
    ) -> Case:
        """Change a case, and return it.

        `entries` gives those of its history, from the case before and after; `audited` those of the
        audit log, and `tell` what is told, of the case after it: all in the same transaction. With
        `sending_since`, only while its customer hasn't answered; see `CaseRecords.save`.

        Raises:
            CaseMissingError: no such case.
            CaseStateError: it keeps changing, or its customer has answered.
        """
        for _ in range(ATTEMPTS):
            case = await self._cases.case(number)
            changed = decide(case)
            if await self._cases.save(
                changed,
                expected_version=case.version,
                updates=entries(case, changed),
                events=tell(changed),
                audited=audited(changed),
                sending_since=sending_since,
            ):
                return changed
        raise CaseStateError("The case keeps changing: look at it again, then retry.")

    async def describe(
        self,
        number: CaseNumber,
        actor: str,
        decide: Callable[[Case], Case],
        deed: Deed,
        comment: str | None = None,
    ) -> Case:
        """Change a case with an entry of what was done, and the comment of who did it, if any."""

        def entries(_: Case, changed: Case) -> list[CaseUpdate]:
            done = CaseUpdate(at=self._clock.now(), author=actor, text=deed.text_of(changed))
            return [done] if comment is None else [done, self.comment(comment, actor)]

        def audited(changed: Case) -> list[AuditEvent]:
            return [self.done(deed.action, number, actor, **deed.details(changed))]

        return await self.change(number, decide, entries, audited=audited)

    def comment(self, text: str, author: str) -> CaseUpdate:
        """Return what somebody writes now, as an entry."""
        return CaseUpdate(at=self._clock.now(), author=author, text=text, kind=UpdateKind.COMMENT)

    async def end_accounts(self, number: CaseNumber) -> None:
        """End the SFTP accounts of a case that was closed.

        Also those that nobody uses now: reopening the case must not bring them back.
        """
        now = self._clock.now()
        for account in await self._accounts.of_case(number, active_at=now):
            await self._accounts.end(account.id, AccountEnd.CASE_CLOSED, None, now)

    def done(self, action: str, number: CaseNumber, actor: str, /, **details: str) -> AuditEvent:
        """Return what is done now, as the audit log has it."""
        return AuditEvent(
            at=self._clock.now(),
            action=action,
            actor=actor,
            case_number=number,
            details=details,
        )


def closing_text(case: Case) -> str:
    """Return how a case was closed, as its history tells it."""
    why = "" if case.close_reason is None else f" ({case.close_reason})"
    return f"Case closed: {case.substatus}{why}."


def closing_details(case: Case) -> dict[str, str]:
    """Return how a case was closed, as the audit log has it."""
    reason = {} if case.close_reason is None else {"reason": case.close_reason}
    return {"resolution": case.substatus, **reason}
