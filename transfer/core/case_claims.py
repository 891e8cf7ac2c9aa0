"""What a case core may say of a case: what can't be so is refused before anything follows."""

from datetime import datetime, timedelta

from transfer.core.cases import Case, CaseNumber
from transfer.core.errors import CaseContradictionError

AHEAD = timedelta(minutes=5)
"""By how much another system's clock may be ahead of ours."""


def check_claim(told: Case, asked: CaseNumber, now: datetime) -> None:
    """Raise unless what was `told` when `asked` for a case can be so at `now`.

    Raises:
        CaseContradictionError: it is another case's data, or contradicts itself.
    """
    fault = _fault(told, asked, now)
    if fault is not None:
        raise CaseContradictionError(f"The case core contradicts itself on case {asked}: {fault}.")


def check_succession(known: Case, told: Case) -> None:
    """Raise if what is `told` can't be the case that is `known`, at a later time.

    A number that is given to another case would show it the files of the first.

    Raises:
        CaseContradictionError: it was opened at another time than before.
    """
    if told.opened_at != known.opened_at:
        raise CaseContradictionError(
            f"The case core contradicts itself on case {known.number}: it was opened at another "
            "time than before, so it is another case."
        )


def counted_from(known: Case, told: Case, open_at: datetime) -> datetime | None:
    """Return when a case was closed, as it counts for the deletion of its data; None if it is open.

    A closure that contradicts what the core said before would make data due at once. It counts all
    the same, so that nothing is kept for ever: from the closure that was `known`, or from
    `open_at`, when the case was last known to be open.
    """
    if told.closed_at is None:
        return None
    if known.closed_at is not None:
        return max(known.closed_at, told.closed_at)
    return told.closed_at if told.closed_at >= open_at - AHEAD else open_at


def _fault(told: Case, asked: CaseNumber, now: datetime) -> str | None:
    """Return what can't be so, None if all can."""
    latest = now + AHEAD
    if told.number != asked:
        return "it tells of another one"
    if told.version < 1:
        return "its version is not counted from 1"
    if told.opened_at > latest:
        return "it was opened in the future"
    if told.closed_at is None:
        return "it is closed, and no one knows since when" if told.is_closed else None
    if not told.is_closed:
        return "it isn't closed, and was closed at some time"
    if told.closed_at < told.opened_at:
        return "it was closed before it was opened"
    return "it was closed in the future" if told.closed_at > latest else None
