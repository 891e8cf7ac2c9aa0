"""Uploads that are pieces of others, and those that are made of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from tests.contract.records.scenario import (
    ANALYST,
    CUSTOMER,
    NOW,
    NUMBER,
    OTHER_NUMBER,
    advance,
    after,
    audited,
    begin,
    close_case,
    discards,
    fill,
    finished,
    lease,
    new_upload,
    open_case,
    part,
    path,
)
from transfer.core.concatenation import USED_LIFETIME, Concatenation
from transfer.core.errors import (
    CaseClosedError,
    InvalidRequestError,
    UploadBusyError,
    UploadGoneError,
    UploadMissingError,
    WriterReplacedError,
)
from transfer.core.uploads import (
    Concat,
    DigestState,
    Direction,
    StoredFile,
    Tail,
    Upload,
    UploadId,
    UploadState,
)
from transfer.ports import Kept, NewUpload, Records
from transfer.records.database import Database
from transfer.records.tables import upload_pieces

PIECE = Concatenation(role=Concat.PARTIAL, header="partial")


def kept(key: str = "c/case/piece", now: datetime = NOW) -> Kept:
    digest = DigestState(sha256=b"kept", crc64nvme=2**64 - 5, crc32=7)
    return Kept(object_key=key, size=100, digest=digest, now=now)


async def begin_piece(records: Records, **changes: Any) -> Upload:  # noqa: ANN401 -- as dataclasses.replace takes them
    return await begin(records, "unnamed", concatenation=PIECE, **changes)


async def whole_piece(records: Records, key: str = "c/case/piece", **changes: Any) -> UploadId:  # noqa: ANN401 -- as dataclasses.replace takes them
    piece = await begin_piece(records, **changes)
    await records.uploads.keep(piece.id, kept(key), fence=1)
    return piece.id


def of(pieces: Sequence[UploadId], at: str = "a.log", **changes: Any) -> NewUpload:  # noqa: ANN401 -- as dataclasses.replace takes them
    header = f"final;{' '.join(pieces)}"
    named = Concatenation(role=Concat.FINAL, header=header, pieces=tuple(pieces))
    changes = {"length": None, "metadata": f"filename {at}", **changes}
    return new_upload(at, concatenation=named, **changes)


async def state(records: Records, upload_id: UploadId) -> UploadState:
    return (await records.uploads.upload(upload_id)).state


async def overdue(records: Records, now: datetime) -> set[UploadId]:
    return {upload.id for upload in await records.uploads.overdue(now)}


# ── Pieces ───────────────────────────────────────────────────────────────────────────────────


async def test_a_piece_is_told_as_one_and_stands_nowhere(records: Records) -> None:
    await open_case(records)
    piece = await begin_piece(records)
    assert (piece.concat, piece.concat_header) == (Concat.PARTIAL, "partial")
    assert await records.uploads.unfinished(NUMBER) == []
    assert await records.tree.entry(NUMBER, path("unnamed")) is None
    assert [entry.path for entry in await records.tree.children(NUMBER, path(""))] == ["shared"]
    await records.tree.make_folder(NUMBER, path("unnamed"), CUSTOMER, NOW)
    await begin_piece(records)
    await records.tree.remove_folder(NUMBER, path("unnamed"), CUSTOMER, NOW)


async def test_a_piece_that_is_kept_is_received_as_an_object(records: Records) -> None:
    await open_case(records)
    piece = await begin_piece(records)
    await records.uploads.keep(piece.id, kept(), fence=1)
    stood = await records.uploads.upload(piece.id)
    assert (stood.state, stood.offset, stood.object_key) == (
        UploadState.RECEIVED,
        100,
        "c/case/piece",
    )
    assert stood.digest == kept().digest
    assert (stood.file_id, stood.multipart_id, stood.tail, stood.held) == (None, None, None, False)
    assert await records.tree.files(NUMBER) == ([], None)
    assert await records.tree.usage(NUMBER) == (0, 100)
    assert await discards(records) == (set(), set())
    await records.uploads.keep(piece.id, kept("c/case/other"), fence=7)
    assert (await records.uploads.upload(piece.id)).object_key == "c/case/piece"


async def test_what_a_kept_piece_needs_no_more_is_discarded(records: Records) -> None:
    await open_case(records)
    piece = await begin_piece(records, numbers=1)
    await records.uploads.begin_multipart(piece.id, 1, object_key="c/k", multipart_id="m")
    tail = Tail(key="c/tail", size=10)
    await records.uploads.commit(piece.id, 1, advance(0, part(1, 0, 90), tail=tail))
    await records.uploads.keep(piece.id, kept("c/whole"), fence=1)
    assert await records.uploads.parts(piece.id) == []
    assert await discards(records) == ({"c/tail"}, {("c/k", "m")})


async def test_a_completing_piece_is_kept_without_a_fence(records: Records) -> None:
    await open_case(records)
    piece = await begin_piece(records)
    with pytest.raises(UploadGoneError):
        await records.uploads.keep(piece.id, kept())
    await fill(records, piece)
    await records.uploads.begin_completion(piece.id, NOW)
    with pytest.raises(WriterReplacedError):
        await records.uploads.keep(piece.id, kept(), fence=1)
    await records.uploads.keep(piece.id, kept())
    assert await state(records, piece.id) is UploadState.RECEIVED


async def test_what_was_given_up_is_not_kept(records: Records) -> None:
    await open_case(records)
    piece = await begin_piece(records)
    with pytest.raises(WriterReplacedError):
        await records.uploads.keep(piece.id, kept(), fence=2)
    await records.uploads.abandon(piece.id, CUSTOMER, "cancelled", NOW)
    for fence in (None, 1):
        with pytest.raises(UploadGoneError):
            await records.uploads.keep(piece.id, kept(), fence=fence)
    with pytest.raises(UploadMissingError):
        await records.uploads.keep(UploadId("nothing"), kept())


async def test_a_whole_piece_can_be_given_up_with_its_object(records: Records) -> None:
    await open_case(records)
    piece = await whole_piece(records, "c/whole")
    await records.uploads.abandon(piece, CUSTOMER, "cancelled", NOW)
    await records.uploads.abandon(piece, CUSTOMER, "cancelled", NOW)
    assert await state(records, piece) is UploadState.ABANDONED
    assert await discards(records) == ({"c/whole"}, set())
    assert await audited(records) == ["upload.abandoned"]


# ── Finals ───────────────────────────────────────────────────────────────────────────────────


async def test_a_final_knows_its_pieces_in_their_order(records: Records) -> None:
    await open_case(records)
    one, other = await whole_piece(records), (await begin_piece(records)).id
    final = await records.uploads.create(of([other, one, other], "logs/a.log"), CUSTOMER)
    assert (final.concat, final.concat_header) == (Concat.FINAL, f"final;{other} {one} {other}")
    assert (final.length, final.offset, final.held) == (None, 0, False)
    pieces = await records.uploads.pieces(final.id)
    assert [piece.id for piece in pieces] == [other, one, other]
    assert [piece.state for piece in pieces][1] is UploadState.RECEIVED
    assert await records.uploads.pieces(one) == []
    assert await records.uploads.finals(one) == await records.uploads.finals(other) == [final.id]
    assert [upload.id for upload in await records.uploads.unfinished(NUMBER)] == [final.id]
    entry = await records.tree.entry(NUMBER, path("logs/a.log"))
    assert isinstance(entry, Upload)


async def test_a_final_of_what_it_may_not_use_is_not_created(records: Records) -> None:
    await open_case(records)
    await open_case(records, OTHER_NUMBER)
    whole = await whole_piece(records)
    plain = (await begin(records)).id
    final = (await records.uploads.create(of([whole]), CUSTOMER)).id
    foreign = await whole_piece(records, case_number=OTHER_NUMBER)
    shared = await whole_piece(records, direction=Direction.SHARED_WITH_CUSTOMER)
    for piece in (plain, final, foreign, shared, UploadId("nothing")):
        new = of([whole, piece], f"{piece}/a.log")
        with pytest.raises(InvalidRequestError, match="no partial upload of this case"):
            await records.uploads.create(new, CUSTOMER)
        assert await records.tree.entry(NUMBER, path(piece)) is None
    gone = (await begin_piece(records)).id
    await records.uploads.abandon(gone, CUSTOMER, "cancelled", NOW)
    with pytest.raises(UploadGoneError):
        await records.uploads.create(of([gone]), CUSTOMER)
    late = of([whole], "b.log", now=NOW + timedelta(days=1))
    with pytest.raises(UploadGoneError):
        await records.uploads.create(late, CUSTOMER)


async def test_a_closed_case_takes_no_final(records: Records) -> None:
    case = await open_case(records)
    piece = await whole_piece(records)
    await close_case(records, case)
    with pytest.raises(CaseClosedError):
        await records.uploads.create(of([piece]), CUSTOMER)


async def test_the_same_again_is_the_same_upload_while_it_lives_or_its_file_is_there(
    records: Records,
) -> None:
    await open_case(records)
    piece = await whole_piece(records)
    first = await records.uploads.create(of([piece]), CUSTOMER)
    assert await records.uploads.create(of([piece]), CUSTOMER) == first
    for other, by in ((of([piece], "b.log"), CUSTOMER), (of([piece]), ANALYST)):
        assert (await records.uploads.create(other, by)).id == other.id
    leased = await records.uploads.acquire_final(first.id, lease(), NOW)
    assert leased is not None
    file = await records.uploads.finish(first.id, finished(), CUSTOMER, fence=leased.fence)
    received = await records.uploads.create(of([piece]), CUSTOMER)
    assert (received.id, received.file_id) == (first.id, file.id)
    await records.tree.remove_file(file.id, CUSTOMER, NOW)
    again = await records.uploads.create(of([piece]), CUSTOMER)
    assert again.id != first.id
    await records.uploads.abandon(again.id, CUSTOMER, "cancelled", NOW)
    assert (await records.uploads.create(of([piece]), CUSTOMER)).id != again.id


async def test_one_process_at_a_time_puts_a_final_together(records: Records) -> None:
    await open_case(records)
    piece = await whole_piece(records)
    final = await records.uploads.create(of([piece]), CUSTOMER)
    first = await records.uploads.acquire_final(final.id, lease("one", 30), NOW)
    assert first is not None
    assert (first.fence, first.held, first.state) == (1, True, UploadState.RECEIVING)
    assert await records.uploads.acquire_final(final.id, lease("other"), after(29)) is None
    standing = await records.uploads.renew({final.id: 1}, after(30))
    assert standing[final.id] == "held", "who waits doesn't ask the holder to let go"
    second = await records.uploads.acquire_final(final.id, lease("other", 60), after(30))
    assert second is not None
    assert second.fence == 2
    assert await records.uploads.acquire_final(piece, lease(), after(99)) is None
    await records.uploads.abandon(final.id, CUSTOMER, "cancelled", NOW)
    assert await records.uploads.acquire_final(final.id, lease(), after(99)) is None


async def test_the_end_of_a_final_leaves_its_pieces(records: Records) -> None:
    await open_case(records)
    piece = await whole_piece(records)
    final = await records.uploads.create(of([piece]), CUSTOMER)
    await records.uploads.abandon(final.id, CUSTOMER, "cancelled", NOW)
    assert await state(records, piece) is UploadState.RECEIVED
    assert await records.uploads.finals(piece) == []
    assert await discards(records) == (set(), set())


async def test_a_file_lets_its_pieces_go_after_a_while(records: Records) -> None:
    await open_case(records)
    piece, brief = await whole_piece(records), await whole_piece(records, expires_at=after(60))
    final = await records.uploads.create(of([piece, brief]), CUSTOMER)
    leased = await records.uploads.acquire_final(final.id, lease(), NOW)
    assert leased is not None
    done = finished(now=after(5))
    file = await records.uploads.finish(final.id, done, CUSTOMER, fence=leased.fence)
    assert isinstance(await records.tree.entry(NUMBER, path("a.log")), StoredFile)
    stood = await records.uploads.upload(piece)
    assert (stood.state, stood.expires_at) == (UploadState.RECEIVED, after(5) + USED_LIFETIME)
    assert (await records.uploads.upload(brief)).expires_at == after(60)
    assert await records.uploads.finish(final.id, done, CUSTOMER) == file


async def test_the_end_of_a_piece_ends_what_waits_for_it(records: Records) -> None:
    await open_case(records)
    whole, missing = await whole_piece(records), (await begin_piece(records)).id
    waiting = (await records.uploads.create(of([whole, missing]), CUSTOMER)).id
    ready = (await records.uploads.create(of([whole]), CUSTOMER)).id
    await records.uploads.abandon(missing, None, "expired", NOW)
    assert await state(records, waiting) is UploadState.ABANDONED
    assert await state(records, ready) is UploadState.RECEIVING
    with pytest.raises(UploadBusyError):
        await records.uploads.abandon(whole, CUSTOMER, "cancelled", NOW)
    assert await state(records, whole) is UploadState.RECEIVED


# ── Overdue ──────────────────────────────────────────────────────────────────────────────────


async def test_whole_pieces_are_overdue_when_they_expire_unless_they_are_needed(
    records: Records,
) -> None:
    await open_case(records)
    free, needed = await whole_piece(records), await whole_piece(records)
    missing = (await begin_piece(records, expires_at=NOW + timedelta(days=3))).id
    final = (await records.uploads.create(of([needed, missing]), CUSTOMER)).id
    assert await overdue(records, NOW + timedelta(days=1, microseconds=-1)) == set()
    assert await overdue(records, NOW + timedelta(days=1)) == {free}
    assert await overdue(records, NOW + timedelta(days=3)) == {free, missing, final}
    await records.uploads.abandon(missing, None, "expired", NOW)
    assert await overdue(records, NOW + timedelta(days=3)) == {free, needed}


async def test_a_final_that_could_be_made_and_is_not_is_overdue(records: Records) -> None:
    await open_case(records)
    piece = (await begin_piece(records)).id
    final = (await records.uploads.create(of([piece, piece]), CUSTOMER)).id
    assert await overdue(records, after(99)) == set()
    await records.uploads.keep(piece, kept(), fence=1)
    assert await overdue(records, after(60)) == set()
    assert await overdue(records, after(61)) == {final}
    assert await records.uploads.acquire_final(final, lease(seconds=300), after(61))
    assert await overdue(records, after(200)) == set()
    assert await overdue(records, after(300)) == {final}


async def test_a_completing_final_is_overdue_like_any_upload(records: Records) -> None:
    await open_case(records)
    piece = await whole_piece(records)
    final = (await records.uploads.create(of([piece]), CUSTOMER)).id
    leased = await records.uploads.acquire_final(final, lease(), NOW)
    assert leased is not None
    await records.uploads.announce(final, 100, None, NOW)
    number = await records.uploads.reserve_part(final, leased.fence)
    await records.uploads.commit(final, leased.fence, advance(0, part(number, 0, 100)))
    await records.uploads.begin_completion(final, NOW)
    assert await overdue(records, after(61)) == {final}
    assert await records.uploads.finals(piece) == []
    await records.uploads.abandon(piece, CUSTOMER, "cancelled", NOW)
    assert await state(records, final) is UploadState.COMPLETING


# ── The end of the case ──────────────────────────────────────────────────────────────────────


async def test_pieces_go_with_their_case(records: Records, database: Database) -> None:
    case = await open_case(records)
    whole, missing = await whole_piece(records), (await begin_piece(records)).id
    await records.uploads.create(of([whole, missing]), CUSTOMER)
    closed = await close_case(records, case)
    assert await records.cases.start_purge(NUMBER, expected_version=closed.version, now=NOW)
    counts = await records.cases.scrub(NUMBER)
    assert (counts["uploads"], counts["bytes"]) == (3, 100)
    with pytest.raises(UploadMissingError):
        await records.uploads.upload(whole)
    assert (
        await database.read(lambda connection: connection.execute(select(upload_pieces)).all())
        == []
    )
