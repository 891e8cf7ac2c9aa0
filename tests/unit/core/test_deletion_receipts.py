"""What the receipt of a deletion says."""

import hashlib
import json
from datetime import timedelta

from tests.clock import START
from transfer.core.cases import CaseNumber
from transfer.core.deletion_receipts import (
    DeletionFacts,
    Doomed,
    covers,
    deletion_statement,
    keys_digest,
)

FACTS = DeletionFacts(
    case_number=CaseNumber("0003256109"),
    prefix="c/k3/",
    closed_at=START,
    due_at=START + timedelta(days=30),
    begun_at=START + timedelta(days=30, seconds=5),
    proved_at=START + timedelta(days=30, seconds=9),
    key_id="a-key",
)


def digests(*keys: str) -> bytes:
    return b"".join(sorted(hashlib.sha256(key.encode()).digest() for key in keys))


def test_a_statement_has_counts_times_and_digests() -> None:
    keys = digests("c/k3/a.1", "c/k3/b.1")
    gone = Doomed(
        versions=3,
        delete_markers=1,
        multiparts=2,
        size_bytes=4096,
        keys=keys,
        rows={"files": 2},
    )
    assert json.loads(deletion_statement(FACTS, gone)) == {
        "kind": "deletion",
        "version": 1,
        "case": "0003256109",
        "prefix": "c/k3/",
        "closed_at": "2026-03-02T09:00:00Z",
        "due_at": "2026-04-01T09:00:00Z",
        "begun_at": "2026-04-01T09:00:05Z",
        "proved_at": "2026-04-01T09:00:09Z",
        "objects": {"versions": 3, "delete_markers": 1, "multiparts": 2, "bytes": 4096},
        "keys": {"count": 2, "sha256": hashlib.sha256(keys).hexdigest()},
        "left": 0,
        "rows": {"files": 2},
        "destroyed_key": None,
        "key_id": "a-key",
    }


def test_a_case_that_held_nothing_has_a_statement_too() -> None:
    said = json.loads(deletion_statement(FACTS, Doomed()))
    assert said["keys"] == {"count": 0, "sha256": keys_digest(b"")}


def test_it_can_be_told_whether_an_object_was_among_them() -> None:
    keys = digests("c/k3/a.1", "c/k3/b.1")
    assert covers(keys, "c/k3/a.1")
    assert covers(keys, "c/k3/b.1")
    assert not covers(keys, "c/k3/c.1")
    assert not covers(b"", "c/k3/a.1")
