"""Why a case is closed, and until when its customer may ask for it to be reopened."""

import re
from datetime import datetime, timedelta
from enum import StrEnum

from transfer.core.cases import Case, Status, close, reopen
from transfer.core.errors import CaseStateError, InvalidRequestError

REOPENING = timedelta(days=30)
"""For how long after its closure a case is reopened for its customer."""

LONGEST_COMMENT = 10_000
_FORBIDDEN = re.compile(r"[^\n\t\x20-\x7e\x80-\ud7ff\ue000-\U0010ffff]")
"""Control characters, and halves of characters."""


class CloseReason(StrEnum):
    """Why a case is closed."""

    SOLVED = "Solved by Customer Care"
    SOLVED_BY_CUSTOMER = "Solved by the customer"
    NOT_NEEDED = "No longer needed"
    DUPLICATE = "Duplicate of another case"
    NO_ANSWER = "No answer from the customer"


_SOLVED = frozenset({CloseReason.SOLVED, CloseReason.SOLVED_BY_CUSTOMER})


def parse_close_reason(text: str) -> CloseReason:
    """Return the reason that `text` names, whatever its case.

    Raises:
        InvalidRequestError: there is no such reason.
    """
    for reason in CloseReason:
        if reason.value.casefold() == text.casefold():
            return reason
    raise InvalidRequestError(f"A reason is one of: {', '.join(CloseReason)}.")


def parse_comment(text: str | None) -> str:
    """Return what somebody wrote, with the line ends of this place and nothing around it.

    Raises:
        InvalidRequestError: nothing, too much, or something else than text.
    """
    written = (text or "").replace("\r\n", "\n").strip()
    if not written:
        raise InvalidRequestError("Write something: a comment has at least one letter.")
    if len(written) > LONGEST_COMMENT:
        raise InvalidRequestError(f"A comment has at most {LONGEST_COMMENT} characters.")
    if _FORBIDDEN.search(written):
        raise InvalidRequestError("A comment has no control characters.")
    return written


def close_for(
    case: Case, reason: CloseReason | None, resolution: str | None, now: datetime
) -> Case:
    """Return `case` closed at `now` for `reason`; `resolution` is what follows from it, if None.

    Raises:
        CaseStateError: it is closed already.
        InvalidRequestError: no such resolution.
    """
    if resolution is None and reason is not None:
        resolution = "Resolved" if reason in _SOLVED else "Cancelled"
    return close(case, resolution, now, reason=None if reason is None else reason.value)


def close_unanswered(case: Case, now: datetime) -> Case:
    """Return `case` closed as nobody answered: Resolved if a solution was proposed to them."""
    resolution = "Resolved" if case.status is Status.SOLUTION_PROPOSED else "Cancelled"
    return close(case, resolution, now, reason=CloseReason.NO_ANSWER.value)


def reopen_for_customer(case: Case, now: datetime, within: timedelta = REOPENING) -> Case:
    """Return `case` open again, as its customer asks for it.

    Raises:
        CaseStateError: it isn't closed, was closed too long ago, or its data is going; says what
            to do instead.
    """
    if case.closed_at is not None and now > case.closed_at + within:
        raise CaseStateError(
            f"The case was closed more than {within.days} days ago and can't be reopened: open a "
            f"new case, and name {case.number} in it."
        )
    return reopen(case)
