"""What cases are looked for by, and what is told of each one that is found."""

from dataclasses import dataclass
from datetime import datetime

from transfer.core.cases import Case, CaseNumber, Status
from transfer.core.errors import InvalidRequestError

LONGEST_SEARCH = 200
MOST_WORDS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSearch:
    """What the cases that are looked for have in common; nothing, and it is all of them.

    Each of `words` is in the number, the account or the subject. `arrived_since`: something of the
    customer's came then or later, and is still there. `numbers` limits them to some.

    `as_visited`: each is told as a visit to it finds it, so that who is no contact of it any more
    doesn't see it; else what is known of another core's cases will do, and none is asked for.
    """

    words: tuple[str, ...] = ()
    account: str | None = None
    status: Status | None = None
    arrived_since: datetime | None = None
    numbers: frozenset[CaseNumber] | None = None
    as_visited: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCase:
    """A case that was found, and what it holds.

    `arrived` counts the customer's files since the moment that was asked for; None without one.
    `uploads` are those on their way in, from either side.
    """

    case: Case
    files: int
    uploads: int
    last_arrival_at: datetime | None
    arrived: int | None


def parse_words(text: str) -> tuple[str, ...]:
    """Return the words of what somebody looks for.

    Raises:
        InvalidRequestError: too much of it, or no text that anything is called.
    """
    words = tuple(checked(text).split())
    if len(words) > MOST_WORDS:
        raise InvalidRequestError(f"Look for at most {MOST_WORDS} words at once.")
    return words


def checked(text: str) -> str:
    """Return `text` if cases can be looked for by it.

    Raises:
        InvalidRequestError: it is too long, or nothing is called so.
    """
    if len(text) > LONGEST_SEARCH:
        raise InvalidRequestError(f"Look for at most {LONGEST_SEARCH} characters.")
    # A lone surrogate or a NUL is in no text that was ever kept.
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidRequestError("What is looked for is text.")
    return text
