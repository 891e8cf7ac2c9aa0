"""The people of a customer: who writes to the cases of their accounts, and who only sees them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from transfer.core.errors import InvalidRequestError

_LONGEST = 500
_EMAIL = re.compile(r"[^\s@,;<>]+@[^\s@,;<>]+")
_LANGUAGE = re.compile(r"[a-z]{2,3}")


class ContactKind(StrEnum):
    """What somebody of a customer may do to the cases of their account."""

    DESIGNATED = "designated"
    READ_ONLY = "read-only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person of an account, by the name with which they sign in.

    `email` and `language` are where and in what notices of their cases go to them, if anywhere.
    """

    account: str
    person: str
    kind: ContactKind
    email: str | None = None
    language: str | None = None


def contact_of(contacts: Sequence[Contact], person: str) -> ContactKind | None:
    """Return what `person` is among the contacts of a case; None if they are none of them.

    Somebody of both its accounts is the more of the two.
    """
    kinds = {contact.kind for contact in contacts if contact.person == person}
    if ContactKind.DESIGNATED in kinds:
        return ContactKind.DESIGNATED
    return ContactKind.READ_ONLY if kinds else None


def parse_contact(
    account: str,
    person: str,
    kind: str,
    *,
    email: str | None = None,
    language: str | None = None,
) -> Contact:
    """Return a contact as it was typed.

    Raises:
        InvalidRequestError: it isn't one; says why.
    """
    try:
        parsed = ContactKind(kind.casefold())
    except ValueError as exc:
        raise InvalidRequestError(f"A contact is one of: {', '.join(ContactKind)}.") from exc
    if email is not None and not (_EMAIL.fullmatch(email) and len(email) <= _LONGEST):
        raise InvalidRequestError("An e-mail address is like ada@example.com.")
    if language is not None and not _LANGUAGE.fullmatch(language):
        raise InvalidRequestError("A language is like en or de.")
    return Contact(
        account=parse_name(account),
        person=parse_name(person),
        kind=parsed,
        email=email,
        language=language,
    )


def parse_name(text: str) -> str:
    """Return the name of an account or a person as it was typed, without what surrounds it.

    Raises:
        InvalidRequestError: no name, too long, or not on one line.
    """
    name = text.strip()
    if not name or len(name) > _LONGEST or not name.isprintable():
        raise InvalidRequestError(f"A name has 1 to {_LONGEST} characters, on one line.")
    return name
