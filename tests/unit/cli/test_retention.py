"""`transfer retention`: what is due, what proves it, and what holds for accounts."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.cli.conftest import Run
from transfer.cli.session import with_parts
from transfer.core.cases import CaseNumber
from transfer.core.deletion_receipts import DeletionFacts, Doomed
from transfer.ports import CaseEvent, DeletionClaim, StoredItem, StoredKind

if TYPE_CHECKING:
    from transfer.wiring.parts import Parts

KEY = "c/k3/a.1"
ITEM = StoredItem(StoredKind.VERSION, KEY, "v1", 5)


def delete(data: Path, number: str) -> None:
    """Delete a closed case's data as the worker does, without a store."""

    async def work(parts: "Parts") -> None:
        of, now = CaseNumber(number), parts.clock.now()
        case = await parts.records.cases.case(of)
        deletions = parts.records.deletions
        claim = DeletionClaim(number=of, worker="test", until=now + timedelta(hours=1))
        assert await parts.records.cases.start_purge(of, expected_version=case.version, now=now)
        assert await deletions.claim(claim, now)
        assert await deletions.doom(claim, [ITEM])
        gone: Doomed = await deletions.doomed(of)
        facts = DeletionFacts(
            case_number=of,
            prefix="c/k3/",
            closed_at=now,
            due_at=now,
            begun_at=now,
            proved_at=now,
            key_id=parts.deletion_receipts.key_id,
        )
        receipt = await parts.deletion_receipts.write(facts, gone)
        event = CaseEvent(id="purged", type="case.purged", case_number=of, at=now, data={})
        assert await deletions.finish(claim, receipt, event, [])

    with_parts(data, work)


def stick(data: Path, number: str) -> None:
    async def work(parts: "Parts") -> None:
        of, now = CaseNumber(number), parts.clock.now()
        claim = DeletionClaim(number=of, worker="test", until=now)
        assert await parts.records.deletions.claim(claim, now)
        assert await parts.records.deletions.get_stuck(of, 2, "AccessDenied", now)

    with_parts(data, work)


@pytest.fixture
def deleted(run: Run, data: Path, case: str) -> str:
    """The number of a case whose data is deleted."""
    assert run("case", "close", case).status == 0
    delete(data, case)
    return case


def test_a_receipt_is_shown_and_verified(run: Run, deleted: str) -> None:
    shown = run("retention", "receipt", deleted, "--verify", "--key", KEY, "--json")
    assert shown.status == 0, shown.err
    said = shown.json
    assert (said["kind"], said["case"]) == ("deletion", deleted)
    assert (said["objects"]["versions"], said["keys"]["count"]) == (1, 1)
    assert said["jws"].count(".") == 2
    assert "listed" not in run("retention", "receipt", deleted).out


def test_what_a_receipt_does_not_cover_is_told(run: Run, deleted: str) -> None:
    asked = run("retention", "receipt", deleted, "--key", "c/k3/b.1")
    assert asked.status != 0
    assert "No object of that key" in asked.err


def test_a_receipt_is_verified_without_the_service_too(
    run: Run, deleted: str, tmp_path: Path
) -> None:
    file = tmp_path / "receipt.jws"
    file.write_text(run("retention", "receipt", deleted, "--json").json["jws"], "ascii")
    said = run("receipt", "verify", str(file), "--json")
    assert said.json["kind"] == "deletion"


def test_there_is_no_receipt_before_the_data_is_gone(run: Run, case: str) -> None:
    asked = run("retention", "receipt", case, "--verify")
    assert asked.status != 0
    assert "isn't deleted" in asked.err


def test_deletions_that_can_not_go_on_are_listed(run: Run, data: Path, case: str) -> None:
    assert run("retention", "stuck", "--json").json == {"deletions": []}
    stick(data, case)
    [stuck] = run("retention", "stuck", "--json").json["deletions"]
    assert (stuck["case"], stuck["left"], stuck["problem"]) == (case, 2, "AccessDenied")


def test_an_account_has_a_period_of_its_own(run: Run, case: str) -> None:
    kept = run("retention", "account", "keep", "Example", "90d", "--json").json
    assert (kept["account"], kept["period_seconds"]) == ("Example", 90 * 86_400)
    closed = run("case", "close", case, "--json").json
    assert run("retention", "plan", "--json").json["cases"] == []
    run("retention", "account", "keep", "Example", "0s")
    [planned] = run("retention", "plan", "--json").json["cases"]
    assert (planned["number"], planned["verdict"]) == (case, "delete")
    assert planned["deletion_due_at"][:19] == closed["closed_at"][:19]
    run("retention", "account", "keep", "Example", "usual")
    assert run("retention", "account", "list", "--json").json == {"accounts": []}


def test_an_account_is_held_and_freed(run: Run, case: str) -> None:
    held = run("retention", "account", "hold", "Example", "--reason", "Litigation", "--json").json
    assert held["hold"] == "Litigation"
    assert run("case", "show", case, "--json").json["hold"] == "Litigation"
    assert run("retention", "account", "hold", "Example", "--reason", "Again").status != 0
    assert "Litigation" in run("retention", "account", "list").out
    assert run("retention", "account", "unhold", "Example", "--json").json["hold"] is None
    assert run("retention", "account", "unhold", "Example").status != 0


@pytest.mark.parametrize("span", ["soon", "-1d", "101y", "40000d"])
def test_only_a_period_is_taken(run: Run, span: str) -> None:
    assert run("retention", "account", "keep", "Example", "--", span).status != 0
