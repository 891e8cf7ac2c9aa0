"""The keys of cases: one a case, made once, handed out, destroyed."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import Connection, update

from tests.clock import MovableClock
from tests.keys import destroy_key
from tests.sqlite import sqlite_records
from transfer.casebridge.embedded import EmbeddedCaseCore
from transfer.core.cases import Case, CaseId, Status
from transfer.core.errors import (
    EntryMissingError,
    KeyUnavailableError,
    StoreUnavailableError,
    UploadGoneError,
)
from transfer.core.uploads import UploadId, object_key
from transfer.keys.masters import MasterKeyFile
from transfer.keys.ring import CaseKeyRing, fingerprint
from transfer.ports import AuditEvent, DeletionClaim, Records, WrappedKey
from transfer.records.case_keys import SqlCaseKeyRecords
from transfer.records.tables import cases

MASTER = MasterKeyFile(bytes(32))
AT_HAND = timedelta(minutes=5)


class CountingMaster:
    """A master key that counts, can be away, and can give back something else."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.is_away = False
        self.gives: bytes | None = None
        self.problem = StoreUnavailableError("The master key's command can't be run.")

    async def current(self) -> str:
        return MASTER.id

    async def wrap(self, case_id: CaseId, key: bytes) -> WrappedKey:
        self._called("wrap")
        return await MASTER.wrap(case_id, key)

    async def unwrap(self, case_id: CaseId, wrapped: WrappedKey) -> bytes:
        self._called("unwrap")
        return self.gives or await MASTER.unwrap(case_id, wrapped)

    def _called(self, what: str) -> None:
        self.calls.append(what)
        if self.is_away:
            raise self.problem


@dataclass
class Bunch:
    records: Records
    clock: MovableClock
    case: Case
    core: EmbeddedCaseCore
    master: CountingMaster

    def ring(self, most_at_hand: int = 100) -> CaseKeyRing:
        return CaseKeyRing(
            records=self.records.case_keys,
            masters=self.master,
            clock=self.clock,
            most_at_hand=most_at_hand,
        )

    @property
    def object(self) -> str:
        return object_key(self.case.id, UploadId("upload"), 1, keyed=True)

    async def being_purged(self) -> None:
        closed = await self.core.close(self.case.number, None, "ada")
        await self.records.cases.start_purge(
            closed.number, expected_version=closed.version, now=self.clock.now()
        )

    async def called_off(self) -> None:
        """Have another case core reopen the case."""
        rows = cast(SqlCaseKeyRecords, self.records.case_keys)._database
        await rows.write(_reopen_elsewhere)
        number, now = self.case.number, self.clock.now()
        claim = DeletionClaim(number=number, worker="test", until=now)
        assert await self.records.deletions.claim(claim, now)
        noted = AuditEvent(at=now, action="x", actor="retention", case_number=number)
        assert await self.records.deletions.call_off(claim, noted)

    async def destroyed(self) -> None:
        assert await destroy_key(self.records, self.case.id, self.clock.now())


def _reopen_elsewhere(connection: Connection) -> None:
    connection.execute(update(cases).values(status=Status.OPEN, closed_at=None))


@pytest.fixture
async def bunch(tmp_path: Path) -> AsyncIterator[Bunch]:
    clock = MovableClock()
    async with sqlite_records(tmp_path) as records:
        core = EmbeddedCaseCore(records=records, clock=clock, new_id=lambda: "case")
        case = await core.open("Trace of a hanging node", "ACME", "ada")
        yield Bunch(records, clock, case, core, CountingMaster())


async def made(bunch: Bunch) -> bytes:
    key = await bunch.ring().for_writing(bunch.object)
    assert key is not None
    return key


async def test_a_case_gets_one_key_and_every_process_the_same(bunch: Bunch) -> None:
    ring = bunch.ring()
    key = await ring.for_writing(bunch.object)
    assert key is not None
    assert len(key) == 32
    assert await ring.for_reading(f"{bunch.object}.tail.7") == key
    assert await bunch.ring().for_reading(bunch.object) == key
    assert await bunch.ring().for_writing(bunch.object) == key


async def test_another_case_gets_another_key(bunch: Bunch) -> None:
    core = EmbeddedCaseCore(records=bunch.records, clock=bunch.clock, new_id=lambda: "another")
    another = await core.open("Another", "ACME", "ada")
    other_object = object_key(another.id, UploadId("upload"), 1, keyed=True)
    assert await bunch.ring().for_writing(other_object) != await made(bunch)


async def test_an_object_that_is_not_encrypted_needs_no_key_and_asks_nobody(bunch: Bunch) -> None:
    plain = object_key(bunch.case.id, UploadId("upload"), 1)
    ring = bunch.ring()
    assert await ring.for_reading(plain) is None
    assert await ring.for_writing(plain) is None
    assert bunch.master.calls == []
    assert await bunch.records.case_keys.find(bunch.case.id) is None


async def test_of_many_at_once_one_makes_the_key_and_all_get_it(bunch: Bunch) -> None:
    rings = [bunch.ring() for _ in range(3)]
    keys = await asyncio.gather(*(ring.for_writing(bunch.object) for ring in rings * 5))
    assert len(set(keys)) == 1
    assert bunch.master.calls.count("wrap") <= 3  # one a process at the most
    kept = await bunch.records.case_keys.find(bunch.case.id)
    assert kept is not None
    assert kept.fingerprint == fingerprint(keys[0] or b"")


async def test_a_key_is_at_hand_for_five_minutes_and_then_asked_for_anew(bunch: Bunch) -> None:
    ring = bunch.ring()
    await ring.for_writing(bunch.object)
    bunch.master.calls.clear()
    bunch.clock.advance(AT_HAND - timedelta(seconds=1))
    await ring.for_reading(bunch.object)
    assert bunch.master.calls == []
    bunch.clock.advance(1)
    await ring.for_reading(bunch.object)
    assert bunch.master.calls == ["unwrap"]


async def test_only_so_many_keys_are_at_hand(bunch: Bunch) -> None:
    ring, objects = bunch.ring(most_at_hand=2), []
    names = itertools.count(1)
    core = EmbeddedCaseCore(
        records=bunch.records, clock=bunch.clock, new_id=lambda: f"case-{next(names)}"
    )
    for _ in range(3):
        case = await core.open("Another", "ACME", "ada")
        objects.append(object_key(case.id, UploadId("upload"), 1, keyed=True))
        await ring.for_writing(objects[-1])
    bunch.master.calls.clear()
    await ring.for_reading(objects[2])
    await ring.for_reading(objects[1])
    assert bunch.master.calls == []
    await ring.for_reading(objects[0])
    assert bunch.master.calls == ["unwrap"]


async def test_the_records_have_the_key_wrapped_only(bunch: Bunch) -> None:
    key = await made(bunch)
    kept = await bunch.records.case_keys.find(bunch.case.id)
    assert kept is not None
    assert kept.wrapped is not None
    assert key not in kept.wrapped.sealed
    assert key.hex() not in repr(kept)
    assert kept.wrapped.sealed.hex() not in repr(kept)


async def test_nothing_is_stored_under_a_key_that_can_not_be_had_back(bunch: Bunch) -> None:
    bunch.master.gives = bytes(32)
    with pytest.raises(StoreUnavailableError, match="give back"):
        await bunch.ring().for_writing(bunch.object)
    assert await bunch.records.case_keys.find(bunch.case.id) is None


async def test_a_master_key_that_gives_another_key_is_not_believed(bunch: Bunch) -> None:
    await made(bunch)
    bunch.master.gives = bytes(32)
    with pytest.raises(StoreUnavailableError, match="another key"):
        await bunch.ring().for_reading(bunch.object)


async def test_while_the_master_key_is_away_keys_at_hand_go_on_and_others_wait(
    bunch: Bunch,
) -> None:
    ring = bunch.ring()
    key = await ring.for_writing(bunch.object)
    bunch.master.is_away = True
    assert await ring.for_writing(bunch.object) == key
    with pytest.raises(StoreUnavailableError):
        await bunch.ring().for_reading(bunch.object)
    bunch.master.is_away = False
    assert await bunch.ring().for_reading(bunch.object) == key


async def test_a_master_key_that_fails_is_not_asked_by_each_who_waits(bunch: Bunch) -> None:
    bunch.master.problem = KeyUnavailableError("The master key's command takes too long.")
    ring, key = bunch.ring(), object_key(bunch.case.id, UploadId("upload"), 1, keyed=True)
    bunch.master.is_away = True
    answers = await asyncio.gather(
        *(ring.for_writing(key) for _ in range(9)), return_exceptions=True
    )
    assert {type(answer) for answer in answers} == {KeyUnavailableError}
    assert bunch.master.calls == ["wrap"]
    bunch.master.is_away = False
    with pytest.raises(KeyUnavailableError, match="too long"):
        await ring.for_writing(key)
    bunch.clock.advance(5)
    assert await ring.for_writing(key)


async def test_without_a_master_key_what_is_encrypted_can_not_be_used(bunch: Bunch) -> None:
    await made(bunch)
    ring = CaseKeyRing(records=bunch.records.case_keys, masters=None, clock=bunch.clock)
    with pytest.raises(StoreUnavailableError, match="no master key"):
        await ring.for_reading(bunch.object)


async def test_what_never_had_a_key_can_not_be_read(bunch: Bunch) -> None:
    with pytest.raises(EntryMissingError):
        await bunch.ring().for_reading(bunch.object)


# ── The end of a key ─────────────────────────────────────────────────────────────────────────


async def test_a_key_that_was_destroyed_is_nobody_s_any_more(bunch: Bunch) -> None:
    key, ring = await made(bunch), bunch.ring()
    await ring.for_reading(bunch.object)
    await bunch.being_purged()
    for _ in range(2):
        assert await ring.forget(bunch.case) == fingerprint(key)
        await destroy_key(bunch.records, bunch.case.id, bunch.clock.now())
    for each in (ring, bunch.ring()):
        with pytest.raises(EntryMissingError):
            await each.for_reading(bunch.object)
        with pytest.raises(UploadGoneError):
            await each.for_writing(bunch.object)
    kept = await bunch.records.case_keys.find(bunch.case.id)
    assert kept is not None
    assert kept.wrapped is None


async def test_which_key_it_was_is_told_without_a_master_key(bunch: Bunch) -> None:
    key = await made(bunch)
    bunch.master.is_away = True
    assert await bunch.ring().forget(bunch.case) == fingerprint(key)


async def test_a_case_without_a_key_has_none_to_forget(bunch: Bunch) -> None:
    assert await bunch.ring().forget(bunch.case) is None
    assert await bunch.records.case_keys.find(bunch.case.id) is None


async def test_a_case_whose_data_is_being_deleted_gets_no_key(bunch: Bunch) -> None:
    await bunch.being_purged()
    with pytest.raises(UploadGoneError):
        await bunch.ring().for_writing(bunch.object)
    nobody = object_key(CaseId("nobody"), UploadId("upload"), 1, keyed=True)
    with pytest.raises(UploadGoneError):
        await bunch.ring().for_writing(nobody)


async def test_a_case_that_takes_files_again_gets_another_key_when_nobody_has_the_old_one(
    bunch: Bunch,
) -> None:
    key, ring = await made(bunch), bunch.ring()
    await bunch.being_purged()
    await ring.forget(bunch.case)
    await bunch.destroyed()
    with pytest.raises(UploadGoneError):
        await ring.for_writing(bunch.object)
    await bunch.called_off()
    for _ in range(2):
        with pytest.raises(StoreUnavailableError, match="called off"):
            await ring.for_writing(bunch.object)
        bunch.clock.advance(AT_HAND)
    bunch.clock.advance(1)
    another = await ring.for_writing(bunch.object)
    assert another is not None
    assert another != key
    assert await bunch.ring().for_reading(bunch.object) == another


async def test_another_process_may_read_for_as_long_as_it_has_a_key_at_hand(bunch: Bunch) -> None:
    key, other = await made(bunch), bunch.ring()
    await other.for_reading(bunch.object)
    await bunch.destroyed()
    assert await other.for_reading(bunch.object) == key
    bunch.clock.advance(AT_HAND)
    with pytest.raises(EntryMissingError):
        await other.for_reading(bunch.object)
