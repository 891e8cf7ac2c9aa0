"""What people read in a case's history."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clock import START
from transfer.casebridge.wording import AUTHOR, author_of, shown_name, shown_size, text_of
from transfer.core.cases import CaseNumber
from transfer.ports import CaseEvent

DIGEST = "ab" * 32


def an_event(kind: str, data: Mapping[str, Any]) -> CaseEvent:
    return CaseEvent(id="e1", type=kind, case_number=CaseNumber("0003256109"), at=START, data=data)


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (1_258_291, "1.2 MiB"),
        (1024**2 - 1, "1.0 MiB"),
        (3 * 1024**3, "3.0 GiB"),
        (48 * 1024**4, "48.0 TiB"),
        (5000 * 1024**5, "5000.0 PiB"),
    ],
)
def test_sizes_are_written_as_people_write_them(size: int, shown: str) -> None:
    assert shown_size(size) == shown


def test_a_plain_name_is_shown_as_it_is() -> None:
    assert shown_name("logs/node 1/Größe.log") == "logs/node 1/Größe.log"


def test_characters_that_turn_or_hide_text_are_named() -> None:
    assert shown_name("invoice\u202efdp.exe") == "invoice⟨U+202E⟩fdp.exe"
    assert shown_name("a\u200bb\u2028c\nd\x1b[31m") == "a⟨U+200B⟩b⟨U+2028⟩c⟨U+000A⟩d⟨U+001B⟩[31m"


def test_a_very_long_name_loses_its_middle_and_keeps_its_ends() -> None:
    shown = shown_name("begin" + "x" * 4000 + ".tar.gz")
    assert len(shown) <= 160
    assert shown.startswith("begin")
    assert shown.endswith("xx.tar.gz")
    assert "…" in shown


@given(st.text(max_size=300))
def test_whatever_the_name_it_stays_on_one_short_line(name: str) -> None:
    shown = shown_name(name)
    assert len(shown.splitlines()) <= 1
    assert len(shown) <= 160


def test_a_received_file_is_told_with_size_and_digest() -> None:
    data = {
        "path": "logs/app.log",
        "size": 1_258_291,
        "sha256": DIGEST,
        "door": "sftp",
        "direction": "from_customer",
        "verified": False,
        "sent_by": "ada",
    }
    event = an_event("file.received", data)
    assert text_of(event) == f"File received by SFTP: logs/app.log (1.2 MiB, SHA-256 {DIGEST})"
    assert author_of(event) == "ada"


def test_a_shared_and_verified_file_is_told_as_such() -> None:
    data = {
        "path": "shared/fix.zip",
        "size": 1,
        "sha256": DIGEST,
        "direction": "shared_with_customer",
        "verified": True,
    }
    assert text_of(an_event("file.received", data)) == (
        f"File shared with the customer: shared/fix.zip (1 byte, SHA-256 {DIGEST}, verified)"
    )


def test_a_file_of_which_little_is_known_is_told_all_the_same() -> None:
    assert text_of(an_event("file.received", {"path": "a.log"})) == "File received: a.log"
    assert text_of(an_event("file.received", {})) == "File received: ?"


def test_accounts_are_told_with_their_end() -> None:
    issued = an_event(
        "account.issued", {"username": "c-x7", "expires_at": "2026-03-07T09:00:00+00:00"}
    )
    assert text_of(issued) == ("SFTP account c-x7 issued, good until 2026-03-07T09:00:00+00:00.")
    assert text_of(an_event("account.issued", {"username": "c-x7"})) == "SFTP account c-x7 issued."
    ended = an_event("account.ended", {"username": "c-x7", "end": "revoked"})
    assert text_of(ended) == "SFTP account c-x7 ended (revoked)."
    assert text_of(an_event("account.ended", {"username": "c-x7"})) == "SFTP account c-x7 ended."


def test_deleted_data_is_told() -> None:
    assert "deleted" in (text_of(an_event("case.purged", {})) or "")


def test_what_people_need_not_know_makes_no_entry() -> None:
    assert text_of(an_event("upload.renamed", {"path": "a"})) is None


def test_the_service_is_the_author_of_what_nobody_is_named_for() -> None:
    assert author_of(an_event("file.received", {})) == AUTHOR
    assert author_of(an_event("account.issued", {"actor": "grace"})) == "grace"


# ── Drops, interruptions, ends of accounts ───────────────────────────────────────────────────


def test_the_files_of_a_drop_are_one_entry_with_a_digest_for_each() -> None:
    event = an_event(
        "files.received",
        {
            "sent_by": "Jo",
            "door": "sftp",
            "count": 3,
            "size": 2_254_857_830,
            "files": [
                {"path": "a.log", "size": 1024, "sha256": DIGEST, "verified": True},
                {"path": "b\u202e.log", "size": 1},
                {},
                "of a later release",
            ],
        },
    )
    assert text_of(event) == (
        f"3 files received by SFTP, 2.1 GiB: a.log (1.0 KiB, SHA-256 {DIGEST}, verified); "
        "b⟨U+202E⟩.log (1 byte); ?"
    )
    assert author_of(event) == "Jo"


def test_of_a_large_drop_a_hundred_files_are_listed() -> None:
    files = [{"path": f"{n}.log"} for n in range(103)]
    text = text_of(an_event("files.received", {"files": files}))
    assert text is not None
    assert text.startswith("103 files received: 0.log; 1.log; ")
    assert text.endswith("; 99.log; and 3 more")


@pytest.mark.parametrize("files", [None, "abc", 5, []])
def test_a_drop_of_another_release_is_told_as_far_as_it_is_understood(files: object) -> None:
    assert text_of(an_event("files.received", {"count": 2, "files": files})) == "2 files received."


@pytest.mark.parametrize(
    ("kind", "data", "text"),
    [
        (
            "file.interrupted",
            {"path": "a.log", "offset": 1024, "length": 4096},
            "Upload interrupted after 1.0 KiB of 4.0 KiB: a.log. It can be continued.",
        ),
        (
            "file.interrupted",
            {"path": "a.log", "offset": 1, "length": None},
            "Upload interrupted after 1 byte: a.log. It can be continued.",
        ),
        ("file.interrupted", {}, "Upload interrupted: ?. It can be continued."),
        (
            "file.digest-mismatch",
            {"path": "a.log", "sha256": "ab", "claimed_digest": "md5:cd"},
            "a.log is not what its sender says: received SHA-256 ab, claimed md5:cd.",
        ),
        (
            "file.shared",
            {"path": "fix.zip", "direction": "shared_with_customer"},
            "File shared with the customer: fix.zip",
        ),
        ("account.expired", {"username": "c1"}, "SFTP account c1 expired."),
        ("account.revoked", {"username": "c1", "end": "revoked"}, "SFTP account c1 revoked."),
        (
            "account.revoked",
            {"username": "c1", "end": "case-closed"},
            "SFTP account c1 revoked, as the case was closed.",
        ),
    ],
)
def test_what_happens_is_told_in_a_sentence(kind: str, data: dict[str, Any], text: str) -> None:
    assert text_of(an_event(kind, data)) == text


@pytest.mark.parametrize("kind", ["file.downloaded", "archive.downloaded", "file.verified"])
def test_what_is_of_no_use_in_a_history_makes_no_entry(kind: str) -> None:
    assert text_of(an_event(kind, {"path": "a.log"})) is None
