"""Receipts of deletions: signed, kept, shown, and checked."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.engine_room import ANALYST, NUMBER, EngineRoom, customer
from transfer.core.cases import CaseNumber
from transfer.core.deletion_receipts import DeletionFacts, Doomed
from transfer.core.errors import CaseMissingError, InvalidRequestError
from transfer.engine.deletion_receipts import check
from transfer.engine.receipts import ReceiptSigner
from transfer.ports import AuditEvent, CaseEvent, DeletionClaim, DeletionReceipt

GONE = Doomed(versions=1, size_bytes=5, keys=bytes(32), rows={"files": 1})


async def written(room: EngineRoom) -> DeletionReceipt:
    now = room.clock.now()
    facts = DeletionFacts(
        case_number=NUMBER,
        prefix="c/k3/",
        closed_at=now - timedelta(days=30),
        due_at=now,
        begun_at=now,
        proved_at=now,
        key_id=room.deletion_receipts.key_id,
    )
    return await room.deletion_receipts.write(facts, GONE)


async def kept(room: EngineRoom) -> DeletionReceipt:
    closed = await room.core.close(NUMBER, None, "ada")
    now = room.clock.now()
    await room.records.cases.start_purge(NUMBER, expected_version=closed.version, now=now)
    receipt = await written(room)
    event = CaseEvent(id="purged", type="case.purged", case_number=NUMBER, at=now, data={})
    noted = AuditEvent(at=now, action="retention.finished", actor="retention", case_number=NUMBER)
    claim = DeletionClaim(number=NUMBER, worker="test", until=now)
    assert await room.records.deletions.claim(claim, now)
    assert await room.records.deletions.finish(claim, receipt, event, [noted])
    return receipt


async def test_a_receipt_is_signed_by_a_key_that_is_published_before(room: EngineRoom) -> None:
    receipt = await written(room)
    keys = await room.records.receipts.keys()
    assert [key["kid"] for key in keys] == [receipt.key_id]
    said = check(receipt, keys)
    assert (said["case"], said["key_id"], said["rows"]) == (NUMBER, receipt.key_id, {"files": 1})


async def test_who_sees_the_case_may_have_its_receipt(room: EngineRoom) -> None:
    assert await room.deletion_receipts.of_case(ANALYST, NUMBER) == []
    receipt = await kept(room)
    for principal in (ANALYST, customer()):
        assert await room.deletion_receipts.of_case(principal, NUMBER) == [receipt]
    with pytest.raises(CaseMissingError):
        await room.deletion_receipts.of_case(customer("0000000009"), NUMBER)


async def test_a_receipt_that_was_changed_is_none(room: EngineRoom) -> None:
    receipt = await kept(room)
    keys = await room.records.receipts.keys()
    other = ReceiptSigner(bytes(range(32)))
    for changed in (
        replace(receipt, statement=receipt.statement.replace('"files":1', '"files":2')),
        replace(receipt, keys=bytes(31) + b"x"),
        replace(receipt, case_number=CaseNumber("0000000009")),
        replace(receipt, jws=other.sign(receipt.statement)),
    ):
        with pytest.raises(InvalidRequestError):
            check(changed, keys)


async def test_the_receipt_of_an_upload_is_none_of_a_deletion(room: EngineRoom) -> None:
    await room.send("trace.log", b"12345")
    receipt = await written(room)
    [of_upload], _ = await room.receipts.of_case(ANALYST, NUMBER)
    forged = replace(receipt, statement=of_upload.statement, jws=of_upload.jws)
    with pytest.raises(InvalidRequestError):
        check(forged, await room.receipts.keys())
