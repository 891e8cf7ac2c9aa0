"""What the API says of cases, files, uploads and accounts, as JSON."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from transfer.core.access import Action, Principal, authorise
from transfer.core.cases import Case, CaseUpdate
from transfer.core.errors import TransferError
from transfer.core.retention import PERIOD, deletion_due_at
from transfer.core.uploads import StoredFile, Upload, UploadState, shown_state
from transfer.engine.accounts import Credentials
from transfer.engine.files import Listing
from transfer.http.policy import SftpAddress

Json = dict[str, Any]


def json_response(
    body: Json,
    *,
    status: int = 200,
    reason: str | None = None,
    content_type: str = "application/json",
) -> web.Response:
    """Return `body` as JSON in UTF-8."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return web.Response(body=text.encode(), status=status, reason=reason, content_type=content_type)


def rfc3339(moment: datetime | None) -> str | None:
    """Return a time in UTC, exact to the microsecond: what is due then is due at what it says."""
    if moment is None:
        return None
    text = moment.astimezone(UTC).isoformat()
    return text.removesuffix("+00:00") + "Z"


def case_json(case: Case, retention: timedelta = PERIOD) -> Json:
    """Return a case."""
    return {
        "number": case.number,
        "status": case.status.value,
        "substatus": case.substatus,
        "subject": case.subject,
        "closed_at": rfc3339(case.closed_at),
        "deletion_due_at": rfc3339(deletion_due_at(case, retention)),
    }


def allowed_json(principal: Principal, case: Case) -> list[str]:
    """Return what `principal` may do to `case` now."""
    return [action.value for action in Action if _may(principal, action, case)]


def sftp_json(address: SftpAddress | None) -> Json | None:
    """Return where the SFTP door is."""
    if address is None:
        return None
    return {
        "host": address.host,
        "port": address.port,
        "fingerprints": list(address.fingerprints),
    }


def update_json(update: CaseUpdate) -> Json:
    """Return an entry of a case's history."""
    return {"at": rfc3339(update.at), "author": update.author, "text": update.text}


def listing_json(listing: Listing, now: datetime) -> Json:
    """Return a page of a case's files, with its unfinished uploads."""
    return {
        "files": [file_json(file) for file in listing.files],
        "uploads": [upload_json(upload, now) for upload in listing.uploads],
        "next": listing.next,
    }


def file_json(file: StoredFile) -> Json:
    """Return a file."""
    return {
        "id": file.id,
        "path": file.path,
        "size": file.size,
        "sha256": file.sha256,
        "state": UploadState.RECEIVED.value,
        "verified": file.verified,
        "direction": file.direction.value,
        "door": file.door.value,
        "sent_by": file.sent_by,
        "created_at": rfc3339(file.created_at),
        "modified_at": rfc3339(file.modified_at),
        "scan": None,
    }


def upload_json(upload: Upload, now: datetime) -> Json:
    """Return an unfinished upload."""
    return {
        "id": upload.id,
        "path": upload.path,
        "size": upload.length,
        "offset": upload.offset,
        "state": shown_state(upload, now).value,
        "expires_at": rfc3339(upload.expires_at),
    }


def account_json(credentials: Credentials, address: SftpAddress | None) -> Json:
    """Return an SFTP account with all that a person needs to log in."""
    account = credentials.account
    return {
        "id": account.id,
        "username": account.username,
        "password": credentials.password,
        "host": address.host if address else None,
        "port": address.port if address else None,
        "fingerprints": list(address.fingerprints) if address else [],
        "expires_at": rfc3339(account.expires_at),
    }


def _may(principal: Principal, action: Action, case: Case) -> bool:
    try:
        authorise(principal, action, case)
    except TransferError:
        return False
    return True
