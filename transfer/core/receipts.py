"""What a receipt says: facts of one moment, written down once and never rewritten.

A statement is kept as the very bytes that are signed, so that it is the same whenever it is
fetched: whatever has been renamed, verified or removed since, whatever version of this code reads.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from transfer.core.uploads import StoredFile, UploadId

_VERSION = 1


class ReceiptKind(StrEnum):
    """What a receipt proves."""

    UPLOAD = "upload"
    DELETION = "deletion"


def upload_statement(file: StoredFile, upload_id: UploadId) -> str:
    """Return what the receipt of an upload says, `file` being what it has just become."""
    return statement(
        ReceiptKind.UPLOAD,
        {
            "case": file.case_number,
            "direction": file.direction.value,
            "door": file.door.value,
            "file_id": file.id,
            "path": file.path,
            "received_at": moment(file.created_at),
            "sent_by": file.sent_by,
            "sha256": file.sha256,
            "size": file.size,
            "upload_id": upload_id,
            "verified": file.verified,
        },
    )


def statement(kind: ReceiptKind, facts: Mapping[str, Any]) -> str:
    """Return `facts` as a statement of `kind`: JSON with one spelling, its members in order."""
    whole = {"kind": kind.value, "version": _VERSION, **facts}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def moment(at: datetime) -> str:
    """Return a time as statements write it: RFC 3339 in UTC."""
    return at.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"
