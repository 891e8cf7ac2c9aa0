"""Deletions in rows: what is due, whose it is, what goes, what proves it."""

import asyncio
import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, update

from tests.contract.records.scenario import (
    NOW,
    NUMBER,
    OTHER_NUMBER,
    after,
    audited,
    begin,
    close_case,
    new_account,
    new_case,
    open_case,
    receive,
)
from transfer.core.access import Door, Principal, Role
from transfer.core.account_terms import AccountTerms
from transfer.core.accounts import AccountUse
from transfer.core.audit_entries import ERASED
from transfer.core.cases import Case, CaseNumber, CaseUpdate, Hold, Status, reopen
from transfer.core.deletion_receipts import Doomed
from transfer.core.errors import CaseStateError, InvalidRequestError
from transfer.core.names import ROOT, SHARED_FOLDER
from transfer.core.retention import AFTERWARDS, PERIOD
from transfer.ports import (
    AuditEvent,
    CaseEvent,
    DeletionClaim,
    DeletionReceipt,
    KeptKey,
    LetterSearch,
    Method,
    Records,
    Session,
    StoredItem,
    StoredKind,
    WrappedKey,
)
from transfer.records.database import Database
from transfer.records.tables import cases

DUE = NOW + PERIOD
TICK = timedelta(microseconds=1)
ANALYST = Principal(name="analyst", role=Role.ANALYST, door=Door.HTTP)
ITEM = StoredItem(StoredKind.VERSION, "c/k3/a.1", "v1", 100)


def claim(worker: str = "one", *, until: datetime = DUE + timedelta(minutes=30)) -> DeletionClaim:
    return DeletionClaim(number=NUMBER, worker=worker, until=until)


def told(of: str, number: CaseNumber = NUMBER) -> CaseEvent:
    return CaseEvent(id=of, type="case.purged", case_number=number, at=DUE, data={"files": 1})


def noted(action: str, number: CaseNumber = NUMBER) -> AuditEvent:
    return AuditEvent(at=DUE, action=action, actor="retention", case_number=number)


def receipt(number: CaseNumber = NUMBER, at: datetime = DUE) -> DeletionReceipt:
    return DeletionReceipt(
        case_number=number,
        written_at=at,
        statement='{"kind":"deletion"}',
        jws="a.b.c",
        key_id="key",
        keys=b"\x00" * 32,
    )


def numbers(count: int) -> list[CaseNumber]:
    return [CaseNumber(f"{n:010}") for n in range(1, count + 1)]


async def closed(
    records: Records, number: CaseNumber, at: datetime = NOW, account: str = "Acme"
) -> Case:
    case = replace(new_case(number), account=account, opened_at=min(at, NOW))
    await records.cases.insert(case, CaseUpdate(at=NOW, author="analyst", text="Case opened."))
    return await close_case(records, case, at)


async def held(records: Records, case: Case) -> Case:
    hold = Hold(reason="lawsuit", placed_by="admin", placed_at=NOW)
    keeping = replace(case, hold=hold, version=case.version + 1)
    assert await records.cases.save(keeping, expected_version=case.version)
    return keeping


async def agree(
    records: Records, account: str, *, days: float | None = None, hold: bool = False
) -> None:
    terms = AccountTerms(
        account=account,
        period=None if days is None else timedelta(days=days),
        hold=Hold(reason="lawsuit", placed_by="admin", placed_at=NOW) if hold else None,
        changed_by="admin",
        changed_at=NOW,
    )
    before = await records.terms.of_account(account)
    event = AuditEvent(at=NOW, action="account.changed", actor="admin")
    assert await records.terms.put(terms, before, event)


async def being_deleted(records: Records, number: CaseNumber = NUMBER) -> Case:
    case = await closed(records, number)
    assert await records.cases.start_purge(number, expected_version=case.version, now=DUE)
    return await records.cases.case(number)


# ── What is due ──────────────────────────────────────────────────────────────────────────────


async def test_due_is_what_was_closed_a_period_ago_the_longest_closed_first(
    records: Records,
) -> None:
    first, second, third, fourth = numbers(4)
    await closed(records, second, after(2))
    await closed(records, first, after(1))
    await closed(records, third, after(3))
    await records.cases.insert(
        new_case(fourth), CaseUpdate(at=NOW, author="analyst", text="Case opened.")
    )
    assert await records.deletions.due(after(2) + PERIOD, PERIOD) == [first, second]
    assert await records.deletions.due(after(2) + PERIOD - TICK, PERIOD) == [first]
    assert await records.deletions.due(DUE + PERIOD, PERIOD, limit=2) == [first, second]
    await records.deletions.postpone(first, DUE + PERIOD)
    assert await records.deletions.due(DUE + PERIOD, PERIOD) == [second, third]


async def test_held_claimed_and_deleted_cases_are_not_due(records: Records) -> None:
    first, second, third, fourth = numbers(4)
    await held(records, await closed(records, first))
    await closed(records, second)
    await being_deleted(records, third)
    last = DeletionClaim(number=third, worker="one", until=DUE)
    assert await records.deletions.claim(last, NOW)
    assert await records.deletions.finish(last, receipt(third), told("x", third), [])
    await closed(records, fourth, account="Quiet Ltd")
    await agree(records, "Quiet Ltd", hold=True)
    mine = DeletionClaim(number=second, worker="one", until=DUE + timedelta(minutes=1))
    assert await records.deletions.claim(mine, DUE)
    assert await records.deletions.due(DUE, PERIOD) == []
    assert await records.deletions.due(DUE + timedelta(minutes=1), PERIOD) == [second]


async def test_a_case_that_failed_waits_twice_as_long_each_time_up_to_an_hour(
    records: Records,
) -> None:
    await closed(records, NUMBER)
    now = DUE
    for minutes in (1, 2, 4, 8, 16, 32, 60, 60):
        await records.deletions.postpone(NUMBER, now)
        now += timedelta(minutes=minutes)
        assert await records.deletions.due(now - TICK, PERIOD) == []
        assert await records.deletions.due(now, PERIOD) == [NUMBER]
    now += timedelta(hours=2)
    await records.deletions.postpone(NUMBER, now)  # after so long it begins anew
    assert await records.deletions.due(now + timedelta(minutes=1), PERIOD) == [NUMBER]


async def test_what_a_clock_days_ahead_has_put_off_is_due_when_it_is_right_again(
    records: Records,
) -> None:
    await closed(records, NUMBER)
    await records.deletions.postpone(NUMBER, DUE + timedelta(days=3))
    assert await records.deletions.due(DUE, PERIOD) == [NUMBER]


async def test_what_a_clock_days_ahead_has_claimed_is_free_when_it_is_right_again(
    records: Records,
) -> None:
    await closed(records, NUMBER)
    theirs = claim("two", until=DUE + timedelta(days=3))
    assert await records.deletions.claim(theirs, DUE + timedelta(days=3))
    assert await records.deletions.due(DUE, PERIOD) == [NUMBER]
    assert await records.deletions.claim(claim("one", until=DUE + timedelta(minutes=2)), DUE)
    assert await records.deletions.due(DUE, PERIOD) == []


async def test_an_account_has_its_own_period_be_it_end_user_or_buyer(records: Records) -> None:
    short, long, usual, bought = numbers(4)
    await agree(records, "Short", days=1)
    await agree(records, "Long", days=90)
    await closed(records, short, account="Short")
    await closed(records, long, account="Long")
    await closed(records, usual)
    case = replace(new_case(bought), account="Other", sold_to="Long")
    await records.cases.insert(case, CaseUpdate(at=NOW, author="analyst", text="Case opened."))
    await close_case(records, case)

    async def due(days: float) -> list[CaseNumber]:
        return await records.deletions.due(NOW + timedelta(days=days), PERIOD)

    assert await due(1) == [short]
    assert await due(30) == [short, usual]
    assert await due(90) == [short, long, usual, bought]
    assert (await records.cases.case(bought)).kept_for == timedelta(days=90)


async def test_the_end_users_terms_come_before_the_buyers(records: Records) -> None:
    await agree(records, "Short", days=0)
    await agree(records, "Long", days=90)
    case = replace(new_case(), account="Long", sold_to="Short")
    await records.cases.insert(case, CaseUpdate(at=NOW, author="analyst", text="Case opened."))
    await close_case(records, case)
    assert (await records.cases.case(NUMBER)).kept_for == timedelta(days=90)
    assert await records.deletions.due(DUE, PERIOD) == []


async def test_a_plan_has_held_cases_too_page_by_page(records: Records) -> None:
    found = numbers(5)
    made = [await closed(records, number, after(n)) for n, number in enumerate(found)]
    await held(records, made[1])
    at = DUE + timedelta(days=1)
    first = await records.deletions.planned(at, PERIOD, limit=3)
    assert [case.number for case in first] == found[:3]
    rest = await records.deletions.planned(at, PERIOD, after=first[-1], limit=3)
    assert [case.number for case in rest] == found[3:]
    assert await records.deletions.planned(DUE - TICK, PERIOD) == []


# ── Announcing ───────────────────────────────────────────────────────────────────────────────


async def to_be_noticed(records: Records, at: datetime) -> list[CaseNumber]:
    return await records.deletions.to_be_noticed(at, PERIOD, timedelta(days=7))


async def test_what_is_due_soon_and_not_yet_is_to_be_announced(records: Records) -> None:
    await closed(records, NUMBER)
    await held(records, await closed(records, OTHER_NUMBER))
    week = timedelta(days=7)
    assert await to_be_noticed(records, DUE - week - TICK) == []
    assert await to_be_noticed(records, DUE - week) == [NUMBER]
    assert await to_be_noticed(records, DUE - TICK) == [NUMBER]
    assert await to_be_noticed(records, DUE) == []
    await records.deletions.postpone(NUMBER, DUE - TICK)
    assert await to_be_noticed(records, DUE - TICK) == []


async def test_a_closure_is_announced_once_and_the_next_one_anew(records: Records) -> None:
    case = await closed(records, NUMBER)
    at = DUE - timedelta(days=1)
    done = await asyncio.gather(
        *(records.deletions.notice(case, told("soon"), noted("said")) for _ in range(4))
    )
    assert sorted(done) == [False, False, False, True]
    assert (await audited(records)).count("said") == 1
    assert [event.id for event in await records.outbox.claim("test", DUE, DUE + TICK)] == ["soon"]
    assert await to_be_noticed(records, at) == []

    opened = reopen(case)
    assert await records.cases.save(opened, expected_version=case.version)
    assert not await records.deletions.notice(case, told("late"), noted("said"))
    again = await close_case(records, opened, after(60))
    assert not await records.deletions.notice(case, told("late"), noted("said"))
    assert await to_be_noticed(records, at) == [NUMBER]
    assert await records.deletions.notice(again, told("again"), noted("said"))


# ── Claims ───────────────────────────────────────────────────────────────────────────────────


async def test_a_deletion_is_one_workers_until_it_lets_go_or_is_silent(records: Records) -> None:
    await closed(records, NUMBER)
    mine, theirs = claim("one", until=after(60)), claim("two", until=after(600))
    assert await records.deletions.claim(mine, NOW)
    assert await records.deletions.claim(mine, NOW)
    assert not await records.deletions.claim(theirs, after(59))
    await records.deletions.release(theirs)
    assert not await records.deletions.claim(theirs, after(59))
    assert await records.deletions.claim(theirs, after(60))
    assert not await records.deletions.doom(mine, [ITEM])
    await records.deletions.release(mine)
    assert not await records.deletions.claim(mine, after(61))
    await records.deletions.release(theirs)
    assert await records.deletions.claim(mine, after(61))


async def test_of_many_workers_at_once_one_gets_a_deletion(records: Records) -> None:
    await closed(records, NUMBER)
    got = await asyncio.gather(
        *(records.deletions.claim(claim(f"worker-{n}", until=after(60)), NOW) for n in range(8))
    )
    assert got.count(True) == 1


async def test_what_is_about_to_go_is_counted_once_over_all_runs(records: Records) -> None:
    await closed(records, NUMBER)
    items = [
        ITEM,
        StoredItem(StoredKind.VERSION, "c/k3/a.1", "v2", 50),
        StoredItem(StoredKind.DELETE_MARKER, "c/k3/b.1", "v1"),
        StoredItem(StoredKind.MULTIPART, "c/k3/b.1", "v1"),
    ]
    assert await records.deletions.doomed(NUMBER) == Doomed()
    for worker, some in (("one", items[:2]), ("one", items), ("one", items[3:]), ("one", ())):
        assert await records.deletions.claim(claim(worker), NOW)
        assert await records.deletions.doom(claim(worker), some)
    keys = sorted(hashlib.sha256(key.encode()).digest() for key in ("c/k3/a.1", "c/k3/b.1"))
    assert await records.deletions.doomed(NUMBER) == Doomed(
        versions=2, delete_markers=1, multiparts=1, size_bytes=150, keys=b"".join(keys)
    )


async def test_a_thousand_things_are_noted_at_once(records: Records) -> None:
    await closed(records, NUMBER)
    assert await records.deletions.claim(claim(), NOW)
    items = [StoredItem(StoredKind.VERSION, f"c/k3/{n}", "v", 2**40) for n in range(1000)]
    assert await records.deletions.doom(claim(), items)
    gone = await records.deletions.doomed(NUMBER)
    assert (gone.versions, gone.size_bytes, len(gone.keys)) == (1000, 1000 * 2**40, 32_000)


# ── Sessions, and what is stuck ──────────────────────────────────────────────────────────────


def session(name: str, number: CaseNumber | None) -> Session:
    return Session(
        id=name,
        family=name,
        name="Jo Smith",
        role=Role.DESIGNATED,
        case_number=number,
        subject="jo",
        method=Method.LAUNCH,
        address="192.0.2.7",
        began_at=NOW,
        seen_at=NOW,
        expires_at=NOW + timedelta(days=90),
    )


async def test_the_sessions_of_a_case_end_and_others_do_not(records: Records) -> None:
    await open_case(records)
    for name, number in (("a", NUMBER), ("b", NUMBER), ("c", OTHER_NUMBER), ("d", None)):
        await records.sessions.insert(session(name, number), name.encode())
    assert await records.deletions.end_sessions(NUMBER, after(9)) == 2
    assert await records.deletions.end_sessions(NUMBER, after(10)) == 0
    ended = {one.id: one.ended_at for one in await records.sessions.sessions()}
    assert ended == {"a": after(9), "b": after(9), "c": None, "d": None}
    assert (await audited(records)).count("retention.sessions-ended") == 1


async def test_what_is_stuck_is_told_once_until_it_changes(records: Records) -> None:
    for number in (NUMBER, OTHER_NUMBER):
        await closed(records, number)
        mine = DeletionClaim(number=number, worker="one", until=DUE)
        assert await records.deletions.claim(mine, NOW)
    assert await records.deletions.get_stuck(NUMBER, 3, "AccessDenied", after(1))
    assert not await records.deletions.get_stuck(NUMBER, 3, "AccessDenied", after(2))
    assert await records.deletions.get_stuck(NUMBER, 2, "AccessDenied", after(3))
    assert await records.deletions.get_stuck(OTHER_NUMBER, 1, "Locked", after(4))
    [first], following = await records.deletions.stuck(limit=1)
    assert (first.case_number, first.since, first.left) == (NUMBER, after(1), 2)
    [second], end = await records.deletions.stuck(after=following, limit=1)
    assert (second.case_number, second.problem, end) == (OTHER_NUMBER, "Locked", None)
    with pytest.raises(InvalidRequestError):
        await records.deletions.stuck(after="x")


# ── Called off ───────────────────────────────────────────────────────────────────────────────


async def claimed(records: Records, worker: str = "one") -> DeletionClaim:
    mine = claim(worker)
    assert await records.deletions.claim(mine, DUE)
    return mine


async def test_a_deletion_is_called_off_only_while_its_case_is_open(
    records: Records, database: Database
) -> None:
    await being_deleted(records)
    mine = await claimed(records)
    assert not await records.deletions.call_off(mine, noted("called-off"))
    await database.write(_reopen_elsewhere)
    assert not await records.deletions.call_off(claim("two"), noted("called-off"))
    assert "called-off" not in await audited(records)
    assert await records.deletions.call_off(mine, noted("called-off"))
    assert not await records.deletions.call_off(mine, noted("called-off"))
    assert (await records.cases.case(NUMBER)).purge_started_at is None
    assert (await audited(records)).count("called-off") == 1


async def test_a_case_that_is_closed_nobody_knows_since_when_is_not_called_off(
    records: Records, database: Database
) -> None:
    await being_deleted(records)
    mine = await claimed(records)
    await database.write(_forget_closure)
    assert not await records.deletions.call_off(mine, noted("called-off"))
    assert (await records.cases.case(NUMBER)).purge_started_at is not None


async def test_a_reopened_case_is_found_by_its_mark_alone(
    records: Records, database: Database
) -> None:
    await being_deleted(records)
    await closed(records, OTHER_NUMBER)
    assert await records.deletions.reopened(DUE) == []
    await database.write(_reopen_elsewhere)
    assert await records.deletions.reopened(DUE) == [NUMBER]
    mine = await claimed(records)
    assert await records.deletions.reopened(DUE) == []
    assert await records.deletions.reopened(mine.until) == [NUMBER]
    await records.deletions.postpone(NUMBER, mine.until)
    assert await records.deletions.reopened(mine.until) == []
    assert await records.deletions.reopened(mine.until + timedelta(days=1)) == [NUMBER]
    assert await records.deletions.call_off(mine, noted("called-off"))
    assert await records.deletions.reopened(mine.until) == []


async def test_a_case_that_is_reopened_after_its_rows_went_has_its_folders_again(
    records: Records, database: Database
) -> None:
    await being_deleted(records)
    mine = await claimed(records)
    await records.cases.scrub(NUMBER)
    assert await records.deletions.finish(mine, receipt(), told("purged"), [])
    await database.write(_reopen_elsewhere)
    assert await records.deletions.call_off(mine, noted("called-off"))
    case = await records.cases.case(NUMBER)
    assert (case.purge_started_at, case.purged_at) == (None, None)
    assert [one.path for one in await records.tree.children(NUMBER, ROOT)] == [SHARED_FOLDER]
    await receive(records)


async def test_what_is_noted_and_is_there_still_is_not_gone_when_it_is_called_off(
    records: Records, database: Database
) -> None:
    await open_case(records)
    file = await receive(records)
    case = await close_case(records, await records.cases.case(NUMBER))
    assert await records.cases.start_purge(NUMBER, expected_version=case.version, now=DUE)
    mine = await claimed(records)
    item = StoredItem(StoredKind.VERSION, file.object_key, "v1", file.size)
    assert [one.key for one in await records.deletions.unlisted(NUMBER)] == [file.object_key]
    assert await records.deletions.doom(mine, [item, ITEM])
    assert await records.deletions.unlisted(NUMBER) == []
    await database.write(_reopen_elsewhere)
    assert await records.deletions.call_off(mine, noted("called-off"))
    assert (await records.deletions.doomed(NUMBER)).versions == 1
    assert [one.key for one in await records.deletions.unlisted(NUMBER)] == [file.object_key]


def _reopen_elsewhere(connection: Connection) -> None:
    reopened = {"status": Status.OPEN, "closed_at": None}
    connection.execute(update(cases).where(cases.c.number == NUMBER).values(reopened))


def _forget_closure(connection: Connection) -> None:
    connection.execute(update(cases).where(cases.c.number == NUMBER).values(closed_at=None))


# ── The end ──────────────────────────────────────────────────────────────────────────────────


async def test_the_end_comes_with_receipt_event_and_audit_all_at_once(records: Records) -> None:
    await being_deleted(records)
    assert await records.deletions.claim(claim(), DUE)
    assert await records.deletions.doom(claim(), [ITEM])
    assert await records.deletions.get_stuck(NUMBER, 1, "AccessDenied", DUE)
    done = await asyncio.gather(
        *(
            records.deletions.finish(
                claim(), receipt(), told("purged"), [noted("one"), noted("two")]
            )
            for _ in range(3)
        )
    )
    assert sorted(done) == [False, False, True]
    assert (await records.cases.case(NUMBER)).purged_at == DUE
    assert await records.deletions.receipts(NUMBER) == [receipt()]
    assert (await audited(records))[-2:] == ["one", "two"]
    told_of = await records.outbox.claim("test", DUE, DUE + TICK)
    assert [event.id for event in told_of] == ["purged"]
    assert await records.deletions.doomed(NUMBER) == Doomed()
    assert await records.deletions.stuck() == ([], None)


async def test_there_is_no_end_without_a_beginning(records: Records) -> None:
    await closed(records, NUMBER)
    with pytest.raises(CaseStateError):
        await records.deletions.finish(claim(), receipt(), told("purged"), [])
    assert await records.deletions.receipts(NUMBER) == []


async def test_the_end_is_of_whoever_has_the_claim_and_comes_with_the_keys_own(
    records: Records,
) -> None:
    case = await closed(records, NUMBER)
    wrapped = WrappedKey(master="file:one", sealed=b"sealed")
    key = KeptKey(case_id=case.id, fingerprint="f1", wrapped=wrapped, created_at=NOW)
    assert await records.case_keys.keep(key, destroyed_before=NOW) == key
    assert await records.cases.start_purge(NUMBER, expected_version=case.version, now=DUE)
    mine = await claimed(records)
    assert not await records.deletions.finish(claim("two"), receipt(), told("purged"), [])
    assert await records.case_keys.find(case.id) == key
    assert await records.deletions.finish(mine, receipt(), told("purged"), [noted("done")])
    destroyed = replace(key, wrapped=None, destroyed_at=DUE)
    assert await records.case_keys.find(case.id) == destroyed
    assert (await audited(records))[-2:] == ["retention.key-destroyed", "done"]


async def test_what_is_held_at_the_last_moment_is_not_ended_and_keeps_its_key(
    records: Records,
) -> None:
    case = await closed(records, NUMBER)
    wrapped = WrappedKey(master="file:one", sealed=b"sealed")
    key = KeptKey(case_id=case.id, fingerprint="f1", wrapped=wrapped, created_at=NOW)
    await records.case_keys.keep(key, destroyed_before=NOW)
    assert await records.cases.start_purge(NUMBER, expected_version=case.version, now=DUE)
    mine = await claimed(records)
    await held(records, await records.cases.case(NUMBER))
    with pytest.raises(CaseStateError):
        await records.deletions.finish(mine, receipt(), told("purged"), [])
    assert await records.case_keys.find(case.id) == key


async def test_rows_that_were_counted_before_a_crash_are_in_the_end(records: Records) -> None:
    await open_case(records)
    await receive(records)
    case = await close_case(records, await records.cases.case(NUMBER))
    assert await records.cases.start_purge(NUMBER, expected_version=case.version, now=DUE)
    counts = await records.cases.scrub(NUMBER)
    assert set((await records.cases.scrub(NUMBER)).values()) == {0}
    assert (await records.deletions.doomed(NUMBER)).rows == counts
    assert counts["files"] == 1


# ── What keeps a case's rows ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("keeping", ["a hold", "a hold by account", "a hold of the buyer"])
async def test_rows_stay_that_something_keeps(records: Records, keeping: str) -> None:
    sold_to = "Buyer" if keeping == "a hold of the buyer" else None
    case = replace(new_case(), sold_to=sold_to)
    await records.cases.insert(case, CaseUpdate(at=NOW, author="analyst", text="Case opened."))
    await receive(records)
    case = await close_case(records, await records.cases.case(NUMBER))
    assert await records.cases.start_purge(NUMBER, expected_version=case.version, now=DUE)
    if keeping == "a hold":
        await held(records, await records.cases.case(NUMBER))
    else:
        await agree(records, sold_to or "Acme", hold=True)
    with pytest.raises(CaseStateError):
        await records.cases.scrub(NUMBER)
    assert (await records.tree.usage(NUMBER))[0] == 1
    version = (await records.cases.case(NUMBER)).version
    assert not await records.cases.start_purge(NUMBER, expected_version=version, now=DUE)


# ── What is personal ─────────────────────────────────────────────────────────────────────────


async def test_nobody_is_named_in_the_rows_that_stay(records: Records) -> None:
    await open_case(records)
    await receive(records, "letter of jo smith.txt")
    await begin(records, "rest.bin")
    account = new_account(label="laptop of jo")
    await records.accounts.insert(account, ANALYST)
    await records.sessions.insert(session("a", NUMBER), b"a")
    case = await records.cases.case(NUMBER)
    entry = CaseUpdate(at=NOW, author="customer", text="File received: letter of jo smith.txt")
    said = CaseUpdate(at=NOW, author="Jo Smith", text="It crashes again.")
    soon = CaseUpdate(at=NOW, author="Case Transfer", text="Will be deleted.")
    entries = {"file-received-1": entry, "deletion-due-k3": soon}
    noted_case = replace(case, version=case.version + 1)
    assert await records.cases.note(noted_case, expected_version=case.version, entries=entries)
    assert await records.cases.save(
        replace(noted_case, version=3), expected_version=noted_case.version, updates=[said]
    )
    closed_case = await close_case(records, await records.cases.case(NUMBER))
    await records.cases.start_purge(NUMBER, expected_version=closed_case.version, now=DUE)
    await records.cases.scrub(NUMBER)

    kept = await records.accounts.account(account.id)
    assert (kept.issued_by, kept.label, kept.keys, kept.networks) == (ERASED, "", (), ())
    assert (kept.password_hash, kept.sealed_password, kept.use.last_address) == (None, None, None)
    [session_row] = await records.sessions.sessions(case_number=NUMBER)
    assert (session_row.name, session_row.subject, session_row.address) == (ERASED, ERASED, None)
    texts = [update.text for update in await records.cases.updates(NUMBER)]
    assert texts.count(ERASED) == 1
    assert {said.text, soon.text} <= set(texts)
    assert await records.outbox.claim("test", DUE, DUE + TICK) == []
    letters = await records.outbox.letters(LetterSearch(case_number=NUMBER))
    assert letters
    assert {(str(one.event.data), one.error, one.dead_at) for one in letters} == {
        ("{}", "erased", DUE)
    }
    assert await records.outbox.replay(LetterSearch(case_number=NUMBER), DUE) == 0


async def test_what_was_on_its_way_when_the_rows_went_leaves_no_name(records: Records) -> None:
    await being_deleted(records)
    case = await records.cases.case(NUMBER)
    await records.cases.scrub(NUMBER)
    late = CaseUpdate(at=DUE, author="Jo Smith", text="File received: letter of jo.txt")
    soon = CaseUpdate(at=DUE, author="Case Transfer", text="Deleted.")
    entries = {"file-received-1": late, "purged-k3": soon}
    assert await records.cases.note(case, expected_version=case.version, entries=entries)
    told_last = [(one.author, one.text) for one in (await records.cases.updates(NUMBER))[-2:]]
    assert told_last == [(ERASED, ERASED), ("Case Transfer", "Deleted.")]


async def test_an_account_of_a_case_that_is_being_deleted_was_seen_and_not_from_where(
    records: Records,
) -> None:
    await open_case(records)
    account = new_account()
    await records.accounts.insert(account, ANALYST)
    use = AccountUse(sessions=1, last_seen_at=NOW, last_address="192.0.2.7")
    await records.accounts.use(account.id, use)
    assert (await records.accounts.account(account.id)).use.last_address == "192.0.2.7"
    case = await close_case(records, await records.cases.case(NUMBER))
    assert await records.cases.start_purge(NUMBER, expected_version=case.version, now=DUE)
    await records.accounts.use(account.id, use)
    kept = (await records.accounts.account(account.id)).use
    assert (kept.sessions, kept.last_address) == (2, None)


async def test_names_are_looked_for_again_once_the_data_is_gone(
    records: Records, database: Database
) -> None:
    await being_deleted(records)
    mine = await claimed(records)
    again = DUE + AFTERWARDS
    assert await records.deletions.to_be_scrubbed(again) == []
    assert await records.deletions.finish(mine, receipt(), told("purged"), [])
    assert await records.deletions.to_be_scrubbed(again - TICK) == []
    assert await records.deletions.to_be_scrubbed(again) == [NUMBER]
    await records.sessions.insert(session("late", NUMBER), b"late")
    await records.deletions.scrub_again(NUMBER, again, found_some=True)
    [row] = await records.sessions.sessions(case_number=NUMBER)
    assert (row.name, row.subject, row.address) == (ERASED, ERASED, None)
    day = timedelta(days=1)
    assert await records.deletions.to_be_scrubbed(again + day - TICK) == []
    assert await records.deletions.to_be_scrubbed(again + day) == [NUMBER]

    await database.write(_reopen_elsewhere)
    assert await records.deletions.call_off(mine, noted("called-off"))
    assert await records.deletions.to_be_scrubbed(again + 365 * day) == []
    await records.sessions.insert(session("new", NUMBER), b"new")
    await records.deletions.scrub_again(NUMBER, again, found_some=True)
    names = {one.id: one.name for one in await records.sessions.sessions(case_number=NUMBER)}
    assert names["new"] == "Jo Smith"
