"""What a customer's account has agreed on beside what the service does for all."""

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from transfer.core.cases import Hold
from transfer.core.errors import CaseStateError, InvalidRequestError

LONGEST_PERIOD = timedelta(days=36_525)
"""A century: beyond that somebody means a hold."""

_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountTerms:
    """How long the data of an account's cases is kept after closure, and whether it is held.

    `period` None is what the service does for all, nothing is deletion at closure.
    """

    account: str
    period: timedelta | None = None
    hold: Hold | None = None
    changed_by: str
    changed_at: datetime

    @property
    def are_usual(self) -> bool:
        """Whether they say nothing that doesn't hold for every account."""
        return self.period is None and self.hold is None


def with_period(
    terms: AccountTerms, period: timedelta | None, by: str, now: datetime
) -> AccountTerms:
    """Return `terms` with another period, in whole seconds.

    Raises:
        InvalidRequestError: less than nothing, or longer than `LONGEST_PERIOD`.
    """
    if period is not None and not timedelta() <= period <= LONGEST_PERIOD:
        raise InvalidRequestError("Data is kept from 0 to 36525 days after closure.")
    whole = None if period is None else timedelta(seconds=math.ceil(period.total_seconds()))
    return replace(terms, period=whole, changed_by=by, changed_at=now)


def held(terms: AccountTerms, reason: str, by: str, now: datetime) -> AccountTerms:
    """Return `terms` with a hold.

    Raises:
        CaseStateError: there is one already.
        InvalidRequestError: no reason.
    """
    if terms.hold is not None:
        raise CaseStateError("The data of this account is held already.")
    if not reason.strip() or not reason.isprintable() or len(reason) > _LONGEST_REASON:
        raise InvalidRequestError(f"A reason is a line of 1 to {_LONGEST_REASON} characters.")
    hold = Hold(reason=reason, placed_by=by, placed_at=now)
    return replace(terms, hold=hold, changed_by=by, changed_at=now)


def lifted(terms: AccountTerms, by: str, now: datetime) -> AccountTerms:
    """Return `terms` without a hold.

    Raises:
        CaseStateError: there is none.
    """
    if terms.hold is None:
        raise CaseStateError("The data of this account isn't held.")
    return replace(terms, hold=None, changed_by=by, changed_at=now)
