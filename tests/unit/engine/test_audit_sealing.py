"""The sealer, upon real records, with a clock that stands still."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

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
def kept() -> list[KeptSeal]:
    return []


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def sealer(records: Records, clock: MovableClock, kept: list[KeptSeal]) -> AuditSealer:
    return AuditSealer(records.audit_chain, SIGNER, clock, keep=kept.append)


async def note(records: Records, count: int = 1) -> None:
    for _ in range(count):
        await records.audit.record(
            AuditEvent(at=START, action="case.opened", actor="Jane", case_number=NUMBER)
        )


async def test_what_was_committed_is_sealed_and_the_seal_kept_elsewhere(
    records: Records, sealer: AuditSealer, kept: list[KeptSeal]
) -> None:
    await note(records, 3)
    assert await sealer.seal_all() == 3
    assert await sealer.seal_all() == 0
    await note(records)
    assert await sealer.seal_all() == 1
    assert [one.number for one in kept] == [1, 2]
    assert await records.audit_chain.head() == kept[-1]
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
        AuditSealer(records.audit_chain, SIGNER, clock, keep=lambda _: None) for _ in range(4)
    ]
    for _ in range(5):
        await note(records, 3)
        await asyncio.gather(*(sealer.seal_all() for sealer in sealers))
    report = await AuditVerification(records.audit_chain, KEYS).run()
    assert (report.is_sound, report.entries, report.unsealed) == (True, 15, 0)


async def test_behind_a_seal_of_another_key_the_chain_goes_on_and_a_check_tells(
    records: Records, clock: MovableClock, sealer: AuditSealer
) -> None:
    other = AuditSealer(records.audit_chain, SealSigner(b"\x01" * 32), clock, keep=lambda _: None)
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
    records: Records, clock: MovableClock, kept: list[KeptSeal]
) -> None:
    failures = [OSError(28, "No space left on device"), RecordsUnavailableError("Away.")]
    sealer = AuditSealer(_Away(records.audit_chain, failures), SIGNER, clock, keep=kept.append)
    await note(records)
    with capture_logs() as logs:
        running = asyncio.create_task(sealer.run())
        for _ in range(2):
            await clock.wait_for_sleepers()
            clock.advance(timedelta(seconds=10))
        await clock.wait_for_sleepers()
        running.cancel()
    assert [line["event"] for line in logs][:2] == ["audit.not-sealed", "audit.seal-not-kept"]
    assert len(kept) == 1


def test_only_a_seal_of_a_known_key_is_opened() -> None:
    assert KEYS.open("") is None
    assert KEYS.open(ReceiptSigner(bytes(32)).sign("{}")) is None
    assert read("") is None
    assert read(ReceiptSigner(bytes(32)).sign("{}")) is None


def test_what_are_no_keys_is_refused() -> None:
    for key in ({}, {"kty": "OKP"}, {"kty": "unknown"}):
        with pytest.raises(InvalidRequestError, match="no set of public keys"):
            SealKeys([key])
