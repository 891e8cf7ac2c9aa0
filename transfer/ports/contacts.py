"""The people of customers' accounts."""

from collections.abc import Sequence
from typing import Protocol

from transfer.core.contacts import Contact


class ContactRecords(Protocol):
    """The rows of contacts."""

    async def put(self, contact: Contact) -> None:
        """Write a contact, instead of what was known of them."""

    async def remove(self, account: str, person: str) -> bool:
        """Remove a contact; False if there was none."""

    async def of(self, accounts: Sequence[str] | None = None) -> list[Contact]:
        """Return the contacts of some accounts, or all of them, by account and name."""
