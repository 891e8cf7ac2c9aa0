"""What may be announced, continued and named of an upload."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from transfer.core.access import Door
from transfer.core.cases import CaseId, CaseNumber
from transfer.core.errors import (
    InvalidRequestError,
    LengthMismatchError,
    OffsetMismatchError,
    TooLargeError,
    UploadGoneError,
)
from transfer.core.names import CasePath
from transfer.core.parts import MAX_FILE_BYTES
from transfer.core.uploads import (
    DigestState,
    Direction,
    Tail,
    Upload,
    UploadId,
    UploadState,
    check_announcement,
    check_continuable,
    check_length,
    object_key,
    shown_state,
    tail_key,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
UPLOAD = Upload(
    id=UploadId("u1"),
    case_number=CaseNumber("0000000001"),
    case_id=CaseId("c1"),
    path=CasePath("a.log"),
    direction=Direction.FROM_CUSTOMER,
    door=Door.HTTP,
    sent_by="customer",
    state=UploadState.RECEIVING,
    offset=10,
    length=None,
    created_at=NOW,
    updated_at=NOW,
    expires_at=NOW + timedelta(days=1),
    digest=DigestState(sha256=None, crc64nvme=0),
    fence=1,
    next_part_number=1,
)


@pytest.mark.parametrize("length", [0, 1, MAX_FILE_BYTES])
def test_any_length_that_the_store_can_hold_is_taken(length: int) -> None:
    check_length(length, None)


def test_a_length_beyond_a_limit_is_refused_with_the_limit() -> None:
    with pytest.raises(TooLargeError, match="at most 100 bytes"):
        check_length(101, 100)
    with pytest.raises(TooLargeError):
        check_length(MAX_FILE_BYTES + 1, None)
    with pytest.raises(InvalidRequestError):
        check_length(-1, None)


def test_a_length_is_announced_once_and_covers_what_is_there() -> None:
    check_announcement(UPLOAD, 10)
    check_announcement(replace(UPLOAD, length=20), 20)
    with pytest.raises(LengthMismatchError):
        check_announcement(UPLOAD, 9)
    with pytest.raises(LengthMismatchError):
        check_announcement(replace(UPLOAD, length=20), 21)


def test_an_upload_goes_on_until_its_very_end() -> None:
    check_continuable(UPLOAD, UPLOAD.expires_at - timedelta(microseconds=1))
    with pytest.raises(UploadGoneError):
        check_continuable(UPLOAD, UPLOAD.expires_at)


@pytest.mark.parametrize("state", [UploadState.RECEIVED, UploadState.ABANDONED])
def test_an_upload_that_is_over_does_not_go_on(state: UploadState) -> None:
    with pytest.raises(UploadGoneError):
        check_continuable(replace(UPLOAD, state=state), NOW)


def test_the_tail_is_behind_the_parts() -> None:
    assert UPLOAD.parts_offset == 10
    assert replace(UPLOAD, tail=Tail(key="t", size=4)).parts_offset == 6


def test_an_upload_is_whole_when_all_announced_bytes_are_there() -> None:
    assert not UPLOAD.is_whole
    assert replace(UPLOAD, length=10).is_whole
    assert not replace(UPLOAD, length=11).is_whole


def test_keys_differ_for_every_writer_and_every_tail() -> None:
    keys = {object_key(UPLOAD.case_id, UPLOAD.id, fence) for fence in (1, 2)}
    keys |= {tail_key(UPLOAD.case_id, UPLOAD.id, f, o) for f in (1, 2) for o in (5, 6)}
    assert len(keys) == 6
    assert all(key.startswith("c/c1/u1.") for key in keys)


def test_an_offset_mismatch_tells_where_to_go_on() -> None:
    assert OffsetMismatchError(42).offset == 42


@pytest.mark.parametrize(
    ("state", "silent_seconds", "shown"),
    [
        (UploadState.RECEIVING, 0, UploadState.RECEIVING),
        (UploadState.RECEIVING, 60, UploadState.RECEIVING),
        (UploadState.RECEIVING, 61, UploadState.INTERRUPTED),
        (UploadState.INTERRUPTED, 0, UploadState.INTERRUPTED),
        (UploadState.COMPLETING, 3600, UploadState.RECEIVING),
    ],
)
def test_a_silent_sender_is_shown_as_interrupted(
    state: UploadState, silent_seconds: int, shown: UploadState
) -> None:
    upload = replace(UPLOAD, state=state)
    assert shown_state(upload, NOW + timedelta(seconds=silent_seconds)) is shown
