"""What the receipt of a deletion says: facts that prove it, and nothing that was deleted."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from transfer.core.cases import CaseNumber
from transfer.core.receipts import ReceiptKind, moment, statement

_DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Doomed:
    """What the deletion of a case's data has set out to delete, over all of its runs.

    `keys` are the SHA-256 of the objects' keys, each once, in the order of their bytes, one behind
    the other. `rows` is what was deleted of the records, by kind.
    """

    versions: int = 0
    delete_markers: int = 0
    multiparts: int = 0
    size_bytes: int = 0
    keys: bytes = b""
    rows: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionFacts:
    """Which deletion it was, and when each of its steps was.

    `prefix` is where the store had the case's objects; `destroyed_key`, the fingerprint of the key
    that they were encrypted under, if they were.
    """

    case_number: CaseNumber
    prefix: str
    closed_at: datetime
    due_at: datetime
    begun_at: datetime
    proved_at: datetime
    key_id: str
    destroyed_key: str | None = None


def deletion_statement(facts: DeletionFacts, gone: Doomed) -> str:
    """Return what the receipt of a deletion says: counts, times, and digests of what is gone.

    `keys` there is the number of objects' keys, and the SHA-256 of their SHA-256s in order.
    """
    said: dict[str, Any] = {
        "case": facts.case_number,
        "prefix": facts.prefix,
        "closed_at": moment(facts.closed_at),
        "due_at": moment(facts.due_at),
        "begun_at": moment(facts.begun_at),
        "proved_at": moment(facts.proved_at),
        "objects": {
            "versions": gone.versions,
            "delete_markers": gone.delete_markers,
            "multiparts": gone.multiparts,
            "bytes": gone.size_bytes,
        },
        "keys": {"count": len(gone.keys) // _DIGEST_BYTES, "sha256": keys_digest(gone.keys)},
        "left": 0,
        "rows": dict(gone.rows),
        "destroyed_key": facts.destroyed_key,
        "key_id": facts.key_id,
    }
    return statement(ReceiptKind.DELETION, said)


def keys_digest(keys: bytes) -> str:
    """Return what a statement says of the digests of keys."""
    return hashlib.sha256(keys).hexdigest()


def covers(keys: bytes, object_key: str) -> bool:
    """Tell whether an object's key is among those whose digests these are."""
    digest = hashlib.sha256(object_key.encode()).digest()
    return any(
        keys[start : start + _DIGEST_BYTES] == digest
        for start in range(0, len(keys), _DIGEST_BYTES)
    )
