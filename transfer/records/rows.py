"""Rows of cases, files and uploads, read as what they mean."""

from collections.abc import Mapping
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import Row, Select, Table, and_, func, not_, or_, select

from transfer.core.access import Door
from transfer.core.cases import Case, CaseId, CustomerWait, Hold
from transfer.core.names import CasePath
from transfer.core.uploads import LIVE_STATES, Concat, DigestState, Part, StoredFile, Tail, Upload
from transfer.records.retention_tables import account_terms
from transfer.records.tables import cases, uploads

AnyRow = Row[Any]

IS_LIVE = or_(*(uploads.c.state == state for state in sorted(LIVE_STATES)))
"""Whether an upload may still become a file. An IN is put together anew each time it is run."""

IS_DRAFT = and_(uploads.c.door == Door.SFTP, uploads.c.replaces.is_(False))
"""Whether only its writer knows of it: what comes by SFTP replaces, as soon as it is revealed."""

IS_SHOWN = and_(IS_LIVE, uploads.c.concat.is_distinct_from(Concat.PARTIAL), not_(IS_DRAFT))
"""Whether it stands in the case's tree like a file: a piece of another one doesn't, nor a draft."""


_END_USER = account_terms.alias("end_user_terms")
_SOLD_TO = account_terms.alias("sold_to_terms")

KEPT_FOR_SECONDS = func.coalesce(_END_USER.c.period_seconds, _SOLD_TO.c.period_seconds)
"""In `select_cases`: how long a case's accounts have agreed on; NULL is the usual time."""

ACCOUNT_HELD_AT = func.coalesce(_END_USER.c.hold_placed_at, _SOLD_TO.c.hold_placed_at)
"""In `select_cases`: since when a hold by account keeps a case's data; NULL if none does."""


def select_cases(*more: Any) -> Select[Any]:  # noqa: ANN401 - columns of every type
    """Return the query of cases as `case_of` reads them, with what their accounts agreed on."""
    by_account = (
        KEPT_FOR_SECONDS.label("kept_for_seconds"),
        ACCOUNT_HELD_AT.label("account_hold_placed_at"),
        func.coalesce(_END_USER.c.hold_reason, _SOLD_TO.c.hold_reason).label("account_hold_reason"),
        func.coalesce(_END_USER.c.hold_placed_by, _SOLD_TO.c.hold_placed_by).label(
            "account_hold_placed_by"
        ),
    )
    return (
        select(cases, *by_account, *more)
        .select_from(cases)
        .outerjoin(_END_USER, _END_USER.c.account == cases.c.account)
        .outerjoin(_SOLD_TO, _SOLD_TO.c.account == cases.c.sold_to)
    )


def select_uploads() -> Select[Any]:
    """Return the query of uploads with their cases' ids."""
    return select(uploads, cases.c.id.label("case_id")).join_from(
        uploads, cases, uploads.c.case_number == cases.c.number
    )


def as_row(table: Table, values: Mapping[str, Any]) -> AnyRow:
    """Return what a row of `values` reads as, without having the database say it."""
    return cast("AnyRow", SimpleNamespace(**{**dict.fromkeys(table.c.keys()), **values}))


def case_of(row: AnyRow) -> Case:
    """Return the case of a row of `select_cases`."""
    hold = None
    if row.hold_placed_at is not None:
        hold = Hold(
            reason=row.hold_reason, placed_by=row.hold_placed_by, placed_at=row.hold_placed_at
        )
    wait = None
    if row.waiting_since is not None:
        wait = CustomerWait(since=row.waiting_since, notices=row.notices, noticed_at=row.noticed_at)
    account_hold = None
    if row.account_hold_placed_at is not None:
        account_hold = Hold(
            reason=row.account_hold_reason,
            placed_by=row.account_hold_placed_by,
            placed_at=row.account_hold_placed_at,
        )
    kept_for = row.kept_for_seconds
    return Case(
        number=row.number,
        id=row.id,
        subject=row.subject,
        account=row.account,
        status=row.status,
        substatus=row.substatus,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        hold=hold,
        version=row.version,
        purge_started_at=row.purge_started_at,
        purged_at=row.purged_at,
        asked_at=row.asked_at,
        priority=row.priority,
        sold_to=row.sold_to,
        close_reason=row.close_reason,
        wait=wait,
        kept_for=None if kept_for is None else timedelta(seconds=kept_for),
        account_hold=account_hold,
    )


def upload_of(row: AnyRow, path: CasePath, case_id: CaseId) -> Upload:
    """Return the upload of a row; its path is computed elsewhere."""
    tail = None if row.tail_key is None else Tail(key=row.tail_key, size=row.tail_size)
    return Upload(
        id=row.id,
        case_number=row.case_number,
        case_id=case_id,
        path=path,
        direction=row.direction,
        door=row.door,
        sent_by=row.sent_by,
        state=row.state,
        offset=row.offset,
        length=row.length,
        created_at=row.created_at,
        updated_at=row.updated_at,
        expires_at=row.expires_at,
        digest=_digest_of(row),
        fence=row.fence,
        next_part_number=row.next_part_number,
        object_key=row.object_key,
        multipart_id=row.multipart_id,
        tail=tail,
        metadata=row.metadata,
        content_type=row.content_type,
        modified_at=row.modified_at,
        expected_sha256=row.expected_sha256,
        file_id=row.file_id,
        replaces=row.replaces,
        held=row.owner is not None,
        concat=row.concat,
        concat_header=row.concat_header,
    )


def file_of(row: AnyRow, path: CasePath) -> StoredFile:
    """Return the file of a row; its path is computed elsewhere."""
    return StoredFile(
        id=row.id,
        case_number=row.case_number,
        path=path,
        size=row.size,
        sha256=row.sha256,
        digest=_digest_of(row),
        object_key=row.object_key,
        verified=row.verified,
        direction=row.direction,
        door=row.door,
        sent_by=row.sent_by,
        created_at=row.created_at,
        modified_at=row.modified_at,
        content_type=row.content_type,
        claimed_digest=_claimed(row.claimed_sha256),
    )


def claimed_column(digest: str | None) -> str | None:
    """Return what the column `claimed_sha256` says of a claimed digest: of a SHA-256, it alone."""
    return None if digest is None else digest.removeprefix("sha256:")


def _claimed(column: str | None) -> str | None:
    return column if column is None or ":" in column else f"sha256:{column}"


def _digest_of(row: AnyRow) -> DigestState:
    return DigestState(
        sha256=row.digest_sha256, crc64nvme=row.digest_crc64nvme, crc32=row.digest_crc32
    )


def part_of(row: AnyRow) -> Part:
    """Return the part of a row."""
    return Part(
        number=row.number, start=row.start, size=row.size, etag=row.etag, crc64nvme=row.crc64nvme
    )
