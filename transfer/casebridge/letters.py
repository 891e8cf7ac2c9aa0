"""What is written in mails about cases: which events make one, for whom, and its words.

A mail passes through others' machines, so it names no file and no person, and has no secret: it
says that there is something, and where.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Flag, auto
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from transfer.casebridge.drops import brings_files
from transfer.casebridge.wording import shown_size
from transfer.ports import CaseEvent

LANGUAGES = ("en", "de")
_SUBJECT = "Subject: "


class Audience(Flag):
    """Who gets a mail."""

    CARE = auto()
    CONTACTS = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A mail that an event makes: the name of its template, and what goes into that."""

    template: str
    audience: Audience
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """A mail's words."""

    subject: str
    text: str


class Letters:
    """Words for notices; `case_url` returns where people find a case."""

    def __init__(self, case_url: Callable[[str], str]) -> None:
        self._case_url = case_url
        # Nothing is escaped: it is plain text, into which nobody's own words go.
        self._environment = Environment(  # noqa: S701 - plain text
            loader=PackageLoader("transfer.casebridge", "templates/mail"),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )

    def write(self, event: CaseEvent, notice: Notice, language: str) -> Wording:
        """Return the words of a notice in one of `LANGUAGES`."""
        template = self._environment.get_template(f"{notice.template}.{language}.txt")
        number = event.case_number
        values = {"number": number, "url": self._case_url(number), **notice.values}
        head, _, text = template.render(values).partition("\n")
        return Wording(subject=head.removeprefix(_SUBJECT), text=text.lstrip("\n"))


def notice_of(event: CaseEvent) -> Notice | None:
    """Return the mail that an event makes; None if nobody is to be written to."""
    describe = _NOTICES.get(event.type)
    return None if describe is None else describe(event)


# An event may come from another release: a mail is made of what it has.


def _received(event: CaseEvent) -> Notice | None:
    if not brings_files(event):
        return None
    return Notice(
        template="files_received",
        audience=Audience.CARE,
        values={"count": event.data.get("count", 1), "size": _size(event)},
    )


def _shared(event: CaseEvent) -> Notice:
    return Notice(template="file_shared", audience=Audience.CONTACTS, values={"size": _size(event)})


def _mismatch(_: CaseEvent) -> Notice:
    return Notice(template="digest_mismatch", audience=Audience.CARE, values={})


def _account(event: CaseEvent) -> Notice | None:
    until = _day(event.data.get("expires_at"), "%Y-%m-%d %H:%M UTC")
    if until is None:
        return None
    return Notice(template="account_issued", audience=Audience.CONTACTS, values={"until": until})


def _follow_up(event: CaseEvent) -> Notice:
    template = "closed_unanswered" if event.data.get("closed") else "follow_up"
    values = {"days": event.data.get("days", "?"), "closes": _day(event.data.get("closes_at"))}
    return Notice(template=template, audience=Audience.CONTACTS, values=values)


def _deletion_due(event: CaseEvent) -> Notice:
    due = _day(event.data.get("due_at"))
    return Notice(
        template="deletion_due",
        audience=Audience.CARE | Audience.CONTACTS,
        values={"due": due},
    )


def _deleted(_: CaseEvent) -> Notice:
    return Notice(template="deleted", audience=Audience.CARE | Audience.CONTACTS, values={})


def _size(event: CaseEvent) -> str:
    size = event.data.get("size")
    return shown_size(size) if isinstance(size, int) else ""


def _day(value: object, form: str = "%Y-%m-%d") -> str | None:
    try:
        return datetime.fromisoformat(str(value)).strftime(form)
    except ValueError:
        return None


_NOTICES: dict[str, Callable[[CaseEvent], Notice | None]] = {
    "file.received": _received,
    "files.received": _received,
    "file.shared": _shared,
    "file.digest-mismatch": _mismatch,
    "account.issued": _account,
    "case.follow-up": _follow_up,
    "case.deletion-due": _deletion_due,
    "case.purged": _deleted,
}
