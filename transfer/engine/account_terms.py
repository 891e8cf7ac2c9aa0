"""The terms of customers' accounts: read and changed by admins, for all of an account's cases."""

from collections.abc import Callable
from datetime import datetime, timedelta

from transfer.core.access import Action, Principal, authorise_at_large
from transfer.core.account_terms import AccountTerms, held, lifted, with_period
from transfer.core.contacts import parse_name
from transfer.core.errors import CaseStateError
from transfer.engine.policy import Tools
from transfer.ports import AuditEvent

_ATTEMPTS = 20
"""How often a change is tried when others change the same terms."""


class AccountTermsDesk:
    """What accounts have agreed on beside what the service does for all."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._records = tools.records.terms

    async def page(
        self, principal: Principal, *, after: str | None = None, limit: int = 100
    ) -> tuple[list[AccountTerms], str | None]:
        """Return a page of the terms that aren't the usual ones, the latest changed first.

        Raises:
            ForbiddenError: they may not.
            InvalidRequestError: `after` is not a cursor from here.
        """
        authorise_at_large(principal, Action.MANAGE_RETENTION)
        return await self._records.page(after=after, limit=limit)

    async def set_period(
        self, principal: Principal, account: str, period: timedelta | None
    ) -> AccountTerms:
        """Keep the data of an account's cases for `period` after closure; None is the usual time.

        That holds at once, also for the cases that are closed: a shorter one may make some due.

        Raises:
            ForbiddenError: they may not.
            InvalidRequestError: no such account, or no such period.
        """
        return await self._change(
            principal,
            account,
            "account.period-set",
            lambda terms, now: with_period(terms, period, principal.name, now),
        )

    async def hold(self, principal: Principal, account: str, reason: str) -> AccountTerms:
        """Keep the data of all of an account's cases from deletion, those to come included.

        Raises:
            ForbiddenError: they may not.
            CaseStateError: it is held already.
            InvalidRequestError: no such account, or no reason.
        """
        return await self._change(
            principal,
            account,
            "account.held",
            lambda terms, now: held(terms, reason, principal.name, now),
        )

    async def unhold(self, principal: Principal, account: str) -> AccountTerms:
        """Lift the hold of an account; its cases' own holds stay.

        Raises:
            ForbiddenError: they may not.
            CaseStateError: it isn't held.
            InvalidRequestError: no such account.
        """
        return await self._change(
            principal,
            account,
            "account.unheld",
            lambda terms, now: lifted(terms, principal.name, now),
        )

    async def _change(
        self,
        principal: Principal,
        account: str,
        action: str,
        decide: Callable[[AccountTerms, datetime], AccountTerms],
    ) -> AccountTerms:
        authorise_at_large(principal, Action.MANAGE_RETENTION)
        name = parse_name(account)
        for _ in range(_ATTEMPTS):
            now = self._tools.clock.now()
            before = await self._records.of_account(name)
            usual = AccountTerms(account=name, changed_by=principal.name, changed_at=now)
            terms = decide(before or usual, now)
            if before is None and terms.are_usual:
                return terms
            event = _event(principal, action, terms, now)
            if await self._records.put(terms, before, event):
                return terms
        raise CaseStateError("The terms keep changing: look at them again, then retry.")


def _event(principal: Principal, action: str, terms: AccountTerms, now: datetime) -> AuditEvent:
    period = terms.period
    return AuditEvent(
        at=now,
        action=action,
        actor=principal.name,
        door=principal.door,
        address=principal.address,
        details={
            "account": terms.account,
            "period_seconds": None if period is None else int(period.total_seconds()),
            "reason": terms.hold.reason if terms.hold else None,
        },
    )
