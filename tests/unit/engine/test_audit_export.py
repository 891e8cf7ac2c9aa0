"""Exported audit logs: verified without the database, as a whole, in parts, and of one case."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.audit_heads import MemoryHeads
from tests.clock import START, MovableClock
from tests.sqlite import sqlite_records
from transfer.core.access import Door
from transfer.core.cases import CaseNumber
from transfer.core.errors import InvalidRequestError
from transfer.engine.audit_export import AuditExport, verify_export
from transfer.engine.audit_sealing import AuditSealer
from transfer.engine.audit_signatures import SealKeys, SealSigner
from transfer.engine.audit_verification import AuditVerification
from transfer.ports import AuditEvent, Records

SIGNER = SealSigner(bytes(32))
KEYS = SealKeys([SIGNER.public_key()])
ONE, OTHER = CaseNumber("0003256109"), CaseNumber("0003256110")


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    """A log of two cases under three seals, one of them erased, and one entry without a seal."""
    async with sqlite_records(tmp_path) as records:
        sealer = AuditSealer(records.audit_chain, SIGNER, MovableClock(), heads=MemoryHeads())
        for number in (ONE, OTHER):
            await _note(records, number)
            await _note(records, number)
            await sealer.seal_all()
        await records.audit.erase_personal(ONE, START)
        await sealer.seal_all()
        await _note(records, OTHER)
        yield records


async def _note(records: Records, number: CaseNumber) -> None:
    await records.audit.record(
        AuditEvent(
            at=START,
            action="file.downloaded",
            actor="Jane Dö",
            case_number=number,
            subject="f00d",
            door=Door.HTTP,
            details={"path": "a\u2028b", "size": 5},
        )
    )


async def exported(
    records: Records, *, case_number: CaseNumber | None = None, after: int = 0
) -> list[str]:
    export = AuditExport(records.audit_chain, case_number=case_number, after=after)
    return [line async for line in export.lines(START)]


async def test_a_whole_export_says_the_same_as_the_database(records: Records) -> None:
    lines = await exported(records)
    assert [json.loads(line)["kind"] for line in lines] == [
        *("export", "entry", "entry", "seal", "entry", "entry", "seal"),
        *("entry", "seal", "entry", "end"),
    ]
    report = verify_export(lines, KEYS)
    assert report.is_sound
    assert report == await AuditVerification(records.audit_chain, KEYS).run()
    assert report.to_json()["head"] == {"number": 3, "digest": report.last.digest()}  # type: ignore[union-attr] # there is one
    assert (report.entries, report.erased, report.unsealed, report.seals) == (6, 2, 1, 3)


async def test_an_export_goes_on_where_another_ended(records: Records) -> None:
    lines = await exported(records, after=2)
    report = verify_export(lines, KEYS)
    assert (report.is_sound, report.seals, report.entries) == (True, 1, 2)
    nothing = verify_export(await exported(records, after=3), KEYS)
    assert nothing.to_json()["head"] is None
    assert (nothing.seals, nothing.entries, nothing.unsealed) == (0, 1, 1)
    with pytest.raises(InvalidRequestError, match="no seal 4"):
        await exported(records, after=4)


async def test_an_export_of_one_case_has_the_seals_of_its_entries_alone(records: Records) -> None:
    lines = await exported(records, case_number=OTHER)
    report = verify_export(lines, KEYS)
    assert (report.is_sound, report.seals, report.entries, report.unsealed) == (True, 1, 3, 1)
    assert ONE not in "".join(lines)
    other = verify_export(await exported(records, case_number=ONE), KEYS)
    assert (other.is_sound, other.seals, other.entries, other.unsealed) == (True, 2, 3, 0)


def _changed(kind: str, **changes: Any) -> Callable[[list[str]], None]:  # noqa: ANN401 -- JSON
    def change(lines: list[str]) -> None:
        for index, line in enumerate(lines):
            said = json.loads(line)
            if said["kind"] == kind:
                lines[index] = json.dumps({**said, **changes})
                return

    return change


def _without(index: int) -> Callable[[list[str]], None]:
    return lambda lines: lines.__delitem__(index)


def _swapped(lines: list[str]) -> None:
    lines[1:4], lines[4:7] = lines[4:7], lines[1:4]


DAMAGES: dict[str, tuple[Callable[[list[str]], None], set[str]]] = {
    "another actor": (_changed("entry", actor="John"), {"entry-changed"}),
    "another time": (_changed("entry", at="2026-03-02T09:00:01Z"), {"entry-changed"}),
    "an entry less": (_without(4), {"entry-missing", "log-cut"}),
    "an entry twice": (lambda lines: lines.insert(1, lines[1]), {"entry-added", "log-cut"}),
    "an entry elsewhere": (
        lambda lines: lines.insert(4, lines.pop(1)),
        {"entry-missing", "entry-added"},
    ),
    "a seal less": (_without(3), {"entry-added", "seal-missing", "log-cut"}),
    "seals in another order": (_swapped, {"seal-missing", "seal-changed"}),
    "a seal that is none": (_changed("seal", jws="x"), {"seal-forged"}),
    "no end": (_without(-1), {"log-cut"}),
    "another end": (_changed("end", entries=1), {"log-cut"}),
}


@pytest.mark.parametrize("name", DAMAGES)
async def test_an_export_that_was_changed_is_not_sound(records: Records, name: str) -> None:
    damage, kinds = DAMAGES[name]
    lines = await exported(records)
    damage(lines)
    report = verify_export(lines, KEYS)
    assert {fault.kind.value for fault in report.faults} == kinds


async def test_an_export_that_ends_early_is_found_by_a_seal_that_was_kept(
    records: Records,
) -> None:
    lines = await exported(records)
    last = verify_export(lines, KEYS).last
    assert last is not None
    assert verify_export(lines, KEYS, [last]).is_sound
    cut = [*lines[:7], json.dumps({"kind": "end", "entries": 4, "seals": 2})]
    faults = verify_export(cut, KEYS, [last]).faults
    assert "log-cut" in {fault.kind.value for fault in faults}
    part = await exported(records, case_number=OTHER)
    assert verify_export(part, KEYS, [last]).is_sound


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[]",
        '{"kind": "poem"}',
        '{"kind": "entry"}',
        '{"kind": "seal", "number": 1, "jws": "x", "digests": "?"}',
        '{"kind": "export", "version": 1, "case_number": null, "after": 0}',
    ],
)
async def test_a_line_that_makes_no_sense_is_named(records: Records, line: str) -> None:
    lines = await exported(records)
    with pytest.raises(InvalidRequestError, match="Line 2 "):
        verify_export([lines[0], line], KEYS)


async def test_an_export_begins_and_ends_as_one(records: Records) -> None:
    lines = await exported(records)
    for wrong in (lines[1:], [*lines, lines[-1]], ['{"kind": "export", "version": 2}']):
        with pytest.raises(InvalidRequestError, match="none of an exported"):
            verify_export(wrong, KEYS)
    with pytest.raises(InvalidRequestError, match="empty"):
        verify_export([], KEYS)
