"""The sealer, upon real records, with a clock that stands still."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.audit_heads import MemoryHeads
from tests.clock import START, MovableClock
from tests.sqlite import sqlite_records
from transfer.core.cases import CaseNumber
from transfer.core.errors import ConflictError, InvalidRequestError, RecordsUnavailableError
from transfer.engine.audit_sealing import AuditSealer
from transfer.engine.audit_signatures import SealKeys, SealSigner, read
from transfer.engine.audit_verification import AuditVerification
from transfer.engine.receipts import ReceiptSigner
from transfer.ports import AuditChain, AuditEvent, KeptSeal, Records

SIGNER = SealSigner(bytes(32))
KEYS = SealKeys([SIGNER.public_key()])
NUMBER = CaseNumber("0003256109")


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    async with sqlite_records(tmp_path) as records:
        yield records


@pytest.fixture
def heads() -> MemoryHeads:
    return MemoryHeads()


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def sealer(records: Records, clock: MovableClock, heads: MemoryHeads) -> AuditSealer:
    return AuditSealer(records.audit_chain, SIGNER, clock, heads=heads)


async def note(records: Records, count: int = 1) -> None:
    for _ in range(count):
        await records.audit.record(
            AuditEvent(at=START, action="case.opened", actor="Jane", case_number=NUMBER)
        )


async def test_what_was_committed_is_sealed_and_the_seal_kept_elsewhere(
    records: Records, sealer: AuditSealer, heads: MemoryHeads
) -> None:
    await note(records, 3)
    assert await sealer.seal_all() == 3
    assert await sealer.seal_all() == 0
    await note(records)
    assert await sealer.seal_all() == 1
    assert [one.number for one in heads.kept] == [1, 2]
    assert await records.audit_chain.head() == heads.kept[-1]
    report = await AuditVerification(records.audit_chain, KEYS).run()
    assert (report.is_sound, report.entries, report.unsealed) == (True, 4, 0)


async def test_very_many_entries_get_more_than_one_seal(
    records: Records, sealer: AuditSealer
) -> None:
    await asyncio.gather(*(note(records) for _ in range(1001)))
    assert await sealer.seal_all() == 1001
    assert [one.number for one in await records.audit_chain.seals(0, 10)] == [1, 2]


async def test_of_two_sealers_at_once_each_entry_gets_one_seal(
    records: Records, clock: MovableClock
) -> None:
    sealers = [
        AuditSealer(records.audit_chain, SIGNER, clock, heads=MemoryHeads()) for _ in range(4)
    ]
    for _ in range(5):
        await note(records, 3)
        await asyncio.gather(*(sealer.seal_all() for sealer in sealers))
    report = await AuditVerification(records.audit_chain, KEYS).run()
    assert (report.is_sound, report.entries, report.unsealed) == (True, 15, 0)


async def test_behind_a_seal_of_another_key_the_chain_goes_on_and_a_check_tells(
    records: Records, clock: MovableClock, sealer: AuditSealer
) -> None:
    other = AuditSealer(records.audit_chain, SealSigner(b"\x01" * 32), clock, heads=MemoryHeads())
    await note(records)
    await other.seal_all()
    await note(records)
    with capture_logs() as logs:
        assert await sealer.seal_all() == 1
    assert "audit.sealed-by-another-key" in [line["event"] for line in logs]
    report = await AuditVerification(records.audit_chain, KEYS).run()
    assert [fault.kind.value for fault in report.faults] == ["seal-forged"]
    both = SealKeys([SIGNER.public_key(), other.public_key()])
    assert (await AuditVerification(records.audit_chain, both).run()).is_sound


@pytest.mark.parametrize("is_a_copy", [False, True])
async def test_nothing_is_sealed_behind_what_is_no_seal(
    records: Records, sealer: AuditSealer, is_a_copy: bool
) -> None:
    await note(records)
    await sealer.seal_all()
    first = await records.audit_chain.head()
    assert first is not None
    jws = first.jws if is_a_copy else "x"
    await records.audit_chain.add(KeptSeal(number=2, jws=jws, digests=b""))
    await note(records)
    with pytest.raises(ConflictError, match="audit verify"):
        await sealer.seal_all()


class _Away:
    """A chain whose database is away, or whose seals can't be kept, a few times."""

    def __init__(self, chain: AuditChain, failures: list[Exception]) -> None:
        self._chain = chain
        self.failures = failures

    async def head(self) -> KeptSeal | None:
        if self.failures:
            raise self.failures.pop()
        return await self._chain.head()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- whatever the chain has
        return getattr(self._chain, name)


async def test_sealing_goes_on_after_a_failure(
    records: Records, clock: MovableClock, heads: MemoryHeads
) -> None:
    failures = [
        OverflowError("Python int too large"),
        OSError(28, "No space left on device"),
        RecordsUnavailableError("Away."),
    ]
    sealer = AuditSealer(_Away(records.audit_chain, failures), SIGNER, clock, heads=heads)
    await note(records)
    with capture_logs() as logs:
        running = asyncio.create_task(sealer.run())
        for _ in range(3):
            await clock.wait_for_sleepers()
            clock.advance(timedelta(seconds=10))
        await clock.wait_for_sleepers()
        running.cancel()
    told = [line["event"] for line in logs if line["log_level"] == "error"]
    assert told == ["audit.not-sealed", "audit.seal-not-kept", "audit.sealing-crashed"]
    assert len(heads.kept) == 1


class _Cut:
    """A chain whose owner takes the last seals away, as far as it is `left`."""

    def __init__(self, chain: AuditChain) -> None:
        self._chain = chain
        self.left = 2**62

    async def head(self) -> KeptSeal | None:
        page = [one for one in await self._chain.seals(0, 100) if one.number <= self.left]
        return page[-1] if page else None

    async def seals(self, after: int, limit: int) -> list[KeptSeal]:
        return [one for one in await self._chain.seals(after, limit) if one.number <= self.left]

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- whatever the chain has
        return getattr(self._chain, name)


@pytest.mark.parametrize("is_same_process", [False, True])
@pytest.mark.parametrize("left", [0, 1])
async def test_a_seal_that_is_gone_is_told_once_and_set_aside_before_the_next_is_made(
    records: Records, clock: MovableClock, is_same_process: bool, left: int
) -> None:
    chain, heads = _Cut(records.audit_chain), MemoryHeads()
    first = AuditSealer(chain, SIGNER, clock, heads=heads)
    for _ in range(2):
        await note(records)
        await first.seal_all()
    made = KEYS.open(heads.kept[-1].jws)
    chain.left = left
    if is_same_process:  # only its memory has it
        heads = MemoryHeads()
        first._heads = heads
    sealer = first if is_same_process else AuditSealer(chain, SIGNER, clock, heads=heads)
    with capture_logs() as logs:
        await sealer.seal_some()
        await sealer.seal_some()
    assert [one["seal"] for one in logs if one["event"] == "audit.cut"] == [2]
    assert heads.aside == [made]


async def test_a_seal_that_another_node_made_is_missed_as_well(
    records: Records, clock: MovableClock, sealer: AuditSealer, heads: MemoryHeads
) -> None:
    chain = _Cut(records.audit_chain)
    sealer = AuditSealer(chain, SIGNER, clock, heads=heads)
    other = AuditSealer(records.audit_chain, SIGNER, clock, heads=MemoryHeads())
    await note(records)
    await other.seal_all()
    await sealer.seal_all()
    chain.left = 0
    with capture_logs() as logs:
        await sealer.seal_some()
    assert "audit.cut" in [one["event"] for one in logs]


async def test_a_seal_is_missed_where_another_of_its_number_stands(
    records: Records, clock: MovableClock, sealer: AuditSealer, heads: MemoryHeads
) -> None:
    await note(records)
    other = AuditSealer(records.audit_chain, SIGNER, clock, heads=MemoryHeads())
    await other.seal_all()
    [standing] = await records.audit_chain.seals(0, 2)
    made = read(standing.jws)
    assert made is not None
    before = replace(made, sealed_at=made.sealed_at - timedelta(minutes=1))
    heads.keep(replace(standing, jws=SIGNER.sign(before)))
    with capture_logs() as logs:
        await sealer.seal_some()
    assert [one["seal"] for one in logs if one["event"] == "audit.cut"] == [1]
    assert heads.aside == [before]


async def test_what_is_kept_in_place_of_a_seal_stops_nothing(
    records: Records, sealer: AuditSealer, heads: MemoryHeads
) -> None:
    heads.keep(KeptSeal(number=1, jws="x", digests=b""))
    await note(records)
    assert await sealer.seal_all() == 1


def test_only_a_seal_of_a_known_key_is_opened() -> None:
    assert KEYS.open("") is None
    assert KEYS.open(ReceiptSigner(bytes(32)).sign("{}")) is None
    assert read("") is None
    assert read(ReceiptSigner(bytes(32)).sign("{}")) is None


def test_what_are_no_keys_is_refused() -> None:
    for key in ({}, {"kty": "OKP"}, {"kty": "unknown"}):
        with pytest.raises(InvalidRequestError, match="no set of public keys"):
            SealKeys([key])
