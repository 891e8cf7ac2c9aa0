"""The state of an upload as people are shown it, and their times."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from transfer.core.access import Door
from transfer.core.cases import CaseId, CaseNumber
from transfer.core.names import CasePath
from transfer.core.uploads import (
    DigestState,
    Direction,
    Upload,
    UploadId,
    UploadState,
    shown_state,
)
from transfer.http.rendering import rfc3339

NOW = datetime(2026, 3, 2, tzinfo=UTC)
UPLOAD = Upload(
    id=UploadId("u"),
    case_number=CaseNumber("0000000001"),
    case_id=CaseId("c"),
    path=CasePath("a.log"),
    direction=Direction.FROM_CUSTOMER,
    door=Door.HTTP,
    sent_by="customer",
    state=UploadState.RECEIVING,
    offset=0,
    length=5,
    created_at=NOW,
    updated_at=NOW,
    expires_at=NOW + timedelta(days=7),
    digest=DigestState(sha256=None, crc64nvme=0),
    fence=0,
    next_part_number=1,
)


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


def test_a_time_is_written_in_utc_and_exactly() -> None:
    east = timezone(timedelta(hours=2))
    moment = datetime(2026, 3, 2, 11, 0, 0, 123456, tzinfo=east)
    assert rfc3339(moment) == "2026-03-02T09:00:00.123456Z"
    assert rfc3339(None) is None
