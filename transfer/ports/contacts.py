"""The people of customers' accounts."""

from collections.abc import Sequence
from typing import Protocol

from transfer.core.contacts import Contact
from transfer.ports.work import AuditEvent


class ContactRecords(Protocol):
    """The rows of contacts."""

    async def put(self, contact: Contact, *, audited: AuditEvent | None = None) -> None:
        """Write a contact, instead of what was known of them.

        `audited` is what the audit log has of it, in the same transaction.
        """

    async def remove(self, account: str, person: str, *, audited: AuditEvent | None = None) -> bool:
        """Remove a contact, with its entry as in `put`; False, and none, if there was none."""

    async def of(self, accounts: Sequence[str] | None = None) -> list[Contact]:
        """Return the contacts of some accounts, or all of them, by account and name."""
