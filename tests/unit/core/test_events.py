"""What of the audit log is told to those who watch a case: what concerns them, and no more."""

import pytest

from tests.clock import START
from tests.engine_room import NUMBER
from transfer.core.access import Action
from transfer.core.events import EventKind, Happening, Noted, happening_of


def noted(action: str, **changes: object) -> Noted:
    values = {
        "number": 7,
        "at": START,
        "action": action,
        "case_number": NUMBER,
        "subject": "id-1",
        "details": {},
        **changes,
    }
    return Noted(**values)  # type: ignore[arg-type]  # values of a test


def told(action: str, **changes: object) -> Happening:
    happening = happening_of(noted(action, **changes))
    assert happening is not None
    return happening


@pytest.mark.parametrize(
    "action", ["file.downloaded", "case.held", "sftp.refused", "file.progress"]
)
def test_what_concerns_no_watcher_is_not_told(action: str) -> None:
    assert happening_of(noted(action)) is None


def test_what_concerns_no_case_is_not_told() -> None:
    assert happening_of(noted("file.removed", case_number=None)) is None


def test_of_an_entry_only_what_is_meant_for_watchers_is_told() -> None:
    details = {"path": "a.log", "size": 3, "sha256": "…", "secret": "x"}
    happening = told("file.removed", details=details)
    assert happening == Happening(
        kind=EventKind.FILE_REMOVED,
        case_number=NUMBER,
        at=START,
        data={"path": "a.log", "file_id": "id-1"},
        number=7,
    )
    assert happening.needs is Action.SEE


def test_accounts_are_for_those_who_may_see_accounts() -> None:
    happening = told("account.ended", details={"username": "u", "end": "revoked"})
    assert happening.needs is Action.SEE_ACCOUNTS
    assert happening.data == {"username": "u", "end": "revoked", "account_id": "id-1"}


@pytest.mark.parametrize(
    ("kind", "name"), [("files", "file_id"), ("uploads", "upload_id"), ("folders", None)]
)
def test_a_move_tells_what_has_moved(kind: str, name: str | None) -> None:
    happening = told("entry.moved", details={"from": "a", "to": "b", "kind": kind})
    named = {} if name is None else {name: "id-1"}
    assert happening.data == {"from": "a", "to": "b", **named}


def test_what_has_no_subject_names_none() -> None:
    assert told("case.closed", subject=None, details={"resolution": "Fixed"}).data == {
        "resolution": "Fixed"
    }
    assert told("file.verified", subject=None).data == {}
