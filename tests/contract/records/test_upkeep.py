"""What the sweeper and the re-reading keep, on both databases."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import StatementError

from tests.contract.records.scenario import (
    CUSTOMER,
    NOW,
    NUMBER,
    OTHER_NUMBER,
    advance,
    after,
    begin,
    close_case,
    copy_file,
    fill,
    finished,
    new_upload,
    open_case,
    part,
    receive,
)
from transfer.core.cases import CaseId, CaseNumber
from transfer.core.concatenation import Concatenation
from transfer.core.errors import CaseMissingError, UnavailableError
from transfer.core.uploads import Concat, DigestState, FileId, Tail, object_key, tail_key
from transfer.ports import AuditEvent, Kept, Lease, Records, StoredItem, StoredKind
from transfer.ports.upkeep import (
    CAME_BACK,
    DELETED,
    STRAYS,
    FindingKind,
    KeptObject,
    Reread,
    Seen,
    Unfinished,
    Walk,
)
from transfer.records import strangers
from transfer.records.database import Database

CASE_ID = CaseId(f"case-{NUMBER}")


def version(key: str) -> StoredItem:
    return StoredItem(StoredKind.VERSION, key, "v1", 7)


def marker(key: str) -> StoredItem:
    return StoredItem(StoredKind.DELETE_MARKER, key, "v2")


def multipart(key: str, of: str) -> StoredItem:
    return StoredItem(StoredKind.MULTIPART, key, of)


async def keys_of_strangers(records: Records, *items: StoredItem) -> list[tuple[str, str]]:
    return [(item.key, item.id) for item in await records.upkeep.strangers(items)]


# ── What the rows know ───────────────────────────────────────────────────────────────────────


async def test_a_files_object_is_known_with_all_its_versions(records: Records) -> None:
    await open_case(records)
    upload = await begin(records)
    key = object_key(CASE_ID, upload.id, upload.fence)
    done = finished(key)
    await records.uploads.finish(upload.id, done, CUSTOMER, fence=upload.fence)
    items = [version(key), marker(key), replace(version(key), id="v0"), multipart(key, "m")]
    assert await keys_of_strangers(records, *items) == [(key, "m")]


async def test_a_file_is_known_by_its_case_whatever_its_key_says(records: Records) -> None:
    await open_case(records)
    for key in (f"c/{CASE_ID}/something", f"c/{CASE_ID}/elsewhere.3", f"c/{CASE_ID}/up.x"):
        await receive(records, key[-4:], done=finished(key))
        assert await keys_of_strangers(records, version(key)) == []
    nobodys = f"c/{CASE_ID}/nothing"
    assert await keys_of_strangers(records, version(nobodys)) == [(nobodys, "v1")]
    other = "c/another-case/something"
    assert await keys_of_strangers(records, version(other)) == [(other, "v1")]


async def test_what_an_unfinished_upload_has_is_known_and_what_others_left_is_not(
    records: Records,
) -> None:
    await open_case(records)
    upload = await begin(records, numbers=1)
    key, tail = (
        object_key(CASE_ID, upload.id, upload.fence),
        tail_key(CASE_ID, upload.id, upload.fence, 60),
    )
    await records.uploads.begin_multipart(
        upload.id, upload.fence, object_key=key, multipart_id="mine"
    )
    step = advance(0, part(1, 0, 50), tail=Tail(key=tail, size=10))
    await records.uploads.commit(upload.id, upload.fence, step)
    # Another writer, so that nothing is known for being in somebody's hands.
    late = NOW + timedelta(hours=1)
    other = Lease("node-2", late + timedelta(minutes=1))
    assert await records.uploads.acquire(upload.id, other, late, force=True)
    mine = [version(key), version(tail), marker(tail), multipart(key, "mine")]
    left = [version(tail_key(CASE_ID, upload.id, upload.fence, 33)), multipart(key, "other")]
    assert await keys_of_strangers(records, *mine, *left) == [(item.key, item.id) for item in left]


async def test_all_that_the_present_writer_may_store_is_known(records: Records) -> None:
    await open_case(records)
    upload = await begin(records)
    now = tail_key(CASE_ID, upload.id, upload.fence, 5)
    before = tail_key(CASE_ID, upload.id, upload.fence - 1, 5)
    items = [version(now), multipart(now, "m"), version(f"{now}.aside"), version(before)]
    assert await keys_of_strangers(records, *items) == [(before, "v1")]


async def test_what_an_abandoned_upload_had_is_known_while_its_discard_is_queued(
    records: Records,
) -> None:
    await open_case(records)
    upload = await begin(records)
    key = object_key(CASE_ID, upload.id, upload.fence)
    await records.uploads.begin_multipart(
        upload.id, upload.fence, object_key=key, multipart_id="mine"
    )
    await records.uploads.abandon(upload.id, None, "cancelled", NOW)
    items = [multipart(key, "mine"), multipart(key, "other"), version(key)]
    assert await keys_of_strangers(records, *items) == [(key, "other"), (key, "v1")]
    jobs = await records.jobs.claim("worker", after(9), after(60))
    await records.jobs.done(jobs)
    assert len(await keys_of_strangers(records, *items)) == 3


async def test_what_is_reserved_is_known(records: Records) -> None:
    await open_case(records)
    key = object_key(CASE_ID, new_upload().id, 0)
    await records.uploads.reserve([key], after(3600))
    assert await keys_of_strangers(records, version(key)) == []


async def test_a_whole_piece_is_known(records: Records) -> None:
    await open_case(records)
    piece = await begin(records, concatenation=Concatenation(role=Concat.PARTIAL, header="partial"))
    key = f"c/{CASE_ID}/piece"
    digest = DigestState(sha256=None, crc64nvme=1)
    kept = Kept(object_key=key, size=100, digest=digest, now=NOW)
    await records.uploads.keep(piece.id, kept, fence=piece.fence)
    assert await keys_of_strangers(records, version(key)) == []
    assert await records.upkeep.kept_uploads(NUMBER) == [KeptObject(key=key, size=100)]


async def test_many_are_told_apart_at_once(records: Records, database: Database) -> None:
    await open_case(records)
    file = await receive(records, done=finished(f"c/{CASE_ID}/all"))
    await database.write(copy_file, file, [f"copy-{number}" for number in range(700)])
    items = [version(f"c/{CASE_ID}/x{number}.1") for number in range(1200)]
    assert len(await records.upkeep.strangers([*items, version(f"c/{CASE_ID}/all")])) == 1200


async def test_nothing_is_a_stranger_among_nothing(records: Records) -> None:
    assert await records.upkeep.strangers([]) == []


async def test_too_many_discards_leave_it_open_who_is_a_stranger(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strangers, "_MOST_JOBS", 1)
    await records.uploads.reserve(["a", "b"], after(3600))
    with pytest.raises(UnavailableError):
        await records.upkeep.strangers([version("c/x/y.1")])


async def test_cases_are_told_by_their_ids_and_numbers(records: Records) -> None:
    case = await open_case(records)
    other = await open_case(records, OTHER_NUMBER)
    ids = [case.id, CaseId("nobody")]
    assert await records.upkeep.cases_of(ids) == {case.id: NUMBER}
    assert await records.upkeep.unpurged(None, 9) == [(NUMBER, case.id), (OTHER_NUMBER, other.id)]
    assert await records.upkeep.unpurged(NUMBER, 9) == [(OTHER_NUMBER, other.id)]
    closed = await close_case(records, case)
    assert await records.cases.start_purge(NUMBER, expected_version=closed.version, now=NOW)
    assert await records.upkeep.unpurged(None, 9) == [(OTHER_NUMBER, other.id)]


async def test_what_is_kept_of_files_and_uploads_is_told(records: Records) -> None:
    await open_case(records)
    files = [await receive(records, f"{number}.log") for number in range(3)]
    in_order = sorted(files, key=lambda file: file.id)
    page = await records.upkeep.kept_files(NUMBER, None, 2)
    assert [(one.key, one.size, one.file_id) for one in page] == [
        (file.object_key, file.size, file.id) for file in in_order[:2]
    ]
    rest = await records.upkeep.kept_files(NUMBER, in_order[1].id, 2)
    assert [one.file_id for one in rest] == [in_order[2].id]

    whole = await begin(records, "whole.log", numbers=1)
    await records.uploads.begin_multipart(
        whole.id, whole.fence, object_key="parts", multipart_id="m"
    )
    await fill(records, whole)
    tailed = await begin(records, "tail.log")
    step = advance(0, tail=Tail(key="tail", size=10))
    await records.uploads.commit(tailed.id, tailed.fence, step)
    await begin(records, "nothing.log")
    kept = await records.upkeep.kept_uploads(NUMBER)
    assert sorted(kept, key=lambda one: one.key) == [
        KeptObject(key="parts", size=100, multipart_id="m"),
        KeptObject(key="tail", size=10),
    ]
    await records.uploads.begin_completion(whole.id, NOW)
    assert await records.upkeep.kept_uploads(NUMBER) == [KeptObject(key="tail", size=10)]


# ── Findings ─────────────────────────────────────────────────────────────────────────────────


def stray(key: str, **changes: object) -> Seen:
    seen = Seen(kind=FindingKind.STRAY, key=key, item_id="version:1", size=5)
    return replace(seen, **changes)  # type: ignore[arg-type]  # as dataclasses.replace takes them


async def test_a_finding_keeps_its_first_time(records: Records) -> None:
    upkeep = records.upkeep
    [first] = await upkeep.sight([stray("a", case_number=NUMBER)], NOW)
    [again] = await upkeep.sight([stray("a", case_number=NUMBER, size=6)], after(60))
    assert (again.id, again.first_seen_at, again.last_seen_at, again.size) == (
        first.id,
        NOW,
        after(60),
        6,
    )
    assert (again.case_number, again.problem) == (NUMBER, None)
    assert await upkeep.findings(STRAYS) == [again]


async def test_the_first_sight_is_told_in_the_audit_log_or_not_taken_note_of(
    records: Records, database: Database
) -> None:
    event = AuditEvent(at=NOW, action="verification.damaged", actor="verification")
    unheard_of = replace(event, details={"problem": object()})
    with pytest.raises((UnavailableError, TypeError, StatementError)):
        await records.upkeep.sight([stray("a")], NOW, event=unheard_of)
    assert await records.upkeep.findings(STRAYS) == []
    for now in (NOW, after(60)):
        await records.upkeep.sight([stray("a")], now, event=event)
    told = [one for one in await records.audit.events() if one.action == event.action]
    assert len(told) == 1


async def test_a_first_time_that_lies_ahead_is_corrected(records: Records) -> None:
    await records.upkeep.sight([stray("a")], after(9999))
    [again] = await records.upkeep.sight([stray("a")], NOW)
    assert again.first_seen_at == NOW


async def test_the_same_twice_at_once_is_one(records: Records) -> None:
    found = await records.upkeep.sight([stray("a"), stray("a"), stray("b")], NOW)
    assert sorted(one.key for one in found) == ["a", "b"]
    assert await records.upkeep.sight([], NOW) == []


async def test_many_are_sighted_and_listed_in_pages(records: Records) -> None:
    upkeep = records.upkeep
    found = await upkeep.sight([stray(f"{number:04}") for number in range(1100)], NOW)
    assert len(found) == 1100
    first = await upkeep.findings(STRAYS, limit=1000)
    rest = await upkeep.findings(STRAYS, after=first[-1].id)
    assert {one.key for one in (*first, *rest)} == {one.key for one in found}
    await upkeep.forget([one.id for one in found[:1050]])
    assert len(await upkeep.findings(STRAYS)) == 50


async def test_ripe_are_strays_that_were_seen_first_by_then(records: Records) -> None:
    upkeep = records.upkeep
    await upkeep.sight([stray("old"), stray("m", kind=FindingKind.STRAY_MULTIPART)], NOW)
    await upkeep.sight([stray("lost", kind=FindingKind.MISSING)], NOW)
    await upkeep.sight([stray("young")], after(1))
    ripe = await upkeep.ripe(NOW, after=0, limit=9)
    assert [one.key for one in ripe] == ["old", "m"]
    assert [one.key for one in await upkeep.ripe(NOW, after=ripe[0].id, limit=9)] == ["m"]
    assert len(await upkeep.ripe(NOW, after=0, limit=1)) == 1


async def test_what_was_deleted_is_no_finding_until_it_is_back(records: Records) -> None:
    upkeep = records.upkeep
    [one] = await upkeep.sight([stray("a")], NOW)
    await upkeep.note([one.id], DELETED)
    assert await upkeep.findings(STRAYS) == []
    assert await upkeep.ripe(after(9), after=0, limit=9) == []
    assert (await upkeep.found())[FindingKind.STRAY] == (0, 0)
    [back] = await upkeep.sight([stray("a")], after(9))
    assert (back.problem, back.first_seen_at) == (CAME_BACK, NOW)
    [still] = await upkeep.sight([stray("a")], after(10))
    assert still.problem == CAME_BACK
    assert (await upkeep.found())[FindingKind.STRAY] == (1, 5)


async def test_a_problem_that_is_told_replaces_the_one_before(records: Records) -> None:
    damaged = stray("a", kind=FindingKind.DAMAGED, problem="missing")
    await records.upkeep.sight([damaged], NOW)
    [found] = await records.upkeep.sight([replace(damaged, problem="other-bytes")], NOW)
    assert found.problem == "other-bytes"


async def test_what_was_not_seen_since_is_forgotten(records: Records) -> None:
    upkeep = records.upkeep
    await upkeep.sight([stray("before")], NOW)
    await upkeep.sight([stray("since")], after(10))
    await upkeep.sight([stray("ahead")], after(99))
    await upkeep.sight([stray("lost", kind=FindingKind.MISSING)], NOW)
    assert await upkeep.forget_unseen(STRAYS, after(10), after(20)) == 2
    left = await upkeep.findings(set(FindingKind))
    assert sorted(one.key for one in left) == ["lost", "since"]
    await upkeep.forget_key(FindingKind.MISSING, "lost")
    assert await upkeep.found() == {
        FindingKind.STRAY: (1, 5),
        FindingKind.STRAY_MULTIPART: (0, 0),
        FindingKind.MISSING: (0, 0),
        FindingKind.DAMAGED: (0, 0),
    }


# ── Walks ────────────────────────────────────────────────────────────────────────────────────


async def _begin(records: Records, worker: str, seconds: float, due: float = -1) -> Walk | None:
    return await records.upkeep.begin_walk(
        "w", worker, after(seconds), after(seconds + 60), after(due)
    )


async def test_a_walk_is_one_workers_until_it_leaves_or_its_claim_runs_out(
    records: Records,
) -> None:
    walk = await _begin(records, "one", 0)
    assert walk == Walk(name="w", started_at=NOW)
    assert await _begin(records, "two", 59) is None
    await records.upkeep.leave_walk("w", "two")
    assert await _begin(records, "two", 59) is None
    await records.upkeep.leave_walk("w", "one")
    assert await _begin(records, "two", 59) == walk
    assert await _begin(records, "three", 120) == walk
    assert not await records.upkeep.step(walk, "two", after(999))


async def test_a_walk_that_was_left_goes_on_where_it_was(records: Records) -> None:
    walk = await _begin(records, "one", 0)
    assert walk is not None
    further = replace(walk, cursor="here", listed=7)
    assert await records.upkeep.step(further, "one", after(90))
    assert await _begin(records, "two", 89) is None
    assert await _begin(records, "two", 90) == further


async def test_a_walk_at_its_end_begins_anew_when_it_is_due(records: Records) -> None:
    walk = await _begin(records, "one", 0)
    assert walk is not None
    assert await records.upkeep.last_walks() == {}
    await records.upkeep.end_walk(replace(walk, cursor="end"), "one", after(10))
    assert await records.upkeep.last_walks() == {"w": after(10)}
    assert await _begin(records, "two", 100, due=9) is None
    again = await _begin(records, "two", 100, due=10)
    assert again == Walk(name="w", started_at=after(100))
    assert await records.upkeep.last_walks() == {"w": after(10)}


async def test_who_lost_a_walk_can_not_end_it(records: Records) -> None:
    walk = await _begin(records, "one", 0)
    assert walk is not None
    await _begin(records, "two", 60)
    await records.upkeep.end_walk(walk, "one", after(61))
    assert await records.upkeep.last_walks() == {}


async def test_times_that_lie_ahead_hold_nothing_up(records: Records) -> None:
    far = 10**8
    walk = await _begin(records, "one", far)
    assert walk is not None
    assert await _begin(records, "two", 0) == Walk(name="w", started_at=NOW)
    await records.upkeep.end_walk(Walk(name="w", started_at=NOW), "two", after(far))
    assert await _begin(records, "two", 1) == Walk(name="w", started_at=after(1))


async def test_of_many_at_once_one_gets_the_walk(records: Records) -> None:
    begun = await asyncio.gather(*(_begin(records, f"{n}", 0) for n in range(8)))
    assert [walk is not None for walk in begun].count(True) == 1


# ── Re-readings ──────────────────────────────────────────────────────────────────────────────


async def test_a_re_reading_goes_on_until_its_end(records: Records) -> None:
    await open_case(records)
    upkeep = records.upkeep
    for number in (None, NUMBER):
        first = await upkeep.begin_reread(number, NOW, anew=False)
        assert first == Reread(id=first.id, case_number=number, started_at=NOW, cursor=FileId(""))
        further = replace(
            first,
            cursor=FileId("b"),
            files=2,
            size_bytes=2**40,
            problems=1,
            unfinished=Unfinished(file_id=FileId("c"), offset=2**41, state=b"\x00state\xff"),
        )
        await upkeep.keep_reread(further)
        assert await upkeep.begin_reread(number, after(9), anew=False) == further
        await upkeep.end_reread(replace(further, unfinished=None), after(10))
        following = await upkeep.begin_reread(number, after(11), anew=False)
        assert (following.started_at, following.cursor) == (after(11), "")
        assert following.id != first.id


async def test_a_re_reading_begins_anew_when_asked_to(records: Records) -> None:
    first = await records.upkeep.begin_reread(None, NOW, anew=False)
    await records.upkeep.keep_reread(replace(first, cursor=FileId("b")))
    anew = await records.upkeep.begin_reread(None, after(1), anew=True)
    assert (anew.cursor, anew.started_at) == ("", after(1))
    assert await records.upkeep.begin_reread(None, after(2), anew=False) == anew


async def test_there_is_no_re_reading_of_a_case_that_is_none(records: Records) -> None:
    with pytest.raises(CaseMissingError):
        await records.upkeep.begin_reread(CaseNumber("0000000009"), NOW, anew=False)


async def test_files_are_read_again_in_the_order_of_their_ids(records: Records) -> None:
    await open_case(records)
    files = [await receive(records, f"{number}.log") for number in range(4)]
    in_order = sorted(files, key=lambda file: file.id)
    upkeep = records.upkeep
    page = await upkeep.to_reread(None, FileId(""), 3)
    assert [(one.id, one.key, one.sha256, one.size, one.case_number) for one in page] == [
        (file.id, file.object_key, file.sha256, file.size, NUMBER) for file in in_order[:3]
    ]
    assert [one.id for one in await upkeep.to_reread(NUMBER, page[-1].id, 3)] == [in_order[3].id]
    assert await upkeep.to_reread(OTHER_NUMBER, FileId(""), 3) == []
    assert await upkeep.left_to_reread(None, FileId("")) == (4, 400)
    assert await upkeep.left_to_reread(NUMBER, in_order[0].id) == (3, 300)
    assert await upkeep.left_to_reread(OTHER_NUMBER, FileId("")) == (0, 0)
