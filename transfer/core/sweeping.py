"""What a sweeper may delete of what no row knows, and when: never at first sight."""

from datetime import datetime, timedelta

GRACE = timedelta(days=1)
"""Between the first sighting of a stray and its deletion."""

_MARGIN = timedelta(days=7)
"""For uploads that are whole, and put together once the service is back."""

_DAY = timedelta(days=1)

MANY = 100
"""Fewer strays than that are never too many."""


def is_ripe(first_seen_at: datetime, last_seen_at: datetime, grace: timedelta) -> bool:
    """Whether a stray was seen again so long after it was seen first that it may go.

    By its sightings, not by the present time: a walk that was interrupted for a day has seen what
    it had seen only once.
    """
    return last_seen_at - first_seen_at >= grace


def are_too_many(strays: int, listed: int) -> bool:
    """Whether so many strays, of all that is listed, mean that the rows are wrong.

    Most of a bucket being nobody's is what it looks like with another service's records, or with
    none: then a person has to look.
    """
    return strays > MANY and strays > listed // 2


def backstop_days(longest: timedelta) -> int:
    """Return after how many days the store may end a multipart upload by itself.

    Never one that somebody still sends: uploads live for `longest` at most.
    """
    return -(-(longest + _MARGIN) // _DAY)
