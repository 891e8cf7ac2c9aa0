"""What receipts say stands with the finish; promises are judged there; claims come afterwards."""

import json

import pytest

from tests.contract.records.scenario import (
    ANALYST,
    CUSTOMER,
    NOW,
    NUMBER,
    after,
    audited,
    begin,
    close_case,
    discards,
    fill,
    finished,
    open_case,
    path,
    receive,
)
from transfer.core.errors import (
    CaseClosedError,
    DigestChangedError,
    DigestMismatchError,
    EntryMissingError,
    InvalidRequestError,
    UploadGoneError,
    UploadMissingError,
)
from transfer.core.names import CasePath
from transfer.core.receipts import upload_statement
from transfer.core.uploads import FileId, UploadId, UploadState
from transfer.ports import Comparison, Records

RIGHT, WRONG = "ab" * 32, "cd" * 32


async def test_the_finish_keeps_what_its_receipt_says(records: Records) -> None:
    await open_case(records)
    upload = await begin(records)
    assert (await records.receipts.of_upload(upload.id)).statement is None
    file = await records.uploads.finish(upload.id, finished(), CUSTOMER, fence=upload.fence)
    kept = await records.receipts.of_upload(upload.id)
    assert (kept.case_number, kept.statement) == (NUMBER, upload_statement(file, upload.id))
    assert await records.receipts.of_file(file.id) == kept
    await records.tree.move(NUMBER, path("trace.log"), path("b.log"), CUSTOMER, after(1))
    await records.tree.remove_file(file.id, CUSTOMER, after(2))
    assert await records.receipts.of_file(file.id) == kept


async def test_the_receipts_of_a_case_come_in_pages_the_latest_first(records: Records) -> None:
    await open_case(records)
    await begin(records, "unfinished.log")
    files = [await receive(records, f"{number}.log") for number in range(3)]
    await records.tree.remove_file(files[1].id, CUSTOMER, after(5))
    whole, following = await records.receipts.of_case(NUMBER)
    assert following is None
    assert {json.loads(one)["file_id"] for one in whole} == {file.id for file in files}
    first, following = await records.receipts.of_case(NUMBER, limit=2)
    assert following is not None
    rest, end = await records.receipts.of_case(NUMBER, after=following, limit=2)
    assert (first + rest, end) == (whole, None)


async def test_a_page_of_receipts_begins_where_one_has_ended(records: Records) -> None:
    await open_case(records)
    with pytest.raises(InvalidRequestError):
        await records.receipts.of_case(NUMBER, after="elsewhere")


async def test_what_never_was_has_no_receipt(records: Records) -> None:
    with pytest.raises(UploadMissingError):
        await records.receipts.of_upload(UploadId("none"))
    with pytest.raises(EntryMissingError):
        await records.receipts.of_file(FileId("none"))


async def test_receipts_go_with_their_case(records: Records) -> None:
    case = await open_case(records)
    file = await receive(records)
    closed = await close_case(records, case)
    assert await records.cases.start_purge(NUMBER, expected_version=closed.version, now=NOW)
    await records.cases.scrub(NUMBER)
    with pytest.raises(EntryMissingError):
        await records.receipts.of_file(file.id)


async def test_public_keys_are_kept_the_newest_first(records: Records) -> None:
    assert await records.receipts.keys() == []
    for key_id, at in (("old", NOW), ("new", after(5)), ("old", after(9))):
        await records.receipts.add_key(key_id, {"kid": key_id, "kty": "OKP"}, at)
    assert [key["kid"] for key in await records.receipts.keys()] == ["new", "old"]


# ── Promises ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_promise_is_kept_with_its_upload_and_is_not_replaced(records: Records) -> None:
    await open_case(records)
    upload = await begin(records)
    for _ in range(2):
        told = await records.uploads.promise(upload.id, RIGHT, NOW)
        assert (told.expected_sha256, told.fence) == (RIGHT, upload.fence)
    with pytest.raises(DigestChangedError):
        await records.uploads.promise(upload.id, WRONG, NOW)
    with pytest.raises(DigestChangedError):
        await records.uploads.announce(upload.id, 100, WRONG, NOW)
    await records.uploads.announce(upload.id, 100, RIGHT, NOW)


async def test_the_finish_judges_what_was_promised_a_moment_ago(records: Records) -> None:
    await open_case(records)
    upload = await begin(records, numbers=0)
    await fill(records, upload)
    await records.uploads.begin_completion(upload.id, after(1))
    assert (await records.uploads.promise(upload.id, RIGHT, NOW)).state is UploadState.COMPLETING
    with pytest.raises(DigestMismatchError):
        await records.uploads.finish(upload.id, finished(sha256=WRONG), CUSTOMER)
    assert (await records.uploads.upload(upload.id)).state is UploadState.COMPLETING
    assert (await records.tree.files(NUMBER))[0] == []
    file = await records.uploads.finish(upload.id, finished(sha256=RIGHT), CUSTOMER)
    assert file.verified
    kept = await records.receipts.of_upload(upload.id)
    assert json.loads(kept.statement or "")["verified"] is True


async def test_of_an_upload_that_is_over_nothing_is_promised(records: Records) -> None:
    await open_case(records)
    upload = await begin(records)
    file = await records.uploads.finish(upload.id, finished(), CUSTOMER, fence=upload.fence)
    told = await records.uploads.promise(upload.id, RIGHT, NOW)
    assert (told.file_id, told.expected_sha256) == (file.id, None)
    other = await begin(records, "b.log")
    await records.uploads.abandon(other.id, CUSTOMER, "cancelled", NOW)
    with pytest.raises(UploadGoneError):
        await records.uploads.promise(other.id, RIGHT, NOW)
    with pytest.raises(UploadMissingError):
        await records.uploads.promise(UploadId("none"), RIGHT, NOW)


# ── Claims ───────────────────────────────────────────────────────────────────────────────────────


async def test_the_last_claim_decides_whether_a_file_is_verified(records: Records) -> None:
    await open_case(records)
    file = await receive(records, done=finished(sha256=RIGHT))
    for claim, stands in ((WRONG, (False, WRONG)), (WRONG, (False, WRONG)), (RIGHT, (True, None))):
        told = await records.tree.verify(file.id, claim, ANALYST, after(1))
        assert (told.verified, told.claimed_sha256) == stands
        assert await records.tree.file(file.id) == told
    assert await audited(records) == ["file.received", "file.digest-mismatch", "file.verified"]
    assert await discards(records) == (set(), set())


async def test_a_claim_needs_a_file_and_an_open_case(records: Records) -> None:
    case = await open_case(records)
    file = await receive(records)
    with pytest.raises(EntryMissingError):
        await records.tree.verify(FileId("none"), RIGHT, CUSTOMER, NOW)
    await close_case(records, case)
    with pytest.raises(CaseClosedError):
        await records.tree.verify(file.id, RIGHT, CUSTOMER, NOW)


def compared(digest: str, *, matches: bool) -> Comparison:
    return Comparison(
        matches=matches,
        claimed=digest,
        side_file=CasePath("trace.log.md5"),
        side_file_id=FileId("side"),
    )


@pytest.mark.parametrize("claim", [f"sha256:{WRONG}", "md5:0123456789abcdef0123456789abcdef"])
async def test_what_a_side_file_says_stands_until_somebody_knows_better(
    records: Records, claim: str
) -> None:
    await open_case(records)
    file = await receive(records, done=finished(sha256=RIGHT))
    for comparison, stands in (
        (compared(claim, matches=False), (False, claim)),
        (compared(claim, matches=False), (False, claim)),
        (compared("md5:0f", matches=True), (True, None)),
    ):
        told = await records.tree.compare(file.id, comparison, after(1))
        assert (told.verified, told.claimed_digest) == stands
        assert await records.tree.file(file.id) == told
    assert told.claimed_sha256 is None
    await records.tree.compare(file.id, compared(claim, matches=False), after(2))
    assert (await records.tree.verify(file.id, RIGHT, ANALYST, after(3))).claimed_digest is None
    assert await audited(records) == [
        "file.received",
        *("file.digest-mismatch", "file.verified", "file.digest-mismatch", "file.verified"),
    ]


async def test_a_comparison_needs_a_file_and_an_open_case(records: Records) -> None:
    case = await open_case(records)
    file = await receive(records)
    with pytest.raises(EntryMissingError):
        await records.tree.compare(FileId("none"), compared("md5:0f", matches=True), NOW)
    await close_case(records, case)
    with pytest.raises(CaseClosedError):
        await records.tree.compare(file.id, compared("md5:0f", matches=True), NOW)
