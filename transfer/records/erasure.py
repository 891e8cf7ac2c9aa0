"""What is personal in the rows that stay when a case's data is deleted.

That something happened stays, and when: not who it was, from where, or under what name. The audit
log has its own way (`SqlAuditLog.erase_personal`), so that its chain holds.
"""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, and_, update

from transfer.core.audit_entries import ERASED
from transfer.core.cases import CaseNumber, CaseUpdate
from transfer.records.known_case_tables import known_cases
from transfer.records.outbox_claims import IS_LIVE
from transfer.records.tables import case_updates, outbox, sessions, sftp_accounts

_IMPERSONAL = ("case.deletion-due", "case.purged")
"""Events that name nobody and nothing: what deletions tell of themselves."""

_OF_DELETIONS = ("deletion-due-", "purged-")


UNTOLD = "erased"
"""Why an event is a dead letter that was to be told yet when its names went."""


def nameless(event_id: str | None, entry: CaseUpdate) -> CaseUpdate:
    """Return what may be written of `entry` into the history of a case whose data goes or is gone.

    It is an event's, if it has an id, and may have been on its way for long.
    """
    if event_id is None or event_id.startswith(_OF_DELETIONS):
        return entry
    return replace(entry, author=ERASED, text=ERASED)


def erase_names(connection: Connection, number: CaseNumber, now: datetime) -> None:
    """Take names, paths and addresses out of a case's rows. Repeatable.

    What people wrote into the case's history by themselves is the case core's, and stays. Events
    that weren't told by `now` are dead letters then: without what they tell they'd mislead.
    """
    connection.execute(
        update(sftp_accounts)
        .where(sftp_accounts.c.case_number == number)
        .values(
            password_hash=None,
            sealed_password=None,
            issued_by=ERASED,
            label="",
            public_keys=[],
            networks=[],
            last_address=None,
        )
    )
    connection.execute(
        update(sessions)
        .where(sessions.c.case_number == number)
        .values(name=ERASED, subject=ERASED, address=None)
    )
    connection.execute(
        update(case_updates)
        .where(
            case_updates.c.case_number == number,
            case_updates.c.event_id.is_not(None),
            *(case_updates.c.event_id.not_like(f"{beginning}%") for beginning in _OF_DELETIONS),
        )
        .values(author=ERASED, text=ERASED)
    )
    connection.execute(
        update(known_cases).where(known_cases.c.case_number == number).values(told=None)
    )
    is_personal = and_(outbox.c.case_number == number, outbox.c.type.not_in(_IMPERSONAL))
    connection.execute(
        update(outbox)
        .where(is_personal, IS_LIVE)
        .values(dead_at=now, error=UNTOLD, claimed_by=None, claimed_until=None)
    )
    connection.execute(update(outbox).where(is_personal).values(data={}))
