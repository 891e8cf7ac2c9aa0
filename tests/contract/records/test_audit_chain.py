"""The audit log's rows: kept, sealed while many write, and freed of names without a trace."""

import asyncio
from typing import NoReturn

import psycopg
import pytest
from alembic import command
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError

from tests.audit_heads import MemoryHeads
from tests.clock import MovableClock
from tests.contract.records.scenario import NOW, NUMBER, OTHER_NUMBER, after
from transfer.core.access import Door
from transfer.core.audit_chain import PATIENCE
from transfer.core.audit_check import ERASURE
from transfer.core.audit_entries import ERASED
from transfer.core.cases import CaseNumber
from transfer.engine.audit_sealing import AuditSealer
from transfer.engine.audit_signatures import SealKeys, SealSigner
from transfer.engine.audit_verification import AuditReport, AuditVerification
from transfer.ports import AuditEvent, KeptSeal, Records
from transfer.records import audit, migrate
from transfer.records.assembly import open_records
from transfer.records.database import Database
from transfer.records.tables import audit_events

SIGNER = SealSigner(bytes(32))


def download(number: CaseNumber = NUMBER, path: str = "jane/core.gz") -> AuditEvent:
    return AuditEvent(
        at=NOW,
        action="file.downloaded",
        actor="Jane Doe",
        case_number=number,
        subject="f00d",
        door=Door.HTTP,
        address="192.0.2.7",
        details={"path": path, "size": 5, "sha256": "ab" * 32},
    )


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(NOW)


@pytest.fixture
def sealer(records: Records, clock: MovableClock) -> AuditSealer:
    return AuditSealer(records.audit_chain, SIGNER, clock, heads=MemoryHeads())


async def check(records: Records) -> AuditReport:
    keys = SealKeys([SIGNER.public_key()])
    return await AuditVerification(records.audit_chain, keys).run()


# ── Append-only ──────────────────────────────────────────────────────────────────────────────


CHANGES = (
    "UPDATE audit_events SET actor = 'John Doe'",
    "UPDATE audit_events SET salt = NULL, address = NULL, actor = '(erased)'",
    "UPDATE audit_events SET salt = NULL, commitment = salt, address = NULL, action = 'x'",
    "UPDATE audit_events SET salt = NULL, commitment = salt, address = NULL, actor = 'x'",
    "UPDATE audit_events SET salt = NULL, commitment = salt",
    "DELETE FROM audit_events",
    "UPDATE audit_seals SET jws = 'x'",
    "DELETE FROM audit_seals",
)


async def test_rows_are_never_changed_or_deleted(
    database: Database, records: Records, sealer: AuditSealer
) -> None:
    await records.audit.record(download())
    await sealer.seal_all()

    def change(connection: Connection, statement: str) -> None:
        connection.execute(text(statement))

    for statement in CHANGES:
        with pytest.raises(DBAPIError, match="append-only"):
            await database.write(change, statement)
    assert (await check(records)).is_sound


@pytest.mark.parametrize("table", ["audit_events", "audit_seals"])
async def test_postgresql_refuses_to_empty_a_table(postgres_url: str, table: str) -> None:
    database = await Database.open(postgres_url)

    def empty(connection: Connection) -> None:
        connection.execute(text(f"TRUNCATE {table}"))

    with pytest.raises(DBAPIError, match="append-only"):
        await database.write(empty)
    await database.close()


def test_what_was_recorded_before_gets_a_salt_of_its_own(empty_url: str) -> None:
    with migrate.transaction(empty_url) as connection:
        command.upgrade(migrate.config(connection), "0012")
        for action in ("case.opened", "case.closed"):
            connection.execute(
                text(
                    "INSERT INTO audit_events (at, action, actor, details)"
                    " VALUES ('2026-03-02 09:00:00', :action, 'Jane', '{}')"
                ),
                {"action": action},
            )
    migrate.upgrade(empty_url)
    with migrate.transaction(empty_url) as connection:
        rows = connection.execute(select(audit_events.c.salt, audit_events.c.format)).all()
    assert [(len(row.salt), row.format) for row in rows] == [(16, 1), (16, 1)]
    assert len({row.salt for row in rows}) == 2


# ── Many writers ─────────────────────────────────────────────────────────────────────────────


async def test_with_many_writers_and_sealers_every_entry_is_sealed_once(
    url: str, clock: MovableClock
) -> None:
    nodes = [await Database.open(url) for _ in range(2)]
    node_records = [open_records(database) for database in nodes]
    writing = True

    async def write(records: Records, name: str) -> None:
        for number in range(25):
            await records.audit.record(download(path=f"{name}/{number}"))

    async def seal(records: Records) -> None:
        sealer = AuditSealer(records.audit_chain, SIGNER, clock, heads=MemoryHeads())
        while writing:
            await sealer.seal_all()
        await sealer.seal_all()

    sealing = [asyncio.create_task(seal(one)) for one in node_records]
    await asyncio.gather(*(write(one, f"{k}") for k in range(4) for one in node_records))
    writing = False
    await asyncio.gather(*sealing)
    report = await check(node_records[0])
    assert report.faults == ()
    assert (report.entries, report.unsealed) == (200, 0)
    for database in nodes:
        await database.close()


async def test_an_entry_that_commits_late_is_sealed_late(
    postgres_url: str, clock: MovableClock
) -> None:
    database = await Database.open(postgres_url)
    records = open_records(database)
    sealer = AuditSealer(records.audit_chain, SIGNER, clock, heads=MemoryHeads())
    with psycopg.connect(postgres_url) as slow:
        slow.execute(
            "INSERT INTO audit_events (at, action, actor, details)"
            " VALUES (now(), 'case.opened', 'Jane', '{}')"
        )
        await records.audit.record(download())
        assert await sealer.seal_all() == 1
        assert (await check(records)).is_sound
        slow.commit()
    report = await check(records)
    assert (report.is_sound, report.unsealed) == (True, 1)
    assert await sealer.seal_all() == 1
    report = await check(records)
    assert (report.is_sound, report.entries, report.unsealed) == (True, 2, 0)
    await database.close()


async def test_a_row_at_a_number_that_was_given_up_was_put_in_by_hand(
    postgres_url: str, clock: MovableClock
) -> None:
    database = await Database.open(postgres_url)
    records = open_records(database)
    sealer = AuditSealer(records.audit_chain, SIGNER, clock, heads=MemoryHeads())
    await records.audit.record(download())
    with pytest.raises(ZeroDivisionError):
        await database.write(_fail_after_adding)
    await records.audit.record(download())
    await sealer.seal_all()
    for _ in range(2):  # looked for in between, so that it is no jump of a clock
        clock.advance(PATIENCE / 2)
        await records.audit.record(download())
        await sealer.seal_all()
    assert (await check(records)).is_sound

    def put_in(connection: Connection) -> int:
        numbers = connection.scalars(select(audit_events.c.sequence)).all()
        skipped = min(set(range(min(numbers), max(numbers))) - set(numbers))
        connection.execute(
            text(
                "INSERT INTO audit_events (sequence, at, action, actor, details)"
                " VALUES (:number, now(), 'case.opened', 'Jane', '{}')"
            ),
            {"number": skipped},
        )
        return skipped

    skipped = await database.write(put_in)
    report = await check(records)
    assert [(one.kind.value, one.first) for one in report.faults] == [("entry-added", skipped)]
    await database.close()


async def test_on_sqlite_a_transaction_that_fails_leaves_no_gap(
    sqlite_url: str, clock: MovableClock
) -> None:
    database = await Database.open(sqlite_url)
    records = open_records(database)
    sealer = AuditSealer(records.audit_chain, SIGNER, clock, heads=MemoryHeads())
    writes = [
        asyncio.ensure_future(
            database.write(_fail_after_adding if number % 2 else audit.add, download())
        )
        for number in range(10)
    ]
    ends = await asyncio.gather(*writes, return_exceptions=True)
    assert sum(isinstance(end, ZeroDivisionError) for end in ends) == 5
    assert await sealer.seal_all() == 5
    report = await check(records)
    assert (report.faults, report.entries) == ((), 5)
    await database.close()


def _fail_after_adding(connection: Connection, event: AuditEvent | None = None) -> NoReturn:
    audit.add(connection, event or download())
    raise ZeroDivisionError


# ── Erasing ──────────────────────────────────────────────────────────────────────────────────


async def test_names_go_and_what_happened_stays(records: Records, sealer: AuditSealer) -> None:
    await records.audit.record(download())
    await records.audit.record(download(OTHER_NUMBER))
    await sealer.seal_all()
    await records.audit.record(download())  # has no seal when it is erased
    assert await records.audit.erase_personal(NUMBER, after(5)) == 2
    *erased, told = await records.audit.events(NUMBER)
    for event in erased:
        assert (event.actor, event.address, event.subject) == (ERASED, None, "f00d")
        assert event.details == {"size": 5, "sha256": "ab" * 32}
        assert (event.at, event.action, event.door) == (NOW, "file.downloaded", Door.HTTP)
    assert (told.action, told.actor, told.at) == (ERASURE, "service", after(5))
    assert told.details["entries"] == 2
    assert await records.audit.events(OTHER_NUMBER) == [download(OTHER_NUMBER)]
    report = await check(records)
    assert (report.faults, report.erased, report.unsealed) == ((), 2, 2)
    await sealer.seal_all()
    assert (await check(records)).faults == ()


async def test_erasing_again_finds_nothing(records: Records) -> None:
    await records.audit.record(download())
    assert await records.audit.erase_personal(NUMBER, NOW) == 1
    assert await records.audit.erase_personal(NUMBER, NOW) == 0
    assert await records.audit.erase_personal(OTHER_NUMBER, NOW) == 0
    assert len(await records.audit.events()) == 2


async def test_very_many_entries_are_erased_by_several_at_once_each_only_once(
    records: Records,
) -> None:
    await asyncio.gather(*(records.audit.record(download()) for _ in range(202)))
    counts = await asyncio.gather(*(records.audit.erase_personal(NUMBER, NOW) for _ in range(3)))
    assert sum(counts) == 202
    events = await records.audit.events(NUMBER)
    told = [event.details["entries"] for event in events if event.action == ERASURE]
    assert sum(told) == 202
    assert {event.actor for event in events} == {ERASED, "service"}
    assert (await check(records)).faults == ()


# ── Seals ────────────────────────────────────────────────────────────────────────────────────


async def test_of_two_seals_of_one_number_the_first_stays(records: Records) -> None:
    chain = records.audit_chain
    assert await chain.head() is None
    first = KeptSeal(number=1, jws="a", digests=b"b")
    assert await chain.add(first)
    assert not await chain.add(KeptSeal(number=1, jws="c", digests=b"d"))
    assert await chain.head() == first
    assert await chain.seals(0, 5) == [first]
    assert await chain.seals(1, 5) == []
