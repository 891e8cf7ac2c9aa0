"""Contacts in rows, and the cases that they are read with."""

from dataclasses import replace

from tests.contract.records.scenario import NOW, NUMBER, OTHER_NUMBER, new_case
from transfer.core.case_search import CaseSearch
from transfer.core.cases import CaseUpdate
from transfer.core.contacts import Contact, ContactKind
from transfer.ports import Records

ADA = Contact(
    account="Acme",
    person="ada",
    kind=ContactKind.DESIGNATED,
    email="ada@example.com",
    language="de",
)
GRACE = Contact(account="Acme", person="grace", kind=ContactKind.READ_ONLY)
BUYER = Contact(account="Reseller", person="ada", kind=ContactKind.READ_ONLY)
OPENED = CaseUpdate(at=NOW, author="analyst", text="Case opened.")


async def test_contacts_are_listed_by_account_and_name(records: Records) -> None:
    for contact in (GRACE, BUYER, ADA):
        await records.contacts.put(contact)
    assert await records.contacts.of() == [ADA, GRACE, BUYER]
    assert await records.contacts.of(["Acme"]) == [ADA, GRACE]
    assert await records.contacts.of(["Nobody"]) == []


async def test_a_contact_that_is_put_again_is_changed(records: Records) -> None:
    await records.contacts.put(ADA)
    changed = replace(ADA, kind=ContactKind.READ_ONLY, email=None)
    await records.contacts.put(changed)
    assert await records.contacts.of() == [changed]


async def test_a_contact_is_removed_once(records: Records) -> None:
    await records.contacts.put(ADA)
    await records.contacts.put(BUYER)
    assert await records.contacts.remove("Acme", "ada")
    assert not await records.contacts.remove("Acme", "ada")
    assert await records.contacts.of() == [BUYER]


async def test_a_case_is_read_with_the_contacts_of_both_its_accounts(records: Records) -> None:
    for contact in (GRACE, BUYER, ADA):
        await records.contacts.put(contact)
    await records.cases.insert(replace(new_case(), sold_to="Reseller"), OPENED)
    await records.cases.insert(new_case(OTHER_NUMBER), OPENED)
    assert (await records.cases.case(NUMBER)).contacts == (ADA, GRACE, BUYER)
    assert (await records.cases.case(OTHER_NUMBER)).contacts == (ADA, GRACE)
    found, _ = await records.cases.search(CaseSearch(), after=None, limit=10)
    assert {one.case.number: one.case.contacts for one in found} == {
        NUMBER: (ADA, GRACE, BUYER),
        OTHER_NUMBER: (ADA, GRACE),
    }


async def test_cases_are_found_by_who_bought_as_well(records: Records) -> None:
    await records.cases.insert(replace(new_case(), sold_to="Reseller"), OPENED)
    for account in ("Acme", "Reseller"):
        found, _ = await records.cases.search(CaseSearch(account=account), after=None, limit=10)
        assert [one.case.number for one in found] == [NUMBER]
