"""What is personal in the rows that stay when a case's data is deleted.

That something happened stays, and when: not who it was, from where, or under what name. The audit
log has its own way (`SqlAuditLog.erase_personal`), so that its chain holds.
"""

from sqlalchemy import Connection, update

from transfer.core.audit_entries import ERASED
from transfer.core.cases import CaseNumber
from transfer.records.known_case_tables import known_cases
from transfer.records.tables import case_updates, outbox, sessions, sftp_accounts

_IMPERSONAL = ("case.deletion-due", "case.purged")
"""Events that name nobody and nothing: what deletions tell of themselves."""

_OF_DELETIONS = ("deletion-due-%", "purged-%")


def erase_names(connection: Connection, number: CaseNumber) -> None:
    """Take names, paths and addresses out of a case's rows. Repeatable.

    What people wrote into the case's history by themselves is the case core's, and stays.
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
            *(case_updates.c.event_id.not_like(beginning) for beginning in _OF_DELETIONS),
        )
        .values(author=ERASED, text=ERASED)
    )
    connection.execute(
        update(known_cases).where(known_cases.c.case_number == number).values(told=None)
    )
    connection.execute(
        update(outbox)
        .where(outbox.c.case_number == number, outbox.c.type.not_in(_IMPERSONAL))
        .values(data={})
    )
