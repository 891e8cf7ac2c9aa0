"""What an operator may set where a Roundup tracker is the case core: what its words mean."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field
from pydantic_settings import NoDecode

from transfer.core.cases import Status, parse_priority, parse_status, substatus_of
from transfer.core.errors import InvalidRequestError

ROUNDUP_NEEDS = {"roundup_user": "case_core_url", "roundup_password_file": "roundup_user"}
"""Which of these settings mean nothing without another."""

FIELDS = {
    "subject": "title",
    "account": "creator.organisation",
    "status": "status.name",
    "priority": "priority.name",
    "closed_at": "closed_at",
}
"""By our name, the tracker's: a property of a ticket, or one of what that links to. As the classic
template has them, but for `closed_at`, which a detector sets: docs/roundup.md."""

STATUSES = {
    "unread": "Open/New",
    "chatting": "Open/Investigation",
    "in-progress": "Open/Engineering Request",
    "need-eg": "Awaiting Information/Information Required From Customer",
    "deferred": "Awaiting Information/Third Party Pending",
    "testing": "Solution Proposed/Fixed - Software Provided",
    "done-cbb": "Solution Proposed/Replied",
    "resolved": "Closed/Resolved",
}
PRIORITIES = {
    "critical": "Production Down",
    "urgent": "Critical",
    "bug": "High",
    "feature": "Medium",
    "wish": "Low",
}

_KNOWN_FIELDS = frozenset({*FIELDS, "number", "region", "sold_to"})
_PROPERTY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")


def _table(value: object) -> dict[str, str]:
    """Parse a table: one of TOML, or text like `subject=title, status=status.name`."""
    if isinstance(value, Mapping):
        named = list(value.items())
    else:
        pairs = [one.partition("=") for one in str(value).split(",") if one.strip()]
        named = [(name, text) for name, _, text in pairs]
    table = {str(name).strip(): str(text).strip() for name, text in named}
    if len(table) < len(named) or not all(table) or not all(table.values()):
        raise ValueError("a name twice, or without a value")
    return table


def _fields(value: object) -> dict[str, str]:
    fields = {**FIELDS, **_table(value)}
    if not _KNOWN_FIELDS.issuperset(fields) or not all(map(_PROPERTY.fullmatch, fields.values())):
        raise ValueError("not a field, or not a property")
    return fields


def _statuses(value: object) -> dict[str, str]:
    try:
        return {name: "/".join(parse_standing(told)) for name, told in _table(value).items()}
    except InvalidRequestError as exc:
        raise ValueError("no such status") from exc


def _priorities(value: object) -> dict[str, str]:
    try:
        return {name: parse_priority(told).value for name, told in _table(value).items()}
    except InvalidRequestError as exc:
        raise ValueError("no such priority") from exc


def parse_standing(text: str) -> tuple[Status, str]:
    """Return the status and substatus that text like `Open/Investigation` names.

    Raises:
        InvalidRequestError: there is none such.
    """
    name, _, substatus = text.partition("/")
    status = parse_status(name.strip())
    return status, substatus_of(status, substatus.strip() or None)


Fields = Annotated[Mapping[str, str], NoDecode, BeforeValidator(_fields)]
Statuses = Annotated[Mapping[str, str], NoDecode, BeforeValidator(_statuses)]
Priorities = Annotated[Mapping[str, str], NoDecode, BeforeValidator(_priorities)]


class RoundupSettings(BaseModel):
    """The tracker that is the case core, if it is one: `case_core_url` is its URL."""

    roundup_user: str | None = Field(
        None, pattern=r"^[^\s:]+$", description="the name by which the tracker knows this service"
    )
    roundup_password_file: Path | None = Field(
        None, description="a file with the password of that user"
    )
    roundup_class: str = Field(
        "issue", pattern=r"^[a-z_]+$", description="what the tracker calls its tickets, like issue"
    )
    roundup_fields: Fields = Field(
        FIELDS, description="its properties by our fields, like subject=title, region=area.name"
    )
    roundup_statuses: Statuses = Field(
        STATUSES, description="ours by its statuses, like new=Open/New, done=Closed/Resolved"
    )
    roundup_priorities: Priorities = Field(
        PRIORITIES, description="ours by its priorities, like urgent=Critical, wish=Low"
    )


def roundup_faults(settings: RoundupSettings, chosen: str) -> list[str]:
    """Return the names of those that are missing or wrong where `chosen` is the case core."""
    if chosen != "roundup":
        return []
    wrong = []
    if settings.roundup_user is None:
        wrong.append("roundup_user")
    if settings.roundup_password_file is None:
        wrong.append("roundup_password_file")
    standings = [parse_standing(told)[0] for told in settings.roundup_statuses.values()]
    if Status.OPEN not in standings or Status.CLOSED not in standings:
        wrong.append("roundup_statuses")
    return wrong
