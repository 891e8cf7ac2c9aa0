"""What cases a request looks for: of the API and of the page alike."""

from collections.abc import Mapping
from datetime import datetime

from transfer.core.access import Principal
from transfer.core.case_search import LONGEST_SEARCH, CaseSearch, checked, parse_words
from transfer.core.cases import parse_status
from transfer.core.errors import InvalidRequestError
from transfer.http.operations import Parameter
from transfer.values import parse_moment

_TEXT = {"type": "string", "maxLength": LONGEST_SEARCH}

WORDS = Parameter(name="q", text="Words, each in number, account or subject.", schema=_TEXT)
ACCOUNT = Parameter(name="account", text="Only those of this account, spelled so.", schema=_TEXT)
STATUS = Parameter(name="status", text="Only those of this status, whatever its case.")
ARRIVED_SINCE = Parameter(
    name="arrived_since",
    text="Only those in which a file of the customer's has arrived since, that one first where it "
    "was last. RFC 3339.",
    schema={"type": "string", "format": "date-time"},
)


def asked_search(query: Mapping[str, str], principal: Principal) -> CaseSearch:
    """Return what `query` looks for among the cases that `principal` sees; an empty value is none.

    Raises:
        InvalidRequestError: a value that can't be.
    """
    status, since = query.get("status"), query.get("arrived_since")
    return CaseSearch(
        words=parse_words(query.get("q", "")),
        account=checked(query.get("account", "")) or None,
        status=parse_status(status) if status else None,
        arrived_since=_moment(since) if since else None,
        numbers=principal.cases,
        # Customer Care sees a case whoever its contacts are: the core isn't asked for a whole page.
        as_visited=not principal.is_staff,
    )


def _moment(text: str) -> datetime:
    try:
        # The plus sign of an offset may have come without its escape.
        return parse_moment(text.replace(" ", "+"))
    except (ValueError, OverflowError) as exc:
        raise InvalidRequestError("arrived_since is a time like 2026-03-02T09:00:00Z.") from exc
