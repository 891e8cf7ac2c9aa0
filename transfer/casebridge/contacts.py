"""Contacts as Customer Care keeps them: who of a customer's gets at their cases."""

from collections.abc import Sequence

from transfer.core.contacts import Contact
from transfer.core.errors import MissingError
from transfer.ports import AuditEvent, Clock, Records


class Contacts:
    """Adds, changes and removes contacts; the audit log has who did."""

    def __init__(self, *, records: Records, clock: Clock) -> None:
        self._contacts = records.contacts
        self._audit = records.audit
        self._clock = clock

    async def put(self, contact: Contact, actor: str) -> None:
        """Add a contact, or change what is known of them."""
        await self._contacts.put(contact)
        await self._record("contact.put", contact.account, contact.person, actor, contact.kind)

    async def remove(self, account: str, person: str, actor: str) -> None:
        """Remove a contact.

        Raises:
            MissingError: they are none of that account.
        """
        if not await self._contacts.remove(account, person):
            raise MissingError("That account has no contact of that name.")
        await self._record("contact.removed", account, person, actor)

    async def of(self, accounts: Sequence[str] | None = None) -> list[Contact]:
        """Return the contacts of some accounts, or all of them, by account and name."""
        return await self._contacts.of(accounts)

    async def _record(
        self, action: str, account: str, person: str, actor: str, kind: str | None = None
    ) -> None:
        details = {"account": account} if kind is None else {"account": account, "kind": str(kind)}
        await self._audit.record(
            AuditEvent(
                at=self._clock.now(), action=action, actor=actor, subject=person, details=details
            )
        )
