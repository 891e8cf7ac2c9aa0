"""The people of a customer."""

import pytest

from transfer.core.contacts import Contact, ContactKind, contact_of, parse_contact
from transfer.core.errors import InvalidRequestError

ADA = Contact(account="ACME", person="ada", kind=ContactKind.DESIGNATED)
GRACE = Contact(account="ACME", person="grace", kind=ContactKind.READ_ONLY)


def test_people_are_what_they_are_among_the_contacts() -> None:
    assert contact_of([ADA, GRACE], "ada") is ContactKind.DESIGNATED
    assert contact_of([ADA, GRACE], "grace") is ContactKind.READ_ONLY
    assert contact_of([ADA, GRACE], "eve") is None


def test_who_is_a_contact_of_both_accounts_is_the_more_of_the_two() -> None:
    buyer = Contact(account="Reseller", person="grace", kind=ContactKind.DESIGNATED)
    assert contact_of([GRACE, buyer], "grace") is ContactKind.DESIGNATED


def test_a_contact_is_read_as_it_is_typed() -> None:
    typed = parse_contact(" ACME ", "ada", "Read-Only", email="ada@example.com", language="de")
    assert typed == Contact(
        account="ACME",
        person="ada",
        kind=ContactKind.READ_ONLY,
        email="ada@example.com",
        language="de",
    )


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": "boss"}, "designated, read-only"),
        ({"email": "ada"}, "ada@example.com"),
        ({"email": f"{'a' * 500}@example.com"}, "ada@example.com"),
        ({"email": "a@b, c@d"}, "ada@example.com"),
        ({"language": "German"}, "en or de"),
        ({"account": "  "}, "1 to 500"),
        ({"person": "a" * 501}, "1 to 500"),
        ({"person": "two\nlines"}, "one line"),
    ],
)
def test_what_is_no_contact_is_refused_with_what_is_expected(
    wrong: dict[str, str], said: str
) -> None:
    typed = {"account": "ACME", "person": "ada", "kind": "designated", **wrong}
    account, person, kind = (typed.pop(name) for name in ("account", "person", "kind"))
    with pytest.raises(InvalidRequestError, match=said):
        parse_contact(account, person, kind, **typed)
