"""The change to another master key."""

import itertools
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.clock import MovableClock
from tests.keys import ShellKms, destroy_key
from tests.sqlite import sqlite_records
from transfer.casebridge.embedded import EmbeddedCaseCore
from transfer.core.cases import Case, CaseId
from transfer.core.errors import StoreUnavailableError
from transfer.core.uploads import UploadId, object_key
from transfer.keys.command import MasterKeyCommand
from transfer.keys.masters import MasterKeyChain, MasterKeyFile
from transfer.keys.ring import CaseKeyRing
from transfer.keys.rotation import MasterKeyRotation, Rotation
from transfer.ports import CaseKeyRecords, KeptKey, MasterKeys, Records, WrappedKey

OLD, NEW = MasterKeyFile(bytes(32)), MasterKeyFile(bytes([7]) * 32)
BOTH = MasterKeyChain([NEW, OLD])


class Cases:
    """Cases with keys, and what they are read by."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self.clock = MovableClock()
        self._names = itertools.count(1)

    def ring(self, masters: MasterKeys) -> CaseKeyRing:
        return CaseKeyRing(
            records=self.records.case_keys,
            masters=masters,
            clock=self.clock,
        )

    async def with_keys(self, count: int, masters: MasterKeys = OLD) -> list[Case]:
        core = EmbeddedCaseCore(
            records=self.records, clock=self.clock, new_id=lambda: f"case-{next(self._names):03}"
        )
        cases = [await core.open("Trace", "ACME", "ada") for _ in range(count)]
        for case in cases:
            await self.ring(masters).for_writing(object_of(case))
        return cases

    async def keys_by(self, masters: MasterKeys, cases: list[Case]) -> list[bytes | None]:
        return [await self.ring(masters).for_reading(object_of(case)) for case in cases]


def object_of(case: Case) -> str:
    return object_key(case.id, UploadId("upload"), 1, keyed=True)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Cases]:
    async with sqlite_records(tmp_path) as records:
        yield Cases(records)


async def test_after_a_rotation_the_new_master_key_alone_opens_the_same_keys(
    world: Cases,
) -> None:
    cases = await world.with_keys(5)
    before = await world.keys_by(OLD, cases)
    rotation = MasterKeyRotation(world.records.case_keys, BOTH, page_size=2)
    assert await rotation.run() == Rotation(NEW.id, 5, 0)
    assert await world.keys_by(NEW, cases) == before
    with pytest.raises(StoreUnavailableError):
        await world.keys_by(OLD, cases)
    assert await world.records.case_keys.counts() == ({NEW.id: 5}, 0)


async def test_a_rotation_that_is_repeated_has_nothing_left_to_do(world: Cases) -> None:
    await world.with_keys(2)
    await MasterKeyRotation(world.records.case_keys, BOTH).run()
    assert await MasterKeyRotation(world.records.case_keys, BOTH).run() == Rotation(NEW.id, 0, 0)


async def test_keys_go_from_a_file_to_a_kms_and_back(world: Cases, tmp_path: Path) -> None:
    cases = await world.with_keys(2)
    before = await world.keys_by(OLD, cases)
    kms = MasterKeyCommand(ShellKms(tmp_path).program, timedelta(seconds=20))
    there = MasterKeyChain([kms, OLD])
    assert (await MasterKeyRotation(world.records.case_keys, there).run()).rewrapped == 2
    assert await world.keys_by(kms, cases) == before
    back = MasterKeyChain([NEW, kms])
    assert (await MasterKeyRotation(world.records.case_keys, back).run()).rewrapped == 2
    assert await world.keys_by(NEW, cases) == before


async def test_a_key_that_was_destroyed_stays_destroyed(world: Cases) -> None:
    _, gone = await world.with_keys(2)
    assert await destroy_key(world.records, gone.id, world.clock.now())
    assert (await MasterKeyRotation(world.records.case_keys, BOTH).run()).rewrapped == 1
    assert await world.records.case_keys.counts() == ({NEW.id: 1}, 1)
    found = await world.records.case_keys.find(gone.id)
    assert found is not None
    assert found.wrapped is None


async def test_a_key_that_can_not_be_opened_is_told_and_left_as_it_is(world: Cases) -> None:
    stranger = MasterKeyFile(bytes([9]) * 32)
    (lost,) = await world.with_keys(1, stranger)
    await world.with_keys(2)
    assert await MasterKeyRotation(world.records.case_keys, BOTH).run() == Rotation(NEW.id, 2, 1)
    assert await world.keys_by(stranger, [lost])


async def test_a_rotation_ends_when_key_after_key_fails(world: Cases) -> None:
    await world.with_keys(12, MasterKeyFile(bytes([9]) * 32))
    assert await MasterKeyRotation(world.records.case_keys, BOTH).run() == Rotation(NEW.id, 0, 10)


class Forgetful:
    """Opens what was wrapped, and gives back nothing of what it wraps itself."""

    async def current(self) -> str:
        return NEW.id

    async def wrap(self, _case_id: CaseId, _key: bytes) -> WrappedKey:
        return WrappedKey(master=NEW.id, sealed=b"lost")

    async def unwrap(self, case_id: CaseId, wrapped: WrappedKey) -> bytes:
        return b"lost" if wrapped.sealed == b"lost" else await OLD.unwrap(case_id, wrapped)


class Lying(Forgetful):
    """Gives another key than was wrapped."""

    async def unwrap(self, _case_id: CaseId, _wrapped: WrappedKey) -> bytes:
        return bytes(32)


@pytest.mark.parametrize("masters", [Forgetful(), Lying()])
async def test_a_good_wrapping_is_never_given_up_for_a_bad_one(
    world: Cases, masters: MasterKeys
) -> None:
    cases = await world.with_keys(1)
    assert (await MasterKeyRotation(world.records.case_keys, masters).run()).failed == 1
    assert await world.keys_by(OLD, cases)


class Late:
    """Records whose page is older than the present: its key was destroyed since."""

    def __init__(self, records: Records) -> None:
        self._all = records
        self._records = records.case_keys

    def __getattr__(self, name: str) -> object:
        return getattr(self._records, name)

    async def wrapped_by_others(
        self, master: str, *, after: CaseId | None, limit: int
    ) -> list[KeptKey]:
        page = await self._records.wrapped_by_others(master, after=after, limit=limit)
        for kept in page:
            await destroy_key(self._all, kept.case_id, kept.created_at)
        return page


async def test_a_key_that_is_destroyed_meanwhile_does_not_come_back(world: Cases) -> None:
    (case,) = await world.with_keys(1)
    late: CaseKeyRecords = Late(world.records)  # type: ignore[assignment]  # by __getattr__
    await MasterKeyRotation(late, BOTH).run()
    found = await world.records.case_keys.find(case.id)
    assert found is not None
    assert found.wrapped is None
