"""A case and what happened to it as JSON: what docs/case-core-api.yaml has published."""

import json
import re
import unicodedata
from datetime import UTC, datetime
from typing import Annotated, Any

import structlog
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from transfer.core.cases import NO_ID, Case, CaseNumber, Priority, Status
from transfer.core.contacts import Contact, ContactKind
from transfer.core.errors import CaseContradictionError
from transfer.ports import CaseChanges, CaseEvent

_log = structlog.get_logger(__name__)

_LONGEST_TEXT = 2000
_LONGEST_CURSOR = 500
_MOST_CONTACTS = 1000
_HIGHEST_VERSION = 2**53 - 1
_NUMBER = re.compile(r"[0-9]{10}")


def _without_controls(text: str) -> str:
    """Return `text` on one line, and so that every database can hold it."""
    return "".join(
        "\ufffd" if unicodedata.category(character)[0] == "C" else character for character in text
    )


Text = Annotated[str, Field(max_length=_LONGEST_TEXT), AfterValidator(_without_controls)]
Name = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_without_controls)]


class _Document(BaseModel):
    # What another release may have added is left out.
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class ContactDocument(_Document):
    """A person of the customer's."""

    account: Name
    person: Name
    kind: ContactKind
    email: Name | None = None
    language: Name | None = None


class CaseDocument(_Document):
    """A case."""

    number: Annotated[str, Field(pattern=r"^[0-9]{10}$")]
    version: Annotated[int, Field(ge=0, le=_HIGHEST_VERSION)]
    subject: Text
    account: Text
    status: Status
    substatus: Name
    opened_at: AwareDatetime
    closed_at: AwareDatetime | None = None
    close_reason: Text | None = None
    priority: Priority = Priority.MEDIUM
    sold_to: Name | None = None
    region: Name | None = None
    contacts: Annotated[tuple[ContactDocument, ...], Field(max_length=_MOST_CONTACTS)] = ()

    def to_case(self) -> Case:
        """Return the case; what is ours of it is left out."""
        return Case(
            number=CaseNumber(self.number),
            id=NO_ID,
            version=self.version,
            subject=self.subject,
            account=self.account,
            status=self.status,
            substatus=self.substatus,
            opened_at=self.opened_at.astimezone(UTC),
            closed_at=self.closed_at and self.closed_at.astimezone(UTC),
            close_reason=self.close_reason,
            priority=self.priority,
            sold_to=self.sold_to,
            region=self.region,
            contacts=tuple(Contact(**dict(contact)) for contact in self.contacts),
        )


TOLD_FIELDS = tuple(sorted(CaseDocument.model_fields.keys() - {"number", "version"}))
"""What of a `Case` another core has the say on; all else is ours."""


class ChangesDocument(_Document):
    """A page of what has changed; whether each of its cases is one is seen when it is read."""

    cases: Annotated[list[Any], Field(max_length=1000)]
    cursor: Annotated[str, Field(min_length=1, max_length=_LONGEST_CURSOR)]
    more: bool

    def to_changes(self) -> CaseChanges:
        """Return the page. What is no case is told in the log, and keeps no other waiting."""
        cases: list[Case] = []
        unreadable: list[CaseNumber | None] = []
        for document in self.cases:
            try:
                cases.append(case_of(document))
            except CaseContradictionError as exc:
                number = _number_in(document)
                _log.error("case-core.contradiction", case=number, problem=exc.message)
                unreadable.append(number)
        return CaseChanges(
            cases=tuple(cases),
            cursor=self.cursor,
            more=self.more,
            unreadable=tuple(unreadable),
        )


def parse_case(raw: bytes | str) -> Case:
    """Return the case of a document, as another system tells of it.

    Raises:
        CaseContradictionError: it is none.
    """
    try:
        return CaseDocument.model_validate_json(raw).to_case()
    except (ValidationError, ValueError, OverflowError) as exc:
        raise _garbage(exc) from exc


def parse_changes(raw: bytes | str) -> CaseChanges:
    """Return the page of changes of a document.

    Raises:
        CaseContradictionError: it is none.
    """
    try:
        # Not by the model: what it takes for no JSON in one case is the matter of that one.
        page = ChangesDocument.model_validate(json.loads(raw))
    except (ValidationError, ValueError, RecursionError) as exc:
        raise _garbage(exc) from exc
    return page.to_changes()


def case_of(document: object) -> Case:
    """Return the case of what JSON was read as: a part of something larger; see `parse_case`."""
    try:
        raw = json.dumps(document)
    except RecursionError as exc:  # what was read on a lower stack
        raise _garbage(exc) from exc
    return parse_case(raw)


def case_document(case: Case) -> dict[str, Any]:
    """Return a case as what `case_of` reads; what is ours of it is left out."""
    return {
        "number": case.number,
        "version": case.version,
        "subject": case.subject,
        "account": case.account,
        "sold_to": case.sold_to,
        "status": case.status.value,
        "substatus": case.substatus,
        "priority": case.priority.value,
        "region": case.region,
        "opened_at": _shown(case.opened_at),
        "closed_at": None if case.closed_at is None else _shown(case.closed_at),
        "close_reason": case.close_reason,
        "contacts": [
            {
                "account": contact.account,
                "person": contact.person,
                "kind": contact.kind.value,
                "email": contact.email,
                "language": contact.language,
            }
            for contact in case.contacts
        ],
    }


def event_document(event: CaseEvent, source: str) -> dict[str, Any]:
    """Return an event as a CloudEvent (1.0, structured JSON) of the service at `source`."""
    return {
        "specversion": "1.0",
        "id": event.id,
        "source": source,
        "type": event.type,
        "subject": event.case_number,
        "time": _shown(event.at),
        "datacontenttype": "application/json",
        "data": dict(event.data),
    }


def _number_in(document: object) -> CaseNumber | None:
    told = document.get("number") if isinstance(document, dict) else None
    is_one = isinstance(told, str) and _NUMBER.fullmatch(told)
    return CaseNumber(str(told)) if is_one else None


def _shown(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _garbage(error: Exception) -> CaseContradictionError:
    """Say where a document is wrong, and never what it has there."""
    wrong = ""
    if isinstance(error, ValidationError):
        places = {".".join(map(str, one["loc"])) for one in error.errors(include_input=False)}
        wrong = f" (wrong: {', '.join(sorted(places)[:5]) or 'the whole'})"
    return CaseContradictionError(f"The case core's answer is not what was agreed on{wrong}.")
