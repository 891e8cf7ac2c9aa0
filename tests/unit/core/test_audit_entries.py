"""What the digest of an audit entry covers, and what can be erased without changing it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.core.audit_entries import (
    ERASED,
    AuditEntry,
    canonical,
    commitment_of,
    digest_of,
    erased,
    is_personal,
)
from transfer.core.cases import CaseNumber

ENTRY = AuditEntry(
    sequence=7,
    format=1,
    at=datetime(2026, 3, 2, 9, 0, tzinfo=UTC),
    action="file.received",
    actor="Jane Doe",
    case_number=CaseNumber("0003256109"),
    subject="f00d",
    door="http",
    address="192.0.2.7",
    details={"path": "jane/core.gz", "size": 5, "sha256": "ab" * 32, "sent_by": "Jane Doe"},
    salt=b"0123456789abcdef",
)

CHANGES: dict[str, Any] = {
    "sequence": 8,
    "format": 2,
    "at": ENTRY.at + timedelta(microseconds=1),
    "action": "file.removed",
    "actor": "John Doe",
    "case_number": CaseNumber("0003256110"),
    "subject": "beef",
    "door": "sftp",
    "address": "192.0.2.8",
    "details": {**ENTRY.details, "size": 6},
    "salt": b"0123456789abcdeF",
}


@pytest.mark.parametrize("column", CHANGES)
def test_each_column_changes_the_digest(column: str) -> None:
    assert digest_of(replace(ENTRY, **{column: CHANGES[column]})) != digest_of(ENTRY)


@pytest.mark.parametrize("column", sorted(CHANGES.keys() - {"actor", "address", "salt"}))
def test_each_column_that_stays_changes_the_digest_of_an_erased_entry(column: str) -> None:
    gone = erased(ENTRY)
    assert digest_of(replace(gone, **{column: CHANGES[column]})) != digest_of(gone)


@pytest.mark.parametrize("column", ["actor", "address"])
def test_an_erased_entry_that_names_somebody_again_has_another_digest(column: str) -> None:
    assert digest_of(replace(erased(ENTRY), **{column: CHANGES[column]})) != digest_of(ENTRY)


def test_a_word_in_the_details_of_an_erased_entry_changes_its_digest() -> None:
    gone = erased(ENTRY)
    named = replace(gone, details={**gone.details, "path": "another"})
    assert digest_of(named) != digest_of(gone)


def test_another_commitment_is_another_digest() -> None:
    gone = erased(ENTRY)
    assert digest_of(replace(gone, commitment=bytes(32))) != digest_of(gone)


def test_an_erased_entry_has_no_names_and_the_digest_of_before() -> None:
    gone = erased(ENTRY)
    assert (gone.actor, gone.address, gone.salt) == (ERASED, None, None)
    assert gone.details == {"size": 5, "sha256": "ab" * 32}
    assert gone.subject == "f00d"
    assert gone.commitment == commitment_of(ENTRY)
    assert digest_of(gone) == digest_of(ENTRY)
    assert gone.is_erased
    assert not ENTRY.is_erased


def test_what_is_erased_is_not_told_by_its_commitment() -> None:
    guessed = replace(ENTRY, salt=None)
    assert commitment_of(guessed) != commitment_of(ENTRY)


@pytest.mark.parametrize(
    ("subject", "action", "stays"),
    [
        ("0f" * 16, "file.received", True),
        ("17", "folder.made", True),
        ("0f" * 16, "oidc.refused", False),
        ("jane", "contact.added", False),
        ("jane@example.com", "session.began", False),
        ("Jane Doe", "session.began", False),
        (None, "session.began", True),
    ],
)
def test_a_subject_stays_if_it_is_an_id_of_ours(
    subject: str | None, action: str, stays: bool
) -> None:
    entry = replace(ENTRY, subject=subject, action=action)
    assert erased(entry).subject == (subject if stays else None)
    assert digest_of(erased(entry)) == digest_of(entry)


def test_an_entry_of_the_service_itself_has_nothing_to_be_erased() -> None:
    entry = replace(ENTRY, actor="retention", address=None, details={"files": 3, "all": True})
    assert not is_personal(entry)
    assert is_personal(ENTRY)
    assert not is_personal(erased(ENTRY))
    assert erased(entry).actor == "retention"


def test_lists_and_objects_are_personal_as_they_may_hold_anything() -> None:
    entry = replace(ENTRY, details={"kind": ["Jane"], "requests": {"jane": 1}, "none": None})
    assert erased(entry).details == {"none": None}


def test_a_moment_is_the_same_in_any_zone() -> None:
    zone = timezone(timedelta(hours=2))
    assert digest_of(replace(ENTRY, at=ENTRY.at.astimezone(zone))) == digest_of(ENTRY)


def test_json_has_one_spelling_also_for_what_is_no_unicode() -> None:
    assert canonical({"b": 1, "a": "ü\ud800"}) == '{"a":"ü\\ud800","b":1}'
    canonical({"a": "\udfff"}).encode()


_VALUES = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text(), max_size=2)
_NAMES = st.sampled_from(["size", "path", "kind", "state", "reason"])


@given(
    details=st.dictionaries(_NAMES, _VALUES),
    actor=st.text(max_size=5) | st.sampled_from(["service", ERASED]),
    subject=st.none() | st.text(max_size=5),
    salt=st.none() | st.binary(min_size=16, max_size=16),
)
def test_erasing_never_changes_a_digest_and_leaves_nothing_to_erase(
    details: dict[str, Any], actor: str, subject: str | None, salt: bytes | None
) -> None:
    entry = replace(ENTRY, details=details, actor=actor, subject=subject, salt=salt)
    gone = erased(entry)
    assert digest_of(gone) == digest_of(entry)
    assert not is_personal(gone)
