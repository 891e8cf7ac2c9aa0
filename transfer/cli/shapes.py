"""What the commands print, as JSON: the same shapes as the API's."""

from datetime import UTC, datetime, timedelta
from typing import Any

from transfer.core.account_terms import AccountTerms
from transfer.core.accounts import SftpAccount
from transfer.core.bans import Ban
from transfer.core.cases import Case, CaseUpdate
from transfer.core.contacts import Contact
from transfer.core.retention import deletion_due_at
from transfer.ports import Session, StuckDeletion, Token
from transfer.wiring.entrance import Entrance

Json = dict[str, Any]


def rfc3339(moment: datetime | None) -> str | None:
    """Return a time in UTC, exactly, so that it means the same when it is given back to us."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def case_json(case: Case, period: timedelta) -> Json:
    """Return a case."""
    return {
        "number": case.number,
        "status": case.status.value,
        "substatus": case.substatus,
        "subject": case.subject,
        "closed_at": rfc3339(case.closed_at),
        "deletion_due_at": rfc3339(deletion_due_at(case, period)),
        "account": case.account,
        "opened_at": rfc3339(case.opened_at),
        "hold": case.keeping.reason if case.keeping else None,
        "deleted_at": rfc3339(case.purged_at),
        "priority": case.priority.value,
        "sold_to": case.sold_to,
        "close_reason": case.close_reason,
        "waiting_since": rfc3339(case.wait.since) if case.wait else None,
        "reminders": case.wait.notices if case.wait else 0,
    }


def update_json(update: CaseUpdate) -> Json:
    """Return an entry of a case's history."""
    return {
        "at": rfc3339(update.at),
        "author": update.author,
        "text": update.text,
        "kind": update.kind.value,
    }


def contact_json(contact: Contact) -> Json:
    """Return a contact."""
    return {
        "account": contact.account,
        "person": contact.person,
        "kind": contact.kind.value,
        "email": contact.email,
        "language": contact.language,
    }


def account_json(account: SftpAccount, password: str | None, entrance: Entrance) -> Json:
    """Return an SFTP account with all that a person needs to log in."""
    return {
        "id": account.id,
        "username": account.username,
        "password": password,
        "host": entrance.sftp_host,
        "port": entrance.sftp_port,
        "fingerprints": list(entrance.fingerprints),
        "expires_at": rfc3339(account.expires_at),
        "label": account.label,
        "keys": [f"{key.fingerprint} {key.comment}".rstrip() for key in account.keys],
        "networks": [str(network) for network in account.networks],
        "issued_by": account.issued_by,
        "issued_at": rfc3339(account.issued_at),
        "issue": account.issue,
        "sessions": account.use.sessions,
        "bytes_received": account.use.bytes_received,
        "bytes_sent": account.use.bytes_sent,
        "last_seen_at": rfc3339(account.use.last_seen_at),
        "last_address": account.use.last_address,
    }


def session_json(session: Session) -> Json:
    """Return a session, without its secret."""
    return {
        "id": session.id,
        "name": session.name,
        "role": session.role.value,
        "case": session.case_number,
        "subject": session.subject,
        "method": session.method.value,
        "address": session.address,
        "began_at": rfc3339(session.began_at),
        "seen_at": rfc3339(session.seen_at),
        "expires_at": rfc3339(session.expires_at),
    }


def ban_json(ban: Ban) -> Json:
    """Return a ban."""
    return {
        "id": ban.id,
        "network": str(ban.network),
        "reason": ban.reason,
        "banned_by": ban.banned_by,
        "since": rfc3339(ban.since),
        "until": rfc3339(ban.until),
    }


def terms_json(terms: AccountTerms) -> Json:
    """Return what holds for the cases of an account."""
    hold, period = terms.hold, terms.period
    return {
        "account": terms.account,
        "period_seconds": None if period is None else int(period.total_seconds()),
        "hold": hold and hold.reason,
        "hold_placed_by": hold and hold.placed_by,
        "hold_placed_at": rfc3339(hold.placed_at if hold else None),
        "changed_by": terms.changed_by,
        "changed_at": rfc3339(terms.changed_at),
    }


def stuck_json(stuck: StuckDeletion) -> Json:
    """Return a deletion that can't go on."""
    return {
        "case": stuck.case_number,
        "since": rfc3339(stuck.since),
        "left": stuck.left,
        "problem": stuck.problem,
    }


def token_json(token: Token) -> Json:
    """Return a token, without its secret."""
    return {
        "id": token.id,
        "name": token.name,
        "role": token.role.value,
        "cases": None if token.cases is None else sorted(token.cases),
        "actions": None if token.actions is None else sorted(token.actions),
        "issued_by": token.issued_by,
        "issued_at": rfc3339(token.issued_at),
        "expires_at": rfc3339(token.expires_at),
        "last_used_at": rfc3339(token.last_used_at),
        "revoked_at": rfc3339(token.revoked_at),
    }
