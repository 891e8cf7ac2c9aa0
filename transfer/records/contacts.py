"""Contacts in rows, and who of them the cases are that are read."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Select, delete, select, update

from transfer.core.cases import Case
from transfer.core.contacts import Contact
from transfer.ports import AuditEvent
from transfer.records import audit
from transfer.records.contact_tables import contacts
from transfer.records.database import Database
from transfer.records.insertion import insert_unless_there
from transfer.records.rows import AnyRow
from transfer.records.tables import cases as cases_table


class SqlContactRecords:
    """The people of accounts; plays the role `transfer.ports.ContactRecords`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, contact: Contact, *, audited: AuditEvent | None = None) -> None:
        """Write a contact, instead of what was known of them, and what is audited of it."""
        await self._database.write(_put, contact, audited)

    async def remove(self, account: str, person: str, *, audited: AuditEvent | None = None) -> bool:
        """Remove a contact, and write what is audited of it; False if there was none."""
        return await self._database.write(_remove, account, person, audited)

    async def of(self, accounts: Sequence[str] | None = None) -> list[Contact]:
        """Return the contacts of some accounts, or all of them, by account and name."""
        return await self._database.read(_of, accounts)


def joining_contacts(query: Select[Any]) -> Select[Any]:
    """Return a query of one case with a row for each of its contacts, or one row without any."""
    are_of_case = contacts.c.account.in_([cases_table.c.account, cases_table.c.sold_to])
    return (
        query.add_columns(
            contacts.c.account.label("contact_account"),
            contacts.c.person,
            contacts.c.kind,
            contacts.c.email,
            contacts.c.language,
        )
        .outerjoin(contacts, are_of_case)
        .order_by(contacts.c.account, contacts.c.person)
    )


def contacts_of(rows: Sequence[AnyRow]) -> tuple[Contact, ...]:
    """Return the contacts in the rows of such a query."""
    return tuple(
        _contact(row, row.contact_account) for row in rows if row.contact_account is not None
    )


def with_contacts(connection: Connection, cases: Sequence[Case]) -> list[Case]:
    """Return `cases` with the contacts of their accounts."""
    accounts = {name for case in cases for name in _accounts_of(case)}
    found = _of(connection, sorted(accounts)) if accounts else []
    return [
        replace(case, contacts=tuple(one for one in found if one.account in _accounts_of(case)))
        for case in cases
    ]


def _accounts_of(case: Case) -> tuple[str, ...]:
    return (case.account,) if case.sold_to is None else (case.account, case.sold_to)


def _put(connection: Connection, contact: Contact, audited: AuditEvent | None) -> None:
    values = {"kind": contact.kind, "email": contact.email, "language": contact.language}
    names = {"account": contact.account, "person": contact.person}
    if not insert_unless_there(connection, contacts, {**names, **values}):
        is_theirs = (contacts.c.account == contact.account) & (contacts.c.person == contact.person)
        connection.execute(update(contacts).where(is_theirs).values(**values))
    if audited is not None:
        audit.add(connection, audited)


def _remove(connection: Connection, account: str, person: str, audited: AuditEvent | None) -> bool:
    gone = delete(contacts).where(contacts.c.account == account, contacts.c.person == person)
    was_there = bool(connection.execute(gone).rowcount)
    if was_there and audited is not None:
        audit.add(connection, audited)
    return was_there


def _of(connection: Connection, accounts: Sequence[str] | None) -> list[Contact]:
    query = select(contacts).order_by(contacts.c.account, contacts.c.person)
    if accounts is not None:
        query = query.where(contacts.c.account.in_(accounts))
    return [_contact(row, row.account) for row in connection.execute(query)]


def _contact(row: AnyRow, account: str) -> Contact:
    return Contact(
        account=account,
        person=row.person,
        kind=row.kind,
        email=row.email,
        language=row.language,
    )
