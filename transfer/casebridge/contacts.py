"""Contacts as Customer Care keeps them: who of a customer's gets at their cases."""

from collections.abc import Mapping, Sequence

from transfer.core.contacts import Contact
from transfer.core.errors import MissingError
from transfer.ports import AuditEvent, Clock, Records


class Contacts:
    """Adds, changes and removes contacts; the audit log has who did."""

    def __init__(self, *, records: Records, clock: Clock) -> None:
        self._contacts = records.contacts
        self._clock = clock

    async def put(self, contact: Contact, actor: str) -> None:
        """Add a contact, or change what is known of them."""
        details = {"account": contact.account, "kind": contact.kind.value}
        audited = self._done("contact.put", contact.person, actor, details)
        await self._contacts.put(contact, audited=audited)

    async def remove(self, account: str, person: str, actor: str) -> None:
        """Remove a contact.

        Raises:
            MissingError: they are none of that account.
        """
        audited = self._done("contact.removed", person, actor, {"account": account})
        if not await self._contacts.remove(account, person, audited=audited):
            raise MissingError("That account has no contact of that name.")

    async def of(self, accounts: Sequence[str] | None = None) -> list[Contact]:
        """Return the contacts of some accounts, or all of them, by account and name."""
        return await self._contacts.of(accounts)

    def _done(self, action: str, person: str, actor: str, details: Mapping[str, str]) -> AuditEvent:
        return AuditEvent(
            at=self._clock.now(), action=action, actor=actor, subject=person, details=details
        )
