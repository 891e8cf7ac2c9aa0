"""What the API says of cases, files and uploads, as JSON."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from aiohttp import web

from transfer.core.access import Action, Principal, may
from transfer.core.case_search import FoundCase
from transfer.core.cases import Case, CaseUpdate
from transfer.core.retention import PERIOD, deletion_due_at
from transfer.core.uploads import StoredFile, Upload, UploadState, shown_state
from transfer.engine.files import Listing
from transfer.http.policy import SftpAddress
from transfer.http.shapes.base import Json
from transfer.http.shapes.cases import (
    CaseDetail,
    CaseList,
    CaseShape,
    FoundCaseShape,
    SftpShape,
    UpdateList,
    UpdateShape,
)
from transfer.http.shapes.files import FileShape, ListingShape, UploadShape

__all__ = [
    "Json",
    "case_detail_json",
    "case_json",
    "cases_json",
    "file_json",
    "json_response",
    "listing_json",
    "moment",
    "rfc3339",
    "sftp_shape",
    "updates_json",
    "upload_json",
]


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


def moment(at: datetime) -> str:
    """Return a time in UTC, exact to the microsecond: what is due then is due at what it says."""
    return at.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def rfc3339(at: datetime | None) -> str | None:
    """Return a time in UTC as `moment` does, or None for none."""
    return None if at is None else moment(at)


def case_json(case: Case, retention: timedelta = PERIOD) -> Json:
    """Return a case."""
    return _case(case, retention).json_object()


def cases_json(found: Sequence[FoundCase], following: str | None, retention: timedelta) -> Json:
    """Return a page of cases."""
    shown = [_found_case(one, retention) for one in found]
    return CaseList(cases=shown, next=following).json_object()


def case_detail_json(
    case: Case, principal: Principal, sftp: SftpAddress | None, retention: timedelta = PERIOD
) -> Json:
    """Return a case with what `principal` may do to it now, and where the SFTP door is."""
    return CaseDetail(
        **dict(_case(case, retention)),
        may=[action for action in Action if may(principal, action, case)],
        sftp=sftp_shape(sftp),
        as_of=None if case.as_of is None else moment(case.as_of),
    ).json_object()


def updates_json(updates: Sequence[CaseUpdate], following: str | None) -> Json:
    """Return a page of a case's history."""
    shown = [
        UpdateShape(at=moment(one.at), author=one.author, text=one.text, kind=one.kind)
        for one in updates
    ]
    return UpdateList(updates=shown, next=following).json_object()


def listing_json(listing: Listing, now: datetime) -> Json:
    """Return a page of a case's files, with its unfinished uploads."""
    return ListingShape(
        files=[_file(file) for file in listing.files],
        uploads=[_upload(upload, now) for upload in listing.uploads],
        next=listing.next,
    ).json_object()


def file_json(file: StoredFile) -> Json:
    """Return a file."""
    return _file(file).json_object()


def upload_json(upload: Upload, now: datetime) -> Json:
    """Return an unfinished upload."""
    return _upload(upload, now).json_object()


def _case(case: Case, retention: timedelta) -> CaseShape:
    return CaseShape(
        number=case.number,
        status=case.status,
        substatus=case.substatus,
        subject=case.subject,
        closed_at=rfc3339(case.closed_at),
        deletion_due_at=rfc3339(deletion_due_at(case, retention)),
        priority=case.priority,
        close_reason=case.close_reason,
        waiting_since=None if case.wait is None else moment(case.wait.since),
    )


def _found_case(found: FoundCase, retention: timedelta) -> FoundCaseShape:
    return FoundCaseShape(
        **dict(_case(found.case, retention)),
        account=found.case.account,
        opened_at=moment(found.case.opened_at),
        files=found.files,
        uploads=found.uploads,
        last_arrival_at=rfc3339(found.last_arrival_at),
        arrived=found.arrived,
    )


def sftp_shape(address: SftpAddress | None) -> SftpShape | None:
    """Return where the SFTP door is; None where none is open."""
    if address is None:
        return None
    return SftpShape(host=address.host, port=address.port, fingerprints=list(address.fingerprints))


def _file(file: StoredFile) -> FileShape:
    return FileShape(
        id=file.id,
        path=file.path,
        size=file.size,
        sha256=file.sha256,
        state="received",
        verified=file.verified,
        claimed_sha256=file.claimed_sha256,
        claimed_digest=file.claimed_digest,
        direction=file.direction,
        door=file.door,
        sent_by=file.sent_by,
        created_at=moment(file.created_at),
        modified_at=moment(file.modified_at),
        scan=None,
    )


def _upload(upload: Upload, now: datetime) -> UploadShape:
    interrupted = shown_state(upload, now) is UploadState.INTERRUPTED
    return UploadShape(
        id=upload.id,
        path=upload.path,
        size=upload.length,
        offset=upload.offset,
        state="interrupted" if interrupted else "receiving",
        expires_at=moment(upload.expires_at),
        direction=upload.direction,
        door=upload.door,
        sent_by=upload.sent_by,
        created_at=moment(upload.created_at),
        modified_at=rfc3339(upload.modified_at),
    )
