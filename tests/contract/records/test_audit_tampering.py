"""Ways to tamper with the audit log by the rights of its owner, and what a check says of each."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, cast

import psycopg
import pytest
from pysqlite3 import dbapi2
from sqlalchemy.engine import make_url

from tests.audit_heads import MemoryHeads
from tests.clock import MovableClock
from tests.contract.records.scenario import NOW, NUMBER, OTHER_NUMBER
from tests.contract.records.test_audit_chain import download
from transfer.core.audit_chain import Seal, next_seal, packed, unpacked
from transfer.core.audit_entries import digest_of
from transfer.core.errors import TransferError
from transfer.engine import audit_sealing
from transfer.engine.audit_sealing import AuditSealer
from transfer.engine.audit_signatures import SealKeys, SealSigner
from transfer.engine.audit_verification import AuditReport, AuditVerification
from transfer.ports import AuditChain, KeptSeal, Records
from transfer.records.assembly import open_records
from transfer.records.audit_erasure import erase_some
from transfer.records.database import Database

SIGNER = SealSigner(bytes(32))
KEYS = SealKeys([SIGNER.public_key()])
INTRUDERS_SIGNER = SealSigner(b"\x01" * 32)
LAST_OF_ALL = Seal(
    number=1, previous=None, sealed_at=NOW, entries=0, digests="", horizon=0, gaps=()
)


@dataclass
class Intruder:
    """Somebody who owns the database, and puts the triggers back after they are done."""

    url: str
    numbers: list[int]
    chain: AuditChain

    def do(self, statement: str, *values: object) -> None:
        with self.without_triggers() as execute:
            execute(statement, values)

    @contextmanager
    def without_triggers(self) -> Iterator[Callable[[str, tuple[object, ...]], object]]:
        url = make_url(self.url)
        if url.drivername == "sqlite":
            with dbapi2.connect(url.database) as connection:
                query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
                triggers = connection.execute(query).fetchall()
                for name, _ in triggers:
                    connection.execute(f"DROP TRIGGER {name}")
                yield connection.execute
                for _, sql in triggers:
                    connection.execute(sql)
            connection.close()
            return
        with psycopg.connect(self.url, autocommit=True) as admin:
            admin.execute("SET session_replication_role = replica")
            yield lambda statement, values: admin.execute(
                cast("Any", statement.replace("?", "%s")), values
            )


@dataclass
class Room:
    """A log of two cases under three seals, the first case's names erased, and its last entry."""

    records: Records
    intruder: Intruder
    head: Seal
    sealer: AuditSealer
    heads: MemoryHeads

    async def check(self) -> AuditReport:
        return await AuditVerification(self.records.audit_chain, KEYS).run([self.head])

    async def check_with_what_the_sealer_keeps(self) -> AuditReport:
        newest = KEYS.open(self.heads.newest() or "")
        heads = [*self.heads.aside, *([newest] if newest else [])]
        return await AuditVerification(self.records.audit_chain, KEYS).run(heads)


@pytest.fixture
async def room(url: str) -> AsyncIterator[Room]:
    async with furnished(url) as room:
        yield room


@asynccontextmanager
async def furnished(url: str) -> AsyncIterator[Room]:
    database = await Database.open(url)
    records = open_records(database)
    clock = MovableClock(NOW)
    heads = MemoryHeads()
    sealer = AuditSealer(records.audit_chain, SIGNER, clock, heads=heads)
    for number in (NUMBER, NUMBER, OTHER_NUMBER, OTHER_NUMBER, OTHER_NUMBER):
        await records.audit.record(download(number))
    await sealer.seal_all()
    await records.audit.erase_personal(NUMBER, NOW)
    await sealer.seal_all()
    await records.audit.record(download(OTHER_NUMBER))
    await sealer.seal_all()
    await records.audit.record(download(OTHER_NUMBER))
    kept = await records.audit_chain.head()
    assert kept is not None
    head = KEYS.open(kept.jws)
    assert head is not None
    numbers = await records.audit_chain.numbers_within(0, 2**62, 100)
    yield Room(records, Intruder(url, numbers, records.audit_chain), head, sealer, heads)
    await database.close()


async def test_a_log_that_nobody_touched_is_sound(room: Room) -> None:
    report = await room.check()
    assert report.faults == ()
    assert (report.entries, report.erased, report.unsealed, report.seals) == (8, 2, 1, 3)


def _set(column: str, value: object, index: int) -> Callable[[Intruder], None]:
    def change(intruder: Intruder) -> None:
        statement = f"UPDATE audit_events SET {column} = ? WHERE sequence = ?"  # noqa: S608 - ours
        intruder.do(statement, value, intruder.numbers[index])

    return change


def _swap(intruder: Intruder) -> None:
    first, second = intruder.numbers[2], intruder.numbers[3]
    _set("details", '{"size": 6}', 2)(intruder)
    for now, then in ((first, 10**6), (second, first), (10**6, second)):
        intruder.do("UPDATE audit_events SET sequence = ? WHERE sequence = ?", then, now)


def _delete(intruder: Intruder) -> None:
    intruder.do("DELETE FROM audit_events WHERE sequence = ?", intruder.numbers[3])


def _cut_entries(intruder: Intruder) -> None:
    intruder.do("DELETE FROM audit_events WHERE sequence > ?", intruder.numbers[4])


def _cut_all_behind(intruder: Intruder) -> None:
    _cut_entries(intruder)
    intruder.do("DELETE FROM audit_seals WHERE number > 1")
    _turn_back(intruder, intruder.numbers[4])


def _empty(intruder: Intruder) -> None:
    intruder.do("DELETE FROM audit_events")
    intruder.do("DELETE FROM audit_seals")
    _turn_back(intruder, 0)


def _turn_back(intruder: Intruder, number: int) -> None:
    if intruder.url.startswith("sqlite"):
        intruder.do("UPDATE sqlite_sequence SET seq = ? WHERE name = 'audit_events'", number)


def _put_in(intruder: Intruder) -> None:
    intruder.do(
        "INSERT INTO audit_events (sequence, at, action, actor, details)"
        " VALUES (0, '2026-03-02 09:00:00', 'case.opened', 'Jane', '{}')"
    )


def _change_behind_a_cut(intruder: Intruder) -> None:
    intruder.do("DELETE FROM audit_seals WHERE number > 1")
    _set("actor", "John Doe", -1)(intruder)
    _set("details", '{"size": 6}', -2)(intruder)


def _delete_seal(intruder: Intruder) -> None:
    intruder.do("DELETE FROM audit_seals WHERE number = 2")


def _swap_seals(intruder: Intruder) -> None:
    for now, then in ((1, 9), (2, 1), (9, 2)):
        intruder.do("UPDATE audit_seals SET number = ? WHERE number = ?", then, now)


def _of_numbers(*numbers: int) -> Callable[[Intruder], None]:
    digests = packed((number % 2**64, bytes(32)) for number in numbers)
    return lambda intruder: intruder.do(
        "UPDATE audit_seals SET digests = ? WHERE number = 2", digests
    )


def _last_of_all(intruder: Intruder) -> None:
    seal = INTRUDERS_SIGNER.sign(replace(LAST_OF_ALL, number=2**63 - 1))
    intruder.do("INSERT INTO audit_seals VALUES (?, ?, ?)", 2**63 - 1, seal, b"")


CHANGED, MISSING = "entry-changed", "entry-missing"

# With the second seal goes what it says of an erasure.
ATTACKS: dict[str, tuple[Callable[[Intruder], None], set[str]]] = {
    "another person": (_set("actor", "John Doe", 3), {CHANGED}),
    "another time": (_set("at", "2026-03-02 09:00:01", 3), {CHANGED}),
    "another address": (_set("address", None, 3), {CHANGED}),
    "another case": (_set("case_number", NUMBER, 3), {CHANGED}),
    "other bytes": (_set("details", '{"size": 6}', 3), {CHANGED}),
    "other bytes of an erased entry": (_set("details", '{"size": 6}', 0), {CHANGED}),
    "a name in an erased entry": (_set("actor", "John Doe", 0), {CHANGED}),
    "another salt": (_set("salt", bytes(16), 3), {CHANGED}),
    "entries in another order": (_swap, {CHANGED}),
    "an entry less": (_delete, {MISSING}),
    "the last entries less": (_cut_entries, {MISSING, "entry-erased", "log-cut"}),
    "the end cut off, seals too": (_cut_all_behind, {"entry-erased", "log-cut"}),
    "seals cut off, and entries changed": (_change_behind_a_cut, {"log-cut"}),
    "nothing left": (_empty, {"log-cut"}),
    "an entry more": (_put_in, {"entry-added"}),
    "a seal less": (_delete_seal, {"seal-missing", "entry-erased"}),
    "a number that no row can have": (_of_numbers(-1), {"seal-changed", "entry-erased"}),
    "very many numbers": (_of_numbers(*range(70_000)), {"seal-changed"}),
    "a seal at the last number": (_last_of_all, {"seal-missing", "seal-forged"}),
    "seals in another order": (_swap_seals, {"seal-changed", "entry-erased"}),
}


@pytest.mark.parametrize("name", ATTACKS)
async def test_each_way_to_tamper_is_found(room: Room, name: str) -> None:
    attack, kinds = ATTACKS[name]
    attack(room.intruder)
    report = await room.check()
    found = {fault.kind.value for fault in report.faults}
    if "sqlite" not in room.intruder.url and name == "the last entries less":
        kinds = kinds - {
            "log-cut"
        }  # PostgreSQL's count of numbers goes on when nothing came of one
    assert found == kinds
    assert not report.is_sound


@pytest.mark.parametrize("name", ATTACKS)
async def test_each_way_to_tamper_is_found_after_a_sealer_went_on_as_well(
    room: Room, name: str
) -> None:
    # One that has just been started: it knows no more than what was kept.
    chain, clock = room.records.audit_chain, MovableClock(NOW)
    sealer = AuditSealer(chain, SIGNER, clock, heads=room.heads)
    ATTACKS[name][0](room.intruder)
    for _ in range(2):
        with suppress(OverflowError, TransferError):  # it may be unable to go on: its loop tells
            await sealer.seal_all()
        await room.records.audit.record(download())
    assert not (await room.check_with_what_the_sealer_keeps()).is_sound


async def test_digests_that_were_made_anew_are_not_those_that_were_signed(room: Room) -> None:
    await _reseal(room, lambda kept, _: kept.jws)
    assert [(one.kind.value, one.first) for one in (await room.check()).faults] == [
        ("seal-changed", 3)
    ]


async def test_a_chain_that_was_made_anew_is_signed_by_the_wrong_key(room: Room) -> None:
    def sign(kept: KeptSeal, found: list[tuple[int, bytes]]) -> str:
        return INTRUDERS_SIGNER.sign(next_seal(None, found, NOW))

    await _reseal(room, sign)
    kinds = [(one.kind.value, one.first) for one in (await room.check()).faults]
    assert kinds == [("seal-forged", 3), ("log-cut", 3)]


async def _reseal(room: Room, sign: Callable[[KeptSeal, list[tuple[int, bytes]]], str]) -> None:
    """Change the last sealed entry, and its seal so that it fits."""
    kept = (await room.records.audit_chain.seals(2, 1))[0]
    number = unpacked(kept.digests)[0][0]
    room.intruder.do("UPDATE audit_events SET actor = 'John' WHERE sequence = ?", number)
    changed = await room.records.audit_chain.entries([number])
    found = [(number, digest_of(changed[0]))]
    room.intruder.do(
        "UPDATE audit_seals SET digests = ?, jws = ? WHERE number = 3",
        packed(found),
        sign(kept, found),
    )


async def test_triggers_that_are_gone_are_missed(room: Room) -> None:
    url = make_url(room.intruder.url)
    statement = "DROP TRIGGER audit_events_no_delete"
    if url.drivername == "sqlite":
        with dbapi2.connect(url.database) as connection:
            connection.execute(statement)
        connection.close()
    else:
        with psycopg.connect(room.intruder.url, autocommit=True) as admin:
            admin.execute(f"{statement} ON audit_events")
    faults = (await room.check()).faults
    try:
        assert [(one.kind.value, one.first, one.what) for one in faults] == [
            ("guard-missing", 1, "trigger")
        ]
    finally:
        if url.drivername != "sqlite":  # the database is used again
            with psycopg.connect(room.intruder.url, autocommit=True) as admin:
                admin.execute(
                    "CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events"
                    " FOR EACH ROW EXECUTE FUNCTION refuse_to_change_audit()"
                )


async def test_a_trigger_that_never_fires_is_missed(sqlite_room: Room) -> None:
    with dbapi2.connect(make_url(sqlite_room.intruder.url).database) as connection:
        for way, condition in (("update", "WHEN false"), ("delete", "WHEN OLD.sequence < 0")):
            connection.execute(f"DROP TRIGGER audit_events_no_{way}")
            connection.execute(
                f"CREATE TRIGGER audit_events_no_{way} BEFORE {way} ON audit_events {condition}"
                " BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
            )
    connection.close()
    faults = (await sqlite_room.check()).faults
    assert [(one.kind.value, one.first) for one in faults] == [("guard-missing", 2)]


async def test_a_function_that_refuses_nothing_is_missed(postgres_url: str) -> None:
    async with furnished(postgres_url) as room:
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            query = "SELECT pg_get_functiondef('refuse_to_change_audit'::regproc)"
            [whole] = admin.execute(query).fetchone() or [""]
            admin.execute(
                "CREATE OR REPLACE FUNCTION refuse_to_change_audit() RETURNS trigger"
                " LANGUAGE plpgsql AS $$ BEGIN RETURN OLD; END $$"
            )
            faults = (await room.check()).faults
            admin.execute(whole)  # the database is used again
        assert [(one.kind.value, one.first) for one in faults] == [("guard-missing", 6)]


async def test_an_erasure_that_nobody_tells_of_is_found(room: Room, database: Database) -> None:
    await database.write(erase_some, OTHER_NUMBER, 0)
    kinds = {fault.kind.value for fault in (await room.check()).faults}
    assert kinds == {"entry-erased"}


# ── What only SQLite allows, and what only SQLite shows ──────────────────────────────────────


@pytest.fixture
async def sqlite_room(sqlite_url: str) -> AsyncIterator[Room]:
    async with furnished(sqlite_url) as room:
        yield room


@pytest.mark.parametrize(
    "change",
    [
        "at = 'yesterday'",
        "at = 5",
        "details = '{'",
        "details = '[]'",
        "door = 'window'",
        "actor = 5.5",
        "actor = CAST(X'ff' AS TEXT)",
        "format = 'x'",
        "salt = 'text'",
    ],
)
async def test_a_row_that_can_not_be_read_is_one_that_is_gone(
    sqlite_room: Room, change: str
) -> None:
    number = sqlite_room.intruder.numbers[3]
    statement = f"UPDATE audit_events SET {change} WHERE sequence = ?"  # noqa: S608 - ours
    sqlite_room.intruder.do(statement, number)
    faults = (await sqlite_room.check()).faults
    assert [(one.kind.value, one.first, one.last) for one in faults] in (
        [("entry-missing", number, number)],
        [("entry-changed", number, number)],
    )


@pytest.mark.parametrize("change", ["jws = CAST(X'ff' AS TEXT)", "jws = X'ff'", "digests = 'x'"])
async def test_a_seal_that_can_not_be_read_is_signed_by_nobody(
    sqlite_room: Room, change: str
) -> None:
    statement = f"UPDATE audit_seals SET {change} WHERE number = 2"  # noqa: S608 - ours
    sqlite_room.intruder.do(statement)
    faults = (await sqlite_room.check()).faults
    assert (faults[0].kind.value, faults[0].first) == ("seal-forged", 2)


async def test_rows_that_can_not_be_read_do_not_hide_what_is_to_be_sealed_behind_them(
    sqlite_room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_sealing, "MOST_ENTRIES", 2)
    for _ in range(4):
        await sqlite_room.records.audit.record(download())
    behind = sqlite_room.intruder.numbers[-1]
    sqlite_room.intruder.do(
        "UPDATE audit_events SET details = '{' WHERE sequence BETWEEN ? AND ?", behind, behind + 3
    )
    assert await sqlite_room.sealer.seal_all() == 1


async def test_two_entries_of_one_number_are_one_too_many(sqlite_room: Room) -> None:
    intruder = sqlite_room.intruder
    number = intruder.numbers[3]
    with intruder.without_triggers() as execute:
        execute("ALTER TABLE audit_events RENAME TO sealed", ())
        execute("CREATE TABLE audit_events AS SELECT * FROM sealed", ())
        execute("INSERT INTO audit_events SELECT * FROM sealed WHERE sequence = ?", (number,))
    faults = (await sqlite_room.check()).faults
    assert ("entry-added", number) in [(one.kind.value, one.first) for one in faults]


async def test_the_last_entry_is_missed_though_it_had_no_seal(sqlite_room: Room) -> None:
    last = sqlite_room.intruder.numbers[-1]
    sqlite_room.intruder.do("DELETE FROM audit_events WHERE sequence = ?", last)
    faults = (await sqlite_room.check()).faults
    assert [(one.kind.value, one.first, one.what) for one in faults] == [("log-cut", last, "entry")]


async def test_an_entry_that_went_before_it_was_sealed_leaves_a_gap(sqlite_room: Room) -> None:
    last = sqlite_room.intruder.numbers[-1]
    sqlite_room.intruder.do("DELETE FROM audit_events WHERE sequence = ?", last)
    await sqlite_room.records.audit.record(download())
    await sqlite_room.sealer.seal_all()
    faults = (await sqlite_room.check()).faults
    assert [(one.kind.value, one.first) for one in faults] == [("number-skipped", last)]
