import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

from transfer.core.access import Door
from transfer.core.cases import CaseNumber
from transfer.core.names import CasePath
from transfer.core.receipts import ReceiptKind, moment, statement, upload_statement
from transfer.core.uploads import DigestState, Direction, FileId, StoredFile, UploadId

FILE = StoredFile(
    id=FileId("file-1"),
    case_number=CaseNumber("0003256109"),
    path=CasePath("logs/Spur \N{LATIN SMALL LETTER U WITH DIAERESIS}.log"),
    size=2**45,
    sha256="ab" * 32,
    digest=DigestState(sha256=b"secret state", crc64nvme=1),
    object_key="c/secret/key",
    verified=True,
    direction=Direction.FROM_CUSTOMER,
    door=Door.SFTP,
    sent_by="c0003256109-abc",
    created_at=datetime(2026, 3, 2, 9, 0, 0, 5, tzinfo=UTC),
    modified_at=datetime(2001, 1, 1, tzinfo=UTC),
)


def test_the_receipt_of_an_upload_says_what_was_received_from_whom_and_when() -> None:
    assert json.loads(upload_statement(FILE, UploadId("upload-1"))) == {
        "kind": "upload",
        "version": 1,
        "case": "0003256109",
        "direction": "from_customer",
        "door": "sftp",
        "file_id": "file-1",
        "path": FILE.path,
        "received_at": "2026-03-02T09:00:00.000005Z",
        "sent_by": "c0003256109-abc",
        "sha256": "ab" * 32,
        "size": 2**45,
        "upload_id": "upload-1",
        "verified": True,
    }


def test_a_receipt_says_nothing_of_how_the_bytes_are_kept() -> None:
    assert "secret" not in upload_statement(FILE, UploadId("upload-1"))


def test_a_statement_has_one_spelling() -> None:
    facts = {"b": 1, "a": "\N{LATIN SMALL LETTER U WITH DIAERESIS}"}
    said = statement(ReceiptKind.UPLOAD, facts)
    assert said == statement(ReceiptKind.UPLOAD, dict(reversed(facts.items())))
    assert (
        said == '{"a":"\N{LATIN SMALL LETTER U WITH DIAERESIS}","b":1,"kind":"upload","version":1}'
    )


def test_a_moment_is_told_in_utc_whatever_its_zone() -> None:
    east = timezone(timedelta(hours=2))
    assert moment(datetime(2026, 3, 2, 11, tzinfo=east)) == "2026-03-02T09:00:00Z"
    there = replace(FILE, created_at=FILE.created_at.astimezone(east))
    assert upload_statement(there, UploadId("u")) == upload_statement(FILE, UploadId("u"))
